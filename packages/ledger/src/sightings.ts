/**
 * What was seen signed in the last slots, to find what one key signed twice. Everything enters verified. Bounded: votes of
 * the window alone, and of one key at most two headers a slot and two votes a target slot: two are evidence, a third says
 * nothing more.
 */
import { compareBytes, type PublicKey, toHex } from '@radpass/core';
import { type Equivocation, equivocation, isDoubleVote, type Signed, surrounds } from './consensus/evidence.js';
import { encodeVoteMessage, type VoteMessage } from './consensus/votes.js';

/** One message, shared by all who voted for it. */
interface Ballot {
  readonly message: VoteMessage;
  readonly bytes: Uint8Array;
  /** By node key, hex. */
  readonly signatures: Map<string, Uint8Array>;
}

const ofOneKey = 2;

export class Sightings {
  readonly #windowSlots: number;
  /** Target slot, then message in hex. */
  readonly #votes = new Map<number, Map<string, Ballot>>();
  /** Slot, then node key in hex. */
  readonly #headers = new Map<number, Map<string, Signed[]>>();
  #slot = 0;

  constructor(windowSlots: number) {
    this.#windowSlots = windowSlots;
  }

  advance(slot: number): void {
    this.#slot = slot;
    for (const slots of [this.#votes, this.#headers]) {
      for (const old of slots.keys()) if (old + this.#windowSlots < slot) slots.delete(old);
    }
  }

  /** Takes in a header; gives the evidence that it completes. */
  header(slot: number, nodeKey: PublicKey, seen: Signed): Equivocation[] {
    if (!this.#isInWindow(slot)) return [];
    const ofSlot = entryOf(this.#headers, slot, () => new Map<string, Signed[]>());
    const ofKey = entryOf(ofSlot, toHex(nodeKey), () => []);
    if (ofKey.length >= ofOneKey || ofKey.some(({ bytes }) => compareBytes(bytes, seen.bytes) === 0)) return [];
    ofKey.push(seen);
    return ofKey.slice(0, -1).map(other => equivocation('doubleBlock', nodeKey, other, seen));
  }

  /** Takes in a vote; gives the evidence that it completes, at most one record of each kind. */
  vote(message: VoteMessage, nodeKey: PublicKey, signature: Uint8Array): Equivocation[] {
    const { targetSlot } = message;
    if (!this.#isInWindow(targetSlot)) return [];
    const key = toHex(nodeKey);
    const bytes = encodeVoteMessage(message);
    const ballots = entryOf(this.#votes, targetSlot, () => new Map<string, Ballot>());
    const others = [...ballots.values()].filter(ballot => ballot.signatures.has(key));
    if (others.length >= ofOneKey || others.some(other => compareBytes(other.bytes, bytes) === 0)) return [];
    const ballot = entryOf(ballots, toHex(bytes), () => ({ message, bytes, signatures: new Map() }));
    ballot.signatures.set(key, signature);
    const own = { bytes, signature };
    const signed = (other: Ballot): Signed => ({ bytes: other.bytes, signature: other.signatures.get(key)! });
    const double = others.find(other => isDoubleVote(other.message, message));
    const around = this.#ballotsOf(key).find(other => surrounds(other.message, message));
    const inside = this.#ballotsOf(key).find(other => surrounds(message, other.message));
    return [
      ...(double ? [equivocation('doubleVote', nodeKey, signed(double), own)] : []),
      ...(around ? [equivocation('surroundVote', nodeKey, signed(around), own)] : []),
      ...(inside ? [equivocation('surroundVote', nodeKey, own, signed(inside))] : []),
    ];
  }

  #isInWindow(slot: number): boolean {
    return slot + this.#windowSlots >= this.#slot && slot <= this.#slot + 1;
  }

  #ballotsOf(key: string): Ballot[] {
    return [...this.#votes.values()]
      .flatMap(ballots => [...ballots.values()])
      .filter(ballot => ballot.signatures.has(key));
  }
}

function entryOf<K, V>(entries: Map<K, V>, key: K, make: () => V): V {
  const value = entries.get(key) ?? make();
  entries.set(key, value);
  return value;
}
