/**
 * Loose votes of one era, until they are a quorum or too old. Bounded: votes for the last `windowSlots` slots and the next
 * one, at most two different ones of a voter for a slot (two are evidence, a third says nothing more).
 * Votes enter verified. A quorum that was told as a whole, by whomever, is marked: nobody needs to hear it again.
 */
import { equalBytes } from '@radpass/core';
import type { Consensus } from './consensus/index.js';
import type { Params } from './consensus/params.js';
import { assembleVoteSet, encodeVoteMessage, type Vote, type VoteMessage, type VoteSet } from './consensus/votes.js';
import type { Era } from './standing.js';
import { isSameMessage } from './voting.js';

interface Tally {
  readonly message: VoteMessage;
  /** By voter. */
  readonly signatures: (Uint8Array | undefined)[];
  weight: number;
  quorum: boolean;
  /** Its votes as a set, until another one comes. */
  set: VoteSet | null;
  /** Whether its quorum was told as a certificate. */
  told: boolean;
}

export type VoteVerdict = 'wanted' | 'known' | 'out of window' | 'enough';

const votesOfVoter = 2;

export class VotePool {
  readonly era: Era;
  readonly #params: Params;
  readonly #rules: Consensus;
  /** By target slot: one for each message. */
  readonly #slots = new Map<number, Tally[]>();
  /** Messages whose quorum was told, as bytes: the newest one first. */
  #told: { readonly targetSlot: number; readonly bytes: Uint8Array }[] = [];
  #slot = 0;

  constructor(era: Era, params: Params, rules: Consensus) {
    this.era = era;
    this.#params = params;
    this.#rules = rules;
  }

  /** Forget what fell out of the window. */
  advance(slot: number): void {
    this.#slot = slot;
    const isOld = (target: number): boolean => target + this.#params.voteWindowSlots < slot;
    for (const target of this.#slots.keys()) if (isOld(target)) this.#slots.delete(target);
    this.#told = this.#told.filter(({ targetSlot }) => !isOld(targetSlot));
  }

  /** Cheap look before the signature is verified. */
  judge(vote: Pick<Vote, 'message' | 'voter'>): VoteVerdict {
    const { targetSlot } = vote.message;
    if (targetSlot > this.#slot + 1 || targetSlot + this.#params.voteWindowSlots < this.#slot) return 'out of window';
    const tallies = this.#slots.get(targetSlot);
    if (!tallies) return 'wanted';
    let others = 0;
    for (const { message, signatures } of tallies) {
      if (!signatures[vote.voter]) continue;
      if (isSameMessage(message, vote.message)) return 'known';
      others++;
    }
    return others >= votesOfVoter ? 'enough' : 'wanted';
  }

  /** Enter a vote that `judge` wants. Returns the certificate when the vote completes a quorum. */
  add(vote: Vote): VoteSet | null {
    const { message, voter, signature } = vote;
    const tally = this.#tallyOf(message) ?? this.#open(message);
    tally.signatures[voter] = signature;
    tally.set = null;
    const { committee, root } = this.era;
    tally.weight += committee.voters[voter]!.weight;
    if (tally.quorum) return null;
    const { isQuorum, isStalled } = this.#rules.finality;
    const stalled = isStalled(message.targetSlot, root.slot, this.#params);
    tally.quorum = isQuorum(tally.weight, committee.total, stalled);
    return tally.quorum ? this.#assemble(tally) : null;
  }

  /** All votes for slots from `fromSlot` up to but without `belowSlot`, one set a message. */
  setsBetween(fromSlot: number, belowSlot: number): VoteSet[] {
    return [...this.#slots.entries()]
      .filter(([slot]) => slot >= fromSlot && slot < belowSlot)
      .flatMap(([, tallies]) => tallies)
      .map(tally => this.#assemble(tally));
  }

  /** Signatures on a message that have entered, by voter. */
  entered(message: VoteMessage): readonly (Uint8Array | undefined)[] {
    return this.#tallyOf(message)?.signatures ?? [];
  }

  /** The certificate on a message, if its votes are a quorum that was not told yet. */
  untold(message: VoteMessage): VoteSet | null {
    const tally = this.#tallyOf(message);
    return tally && isUntold(tally) ? this.#assemble(tally) : null;
  }

  /** Whether there is one. */
  hasUntold(message: VoteMessage): boolean {
    const tally = this.#tallyOf(message);
    return tally !== undefined && isUntold(tally);
  }

  /** The quorum on a message was told as a whole. */
  setTold(message: VoteMessage): void {
    const tally = this.#tallyOf(message);
    if (!tally || !isUntold(tally)) return;
    tally.told = true;
    this.#told.unshift({ targetSlot: message.targetSlot, bytes: encodeVoteMessage(message) });
  }

  /** Whether the bytes from `at` on are a message whose quorum was told. */
  isTold(received: Uint8Array, at: number): boolean {
    for (const { bytes } of this.#told) if (standsAt(bytes, received, at)) return true;
    return false;
  }

  /** Certificates of targets from a slot on, all or those whose target is one block. */
  quorums(fromSlot: number, targetId?: Uint8Array): VoteSet[] {
    const quorums: VoteSet[] = [];
    for (const [slot, tallies] of this.#slots) {
      if (slot < fromSlot) continue;
      for (const tally of tallies) {
        const isMeant = !targetId || equalBytes(tally.message.targetId, targetId);
        if (tally.quorum && isMeant) quorums.push(this.#assemble(tally));
      }
    }
    return quorums;
  }

  #tallyOf(message: VoteMessage): Tally | undefined {
    const tallies = this.#slots.get(message.targetSlot);
    if (tallies) for (const tally of tallies) if (isSameMessage(tally.message, message)) return tally;
    return undefined;
  }

  #open(message: VoteMessage): Tally {
    const signatures = new Array<Uint8Array | undefined>(this.era.committee.voters.length).fill(undefined);
    const tally: Tally = { message, signatures, weight: 0, quorum: false, set: null, told: false };
    const tallies = this.#slots.get(message.targetSlot);
    if (tallies) tallies.push(tally);
    else this.#slots.set(message.targetSlot, [tally]);
    return tally;
  }

  #assemble(tally: Tally): VoteSet {
    if (tally.set) return tally.set;
    const votes: { voter: number; signature: Uint8Array }[] = [];
    tally.signatures.forEach((signature, voter) => {
      if (signature) votes.push({ voter, signature });
    });
    tally.set = assembleVoteSet(tally.message, votes, this.era.committee.voters.length);
    return tally.set;
  }
}

const isUntold = ({ quorum, told }: Tally): boolean => quorum && !told;

/** Whether `received` has these bytes from `at` on. Messages of an era begin alike: they differ soonest from their ends. */
function standsAt(bytes: Uint8Array, received: Uint8Array, at: number): boolean {
  for (let i = bytes.length - 1; i >= 0; i--) if (bytes[i] !== received[at + i]) return false;
  return true;
}
