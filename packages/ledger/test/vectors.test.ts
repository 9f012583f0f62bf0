import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { worked } from './worked.js';

const packageDir = join(dirname(fileURLToPath(import.meta.url)), '..');
const values = worked();

describe('the worked network', () => {
  it('is what test/vectors/consensus.json holds', () => {
    const vectors: unknown = JSON.parse(readFileSync(join(packageDir, 'test/vectors/consensus.json'), 'utf8'));
    expect(JSON.parse(JSON.stringify(values))).toEqual(vectors);
  });

  it('is what docs/protocol-consensus.md shows, byte by byte', () => {
    const page = readFileSync(join(packageDir, '../../docs/protocol-consensus.md'), 'utf8');
    const shown = [...page.matchAll(/```hex (\w+)\n([^`]*)```/g)].map(([, name = '', text = '']) => {
      return [name, text.replace(/#.*$/gm, '').replace(/\s/g, '')] as const;
    });
    expect(shown.map(([name]) => name)).toEqual(
      expect.arrayContaining(['genesis', 'chainId', 'vote', 'voteSet', 'header2', 'id2', 'body2', 'nonce1']),
    );
    const expected: Record<string, unknown> = { ...values };
    for (const [name, hex] of shown) expect([name, hex]).toEqual([name, expected[name]]);
    expect(page).toContain(`entries ${values.leadersOfTable.join(', ')}.`);
  });
});
