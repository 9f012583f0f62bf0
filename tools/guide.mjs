/**
 * `node tools/guide.mjs DOCUMENT FOLDER`: runs the ```sh blocks of a document, in order, in one shell, as its reader would:
 * in FOLDER, with the four programs on the path. It ends at the first command that fails and says in which block.
 * Processes that the blocks left behind (FOLDER/*.pid) are ended. Blocks that install packages are left out.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './run.mjs';

/** The shell blocks of a document, those that install packages left out. */
export function shellBlocks(markdown) {
  return [...markdown.matchAll(/^```sh\n(.*?)^```$/gms)]
    .map(match => match[1])
    .filter(text => !/^apt-get /m.test(text));
}

/** Run a document's blocks. @returns the exit code, what was said, and how many blocks were begun */
export async function runGuide(document, folder, env = {}) {
  const programs = join(folder, '.programs');
  mkdirSync(programs, { recursive: true });
  for (const name of ['node', 'gateway', 'requester', 'wallet']) {
    symlinkSync(join(root, 'apps', name, 'bin', `radpass-${name}.js`), join(programs, `radpass-${name}`));
  }
  const blocks = shellBlocks(readFileSync(document, 'utf8'));
  const script = blocks.map((text, i) => `echo "== block ${i + 1} of ${blocks.length}"\n${text}`).join('\n');
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: folder,
    env: { ...process.env, ...env, PATH: [programs, process.env.PATH, '/usr/sbin'].join(delimiter) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (output += text));
  const code = await new Promise(resolve => child.on('exit', resolve));
  for (const name of readdirSync(folder).filter(file => file.endsWith('.pid'))) end(join(folder, name));
  return { code, output, begun: [...output.matchAll(/== block \d+ of /g)].length, blocks: blocks.length };
}

function end(pidFile) {
  try {
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGTERM');
  } catch (error) {
    if (error.code !== 'ESRCH' && error.code !== 'ENOENT') throw error;
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { code, output } = await runGuide(process.argv[2], process.argv[3]);
  process.stdout.write(output);
  process.exitCode = code;
}
