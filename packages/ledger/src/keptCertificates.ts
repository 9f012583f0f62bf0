/**
 * The certificates that blocks to come may have to carry: the newest of the standing era, and the one that made the era's
 * root final, which stays at hand until the chain records it. Without that one no block could name the era.
 */
import { equalBytes, sha256 } from '@radpass/core';
import { eraOf } from './consensus/chainTables.js';
import { beginEra } from './consensus/era.js';
import type { FinalityRecord } from './consensus/finality.js';
import type { Consensus } from './consensus/index.js';
import { encodeVoteMessage, type VoteMessage, type VoteSet } from './consensus/votes.js';
import { certificateRecord } from './records.js';
import type { StateSource } from './stateView.js';
import type { StoreWrite } from './store.js';
import { storeKeys } from './storeKeys.js';
import { isSameMessage } from './voting.js';

/** The newest, of which a block carries at most two. */
const kept = 8;

const keyOf = ({ message }: VoteSet): string =>
  storeKeys.certificate(message.targetSlot, sha256(encodeVoteMessage(message)));

export class KeptCertificates {
  readonly #finality: Consensus['finality'];
  #ofEra: VoteSet[] = [];
  #handOver: VoteSet | null = null;
  /** Those that the store holds once the writes taken are on disk, with their keys. */
  readonly #stored = new Map<VoteSet, string>();
  #changed = false;

  constructor(finality: Consensus['finality']) {
    this.#finality = finality;
  }

  /** In the order in which they apply. */
  get all(): readonly VoteSet[] {
    return this.#handOver ? [this.#handOver, ...this.#ofEra] : this.#ofEra;
  }

  /** The store holds this one. */
  read(certificate: VoteSet): void {
    this.#stored.set(certificate, keyOf(certificate));
    this.#changed = true;
  }

  /** What makes the store hold `all`, and no others. */
  takeWrites(): StoreWrite[] {
    if (!this.#changed) return [];
    this.#changed = false;
    const writes: StoreWrite[] = [];
    const { all } = this;
    for (const [certificate, key] of this.#stored) {
      if (all.includes(certificate)) continue;
      writes.push([key, null]);
      this.#stored.delete(certificate);
    }
    for (const certificate of all) {
      if (this.#stored.has(certificate)) continue;
      const key = keyOf(certificate);
      writes.push([key, certificateRecord.encode(certificate)]);
      this.#stored.set(certificate, key);
    }
    return writes;
  }

  has(link: VoteMessage): boolean {
    return this.all.some(({ message }) => isSameMessage(message, link));
  }

  add(certificate: VoteSet): void {
    const all = [...this.#ofEra, certificate].sort((a, b) => a.message.targetSlot - b.message.targetSlot);
    // What made the newest final block final is told to light clients, however long finality stands still after it.
    const final = all.findLast(({ message }) => this.#finality.finalizes(message));
    const newest = all.slice(-kept);
    this.#ofEra = final && !newest.includes(final) ? [final, ...newest.slice(1)] : newest;
    this.#changed = true;
  }

  /** An era has begun with a root that a certificate among `all`, or `certificate`, made final. */
  handOver(rootId: Uint8Array, certificate?: VoteSet): void {
    const made = [...this.#ofEra, ...(certificate ? [certificate] : [])].findLast(
      ({ message }) => this.#finality.finalizes(message) && equalBytes(message.sourceId, rootId),
    );
    this.#handOver = made ?? null;
    if (!certificate) this.#ofEra = [];
    this.#changed = true;
  }

  /** The final chain records the standing era. */
  recorded(): void {
    if (this.#handOver) this.#changed = true;
    this.#handOver = null;
  }

  /**
   * Those for a block: what hands over to the standing era, the newest that makes final, and the one that justifies
   * highest.
   * @param state - after the parent
   * @param record - what the parent's chain records
   * @param p.rootId - of the standing era
   * @param p.isOn - whether a block, not below the final one, is on the parent's chain
   */
  forBlock(
    state: StateSource,
    record: FinalityRecord,
    p: { rootId: Uint8Array; isOn: (id: Uint8Array) => boolean },
  ): VoteSet[] {
    const { finalizes, raises, applyLink } = this.#finality;
    let from = record;
    const carried: VoteSet[] = [];
    if (!equalBytes(record.root.id, p.rootId)) {
      const { opening } = eraOf(state);
      // Every parent descends from the root: it is final here, maybe with blocks above it that no block knows of yet.
      if (!opening || !this.#handOver) return [];
      const heights = { source: opening.height, target: opening.height };
      from = beginEra(applyLink(record, this.#handOver.message, heights), opening);
      carried.push(this.#handOver);
    }
    const usable = this.#ofEra.filter(({ message }) => raises(from, message) && p.isOn(message.targetId));
    const finalizing = usable.findLast(({ message }) => finalizes(message));
    const chosen = new Set([...carried, finalizing, usable.at(-1)]);
    return [...chosen].filter(certificate => certificate !== undefined);
  }
}
