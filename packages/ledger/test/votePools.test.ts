/** Loose votes and gossiped certificates, by era. */
import { describe, expect, it } from '@jest/globals';
import { sha256, u64be, utf8 } from '@radpass/core';
import { consensus } from '../dist/consensus/index.js';
import { tinyParams } from '../dist/consensus/params.js';
import {
  assembleVoteSet,
  encodeVote,
  encodeVoteSet,
  maxCertificateBytes,
  maxVoters,
  signVote,
  type Vote,
  type VoteMessage,
} from '../dist/consensus/votes.js';
import type { Era } from '../dist/standing.js';
import { VotePools } from '../dist/votePools.js';
import { seedKey, verifier } from './testChain.js';

const id = (name: string) => sha256(utf8(name));
const chainId = id('a network');
const keys = [0, 1, 2, 3].map(i => seedKey(`node ${i}`));
const voters = keys.map(key => ({ sourceKey: key.publicKey, nodeKey: key.publicKey, weight: 10 }));
const era = (name: string, depth = 0): Era => ({
  depth,
  root: { slot: 0, id: id(name) },
  committee: { voters, total: 40, root: id('voters') },
});
const link = (root: string, change: Partial<VoteMessage> = {}): VoteMessage => ({
  rootId: id(root),
  sourceSlot: 4,
  sourceId: id('source'),
  targetSlot: 5,
  targetId: id('target'),
  ...change,
});
const voteOf = (voter: number, message: VoteMessage): Vote => ({
  message,
  voter,
  nodeKey: keys[voter]!.publicKey,
  signature: signVote(keys[voter]!, chainId, message),
});
const certificateOf = (message: VoteMessage, who = [0, 1, 2]) =>
  assembleVoteSet(
    message,
    who.map(voter => voteOf(voter, message)),
    4,
  );

function pools(standing = era('g'), next: Era[] = []): VotePools {
  const made = new VotePools(tinyParams, consensus);
  made.follow(standing, next);
  made.advance(6);
  return made;
}
const judge = (at: VotePools, bytes: Uint8Array) => at.judge(bytes, { chainId, verifier });

