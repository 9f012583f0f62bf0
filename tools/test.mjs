/**
 * `npm test [package[:pattern] ...]`: install, build, run every test, or those of packages, or those of their files that
 * match; names the skipped ones; last line "N passed, N failed".
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isLongerRun, nicerByPatience, patient, timed } from './order.mjs';
import { root } from './run.mjs';
import { setup } from './setup.mjs';

const packages = ['packages', 'apps', 'examples']
  .flatMap(group =>
    existsSync(join(root, group)) ? readdirSync(join(root, group)).map(name => join(root, group, name)) : [],
  )
  .concat(join(root, 'tools', 'quality'))
  .filter(path => existsSync(join(path, 'test')));
const resultOf = path => join(path, '.test-results', 'summary.json');

let code = 1;
try {
  for (const path of packages) rmSync(resultOf(path), { force: true });
  await setup();
  const { turbo } = await import('./turbo.mjs');
  const wanted = process.argv.slice(2);
  process.env.RADPASS_FILES = wanted.filter(name => name.includes(':')).join();
  const named = wanted.map(name => name.split(':')[0]);
  const chosen = packages.map(path => basename(path)).filter(name => named.length === 0 || named.includes(name));
  if (chosen.length < new Set(named).size)
    throw new Error(`packages with tests are ${packages.map(path => basename(path)).join(', ')}`);
  const among = names => chosen.filter(name => names.includes(name));
  const others = chosen.filter(name => !timed.includes(name) && !patient.includes(name));
  const alone = timed.filter(name => chosen.includes(name)).map(name => [name]);
  const inTurn = async (phases, nicer) => {
    const codes = [];
    for (const names of phases.filter(names => names.length > 0)) {
      codes.push(await turbo(['test', ...names], { nicer }));
    }
    return codes;
  };
  const codes = isLongerRun
    ? await inTurn([[...among(patient), ...others], ...alone])
    : (await Promise.all([inTurn([others, ...alone]), inTurn([among(patient)], nicerByPatience)])).flat();
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
