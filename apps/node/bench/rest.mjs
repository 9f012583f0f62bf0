/**
 * What a node costs that has nothing to do: processor time of the shipped program in a network of five founders, each with
 * four peers, without transactions, as a share of one core. Run on Linux (/proc tells what a process used, in ticks of 10 ms):
 *
 *   node apps/node/bench/rest.mjs [SECONDS] [SLOT_MS]
 *
 * All five run on this machine and each is measured by itself, from a minute after the start, when what starting cost is over.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const [seconds, slotMs] = [Number(process.argv[2] ?? 120), Number(process.argv[3] ?? 4_000)];
const founders = 5;
const settleMs = 60_000;
const ticksPerSecond = 100;
const program = new URL('../bin/radpass-node.js', import.meta.url).pathname;
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'radpass-rest-'));
const children = [];
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise(resolve => server.close(resolve));
  return port;
}
const command = args => run(process.execPath, [program, '--json', ...args]);
const statusOf = async ({ api }) => (await fetch(`http://127.0.0.1:${api}/status`)).json();
/** CPU seconds of a process so far, user and system: fields 14 and 15 of its stat, counted behind the name's bracket. */
function cpuSeconds({ pid }) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

const nodes = [];
for (let i = 0; i < founders; i++) {
  const dir = join(folder, `source-${i}`);
  await command(['key', 'new', '--out', dir, '--url', `https://h${i}.example/radpass`, '--insecure-plain-key']);
  nodes.push({ dir, api: await freePort(), listen: `/ip4/127.0.0.1/tcp/${await freePort()}` });
}
const genesis = join(folder, 'genesis');
const sources = nodes.map(({ dir }) => join(dir, 'source.pub.json'));
await command(['genesis', 'new', '--source', ...sources, '--slot-ms', `${slotMs}`, '--out', genesis]);
for (const node of nodes) {
  const { dir, api, listen } = node;
  const peers = nodes.filter(other => other !== node).map(other => other.listen);
  const where = ['--listen', listen, '--api', `127.0.0.1:${api}`, '--peers', peers.join(',')];
  const keys = ['--genesis', genesis, '--key', join(dir, 'node.key')];
  const args = [program, '--json', 'start', '--data-dir', join(dir, 'data'), ...keys, ...where];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  await once(createInterface({ input: child.stdout }), 'line');
  node.pid = child.pid;
}
await delay(settleMs);

const before = await Promise.all(nodes.map(async node => ({ cpu: cpuSeconds(node), status: await statusOf(node) })));
const begun = performance.now();
await delay(seconds * 1000);
const took = (performance.now() - begun) / 1000;
const used = nodes.map((node, i) => cpuSeconds(node) - before[i].cpu);
const after = await Promise.all(nodes.map(statusOf));
const blocks = after.map(({ finalHeight }, i) => finalHeight - before[i].status.finalHeight);
const shares = used.map(cpu => ((100 * cpu) / took).toFixed(2));
console.log(
  `${founders} nodes, ${after.map(({ peers }) => peers).join(' ')} peers, slots of ${slotMs} ms, ${took.toFixed(0)} s`,
);
console.log(`final blocks meanwhile ${blocks.join(' ')}`);
console.log(`per cent of a core, each node: ${shares.join(' ')}`);
process.exit(0);