describe('a gossiped certificate', () => {
  it('is its votes: taken once, entered together, and then a quorum like one of single votes', () => {
    const at = pools();
    const bytes = encodeVoteSet(certificateOf(link('g')));
    const { verdict, votes } = judge(at, bytes);
    expect([verdict, votes.length]).toEqual(['accept', 3]);
    expect(at.add(votes)?.message).toEqual(link('g'));
    at.of(id('g'))?.setTold(link('g'));
    expect(judge(at, bytes).verdict).toBe('ignore');
    expect(at.quorumsFor({ slot: 0, id: id('target') })).toHaveLength(1);
  });

  it('brings only the votes that are missing', () => {
    const at = pools();
    at.add([voteOf(1, link('g'))]);
    const { votes } = judge(at, encodeVoteSet(certificateOf(link('g'))));
    expect(votes.map(({ voter }) => voter)).toEqual([0, 2]);
    expect(at.add(votes)?.signatures).toHaveLength(3);
  });

  it('is passed on even by who has the quorum, the first one for a link', () => {
    const at = pools();
    for (const voter of [0, 1, 2]) at.add([voteOf(voter, link('g'))]);
    const bytes = encodeVoteSet(certificateOf(link('g')));
    expect(judge(at, bytes)).toEqual({ verdict: 'accept', votes: [], told: link('g') });
    expect(at.of(id('g'))?.untold(link('g'))).not.toBeNull();
    at.of(id('g'))?.setTold(link('g'));
    expect(at.of(id('g'))?.untold(link('g'))).toBeNull();
    // Another spelling of the same quorum says no more.
    const other = certificateOf(link('g'), [0, 1, 2, 3]);
    expect(judge(at, encodeVoteSet(other))).toEqual({ verdict: 'ignore', votes: [] });
    // One of another link does.
    const next = encodeVoteSet(certificateOf(link('g', { targetId: id('another') })));
    expect(judge(at, next).verdict).toBe('accept');
  });

  it('with a wrong signature silences nobody, though its voter is known', () => {
    const at = pools();
    for (const voter of [0, 1, 2]) at.add([voteOf(voter, link('g'))]);
    const { message, bitmap, signatures } = certificateOf(link('g'));
    const forged = { message, bitmap, signatures: [...signatures.slice(0, 2), new Uint8Array(64)] };
    expect(judge(at, encodeVoteSet(forged))).toMatchObject({ verdict: 'reject', votes: [] });
    expect(at.of(id('g'))?.untold(link('g'))).not.toBeNull();
  });

  it.each([
    ['below a quorum', certificateOf(link('g'), [0, 1])],
    ['with a signature by another', { ...certificateOf(link('g')), bitmap: Uint8Array.of(0b1110) }],
    ['with a voter beyond the committee', { ...certificateOf(link('g')), bitmap: Uint8Array.of(0b10011) }],
    ['with a signature too few', { ...certificateOf(link('g')), bitmap: Uint8Array.of(0b1111) }],
    ['with a bitmap too long', { ...certificateOf(link('g')), bitmap: Uint8Array.of(0b111, 0) }],
    ['whose target is its source', certificateOf(link('g', { sourceSlot: 5 }))],
  ])('%s is refused', (_, certificate) => {
    expect(judge(pools(), encodeVoteSet(certificate)).verdict).toBe('reject');
  });

  it('of an unknown era, or out of the window, is nobody’s fault', () => {
    expect(judge(pools(), encodeVoteSet(certificateOf(link('elsewhere')))).verdict).toBe('ignore');
    const late = pools();
    late.advance(6 + tinyParams.voteWindowSlots);
    expect(judge(late, encodeVoteSet(certificateOf(link('g')))).verdict).toBe('ignore');
  });

  it('of the largest committee keeps to its cap', () => {
    const big = {
      message: link('g', { sourceSlot: 2 ** 40, targetSlot: 2 ** 40 + 1 }),
      bitmap: new Uint8Array(maxVoters / 8).fill(255),
      signatures: Array.from({ length: maxVoters }, (_, i) => new Uint8Array([...id(`${i}`), ...id(`${i}`)])),
    };
    expect(encodeVoteSet(big).length).toBeLessThanOrEqual(maxCertificateBytes);
  });
});

describe('votes of an era that has not begun', () => {
  const next = era('o', 1);

  it('wait with those of its opening block, and count when it begins', () => {
    const at = pools(era('g'), [next]);
    for (const voter of [0, 1, 2]) {
      const { verdict, votes } = judge(at, encodeVote(voteOf(voter, link('o'))));
      expect(verdict).toBe('accept');
      at.add(votes);
    }
    expect(at.follow(era('g'), [next])).toEqual([]);
    const [certificate, ...others] = at.follow(next, []);
    expect(certificate?.message).toEqual(link('o'));
    expect(others).toEqual([]);
    expect(at.follow(next, [])).toEqual([]);
  });

  it('are kept for four opening blocks, and those of the era before for credit', () => {
    const many = Array.from({ length: 6 }, (_, i) => era(`o${i}`, 1));
    const at = pools(era('g'), many);
    expect(many.map(({ root }) => at.of(root.id) !== undefined)).toEqual([false, false, true, true, true, true]);
    at.add([voteOf(0, link('g'))]);
    at.follow(many[5]!, []);
    expect(at.setsBetween(1, 6).map(set => set.message.rootId)).toEqual([id('g')]);
    at.follow(era('p', 2), []);
    expect(at.of(id('g'))).toBeUndefined();
  });
});

describe('a vote', () => {
  it('by a stranger, or with a wrong signature, is refused', () => {
    const vote = voteOf(0, link('g'));
    expect(judge(pools(), encodeVote({ ...vote, nodeKey: keys[1]!.publicKey })).verdict).toBe('reject');
    expect(judge(pools(), encodeVote({ ...vote, signature: voteOf(1, link('g')).signature })).verdict).toBe('reject');
    expect(judge(pools(), u64be(7)).verdict).toBe('reject');
  });
});
