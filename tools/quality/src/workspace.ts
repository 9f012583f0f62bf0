/** The repository as its tests see it: its packages, their built files, and what those import. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

export interface Package {
  /** Without the scope: core, ledger, … */
  name: string;
  /** Absolute path. */
  path: string;
  group: 'packages' | 'apps' | 'examples';
  manifest: {
    name: string;
    version: string;
    private?: boolean;
    exports?: Record<string, { default: string }>;
    dependencies?: Record<string, string>;
  };
}

const groups = ['packages', 'apps', 'examples'] as const;

export function packages(): Package[] {
  return groups.flatMap(group =>
    readdirSync(join(root, group)).map(name => {
      const path = join(root, group, name);
      return { name, path, group, manifest: JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) };
    }),
  );
}

/** Files below a folder that end so, as absolute paths; none when the folder isn't there. */
export function filesBelow(folder: string, ending: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter(entry => entry.isFile() && entry.name.endsWith(ending))
    .map(entry => join(entry.parentPath ?? entry.path, entry.name))
    .filter(path => !path.includes('node_modules'))
    .sort();
}

/** Specifiers of a compiled module's static and dynamic imports and re-exports. */
export function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const pattern = /(?:^(?:import|export)\b[^'"]*?\bfrom\s*|\bimport\s*\(\s*|^import\s+)['"]([^'"]+)['"]/gm;
  return [...text.matchAll(pattern)].map(match => match[1] ?? '');
}

/** The path as documents write it: from the repository's root, with slashes. */
export function nameOf(path: string): string {
  return relative(root, path).split('\\').join('/');
}
