/**
 * What was seen signed in the last slots, to find what one key signed twice. Everything enters verified. Bounded: votes of
 * the window alone, and of one voter at most two a target slot, of one key at most two headers a slot: two are evidence, a
 * third says nothing more.
 */
import { compareBytes, equalBytes, type PublicKey, toHex } from '@radpass/core';
import { type Equivocation, equivocation, isDoubleVote, type Signed, surrounds } from './consensus/evidence.js';
import { encodeVoteMessage, type Vote, type VoteMessage } from './consensus/votes.js';
import { isSameMessage } from './voting.js';

interface Seen {
  readonly message: VoteMessage;
  readonly signature: Uint8Array;
}

/** Who voted for a message: signatures by voter. */
interface Ballot {
  readonly message: VoteMessage;
  readonly signatures: (Uint8Array | undefined)[];
}

/** Votes of one era, whose voters have numbers. */
interface OfEra {
  readonly rootId: Uint8Array;
  /** By target slot. */
  readonly ballots: Map<number, Ballot[]>;
  /** By voter: the highest of all that came, also of those that fell out of the window. */
  readonly sourceSlots: number[];
  readonly targetSlots: number[];
}

const ofOne = 2;
const nothing: readonly Equivocation[] = [];

export class Sightings {
  readonly #windowSlots: number;
  #eras: OfEra[] = [];
  /** Slot, then node key in hex. */
  readonly #headers = new Map<number, Map<string, Signed[]>>();
  #slot = 0;

  constructor(windowSlots: number) {
    this.#windowSlots = windowSlots;
  }

  advance(slot: number): void {
    this.#slot = slot;
    for (const slots of [this.#headers, ...this.#eras.map(({ ballots }) => ballots)]) {
      for (const old of slots.keys()) if (this.#isOld(old)) slots.delete(old);
    }
    this.#eras = this.#eras.filter(({ ballots }) => ballots.size > 0);
  }

  /** Takes in a header; gives the evidence that it completes. */
  header(slot: number, nodeKey: PublicKey, seen: Signed): Equivocation[] {
    if (!this.#isInWindow(slot)) return [];
    const ofSlot = this.#headers.get(slot) ?? new Map<string, Signed[]>();
    this.#headers.set(slot, ofSlot);
    const name = toHex(nodeKey);
    const ofKey = ofSlot.get(name) ?? [];
    ofSlot.set(name, ofKey);
    if (ofKey.length >= ofOne || ofKey.some(({ bytes }) => compareBytes(bytes, seen.bytes) === 0)) return [];
    ofKey.push(seen);
    return ofKey.slice(0, -1).map(other => equivocation('doubleBlock', nodeKey, other, seen));
  }

  /** Takes in a vote; gives the evidence that it completes, at most one record of each kind. */
  vote(vote: Vote): readonly Equivocation[] {
    const { message, voter, signature } = vote;
    const { sourceSlot, targetSlot } = message;
    if (!this.#isInWindow(targetSlot)) return nothing;
    const era = this.#eraOf(message.rootId);
    const isForward = targetSlot > (era.targetSlots[voter] ?? -1) && sourceSlot >= (era.sourceSlots[voter] ?? 0);
    // Whose votes only go forward, as all honest ones do, has no two of a slot and none around another.
    const found = isForward ? nothing : this.#compared(era, vote);
    if (found === null) return nothing;
    this.#ballotOf(era, message).signatures[voter] = signature;
    era.sourceSlots[voter] = Math.max(sourceSlot, era.sourceSlots[voter] ?? 0);
    era.targetSlots[voter] = Math.max(targetSlot, era.targetSlots[voter] ?? -1);
    return found;
  }

  /** A vote beside the others of its voter: the evidence; null for one that is known, or says nothing more. */
  #compared({ ballots }: OfEra, { message, voter, nodeKey, signature }: Vote): Equivocation[] | null {
    const votes: Seen[] = [];
    for (const ofSlot of ballots.values()) {
      for (const ballot of ofSlot) {
        const other = ballot.signatures[voter];
        if (other) votes.push({ message: ballot.message, signature: other });
      }
    }
    const ofSlot = votes.filter(other => other.message.targetSlot === message.targetSlot);
    if (ofSlot.length >= ofOne || ofSlot.some(other => isSameMessage(other.message, message))) return null;
    const seen = signed({ message, signature });
    const double = ofSlot.find(other => isDoubleVote(other.message, message));
    const around = votes.find(other => surrounds(other.message, message));
    const inside = votes.find(other => surrounds(message, other.message));
    return [
      ...(double ? [equivocation('doubleVote', nodeKey, signed(double), seen)] : []),
      ...(around ? [equivocation('surroundVote', nodeKey, signed(around), seen)] : []),
      ...(inside ? [equivocation('surroundVote', nodeKey, seen, signed(inside))] : []),
    ];
  }

  #eraOf(rootId: Uint8Array): OfEra {
    for (const era of this.#eras) if (equalBytes(era.rootId, rootId)) return era;
    const era: OfEra = { rootId, ballots: new Map(), sourceSlots: [], targetSlots: [] };
    this.#eras.push(era);
    return era;
  }

  #ballotOf({ ballots, targetSlots }: OfEra, message: VoteMessage): Ballot {
    const ofSlot = ballots.get(message.targetSlot) ?? [];
    for (const ballot of ofSlot) if (isSameMessage(ballot.message, message)) return ballot;
    const ballot: Ballot = { message, signatures: new Array<undefined>(targetSlots.length) };
    ballots.set(message.targetSlot, ofSlot);
    ofSlot.push(ballot);
    return ballot;
  }

  #isOld(slot: number): boolean {
    return slot + this.#windowSlots < this.#slot;
  }

  #isInWindow(slot: number): boolean {
    return !this.#isOld(slot) && slot <= this.#slot + 1;
  }
}

const signed = ({ message, signature }: Seen): Signed => ({ bytes: encodeVoteMessage(message), signature });
