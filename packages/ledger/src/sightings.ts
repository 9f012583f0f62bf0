/**
 * What was seen signed in the last slots, to find what one key signed twice. Everything enters verified. Bounded: votes of
 * the window alone, and of one key at most two headers a slot and two votes a target slot: two are evidence, a third says
 * nothing more.
 */
import { compareBytes, type PublicKey, toHex } from '@radpass/core';
import { type Equivocation, equivocation, isDoubleVote, type Signed, surrounds } from './consensus/evidence.js';
import { encodeVoteMessage, type VoteMessage } from './consensus/votes.js';
import { isSameMessage } from './voting.js';

interface Seen {
  readonly message: VoteMessage;
  readonly signature: Uint8Array;
}

/** Votes of one key, by target slot. */
interface OfKey {
  readonly votes: Seen[];
  /** The highest of all that came, also of those that fell out of the window. */
  sourceSlot: number;
  targetSlot: number;
}

const ofOneKey = 2;

export class Sightings {
  readonly #windowSlots: number;
  /** Messages by target slot: whoever voted for the same one shares it. */
  readonly #messages = new Map<number, VoteMessage[]>();
  /** By node key, in hex. */
  readonly #votes = new Map<string, OfKey>();
  /** Slot, then node key in hex. */
  readonly #headers = new Map<number, Map<string, Signed[]>>();
  #slot = 0;

  constructor(windowSlots: number) {
    this.#windowSlots = windowSlots;
  }

  advance(slot: number): void {
    this.#slot = slot;
    const isOld = (target: number): boolean => target + this.#windowSlots < slot;
    for (const slots of [this.#messages, this.#headers]) {
      for (const old of slots.keys()) if (isOld(old)) slots.delete(old);
    }
    for (const [key, ofKey] of this.#votes) {
      if (!isOld(ofKey.votes[0]!.message.targetSlot)) continue;
      const first = ofKey.votes.findIndex(({ message }) => !isOld(message.targetSlot));
      if (first < 0) this.#votes.delete(key);
      else ofKey.votes.splice(0, first);
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
    const { sourceSlot, targetSlot } = message;
    if (!this.#isInWindow(targetSlot)) return [];
    const ofTarget = entryOf(this.#messages, targetSlot, () => []);
    const known = ofTarget.find(other => isSameMessage(other, message));
    const seen: Seen = { message: known ?? message, signature };
    const ofKey = entryOf(this.#votes, nameOf(nodeKey), () => ({ votes: [], sourceSlot: 0, targetSlot: -1 }));
    const { votes } = ofKey;
    let above = votes.length;
    while (above > 0 && votes[above - 1]!.message.targetSlot > targetSlot) above--;
    let below = above;
    while (below > 0 && votes[below - 1]!.message.targetSlot === targetSlot) below--;
    const ofSlot = votes.slice(below, above);
    if (ofSlot.length >= ofOneKey || ofSlot.some(other => other.message === known)) return [];
    // Whose votes only go forward, as all honest ones do, has no two of a slot and none around another.
    const isForward = sourceSlot >= ofKey.sourceSlot && targetSlot > ofKey.targetSlot;
    ofKey.sourceSlot = Math.max(ofKey.sourceSlot, sourceSlot);
    ofKey.targetSlot = Math.max(ofKey.targetSlot, targetSlot);
    votes.splice(above, 0, seen);
    if (!known) ofTarget.push(message);
    if (isForward) return [];
    const double = ofSlot.find(other => isDoubleVote(other.message, message));
    const around = votes.find(other => surrounds(other.message, message));
    const inside = votes.find(other => surrounds(message, other.message));
    return [
      ...(double ? [equivocation('doubleVote', nodeKey, signed(double), signed(seen))] : []),
      ...(around ? [equivocation('surroundVote', nodeKey, signed(around), signed(seen))] : []),
      ...(inside ? [equivocation('surroundVote', nodeKey, signed(seen), signed(inside))] : []),
    ];
  }

  #isInWindow(slot: number): boolean {
    return slot + this.#windowSlots >= this.#slot && slot <= this.#slot + 1;
  }
}

const signed = ({ message, signature }: Seen): Signed => ({ bytes: encodeVoteMessage(message), signature });

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
