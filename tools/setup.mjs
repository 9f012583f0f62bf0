/**
 * `npm run setup`: install what the lockfile names and build. Needs only node and npm.
 * Does nothing when the lockfile is the one already installed. An interrupted install leaves no stamp and is done again.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, runNode } from './run.mjs';

const pnpmVersion = '10.34.8';
const stamp = join(root, 'node_modules', '.radpass-installed');

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'pnpm-lock.yaml')))
    .digest('hex');
}

function npmCli() {
  const inPlace = join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js');
  const onWindows = join(dirname(process.execPath), 'node_modules', 'npm', 'bin', 'npm-cli.js');
  const found = [process.env.npm_execpath, inPlace, onWindows].find(
    path => path?.endsWith('npm-cli.js') && existsSync(path),
  );
  if (!found) throw new Error('npm was not found beside node: run this as "npm run setup"');
  return found;
}

/** Install if the lockfile changed since the last install. `quiet` keeps stdout free for a caller's own lines. */
export async function ensureInstalled({ quiet = false } = {}) {
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lockHash()) return;
  const say = text => process.stderr.write(`${text}\n`);
  say('radpass: installing dependencies (first run only, about a minute) ...');
  const args = [
    'exec',
    '--yes',
    '--prefer-offline',
    '--',
    `pnpm@${pnpmVersion}`,
    'install',
    '--frozen-lockfile',
    '--ignore-scripts',
    '--prefer-offline',
  ];
  const code = await runNode(npmCli(), args, { stdio: ['ignore', quiet ? 2 : 'inherit', 'inherit'] });
  if (code !== 0)
    throw new Error(`installing failed with exit code ${code}: check the network and run the command again`);
  writeFileSync(stamp, lockHash());
}

/** Install if needed, then build what changed. */
export async function setup({ quiet = false } = {}) {
  await ensureInstalled({ quiet });
  const { turbo } = await import('./turbo.mjs');
  process.stderr.write('radpass: building what changed ...\n');
  const code = await turbo(['build'], { quiet, logs: 'errors-only' });
  if (code !== 0) throw new Error(`building failed with exit code ${code}`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await setup();
