import { describe, expect, it } from '@jest/globals';
import { toHex } from '@radpass/core';
import { assembleVoteSet, type VoteMessage, type VoteSet, votersOf } from '../dist/consensus/votes.js';
import { judging } from '../dist/judging.js';
import { storeKeys } from '../dist/storeKeys.js';
import { VoteCredit } from '../dist/voteCredit.js';

const id = (n: number): Uint8Array => new Uint8Array(32).fill(n);

/** Votes of some of twelve voters for block 9 of a slot. */
function votes(voters: readonly number[], targetSlot = 7, targetId = id(9)): VoteSet {
  const message: VoteMessage = { rootId: id(1), sourceSlot: 0, sourceId: id(1), targetSlot, targetId };
  const signed = voters.map(voter => ({ voter, signature: new Uint8Array(64).fill(voter) }));
  return assembleVoteSet(message, signed, 12);
}

/** Blocks one on the other, block 1 on what no store has, and what each carries. */
function chain(blocks: readonly { slot: number; certificates?: VoteSet[]; voteSets?: VoteSet[] }[]): VoteCredit {
  const stored = new Map(blocks.map((_, i) => [storeKeys.block(id(i + 1)), Uint8Array.of(i)]));
  const parseKeptBlock = ([i]: Uint8Array) => {
    const { slot, certificates = [], voteSets = [] } = blocks[i!]!;
    return { header: { slot, parent: id(i!) }, body: { certificates, voteSets } };
  };
  return new VoteCredit(key => stored.get(key), { ...judging, parseKeptBlock } as unknown as typeof judging);
}

const told = (sets: readonly VoteSet[]): unknown[] =>
  sets.map(({ message, bitmap, signatures }) => [
    message.targetSlot,
    votersOf(bitmap),
    signatures.map(signature => signature[0]),
    toHex(bitmap).length,
  ]);

describe('votes for credit', () => {
  it('are those that no block of the chain carries, in a certificate or loosely', () => {
    const credit = chain([
      { slot: 8, certificates: [votes([0, 1, 8])] },
      { slot: 9, voteSets: [votes([3])] },
    ]);
    const missing = credit.missing([votes([0, 1, 2, 3, 8, 11]), votes([4], 6)], id(2), 1);
    expect(told(missing)).toEqual([
      [7, [2, 11], [2, 11], 4],
      [6, [4], [4], 4],
    ]);
  });

  it('are none when all are carried, and all of another message of the slot', () => {
    const credit = chain([{ slot: 8, voteSets: [votes([0, 1])] }]);
    expect(credit.missing([votes([0, 1])], id(1), 1)).toEqual([]);
    expect(told(credit.missing([votes([0, 1], 7, id(5))], id(1), 1))).toEqual([[7, [0, 1], [0, 1], 4]]);
  });

  it('do not count what blocks before the window or of another branch carry', () => {
    const credit = chain([
      { slot: 4, voteSets: [votes([0])] },
      { slot: 8, voteSets: [votes([1])] },
      { slot: 9, voteSets: [votes([2])] },
    ]);
    expect(told(credit.missing([votes([0, 1, 2])], id(2), 5))).toEqual([[7, [0, 2], [0, 2], 4]]);
  });

  it('leave what a block holds as it is', () => {
    const held = votes([0]);
    const credit = chain([
      { slot: 8, voteSets: [held] },
      { slot: 9, voteSets: [votes([1])] },
    ]);
    credit.missing([votes([0, 1])], id(2), 1);
    credit.missing([votes([0, 1])], id(2), 1);
    expect(votersOf(held.bitmap)).toEqual([0]);
    expect(told(credit.missing([votes([0, 1])], id(1), 1))).toEqual([[7, [1], [1], 4]]);
  });
});
