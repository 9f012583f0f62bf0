/**
 * What was seen signed in the last slots, to find what one key signed twice. Everything enters verified. Bounded: votes of
 * the window alone, and of one key at most two headers a slot and two votes a target slot: two are evidence, a third says
 * nothing more.
 */
import { compareBytes, type PublicKey, toHex } from '@radpass/core';
import { type Equivocation, equivocation, isDoubleVote, type Signed, surrounds } from './consensus/evidence.js';
import { encodeVoteMessage, type VoteMessage } from './consensus/votes.js';
import { isSameMessage } from './voting.js';

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
  /** By target slot. */
  readonly #votes = new Map<number, Ballot[]>();
  /** By node key, in hex: the vote that none of the key's lies behind, as long as they go forward. */
  readonly #highest = new Map<string, VoteMessage>();
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
    for (const [key, { targetSlot }] of this.#highest)
      if (targetSlot + this.#windowSlots < slot) this.#highest.delete(key);
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
    const { sourceSlot, targetSlot } = message;
    if (!this.#isInWindow(targetSlot)) return [];
    const key = nameOf(nodeKey);
    const ballots = entryOf(this.#votes, targetSlot, () => []);
    const known = ballots.find(ballot => isSameMessage(ballot.message, message));
    if (known?.signatures.has(key)) return [];
    const others = ballots.filter(ballot => ballot !== known && ballot.signatures.has(key));
    if (others.length >= ofOneKey) return [];
    const ballot = known ?? { message, bytes: encodeVoteMessage(message), signatures: new Map<string, Uint8Array>() };
    if (!known) ballots.push(ballot);
    ballot.signatures.set(key, signature);
    const signed = ({ bytes, signatures }: Ballot): Signed => ({ bytes, signature: signatures.get(key)! });
    const double = others.find(other => isDoubleVote(other.message, message));
    // Whose votes only go forward, as all honest ones do, has none around another.
    const highest = this.#highest.get(key);
    const isForward = !highest || (sourceSlot >= highest.sourceSlot && targetSlot > highest.targetSlot);
    if (isForward) this.#highest.set(key, message);
    const earlier = isForward ? [] : this.#ballotsOf(key);
    const around = earlier.find(other => surrounds(other.message, message));
    const inside = earlier.find(other => surrounds(message, other.message));
    return [
      ...(double ? [equivocation('doubleVote', nodeKey, signed(double), signed(ballot))] : []),
      ...(around ? [equivocation('surroundVote', nodeKey, signed(around), signed(ballot))] : []),
      ...(inside ? [equivocation('surroundVote', nodeKey, signed(ballot), signed(inside))] : []),
    ];
  }

  #isInWindow(slot: number): boolean {
    return slot + this.#windowSlots >= this.#slot && slot <= this.#slot + 1;
  }

  #ballotsOf(key: string): Ballot[] {
    return [...this.#votes.values()].flat().filter(ballot => ballot.signatures.has(key));
  }
}

/** Committees hand out the same key as the same object: its name is made once. */
const names = new WeakMap<PublicKey, string>();

function nameOf(key: PublicKey): string {
  const known = names.get(key);
  if (known !== undefined) return known;
  const name = toHex(key);
  names.set(key, name);
  return name;
}

function entryOf<K, V>(entries: Map<K, V>, key: K, make: () => V): V {
  const value = entries.get(key) ?? make();
  entries.set(key, value);
  return value;
}
