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

/** Votes of one key, by target slot; a vote is what stands at one place of both lists. */
interface OfKey {
  readonly messages: VoteMessage[];
  readonly signatures: Uint8Array[];
  /** The highest of all that came, also of those that fell out of the window. */
  sourceSlot: number;
  targetSlot: number;
}

const ofOneKey = 2;
const nothing: readonly Equivocation[] = [];

export class Sightings {
  readonly #windowSlots: number;
  /** Messages by target slot: whoever voted for the same one shares it. */
  readonly #messages = new Map<number, VoteMessage[]>();
  /** By node key, in hex. */
  readonly #votes = new Map<string, OfKey>();
  /** Slot, then node key in hex. */
  readonly #headers = new Map<number, Map<string, Signed[]>>();
  #slot = 0;
  /** When keys that vote no more are forgotten next. */
  #sweepSlot = 0;

  constructor(windowSlots: number) {
    this.#windowSlots = windowSlots;
  }

  advance(slot: number): void {
    this.#slot = slot;
    for (const slots of [this.#messages, this.#headers]) {
      for (const old of slots.keys()) if (this.#isOld(old)) slots.delete(old);
    }
    if (slot < this.#sweepSlot) return;
    this.#sweepSlot = slot + this.#windowSlots;
    for (const [key, { targetSlot }] of this.#votes) if (this.#isOld(targetSlot)) this.#votes.delete(key);
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
  vote(message: VoteMessage, nodeKey: PublicKey, signature: Uint8Array): readonly Equivocation[] {
    const { sourceSlot, targetSlot } = message;
    if (!this.#isInWindow(targetSlot)) return nothing;
    const name = nameOf(nodeKey);
    let ofKey = this.#votes.get(name);
    if (!ofKey) {
      ofKey = { messages: [], signatures: [], sourceSlot: 0, targetSlot: -1 };
      this.#votes.set(name, ofKey);
    }
    // Whose votes only go forward, as all honest ones do, has no two of a slot and none around another.
    const isForward = sourceSlot >= ofKey.sourceSlot && targetSlot > ofKey.targetSlot;
    if (!isForward) return this.#compared(ofKey, { message, signature }, nodeKey);
    if (ofKey.messages.length >= 2 * this.#windowSlots) this.#forgetOld(ofKey);
    ofKey.messages.push(this.#shared(message));
    ofKey.signatures.push(signature);
    ofKey.sourceSlot = sourceSlot;
    ofKey.targetSlot = targetSlot;
    return nothing;
  }

  /** A vote beside the others of its key. */
  #compared(ofKey: OfKey, { message, signature }: Seen, nodeKey: PublicKey): readonly Equivocation[] {
    this.#forgetOld(ofKey);
    const { sourceSlot, targetSlot } = message;
    const votes = ofKey.messages.map((other, i): Seen => ({ message: other, signature: ofKey.signatures[i]! }));
    const ofSlot = votes.filter(other => other.message.targetSlot === targetSlot);
    if (ofSlot.length >= ofOneKey || ofSlot.some(other => isSameMessage(other.message, message))) return nothing;
    const above = votes.findIndex(other => other.message.targetSlot > targetSlot);
    const at = above < 0 ? votes.length : above;
    ofKey.messages.splice(at, 0, this.#shared(message));
    ofKey.signatures.splice(at, 0, signature);
    ofKey.sourceSlot = Math.max(ofKey.sourceSlot, sourceSlot);
    ofKey.targetSlot = Math.max(ofKey.targetSlot, targetSlot);
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

  #forgetOld({ messages, signatures }: OfKey): void {
    const first = messages.findIndex(({ targetSlot }) => !this.#isOld(targetSlot));
    const old = first < 0 ? messages.length : first;
    messages.splice(0, old);
    signatures.splice(0, old);
  }

  /** The message that others of the slot voted for, if it is the same. */
  #shared(message: VoteMessage): VoteMessage {
    const ofTarget = this.#messages.get(message.targetSlot);
    if (!ofTarget) {
      this.#messages.set(message.targetSlot, [message]);
      return message;
    }
    for (const known of ofTarget) if (isSameMessage(known, message)) return known;
    ofTarget.push(message);
    return message;
  }

  #isOld(slot: number): boolean {
    return slot + this.#windowSlots < this.#slot;
  }

  #isInWindow(slot: number): boolean {
    return !this.#isOld(slot) && slot <= this.#slot + 1;
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
