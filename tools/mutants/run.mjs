/**
 * `npm run mutants [NAME …]`: plant each fault of list.mjs in a copy of the repository and run the tests that must notice.
 * A fault that no test notices, or that can no longer be planted, fails the run. Last line "N passed, N failed".
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { root } from '../run.mjs';
import { setup } from '../setup.mjs';
import { mutants } from './list.mjs';

const groups = ['packages', 'apps', 'examples'];

/** A copy that builds and tests by itself; what is installed stays where it is. */
function copyOfRepository() {
  const copy = mkdtempSync(join(tmpdir(), 'radpass-mutants-'));
  for (const name of readdirSync(root)) {
    if (name === 'node_modules') symlinkSync(join(root, name), join(copy, name), 'junction');
    else if (groups.includes(name) || name === 'tools' || /\.(json|mjs)$/.test(name)) {
      cpSync(join(root, name), join(copy, name), { recursive: true, verbatimSymlinks: true });
    }
  }
  return copy;
}

/** Run one of the copy's scripts in a package; gives its exit code and all that it printed. */
function run(copy, script, where, args = []) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(copy, 'tools', script), ...args], {
      cwd: join(copy, where),
      env: { ...process.env, RADPASS_DATA: process.env.RADPASS_DATA ?? join(root, '..', 'shared', 'data') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk));
    child.on('error', reject);
    child.on('exit', code => resolve({ code: code ?? 1, output }));
  });
}

/** The folder of the package that a file belongs to. */
const packageOf = file => file.split('/').slice(0, 2).join('/');

function testArgs({ test, title }) {
  return [`${basename(test, '.ts')}\\.js$`, ...(title ? ['-t', title] : [])];
}

/** @returns null when the fault was noticed, else what happened */
async function judge(copy, mutant) {
  const path = join(copy, mutant.file);
  const original = readFileSync(path, 'utf8');
  const places = original.split(mutant.find).length - 1;
  if (places !== 1) return `can not be planted: its text stands ${places} times in ${mutant.file}`;
  try {
    writeFileSync(
      path,
      original.replace(mutant.find, () => mutant.replace),
    );
    const built = await run(copy, 'build.mjs', packageOf(mutant.file));
    if (built.code !== 0) return `does not compile:\n${built.output.slice(-2000)}`;
    const tested = await run(copy, 'unit.mjs', packageOf(mutant.test), testArgs(mutant));
    if (!/^Tests: .*total$/m.test(tested.output)) return `its test did not run:\n${tested.output.slice(-2000)}`;
    return tested.code === 0 ? `was not noticed by ${mutant.test}` : null;
  } finally {
    writeFileSync(path, original);
  }
}

await setup({ quiet: true });
const wanted = process.argv.slice(2);
const chosen = mutants.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const copy = copyOfRepository();
let failed = wanted.length - new Set(chosen.map(({ name }) => name)).size * Math.sign(wanted.length);
let passed = 0;
/** Package whose last fault is out of its source and still in its build. */
let stale = null;
try {
  const sound = new Map();
  for (const [i, mutant] of chosen.entries()) {
    const began = Date.now();
    const mutated = packageOf(mutant.file);
    if (stale !== null && stale !== mutated) await run(copy, 'build.mjs', stale);
    stale = mutated;
    const key = testArgs(mutant).join(' ') + dirname(mutant.test);
    if (!sound.has(key)) {
      await run(copy, 'build.mjs', mutated);
      const { code, output } = await run(copy, 'unit.mjs', packageOf(mutant.test), testArgs(mutant));
      sound.set(key, code === 0 && /^Tests: .* [1-9]\d* passed/m.test(output));
    }
    const fault = sound.get(key) ? await judge(copy, mutant) : `${mutant.test} does not pass without the fault`;
    if (fault) failed++;
    else passed++;
    const seconds = ((Date.now() - began) / 1000).toFixed(1);
    console.log(`${i + 1}/${chosen.length} ${mutant.name}: ${fault ?? `noticed by ${mutant.test}`} (${seconds} s)`);
    if (!fault) continue;
  }
  // The next build starts from the sound sources, whatever was planted last.
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
