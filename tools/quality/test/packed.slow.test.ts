import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Package, packages, root } from '../dist/workspace.js';

/** npm's own program, without a shell. */
const npmCli = [
  process.env.npm_execpath ?? '',
  join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  '/usr/lib/node_modules/npm/bin/npm-cli.js',
].find(path => path.endsWith('npm-cli.js') && existsSync(path));

const published = packages().filter(entry => !entry.manifest.private);
const libraries = published.filter(entry => entry.group === 'packages');
let project: string;

const npm = (cwd: string, args: string[]): string =>
  execFileSync(process.execPath, [npmCli ?? '', ...args], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'radpass-packed-'));
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ name: 'empty', version: '1.0.0', type: 'module', private: true }),
  );
  const tarballs = published.map(entry => {
    const [packed] = JSON.parse(npm(entry.path, ['pack', '--json', '--pack-destination', project])) as {
      filename: string;
    }[];
    return join(project, packed?.filename ?? '');
  });
  npm(project, ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', ...tarballs]);
}, 300_000);

afterAll(() => rmSync(project, { recursive: true, force: true }));

describe('packed and installed by npm into an empty project', () => {
  it.each(libraries.map(entry => [entry.name, entry] as const))("%s: its README's example runs", (name, entry) => {
    const code = example(entry);
    expect(code).not.toBeNull();
    const file = join(project, `example-${name}.mjs`);
    writeFileSync(file, code ?? '');
    execFileSync(process.execPath, [file], { cwd: project, timeout: 60_000, stdio: 'pipe' });
  });

  it.each([
    ['round-robin.mjs', (shares: number[]) => Math.max(...shares) - Math.min(...shares) <= 6],
    ['lasting-founders.mjs', (shares: number[]) => shares.every(share => share > 0)],
  ])('the healthy scenario runs under the rules of %s and prints its figures', (name, areRight) => {
    for (const file of [name, 'run-healthy.mjs']) {
      cpSync(join(root, 'packages', 'ledger', 'examples', file), join(project, file));
    }
    const printed = output(join(project, 'run-healthy.mjs'), [name]);
    expect(printed).toMatch(/final after \d{4} ms \(median\)/);
    expect(printed).toMatch(/\n0 violations; trace [0-9a-f]{64}\n/);
    const shares = /seed by seed: ([\d ]+)\n/.exec(printed)?.[1]?.split(' ').map(Number) ?? [];
    expect([shares.length, areRight(shares)]).toEqual([10, true]);
  });

  it.each(['node16', 'bundler'])('every entry type-checks under %s resolution', resolution => {
    const entries = libraries.flatMap(entry =>
      Object.keys(entry.manifest.exports ?? {}).map(path => entry.manifest.name + path.slice(1)),
    );
    const folder = join(project, resolution);
    mkdirSync(folder);
    cpSync(join(root, 'node_modules', '@types', 'node'), join(project, 'node_modules', '@types', 'node'), {
      recursive: true,
      dereference: true,
    });
    const lines = entries.map(
      (path, i) => `import * as e${i} from '${path}';\nconsole.log(Object.keys(e${i}).length);`,
    );
    writeFileSync(join(folder, 'all.ts'), lines.join('\n'));
    const module = resolution === 'node16' ? 'node16' : 'esnext';
    const options = {
      module,
      moduleResolution: resolution,
      target: 'es2022',
      strict: true,
      noEmit: true,
      types: ['node'],
      skipLibCheck: false,
      lib: ['es2023', 'dom'],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['all.ts'] }));
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    expect(output(tsc, ['-p', folder, '--pretty', 'false'])).not.toMatch(/@radpass|all\.ts/);
  });

  it.each(published.filter(entry => entry.group === 'apps').map(entry => entry.name))(
    'radpass-%s --help and --version answer',
    name => {
      const program = join(project, 'node_modules', '@radpass', name, 'bin', `radpass-${name}.js`);
      expect(output(program, ['--help'])).toContain('Usage: radpass-');
      expect(output(program, ['--version']).trim()).toBe('0.1.0');
    },
  );

  function output(program: string, args: string[]): string {
    try {
      return execFileSync(process.execPath, [program, ...args], {
        cwd: project,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    } catch (error) {
      return String((error as { stdout?: string }).stdout ?? error);
    }
  }
});

/** The first fenced JavaScript block of a package's README. */
function example(entry: Package): string | null {
  const readme = readFileSync(join(entry.path, 'README.md'), 'utf8');
  return /```(?:js|javascript|mjs)\n([\s\S]*?)```/.exec(readme)?.[1] ?? null;
}
