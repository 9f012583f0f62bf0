/** `npm test [package ...]`: install, build, run every test; names the skipped ones; last line "N passed, N failed". */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root } from './run.mjs';
import { setup } from './setup.mjs';

const packages = ['packages', 'apps', 'examples']
  .flatMap(group =>
    existsSync(join(root, group)) ? readdirSync(join(root, group)).map(name => join(root, group, name)) : [],
  )
  .concat(join(root, 'tools', 'quality'))
  .filter(path => existsSync(join(path, 'test')));
/** Packages whose tests run networks on the machine's clock: one after the other, after the rest, with nothing beside. */
const timed = ['p2p', 'node', 'figure-3'];
const resultOf = path => join(path, '.test-results', 'summary.json');

let code = 1;
try {
  for (const path of packages) rmSync(resultOf(path), { force: true });
  await setup();
  const { turbo } = await import('./turbo.mjs');
  const wanted = process.argv.slice(2);
  const chosen = packages.map(path => basename(path)).filter(name => wanted.length === 0 || wanted.includes(name));
  const phases = [
    chosen.filter(name => !timed.includes(name)),
    ...timed.filter(name => chosen.includes(name)).map(name => [name]),
  ];
  const codes = [];
  for (const names of phases.filter(names => names.length > 0)) codes.push(await turbo(['test', ...names]));
  code = Math.max(1 - Math.sign(codes.length), ...codes);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
}

let passed = 0;
const failed = [];
for (const path of packages.filter(path => existsSync(resultOf(path)))) {
  const result = JSON.parse(readFileSync(resultOf(path), 'utf8'));
  passed += result.passed;
  failed.push(...result.failed);
  for (const name of result.skipped) console.log(`skipped: ${name}`);
}
for (const name of failed) console.log(`failed: ${name}`);
if (code !== 0 && failed.length === 0) failed.push('the run itself');
console.log(`${passed} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
