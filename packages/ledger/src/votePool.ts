/**
 * Loose votes of one era, until they are a quorum or too old. Bounded: votes for the last `windowSlots` slots and the next
 * one, at most two different ones of a voter for a slot (two are evidence, a third says nothing more).
 * Votes enter verified.
 */
import { CodedError, equalBytes, sha256, toHex, type Verifier } from '@radpass/core';
import type { Committee } from './consensus/committee.js';
import { type Consensus, consensus } from './consensus/index.js';
import type { Params } from './consensus/params.js';
import {
  assembleVoteSet,
  encodeVoteMessage,
  isVoter,
  parseVote,
  type Vote,
  type VoteMessage,
  type VoteSet,
  verifyVote,
} from './consensus/votes.js';
import { LedgerError } from './errors.js';

interface Tally {
  readonly message: VoteMessage;
  readonly signatures: Map<number, Uint8Array>;
  weight: number;
  quorum: boolean;
}

export type VoteVerdict = 'wanted' | 'known' | 'out of window' | 'enough';

const votesOfVoter = 2;

export class VotePool {
  readonly #committee: Committee;
  readonly #rootSlot: number;
  readonly #params: Params;
  readonly #rules: Consensus;
  /** Target slot, then hash of the message. */
  readonly #slots = new Map<number, Map<string, Tally>>();
  #slot = 0;

  constructor(committee: Committee, rootSlot: number, params: Params, rules: Consensus = consensus) {
    this.#committee = committee;
    this.#rootSlot = rootSlot;
    this.#params = params;
    this.#rules = rules;
  }

  /** Forget what fell out of the window. */
  advance(slot: number): void {
    this.#slot = slot;
    for (const target of this.#slots.keys())
      if (target + this.#params.voteWindowSlots < slot) this.#slots.delete(target);
  }

  /** Cheap look before the signature is verified. */
  judge(vote: Pick<Vote, 'message' | 'voter'>): VoteVerdict {
    const { targetSlot } = vote.message;
    if (targetSlot > this.#slot + 1 || targetSlot + this.#params.voteWindowSlots < this.#slot) return 'out of window';
    const tallies = this.#slots.get(targetSlot);
    if (tallies?.get(keyOf(vote.message))?.signatures.has(vote.voter)) return 'known';
    const others = [...(tallies?.values() ?? [])].filter(tally => tally.signatures.has(vote.voter)).length;
    return others >= votesOfVoter ? 'enough' : 'wanted';
  }

  /** Enter a vote that `judge` wants. Returns the certificate when the vote completes a quorum. */
  add(vote: Vote): VoteSet | null {
    const { message, voter, signature } = vote;
    const tallies = this.#slots.get(message.targetSlot) ?? new Map<string, Tally>();
    this.#slots.set(message.targetSlot, tallies);
    const key = keyOf(message);
    const tally = tallies.get(key) ?? { message, signatures: new Map(), weight: 0, quorum: false };
    tallies.set(key, tally);
    tally.signatures.set(voter, signature);
    tally.weight += this.#committee.voters[voter]!.weight;
    if (tally.quorum) return null;
    const { isQuorum, isStalled } = this.#rules.finality;
    const stalled = isStalled(message.targetSlot, this.#rootSlot, this.#params);
    tally.quorum = isQuorum(tally.weight, this.#committee.total, stalled);
    return tally.quorum ? this.#assemble(tally) : null;
  }

  /** All votes for slots from `fromSlot` up to but without `belowSlot`, one set a message. */
  setsBetween(fromSlot: number, belowSlot: number): VoteSet[] {
    return [...this.#slots.entries()]
      .filter(([slot]) => slot >= fromSlot && slot < belowSlot)
      .flatMap(([, tallies]) => [...tallies.values()])
      .map(tally => this.#assemble(tally));
  }

  /** Certificates that wait for their target's block. */
  quorumsFor(targetId: Uint8Array): VoteSet[] {
    return [...this.#slots.values()]
      .flatMap(tallies => [...tallies.values()])
      .filter(tally => tally.quorum && equalBytes(tally.message.targetId, targetId))
      .map(tally => this.#assemble(tally));
  }

  #assemble(tally: Tally): VoteSet {
    const votes = Array.from(tally.signatures, ([voter, signature]) => ({ voter, signature }));
    return assembleVoteSet(tally.message, votes, this.#committee.voters.length);
  }
}

function keyOf(message: VoteMessage): string {
  return toHex(sha256(encodeVoteMessage(message)));
}

/**
 * Judge a loose vote as it came, cheap checks first. A vote comes back only if it is to be entered.
 * Native refusals count: an honest voter makes no signature that only the slow rule accepts.
 */
export function judgeVote(
  received: Uint8Array,
  p: { chainId: Uint8Array; committee: Committee; pool: VotePool; verifier: Verifier },
): { verdict: 'accept' | 'ignore' | 'reject'; vote?: Vote; error?: CodedError } {
  let vote: Vote;
  try {
    vote = parseVote(received);
  } catch (error) {
    if (error instanceof CodedError) return { verdict: 'reject', error };
    throw error;
  }
  const { message } = vote;
  if (message.sourceSlot >= message.targetSlot || !isVoter(vote, p.committee)) return { verdict: 'reject' };
  if (!equalBytes(message.rootId, p.chainId) || p.pool.judge(vote) !== 'wanted') return { verdict: 'ignore' };
  const strict: Verifier = { ...p.verifier, verify: (s, m, k) => p.verifier.verifyStrict(s, m, k) };
  if (verifyVote(vote, p.chainId, strict)) return { verdict: 'accept', vote };
  const detail = { code: 'LEDGER_VOTE', reason: 'signature' } as const;
  return { verdict: 'reject', error: new LedgerError(detail, "the vote's signature does not verify") };
}
