import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { filesBelow, importsOf, nameOf, packages, root } from '../dist/workspace.js';

/** ARCHITECTURE.md, "Who may import whom". */
const allowed: Record<string, readonly string[]> = {
  core: [],
  ledger: ['core'],
  p2p: ['core'],
  xds: ['core'],
  imaging: ['core'],
  client: ['core', 'ledger'],
  node: ['core', 'ledger', 'p2p', 'client'],
  gateway: ['core', 'xds', 'imaging', 'client'],
  requester: ['core', 'xds', 'imaging', 'client'],
  wallet: ['core', 'client'],
  audit: [],
  sim: ['core', 'ledger', 'client'],
  'figure-3': ['core', 'ledger', 'xds', 'imaging', 'client', 'node', 'gateway', 'requester', 'wallet'],
};

const bareName = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
const isBuiltin = (specifier: string): boolean => specifier.startsWith('node:') || builtinModules.includes(specifier);

describe('the import graph', () => {
  it.each(packages().map(entry => [entry.name, entry] as const))(
    'of %s has no edge that ARCHITECTURE.md does not name',
    (name, entry) => {
      const edges = filesBelow(join(entry.path, 'dist'), '.js').flatMap(file =>
        importsOf(file)
          .filter(specifier => specifier.startsWith('@radpass/'))
          .map(specifier => ({ from: nameOf(file), to: bareName(specifier).slice('@radpass/'.length) })),
      );
      expect(edges.filter(edge => !allowed[name]?.includes(edge.to))).toEqual([]);
    },
  );

  it.each(packages().map(entry => [entry.name, entry] as const))(
    'of %s names only what its package.json declares',
    (_name, entry) => {
      const declared = Object.keys(entry.manifest.dependencies ?? {});
      const used = new Set(
        filesBelow(join(entry.path, 'dist'), '.js').flatMap(file =>
          importsOf(file)
            .filter(specifier => !/^[.#]/.test(specifier) && !isBuiltin(specifier))
            .map(bareName),
        ),
      );
      expect([...used].filter(specifier => !declared.includes(specifier))).toEqual([]);
    },
  );

  it.each(packages().map(entry => [entry.name, entry] as const))(
    'of %s uses all that its package.json declares',
    (_name, entry) => {
      const text = filesBelow(join(entry.path, 'dist'), '.js')
        .map(file => readFileSync(file, 'utf8'))
        .join('\n');
      const declared = Object.keys(entry.manifest.dependencies ?? {});
      expect(declared.filter(name => !text.includes(`'${name}'`) && !text.includes(`'${name}/`))).toEqual([]);
    },
  );

  it('wraps each library in one place', () => {
    const homes: Record<string, RegExp> = {
      '@noble/ed25519': /packages\/core\/dist\/(ed25519|batch)\.js$/,
      msgpackr: /packages\/core\/dist\/encoding\.js$/,
      dcmjs: /packages\/imaging\/dist\/dicomFile\.js$/,
    };
    const strays = packages().flatMap(entry =>
      filesBelow(join(entry.path, 'dist'), '.js').flatMap(file =>
        importsOf(file)
          .map(bareName)
          .filter(specifier => homes[specifier] && !homes[specifier].test(nameOf(file)))
          .map(specifier => `${nameOf(file)} imports ${specifier}`),
      ),
    );
    expect(strays).toEqual([]);
  });
});

describe('what a browser can load', () => {
  const entries = [
    ['core', '.', 'packages/core/dist/index.js'],
    ['ledger', '.', 'packages/ledger/dist/index.js'],
    ['ledger', './light', 'packages/ledger/dist/light.js'],
    ['ledger', './sim', 'packages/ledger/dist/sim/index.js'],
    ['client', '.', 'packages/client/dist/index.js'],
  ] as const;

  it.each(entries)('%s "%s" bundles without a node: or native import', async (_name, _entry, path) => {
    const result = await build({
      entryPoints: [join(root, path)],
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'browser',
      metafile: true,
      logLevel: 'silent',
    });
    const imports = Object.values(result.metafile.outputs).flatMap(output => output.imports.map(item => item.path));
    expect(imports).toEqual([]);
    const native = Object.keys(result.metafile.inputs).filter(input => /classic-level|\.node$/.test(input));
    expect(native).toEqual([]);
  });
});
