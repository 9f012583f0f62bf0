import { describe, expect, it } from '@jest/globals';
import { sha256, u64be } from '@radpass/core';
import type { Equivocation } from '../dist/consensus/evidence.js';
import { parseVoteMessage } from '../dist/consensus/votes.js';
import { Sightings } from '../dist/sightings.js';
import { seedKey } from './testChain.js';

const key = seedKey('node 0').publicKey;
const other = seedKey('node 1').publicKey;
const idOf = (n: number): Uint8Array => sha256(u64be(n));
const vote = (sourceSlot: number, targetSlot: number, target = targetSlot, root = 0) => ({
  rootId: idOf(root),
  sourceSlot,
  sourceId: idOf(sourceSlot),
  targetSlot,
  targetId: idOf(target),
});
const signature = new Uint8Array(64);
const cast = (message: ReturnType<typeof vote>, by = key) => ({
  ...{ message, voter: by === key ? 0 : 1, nodeKey: by, signature },
});

/** Kinds and slots of what the votes complete, one after the other. */
function found(votes: ReturnType<typeof vote>[], sightings = new Sightings(32)): string[] {
  sightings.advance(20);
  const say = ({ kind, first, second }: Equivocation) => {
    const [a, b] = [first, second].map(bytes => parseVoteMessage(bytes)) as [
      ReturnType<typeof vote>,
      ReturnType<typeof vote>,
    ];
    return kind === 'surroundVote'
      ? `${a.sourceSlot}-${a.targetSlot} around ${b.sourceSlot}-${b.targetSlot}`
      : `${kind} ${a.targetSlot}`;
  };
  return votes.flatMap(message => sightings.vote(cast(message)).map(say));
}

describe('votes that were seen', () => {
  it('that go forward, or come again, are no evidence', () => {
    expect(found([vote(1, 2), vote(2, 3), vote(2, 3), vote(2, 4), vote(4, 5)])).toEqual([]);
  });
  it('that came in any order are none, if none lies around another', () => {
    expect(found([vote(4, 5), vote(1, 2), vote(2, 4), vote(2, 3)])).toEqual([]);
  });
  it('are one for two of a slot, and no more for a third', () => {
    expect(found([vote(1, 5), vote(1, 5, 4), vote(1, 5, 3)])).toEqual(['doubleVote 5']);
  });
  it('show one around another, whichever came first', () => {
    expect(found([vote(3, 4), vote(2, 5)])).toEqual(['2-5 around 3-4']);
    expect(found([vote(2, 5), vote(3, 4)])).toEqual(['2-5 around 3-4']);
    expect(found([vote(1, 2), vote(5, 6), vote(3, 8), vote(7, 9)])).toEqual(['3-8 around 5-6']);
    // After one that went back, those that lie around it are found too.
    expect(found([vote(6, 9), vote(4, 5), vote(3, 7)])).toEqual(['3-7 around 4-5']);
  });
  it('of two eras are judged apart', () => {
    expect(found([vote(3, 4), vote(2, 5, 5, 1), vote(2, 4, 4, 1)])).toEqual([]);
  });
  it('of two keys are judged apart', () => {
    const sightings = new Sightings(32);
    expect(found([vote(3, 4)], sightings)).toEqual([]);
    expect(sightings.vote(cast(vote(2, 4), other))).toEqual([]);
    expect(sightings.vote(cast(vote(2, 4)))).toHaveLength(1);
  });
  it('outside the window are left alone, and forgotten when they fall out of it', () => {
    const sightings = new Sightings(4);
    sightings.advance(20);
    expect(found([vote(1, 22)], sightings)).toEqual([]);
    expect(sightings.vote(cast(vote(1, 15)))).toEqual([]);
    expect(sightings.vote(cast(vote(1, 16)))).toEqual([]);
    sightings.advance(21);
    expect(sightings.vote(cast(vote(2, 16)))).toEqual([]);
  });
});

describe('headers that were seen', () => {
  const header = (n: number) => ({ bytes: idOf(n), signature });
  it('are evidence when one key signed two of a slot, once', () => {
    const sightings = new Sightings(32);
    sightings.advance(5);
    const kinds = (slot: number, by: typeof key, n: number) =>
      sightings.header(slot, by, header(n)).map(({ kind }) => kind);
    expect(kinds(5, key, 1)).toEqual([]);
    expect(kinds(5, key, 1)).toEqual([]);
    expect(kinds(5, other, 2)).toEqual([]);
    expect(kinds(4, key, 3)).toEqual([]);
    expect(kinds(5, key, 4)).toEqual(['doubleBlock']);
    expect(kinds(5, key, 5)).toEqual([]);
  });
});
