import { describe, expect, it } from '@jest/globals';
import { compareBytes, concatBytes, domainPrefix, parsePublicKey, sha256, toHex, u64be, utf8 } from '@radpass/core';
import { genesisNonce, nextNonce } from '../../dist/consensus/beacon.js';
import { selectCommittee } from '../../dist/consensus/committee.js';
import { type StakeEntry, selectLeader } from '../../dist/consensus/leader.js';
import { seedKey } from '../testChain.js';

function table(weights: readonly number[]): StakeEntry[] {
  return weights
    .map((weight, i) => ({ sourceKey: seedKey(`s${i}`).publicKey, nodeKey: seedKey(`n${i}`).publicKey, weight }))
    .sort((a, b) => compareBytes(a.sourceKey, b.sourceKey));
}
const nonce = genesisNonce(sha256(utf8('a network')));

/** Pearson's statistic of how often each entry led `slots` slots, against its weight. */
function chiSquare(entries: readonly StakeEntry[], slots: number, of: (slot: number) => StakeEntry): number {
  const led = new Map<string, number>();
  for (let slot = 1; slot <= slots; slot++) {
    const name = toHex(of(slot).sourceKey);
    led.set(name, (led.get(name) ?? 0) + 1);
  }
  const total = entries.reduce((sum, entry) => sum + entry.weight, 0);
  return entries.reduce((sum, entry) => {
    const expected = (slots * entry.weight) / total;
    return sum + ((led.get(toHex(entry.sourceKey)) ?? 0) - expected) ** 2 / expected;
  }, 0);
}

describe('selectLeader', () => {
  const entries = table([1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144].map(studies => studies * 1_000_000));

  it('leads slots in proportion to stake: chi-square below the 99.9 % point of ten degrees of freedom', () => {
    expect(chiSquare(entries, 100_000, slot => selectLeader(entries, nonce, slot))).toBeLessThan(29.59);
  });
  it('and the test would see a rule that is off by a fifth for the largest', () => {
    const biased = entries.map(entry => (entry.weight > 1e8 ? { ...entry, weight: entry.weight * 1.2 } : entry));
    const drawn = (slot: number) =>
      selectLeader(
        biased.map(e => ({ ...e, weight: Math.round(e.weight) })),
        nonce,
        slot,
      );
    expect(chiSquare(entries, 12_000, drawn)).toBeGreaterThan(29.59);
  });
  it('depends on slot and nonce, and on nothing else', () => {
    const other = nextNonce(nonce, 1, []);
    const leaders = (n: Uint8Array) =>
      Array.from({ length: 64 }, (_, slot) => toHex(selectLeader(entries, n, slot).sourceKey));
    expect(leaders(nonce)).toEqual(leaders(nonce));
    expect(leaders(nonce)).not.toEqual(leaders(other));
    expect(new Set(leaders(nonce)).size).toBeGreaterThan(3);
  });
  it('has an answer for the greatest weights, and none without weight', () => {
    const huge = table([Number.MAX_SAFE_INTEGER - 1, 1]);
    expect(huge).toContainEqual(selectLeader(huge, nonce, 5));
    expect(() => selectLeader([], nonce, 5)).toThrow('no source has weight');
  });
});

describe('nextNonce', () => {
  it('takes in the previous nonce, the epoch, and each output in order', () => {
    const a = sha256(utf8('a'));
    const b = sha256(utf8('b'));
    const all = [
      nextNonce(nonce, 2, [a, b]),
      nextNonce(nonce, 2, [b, a]),
      nextNonce(nonce, 2, [a]),
      nextNonce(nonce, 3, [a]),
      nextNonce(a, 2, [a]),
    ];
    expect(new Set(all.map(toHex)).size).toBe(5);
  });
});

describe('selectCommittee', () => {
  it('is every source with its exact weight, by sourceKey, while they are few', () => {
    const entries = table([5, 1, 7]);
    const committee = selectCommittee({ entries, total: 13 }, nonce, 3);
    expect(committee.voters).toEqual(entries);
    expect(committee.total).toBe(13);
  });
  it('above that seats each source within one seat of its share', () => {
    const weights = Array.from({ length: 100 }, (_, i) => 1 + ((i * 37) % 50));
    const entries = table(weights);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const seats = 64;
    const committee = selectCommittee({ entries, total }, nonce, seats);
    expect(committee.voters.reduce((sum, voter) => sum + voter.weight, 0)).toBe(seats);
    expect(committee.total).toBe(seats);
    for (const entry of entries) {
      const held = committee.voters.find(v => toHex(v.sourceKey) === toHex(entry.sourceKey))?.weight ?? 0;
      expect(Math.abs(held - (entry.weight * seats) / total)).toBeLessThan(1);
    }
  });
  it('draws other seats by another nonce, and its root tells them apart', () => {
    const entries = table(Array.from({ length: 40 }, () => 10));
    const one = selectCommittee({ entries, total: 400 }, nonce, 8);
    const two = selectCommittee({ entries, total: 400 }, nextNonce(nonce, 1, []), 8);
    expect(one.voters).toHaveLength(8);
    expect(toHex(one.root)).not.toBe(toHex(two.root));
  });
  it('keeps the order of the draw, not of the keys', () => {
    const entries = table(Array.from({ length: 40 }, () => 10));
    const { voters } = selectCommittee({ entries, total: 400 }, nonce, 8);
    const keys = voters.map(voter => toHex(voter.sourceKey));
    expect(keys).not.toEqual([...keys].sort());
  });
  it('orders by the whole of a rank: two whose first four bytes are the same', () => {
    // Found by trial under the nonce of zeros: both begin 942e2a9f, then 48 and 0e.
    const numbers = [703, 127_388, ...Array.from({ length: 19 }, (_, i) => i + 1)].sort((a, b) => a - b);
    const entries = numbers.map(n => {
      const sourceKey = parsePublicKey(concatBytes(new Uint8Array(24), u64be(n)));
      return { sourceKey, nodeKey: seedKey(`n${n}`).publicKey, weight: 10 };
    });
    const zeros = new Uint8Array(32);
    const rank = (entry: StakeEntry) => sha256(domainPrefix('committee'), zeros, entry.sourceKey);
    const { voters } = selectCommittee({ entries, total: 210 }, zeros, 20);
    const expected = [...entries].sort((a, b) => compareBytes(rank(a), rank(b)));
    const seated = new Set(voters.map(voter => toHex(voter.sourceKey)));
    expect([703, 127_388].every(n => seated.has(toHex(concatBytes(new Uint8Array(24), u64be(n)))))).toBe(true);
    expect(voters.map(voter => voter.nodeKey)).toEqual(
      expected.filter(entry => seated.has(toHex(entry.sourceKey))).map(entry => entry.nodeKey),
    );
  });
});
