/** `npm run demo`: flags, folder, the walk, and an end that leaves no process behind. help.txt explains the flags. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printJson, runCommandLine } from '@radpass/client/node';
import { statusOfNodes, verifyNodes, writeDemoFile } from './ending.js';
import { DemoFailure } from './failure.js';
import { type Walked, walkFigure3 } from './figure3.js';
import { Narrator } from './narrator.js';
import { type Options, parseOptions } from './options.js';
import { Processes } from './processes.js';
import { untilTold } from './untilTold.js';

async function main(argv: readonly string[]): Promise<void> {
  const options = parseOptions(argv);
  if (options.help) {
    process.stdout.write(readFileSync(new URL('../help.txt', import.meta.url), 'utf8'));
    return;
  }
  const narrator = new Narrator(options.json ? process.stderr : process.stdout);
  const dir = openFolder(options.out);
  const logs = join(dir, 'logs');
  mkdirSync(logs, { mode: 0o700 });
  const processes = new Processes(logs);
  const interrupted = untilTold().then(() => {
    throw new DemoFailure({ code: 'DEMO_INTERRUPTED' }, 'interrupted: everything that was started is being stopped');
  });
  let kept = options.out !== undefined;
  try {
    const walk = walkFigure3({ dir, study: options.study, narrator, processes });
    const walked = await Promise.race([walk, interrupted]);
    if (options.serve) {
      kept = true;
      await serve(walked, options, narrator);
    } else {
      await Promise.race([finish(walked, options, narrator), interrupted]);
    }
  } finally {
    await processes.close();
    if (!kept) await rm(dir, { recursive: true, force: true });
  }
}

/** A new temporary folder, or the named one if it is empty. */
function openFolder(out: string | undefined): string {
  if (out === undefined) return mkdtempSync(join(tmpdir(), 'radpass-demo-'));
  mkdirSync(out, { recursive: true, mode: 0o700 });
  if (readdirSync(out).length === 0) return out;
  const reason = 'it is not empty, and nothing is overwritten';
  throw new DemoFailure({ code: 'DEMO_FOLDER', path: out, reason }, `${out} can't be used: ${reason}`);
}

/** Stop everything, replay every node's folder, say what to try next. */
async function finish({ cast, report }: Walked, options: Options, narrator: Narrator): Promise<void> {
  await cast.stage.processes.stopAll();
  const nodes = await verifyNodes(cast);
  const heights = nodes.map(({ finalHeight }) => finalHeight).join(', ');
  narrator.say(`all processes stopped; "radpass-node verify" replayed the four ledgers: good, to heights ${heights}`);
  const took = narrator.elapsed();
  if (options.json) printJson({ ...report, nodes, took_ms: took });
  narrator.title(`Done in ${(took / 1000).toFixed(0)} s. What to try next:`);
  narrator.note('npm run demo -- --serve --out demo    leave it running; demo/demo.json says where everything is');
  if (options.out === undefined)
    narrator.note('npm run demo -- --out demo            keep keys, ledgers, logs and images; now they are removed');
  narrator.note('npm run demo -- --study DIR           share a study of your own');
  narrator.note('examples/figure-3/README.md           the same steps by hand, command by command');
}

/** Leave everything running until a signal. */
async function serve(walked: Walked, options: Options, narrator: Narrator): Promise<void> {
  const signal = untilTold();
  const { cast, gateway, granted, revoked, report } = walked;
  const { documentSha256 } = report;
  const file = await writeDemoFile(cast, { gateway, granted, revoked, documentSha256 });
  const nodes = await statusOfNodes(cast);
  narrator.title(`Everything keeps running until you press Ctrl-C. ${file} says where it is:`);
  narrator.note(`gateway of H      ${cast.hospital.source.url} (authority: ${cast.tls.ca})`);
  for (const source of cast.stage.sources) narrator.note(`${source.name}'s node   ${source.api.url}/status`);
  if (options.json) printJson({ ...report, nodes, took_ms: narrator.elapsed() });
  await signal;
}

await runCommandLine(() => main(process.argv.slice(2)));
