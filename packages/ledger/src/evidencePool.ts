/**
 * Evidence that no final block records yet: found by this node or heard from others, on disk (kind E) until it is
 * final. One record an offence; every record was judged on the head of its time. Full, the pool prefers evidence that
 * still takes weight from somebody.
 */
import { u64be } from '@radpass/core';
import { evidenceKinds } from './consensus/evidence.js';
import { type Offence, recordedIn } from './offences.js';
import type { StateSource } from './stateView.js';
import type { StoreWrite } from './store.js';
import { storeKeys } from './storeKeys.js';

/** Records in the pool, of one source, and of invalid blocks, which are long. */
export const evidenceLimits = Object.freeze({ records: 64, ofSource: 8, invalidBlocks: 4 });

interface Held {
  readonly record: Uint8Array;
  readonly offence: Offence;
  readonly key: string;
}

export interface EvidencePoolInit {
  /** Gathers a write for the next batch. */
  readonly write: (write: StoreWrite) => void;
  /** Smaller is more wanted. */
  readonly rank: (offence: Offence) => number;
}

const keyOf = ({ kind, sourceKey, slot }: Offence): string =>
  storeKeys.evidence(Uint8Array.of(evidenceKinds[kind]), sourceKey, u64be(slot));

export class EvidencePool {
  readonly #p: EvidencePoolInit;
  readonly #held = new Map<string, Held>();

  constructor(p: EvidencePoolInit) {
    this.#p = p;
  }

  has(offence: Offence): boolean {
    return this.#held.has(keyOf(offence));
  }

  /** Take in a judged record. @returns false when there is no room for it */
  add(record: Uint8Array, offence: Offence): boolean {
    const key = keyOf(offence);
    const rank = this.#p.rank(offence);
    const name = offence.sourceKey.join();
    const all = [...this.#held.values()];
    const invalid = all.filter(held => held.offence.kind === 'invalidBlock').length;
    if (this.#held.has(key) || (offence.kind === 'invalidBlock' && invalid >= evidenceLimits.invalidBlocks))
      return false;
    if (all.filter(held => held.offence.sourceKey.join() === name).length >= evidenceLimits.ofSource) return false;
    if (all.length >= evidenceLimits.records) {
      const last = this.#ordered().at(-1)!;
      if (this.#p.rank(last.offence) <= rank) return false;
      this.#drop(last.key);
    }
    this.#held.set(key, { record, offence, key });
    this.#p.write([key, record]);
    return true;
  }

  /** What `state` does not record yet, the most wanted first. */
  candidates(state: StateSource): Uint8Array[] {
    return this.#ordered()
      .filter(({ offence }) => recordedIn(state, offence) === undefined)
      .map(({ record }) => record);
  }

  /** Forget what the final state records, and what can never be recorded any more. */
  sawFinal(final: StateSource, isTooOld: (record: Uint8Array, offence: Offence) => boolean): void {
    for (const { key, record, offence } of [...this.#held.values()]) {
      if (recordedIn(final, offence) !== undefined || isTooOld(record, offence)) this.#drop(key);
    }
  }

  #drop(key: string): void {
    this.#held.delete(key);
    this.#p.write([key, null]);
  }

  #ordered(): Held[] {
    return [...this.#held.values()].sort((a, b) => this.#p.rank(a.offence) - this.#p.rank(b.offence));
  }
}
