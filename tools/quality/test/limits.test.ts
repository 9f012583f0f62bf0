import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { root } from '../dist/workspace.js';

const read = (name: string): string => readFileSync(join(root, name), 'utf8');
const rows = [...read('docs/limits.md').matchAll(/^\| [^|]+ \| (\d+)[^|]* \| `([^`]+)` \| `([^`]+)` \|$/gm)].map(
  ([row, cap = '', file = '', name = '']) => ({ row, cap: Number(cap), file, name }),
);

/** Every number that a source gives the name, sums and products worked out. */
function valuesOf(file: string, name: string): number[] {
  const pattern = new RegExp(`\\b${name}\\s*[:=]\\s*([\\d_]+(?:\\s*[*+]\\s*[\\d_]+)*)`, 'g');
  return [...read(file).matchAll(pattern)].map(([, text = '']) =>
    text
      .replaceAll('_', '')
      .split('+')
      .map(sum => sum.split('*').reduce((product, factor) => product * Number(factor), 1))
      .reduce((total, part) => total + part, 0),
  );
}

describe('docs/limits.md', () => {
  it('says of each cap what the code says', () => {
    const wrong = rows.filter(({ cap, file, name }) => !valuesOf(file, name).includes(cap));
    expect(wrong.map(({ row, file, name }) => `${row} but the code: ${valuesOf(file, name)}`)).toEqual([]);
  });

  it('leaves out no row that looks like one', () => {
    const lines = read('docs/limits.md').match(/^\| .*`(packages|apps)\//gm) ?? [];
    expect(rows).toHaveLength(lines.length);
  });

  it("has every number of p2p's table", () => {
    const inCode = [...read('packages/p2p/src/limits.ts').matchAll(/^ {2}(\w+): /gm)].map(match => match[1]);
    const listed = new Set(rows.filter(row => row.file === 'packages/p2p/src/limits.ts').map(row => row.name));
    expect(inCode.length).toBeGreaterThan(50);
    expect(inCode.filter(name => !listed.has(name ?? ''))).toEqual([]);
  });
});
