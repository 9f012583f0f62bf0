/**
 * Loose votes for a block: those of the last slots that no block of its chain carries yet. They stand for credit only, so
 * each is carried once; which ones a chain carries is read from its blocks.
 */
import { sha256, toHex } from '@radpass/core';
import { assembleVoteSet, encodeVoteMessage, type VoteSet, votersOf } from './consensus/votes.js';
import type { Judging } from './judging.js';
import { storeKeys } from './storeKeys.js';

interface Carried {
  readonly slot: number;
  readonly parent: Uint8Array;
  /** Message hash (hex), a colon, voter. */
  readonly votes: readonly string[];
}

const blocksRemembered = 128;
const nameOf = (messageHash: string, voter: number): string => `${messageHash}:${voter}`;
const hashOf = (set: VoteSet): string => toHex(sha256(encodeVoteMessage(set.message)));

export class VoteCredit {
  readonly #get: (key: string) => Uint8Array | undefined;
  readonly #judging: Judging;
  readonly #carried = new Map<string, Carried>();

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
    const carried = new Set<string>();
    let at = this.#read(parentId);
    while (at && at.slot >= fromSlot) {
      for (const name of at.votes) carried.add(name);
      at = this.#read(at.parent);
    }
    return sets.flatMap(set => {
      const hash = hashOf(set);
      const votes = votersOf(set.bitmap)
        .map((voter, i) => ({ voter, signature: set.signatures[i]! }))
        .filter(({ voter }) => !carried.has(nameOf(hash, voter)));
      return votes.length === 0 ? [] : [assembleVoteSet(set.message, votes, set.bitmap.length * 8)];
    });
  }

  #read(id: Uint8Array): Carried | null {
    const name = toHex(id);
    const known = this.#carried.get(name);
    if (known) return known;
    const stored = this.#get(storeKeys.block(id));
    if (!stored) return null;
    const { header, body } = this.#judging.parseKeptBlock(stored);
    const votes = [...body.certificates, ...body.voteSets].flatMap(set => {
      const hash = hashOf(set);
      return votersOf(set.bitmap).map(voter => nameOf(hash, voter));
    });
    const carried = { slot: header.slot, parent: header.parent, votes };
    if (this.#carried.size >= blocksRemembered) this.#carried.delete(this.#carried.keys().next().value!);
    this.#carried.set(name, carried);
    return carried;
  }
}
