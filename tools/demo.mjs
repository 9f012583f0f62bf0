/**
 * `npm run demo`: says at once what will be shown, installs and builds what is needed, then runs the paper's Figure 3
 * in this very process, so that a signal reaches it. With --json only the demo's result goes to stdout.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './run.mjs';
import { setup } from './setup.mjs';

const example = join(root, 'examples', 'figure-3');
const args = process.argv.slice(2);

if (args.includes('--help')) {
  process.stdout.write(readFileSync(join(example, 'help.txt'), 'utf8'));
} else {
  const parent = process.ppid;
  const say = args.includes('--json') ? process.stderr : process.stdout;
  say.write(readFileSync(join(example, 'headline.txt'), 'utf8'));
  try {
    await setup({ quiet: true });
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
  // npm's shell is gone: npm was told to end while we installed.
  if (process.ppid !== parent) process.exit(1);
  await import(pathToFileURL(join(example, 'dist', 'main.js')).href);
}
