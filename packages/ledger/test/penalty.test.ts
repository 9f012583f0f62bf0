import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { createOwnershipProof } from '@radpass/core';
import type { AuditRow } from '../dist/audit.js';
import {
  exampleTerms,
  type OperatorRecord,
  operatorRecord,
  penaltyOf,
  provenSources,
  reimbursementBase,
  wilsonLowerBound,
} from '../dist/penalty.js';
import { seedKey, verifier } from './testChain.js';

const clean: OperatorRecord = {
  ...{ assigned: 0, produced: 0, orphaned: 0, missed: 0, votesDue: 0, cast: 0, late: 0 },
  ...{ doubleBlocks: 0, doubleVotes: 0, surroundVotes: 0, invalidBlocks: 0 },
};
const record = (assigned: number, missed: number, votesDue = 0, unvoted = 0): OperatorRecord => ({
  ...clean,
  ...{ assigned, missed, produced: assigned - missed, votesDue, cast: votesDue - unvoted },
});

describe('the Wilson bound', () => {
  it('is what the formula gives, floored to the millionth', () => {
    // Wilson 1927; e.g. 10 of 100 at 95 %: 0.0552 to 0.1744.
    expect(wilsonLowerBound(10, 100, 1.96)).toBe(55_228);
    expect(wilsonLowerBound(1, 1, 1.96)).toBe(206_543);
    expect(wilsonLowerBound(0, 1_000, 1.96)).toBe(0);
    expect(wilsonLowerBound(0, 0, 1.96)).toBe(0);
  });
  it('rises with evidence towards the share, and never passes it', () => {
    const bounds = [1, 10, 100, 1_000, 10_000].map(n => wilsonLowerBound(n, 10 * n, 1.96));
    expect(bounds).toEqual([...bounds].sort((a, b) => a - b));
    expect(bounds.at(-1)).toBeGreaterThan(95_000);
    expect(Math.max(...bounds)).toBeLessThan(100_000);
  });
  it('refuses more failures than duties', () => {
    expect(() => wilsonLowerBound(2, 1, 1.96)).toThrow(RangeError);
  });
});

describe('the penalty', () => {
  it('spares who failed by chance: one miss of one says little, thirty of three hundred a lot', () => {
    const rates = [record(1, 1), record(60, 2), record(300, 30)].map(r => penaltyOf(r, 1_000_000, exampleTerms).rate);
    expect(rates).toEqual([0, 0, 10_000]);
  });
  it('depends on the share of failures and the base, not on how many slots the volume brought', () => {
    const small = penaltyOf(record(1_000, 100), 500_000, exampleTerms);
    const large = penaltyOf(record(100_000, 10_000), 500_000, exampleTerms);
    expect(small.amount).toBe(large.amount);
    expect(penaltyOf(record(1_000, 100), 1_000_000, exampleTerms).amount).toBe(2 * small.amount);
  });
  it('takes an orphaned block for no failure', () => {
    const orphaned = { ...record(1_000, 0), produced: 900, orphaned: 100 };
    expect(penaltyOf(orphaned, 1_000_000, exampleTerms).rate).toBe(0);
  });
  it('adds offences, and ends at the greatest rate', () => {
    const once = penaltyOf({ ...record(1_000, 0), doubleVotes: 1 }, 1_000_000, exampleTerms);
    expect([once.offenceRate, once.amount]).toEqual([20_000, 20_000]);
    expect(penaltyOf({ ...record(1_000, 900), doubleBlocks: 9 }, 1_000_000, exampleTerms).rate).toBe(50_000);
  });
});

describe("an operator's record", () => {
  const row = (name: string, missed: number): AuditRow => ({
    ...record(10, missed, 8, 1),
    ...{ sourceKey: seedKey(name).publicKey, weight: 1, seats: 1 },
  });

  it('sums the rows of its sources over all epochs, and no others', () => {
    const rows = [row('a', 1), row('b', 2), row('a', 4), row('c', 7)];
    const keys = ['a', 'c'].map(name => seedKey(name).publicKey);
    expect(operatorRecord(rows, keys)).toEqual(record(30, 12, 24, 3));
  });

  it('is tied to it by an ownership proof with the standing key, for this verifier and nonce', () => {
    const chainId = new Uint8Array(32).fill(9);
    const ask = { chainId, verifierName: 'payer.example', nonce: new Uint8Array(16).fill(1), now: 1_700_000_000_000 };
    const proof = (key: string, over: Partial<typeof ask> = {}) =>
      createOwnershipProof({ ...ask, ...over, key: seedKey(key), time: ask.now });
    const sources = [{ sourceKey: seedKey('first').publicKey, standingKey: seedKey('rotated').publicKey }];
    const proven = (of: ReturnType<typeof proof>) => provenSources([of], sources, { ...ask, verifier });
    expect(proven(proof('rotated'))).toEqual([seedKey('first').publicKey]);
    expect(() => proven(proof('first'))).toThrow('no source of this network');
    expect(() => proven(proof('rotated', { verifierName: 'another.example' }))).toThrow('verifier');
    expect(() => proven(proof('rotated', { nonce: new Uint8Array(16) }))).toThrow('nonce');
    expect(() => proven({ ...proof('rotated'), signature: new Uint8Array(64) })).toThrow('signature');
  });
});

describe('docs/audit.md', () => {
  const page = readFileSync(new URL('../../../docs/audit.md', import.meta.url), 'utf8');
  const money = (cents: number) => Math.floor(cents / 100).toLocaleString('en-US');
  const percent = (ppm: number) => `${(ppm / 10_000).toFixed(2)} %`;
  const centsPerRvu = 3_300;
  const operators = [
    ['PET centre', [{ studies: 2_400, rvuHundredths: 4_000 }], record(312, 31, 7_884_000, 394_200)],
    ['X-ray chain', [{ studies: 288_000, rvuHundredths: 80 }], record(37_400, 3_740, 7_884_000, 394_200)],
    ['clinic', [{ studies: 1_080, rvuHundredths: 300 }], record(140, 1, 7_884_000, 7_884)],
  ] as const;

  it.each(operators)('works out the %s as the library does', (name, kinds, of) => {
    const base = reimbursementBase(kinds, centsPerRvu);
    const { blockBound, voteBound, rate, amount } = penaltyOf(of, base, exampleTerms);
    const cells = [
      ...[
        name,
        money(base),
        `${of.missed.toLocaleString('en-US')} of ${of.assigned.toLocaleString('en-US')}`,
        percent(blockBound),
      ],
      ...[
        `${(of.votesDue - of.cast).toLocaleString('en-US')} of ${of.votesDue.toLocaleString('en-US')}`,
        percent(voteBound),
      ],
      ...[percent(rate), money(amount)],
    ];
    const rows = page.split('\n').map(line =>
      line
        .split('|')
        .slice(1, -1)
        .map(cell => cell.trim()),
    );
    expect(rows).toContainEqual(cells);
  });

  it('says what a price a miss would have cost them', () => {
    const base = (i: number) => reimbursementBase(operators[i]![1], centsPerRvu);
    const all = operators.reduce((sum, [, kinds, of]) => {
      return sum + penaltyOf(of, reimbursementBase(kinds, centsPerRvu), exampleTerms).amount;
    }, 0);
    const missed = operators.reduce((sum, [, , of]) => sum + of.missed, 0);
    const flat = operators.map(([, , of]) => (all * of.missed) / missed);
    expect(page).toContain(`the chain would pay ${percent((1e6 * flat[1]!) / base(1))} of its reimbursement`);
    expect(page).toContain(`the PET centre ${percent((1e6 * flat[0]!) / base(0))}`);
  });
});
