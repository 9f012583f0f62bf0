import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { auditVectors } from './auditVectors.js';
import { evidenceVectors } from './evidenceVectors.js';
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

describe('evidence', () => {
  const stored = JSON.parse(readFileSync(join(packageDir, 'test/vectors/evidence.json'), 'utf8'));

  it('is judged as test/vectors/evidence.json says', () => {
    expect(evidenceVectors()).toEqual(stored);
  });

  it('of every kind and with every fault of a lone record is there', () => {
    const results = new Set(stored.cases.map((c: { kind?: string; fault?: string }) => c.kind ?? c.fault));
    for (const result of ['doubleBlock', 'doubleVote', 'surroundVote', 'invalidBlock', 'order', 'no offence', 'time']) {
      expect(results).toContain(result);
    }
  });
});

describe('a chain of seven epochs', () => {
  it('leads to the audits of test/vectors/audit.json', () => {
    const vectors: unknown = JSON.parse(readFileSync(join(packageDir, 'test/vectors/audit.json'), 'utf8'));
    expect(JSON.parse(JSON.stringify(auditVectors()))).toEqual(vectors);
  });
});
