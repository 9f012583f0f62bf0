/**
 * What the ledger asks of a disk: one ordered table of byte strings with synchronous reads and atomic, durable batches.
 *
 * Others may implement it; `@radpass/ledger/compliance` has the suite. Keys are latin1 text, one character a byte
 * (storeKeys.ts); order is bytewise.
 *
 * Promises of an implementation: a batch is all or nothing, also over SIGKILL and power loss; when `commit` has
 * resolved, the batch outlives both; a rejected commit means "unknown", after which the ledger stops and the store is
 * opened again; a record that differs from what was written is never returned (LEDGER_STORE_DAMAGED instead).
 */
import { LedgerError } from './errors.js';
import { afterPrefix } from './storeKeys.js';

/** A value, or null to remove the record. */
export type StoreWrite = readonly [key: string, value: Uint8Array | null];

export interface LedgerStore {
  /** The record's value, of which the caller changes nothing. @throws LedgerError LEDGER_STORE_DAMAGED */
  get(key: string): Uint8Array | undefined;
  /** Records with from <= key < below in ascending order, as they stood when the iteration began. */
  entries(from: string, below: string): AsyncIterable<readonly [key: string, value: Uint8Array]>;
  /** @throws LedgerError LEDGER_STORE_FAILED */
  commit(writes: readonly StoreWrite[]): Promise<void>;
  /** Remove every record whose key begins with `prefix`, not atomically: what a rebuild from the blocks writes anew. */
  clear(prefix: string): Promise<void>;
  close(): Promise<void>;
}

/** A store in memory, for tests and the simulator; `close` forgets nothing. */
export class MemoryStore implements LedgerStore {
  readonly #records = new Map<string, Uint8Array>();
  #sorted: string[] | null = null;

  constructor(records: Iterable<readonly [string, Uint8Array]> = []) {
    for (const [key, value] of records) this.#records.set(key, value);
  }

  get(key: string): Uint8Array | undefined {
    return this.#records.get(key);
  }

  async *entries(from: string, below: string): AsyncIterable<readonly [string, Uint8Array]> {
    this.#sorted ??= [...this.#records.keys()].sort();
    const found = this.#sorted.slice(firstAtOrAfter(this.#sorted, from), firstAtOrAfter(this.#sorted, below));
    const taken = found.map(key => [key, this.#records.get(key)!] as const);
    yield* taken;
  }

  async commit(writes: readonly StoreWrite[]): Promise<void> {
    for (const [key, value] of writes) {
      if (value === null) {
        if (this.#records.delete(key)) this.#sorted = null;
      } else {
        if (!this.#records.has(key)) this.#sorted = null;
        this.#records.set(key, new Uint8Array(value));
      }
    }
  }

  async clear(prefix: string): Promise<void> {
    for (const key of [...this.#records.keys()]) if (key.startsWith(prefix)) this.#records.delete(key);
    this.#sorted = null;
  }

  async close(): Promise<void> {}

  /** A second store with the same records. */
  copy(): MemoryStore {
    return new MemoryStore(this.#records);
  }
}

/** Place of the first of sorted keys that is not below `key`. */
export function firstAtOrAfter(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** All records whose key begins with `prefix`. */
export function entriesUnder(store: LedgerStore, prefix: string): ReturnType<LedgerStore['entries']> {
  return store.entries(prefix, afterPrefix(prefix));
}

/** What a record that must be there says, or damage. */
export function getRequired(store: LedgerStore, key: string, what: string): Uint8Array {
  const value = store.get(key);
  if (value === undefined) throw damaged(`${what} is missing`);
  return value;
}

export function damaged(
  what: string,
  where: { height?: number; id?: string; key?: string } = {},
  cause?: unknown,
): LedgerError {
  return new LedgerError({ code: 'LEDGER_STORE_DAMAGED', what, ...where }, `the store is damaged: ${what}`, { cause });
}
