/**
 * Loose votes for a block: those of the last slots that no block of its chain carries yet. They stand for credit only, so
 * each is carried once; which ones a chain carries is read from its blocks.
 */
import { toHex } from '@radpass/core';
import { hasBit } from './bits.js';
import { assembleVoteSet, type VoteMessage, type VoteSet, votersOf } from './consensus/votes.js';
import type { Judging } from './judging.js';
import { storeKeys } from './storeKeys.js';
import { isSameMessage } from './voting.js';

/** Who voted for a message. */
type Share = Pick<VoteSet, 'message' | 'bitmap'>;

/** A block, and the votes that it carries. */
interface Carrier {
  readonly slot: number;
  readonly parent: Uint8Array;
  readonly shares: readonly Share[];
}

const blocksRemembered = 128;

export class VoteCredit {
  readonly #get: (key: string) => Uint8Array | undefined;
  readonly #judging: Judging;
  readonly #carriers = new Map<string, Carrier>();

  /** @param get - reads the store */
  constructor(get: (key: string) => Uint8Array | undefined, judging: Judging) {
    this.#get = get;
    this.#judging = judging;
  }

  /**
   * What of `sets` the chain ending in `parentId` doesn't carry.
   * @param fromSlot - votes for earlier slots are too old, and so are blocks before it
   */
  missing(sets: readonly VoteSet[], parentId: Uint8Array, fromSlot: number): VoteSet[] {
    const carried = new Shares();
    for (let at = this.#read(parentId); at && at.slot >= fromSlot; at = this.#read(at.parent)) {
      for (const share of at.shares) carried.add(share);
    }
    return sets.flatMap(set => {
      const known = carried.of(set.message);
      if (!known) return [set];
      const votes = votersOf(set.bitmap)
        .map((voter, i) => ({ voter, signature: set.signatures[i]! }))
        .filter(({ voter }) => !hasBit(known, voter));
      return votes.length === 0 ? [] : [assembleVoteSet(set.message, votes, set.bitmap.length * 8)];
    });
  }

  #read(id: Uint8Array): Carrier | null {
    const name = toHex(id);
    const known = this.#carriers.get(name);
    if (known) return known;
    const stored = this.#get(storeKeys.block(id));
    if (!stored) return null;
    const { header, body } = this.#judging.parseKeptBlock(stored);
    const shares = [...body.certificates, ...body.voteSets].map(({ message, bitmap }) => ({ message, bitmap }));
    const carrier = { slot: header.slot, parent: header.parent, shares };
    if (this.#carriers.size >= blocksRemembered) this.#carriers.delete(this.#carriers.keys().next().value!);
    this.#carriers.set(name, carrier);
    return carrier;
  }
}

/** All shares of a chain, one for each message. */
class Shares {
  /** By target slot. */
  readonly #slots = new Map<number, Share[]>();

  of(message: VoteMessage): Uint8Array | undefined {
    return this.#slots.get(message.targetSlot)?.find(share => isSameMessage(share.message, message))?.bitmap;
  }

  add({ message, bitmap }: Share): void {
    const known = this.of(message);
    if (known) for (const [at, byte] of bitmap.entries()) known[at]! |= byte;
    else {
      const ofSlot = this.#slots.get(message.targetSlot) ?? [];
      ofSlot.push({ message, bitmap: bitmap.slice() });
      this.#slots.set(message.targetSlot, ofSlot);
    }
  }
}
