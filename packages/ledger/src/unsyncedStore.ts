/** A store as it will be once all writes that were gathered are on disk. */
import type { LedgerStore, StoreWrite } from './store.js';

export class UnsyncedStore {
  readonly #store: Pick<LedgerStore, 'get'>;
  /** Writes not yet known to be on disk, the latest for each key. */
  readonly #writes = new Map<string, Uint8Array | null>();

  constructor(store: Pick<LedgerStore, 'get'>) {
    this.#store = store;
  }

  get(key: string): Uint8Array | undefined {
    const value = this.#writes.get(key);
    return value === undefined ? this.#store.get(key) : (value ?? undefined);
  }

  write(writes: readonly StoreWrite[]): void {
    for (const [key, value] of writes) {
      this.#writes.delete(key);
      this.#writes.set(key, value);
    }
  }

  /** Those for the next batch, in their order. */
  writes(): StoreWrite[] {
    return [...this.#writes];
  }

  /** They are on disk. */
  synced(): void {
    this.#writes.clear();
  }
}
