import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { drawVectors } from './drawVectors.js';
import { runEraCase } from './eraSteps.js';
import { runStake, type stakeVectors } from './stakeVectors.js';
import { runBatches, runTransactions, type stateVectors, type transactionVectors, verdictOf } from './stateVectors.js';
import { vectorFiles } from './vectorFiles.js';
import { runVoteCase, type VoteCase, type VoteOutcome } from './voteSteps.js';
import { worked } from './worked.js';

const packageDir = join(dirname(fileURLToPath(import.meta.url)), '..');
const pathOf = (name: string): string => join(packageDir, `test/vectors/${name}.json`);
const read = <T>(name: string): T => JSON.parse(readFileSync(pathOf(name), 'utf8')) as T;
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** RADPASS_WRITE=vectors writes the files and the bytes that the page shows anew: for a change of rules on purpose. */
const writing = process.env.RADPASS_WRITE === 'vectors';
const pageFile = join(packageDir, '../../docs/protocol-consensus.md');
const shownBytes = /(```hex (\w+)\n)([^`]*)(```)/g;

/** The digits of `hex` in the layout of `block`, whose comments stay. */
function inLayout(block: string, hex: string): string {
  let at = 0;
  const text = block.replace(/#.*$|[0-9a-f]/gm, found => (found.startsWith('#') ? found : hex.charAt(at++)));
  if (at !== hex.length) throw new RangeError(`${hex.length} digits don't fit a layout of ${at}`);
  return text;
}

if (writing) {
  for (const [name, make] of Object.entries(vectorFiles)) {
    writeFileSync(pathOf(name), `${JSON.stringify(make(), null, 2)}\n`);
  }
  const values: Record<string, unknown> = { ...worked() };
  const renewed = (_: string, head: string, name: string, block: string, end: string): string =>
    `${head}${inLayout(block, String(values[name]))}${end}`;
  writeFileSync(pageFile, readFileSync(pageFile, 'utf8').replace(shownBytes, renewed));
}

describe('test/vectors', () => {
  it.each(Object.entries(vectorFiles))('%s.json is what the code makes', (name, make) => {
    expect(plain(make())).toEqual(read(name));
  });
});

describe('docs/protocol-consensus.md', () => {
  it('shows the worked network byte by byte', () => {
    const values = worked();
    const page = readFileSync(pageFile, 'utf8');
    const shown = [...page.matchAll(shownBytes)].map(([, , name = '', text = '']) => {
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

describe('replayed from the file alone,', () => {
  type EraVector = Parameters<typeof runEraCase>[0] & { recorded: unknown };
  it.each(read<{ cases: EraVector[] }>('eras').cases)('eras: $name', ({ recorded, ...era }) => {
    expect(plain(runEraCase(era))).toEqual(recorded);
  });

  type VoteVector = VoteCase & { outcomes: VoteOutcome[] };
  it.each(read<{ cases: VoteVector[] }>('forkChoice').cases)('fork choice: $name', one => {
    expect(runVoteCase(one)).toEqual(one.outcomes);
  });
  it.each(read<{ cases: VoteVector[] }>('votes').cases)('votes: $name', one => {
    expect(plain(runVoteCase(one))).toEqual(one.outcomes);
  });

  it('the state tree has each root, and proofs hold or fail', () => {
    const { batches, proofs } = read<ReturnType<typeof stateVectors>>('state');
    expect(runBatches(batches)).toEqual(batches.map(({ root }) => root));
    for (const proof of proofs) expect([proof, verdictOf(batches.at(-1)!.root, proof)]).toEqual([proof, proof.holds]);
    expect(proofs.filter(({ holds }) => holds)).toHaveLength(12);
    expect(proofs.filter(({ holds }) => !holds)).toHaveLength(6);
  });

  it('transactions apply or are refused, all types among them', () => {
    const { initial, steps } = read<ReturnType<typeof transactionVectors>>('transactions');
    const outcomes = runTransactions(initial, steps);
    expect(outcomes).toEqual(steps.map(({ refused, root }) => ({ refused, root })));
    const before = (i: number): string | undefined => outcomes[i - 1]?.root;
    for (const [i, { refused, root }] of outcomes.entries()) {
      if (i > 0) expect([steps[i]!.says, root === before(i)]).toEqual([steps[i]!.says, refused !== 'none']);
    }
  });

  it('stake policies give each table', () => {
    const { founders, snapshots, outcomes } = read<ReturnType<typeof stakeVectors>>('stake');
    for (const { policy, snapshots: given } of outcomes) expect(runStake(policy, founders, snapshots)).toEqual(given);
  });

  it('seats differ from a source’s share by less than one', () => {
    const { table, committees } = read<ReturnType<typeof drawVectors>>('draw');
    const total = table.reduce((sum, [, , weight]) => sum + weight, 0);
    for (const { seats, voters } of committees.filter(committee => committee.seats < table.length)) {
      const held = new Map(voters.map(([index, count]) => [index, count]));
      for (const [i, [, , weight]] of table.entries()) {
        expect(Math.abs((held.get(i) ?? 0) - (seats * weight) / total)).toBeLessThan(1);
      }
    }
  });
});

describe('the evidence vectors', () => {
  it('have every kind and every fault of a lone record', () => {
    const { cases } = read<{ cases: { kind?: string; fault?: string }[] }>('evidence');
    const results = new Set(cases.map(one => one.kind ?? one.fault));
    for (const result of ['doubleBlock', 'doubleVote', 'surroundVote', 'invalidBlock', 'order', 'no offence', 'time']) {
      expect(results).toContain(result);
    }
  });
});
