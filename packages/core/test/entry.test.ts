import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { dependencies, imports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
  imports: Record<string, Record<'browser' | 'node' | 'default', string>>;
};

/** Every specifier that the built file and the files it reaches import, where Node is not the platform. */
function importsFrom(entry: string): { files: Set<string>; outside: Set<string> } {
  const files = new Set<string>();
  const outside = new Set<string>();
  const walk = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    const text = readFileSync(file, 'utf8');
    for (const [, , specifier] of text.matchAll(/\b(from|import)\s*\(?\s*['"]([^'"]+)['"]/g)) {
      const platform = imports[specifier!]?.browser;
      if (platform) walk(join(root, platform));
      else if (specifier!.startsWith('.')) walk(join(dirname(file), specifier!));
      else outside.add(specifier!);
    }
  };
  walk(join(root, 'dist', entry));
  return { files, outside };
}

describe('the "." entry', () => {
  const { files, outside } = importsFrom('index.js');

  it('imports nothing of Node and only declared packages', () => {
    expect(files.size).toBeGreaterThan(8);
    for (const specifier of outside) {
      const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
      expect(Object.keys(dependencies)).toContain(name);
    }
    expect([...outside].filter(specifier => specifier.startsWith('node:'))).toEqual([]);
  });

  it('uses every declared package', () => {
    for (const name of Object.keys(dependencies)) {
      expect([...outside].some(specifier => specifier === name || specifier.startsWith(`${name}/`))).toBe(true);
    }
  });

  it('mentions no global of Node', () => {
    for (const file of files) {
      const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
      expect(text).not.toMatch(/\b(Buffer|process|__dirname|require)\b/);
    }
  });
});

describe('the "./node" entry', () => {
  it('is where Node is imported', () => {
    expect([...importsFrom('node/index.js').outside]).toContain('node:crypto');
  });
});
