/**
 * A disk that fails as disks do. A commit takes time; a stop while one is under way leaves the batch away, whole, or torn,
 * and a torn batch is found at the next opening by its count and refused whole. A record may rot: then reading it says so, as
 * a store with checksums does, until something is written over it.
 *
 * Values are shared between the disks of a world, not copied: nobody changes one.
 */
import { fromLatin1, toHex } from '@radpass/core';
import { damaged, firstAtOrAfter, type LedgerStore, type StoreWrite } from '../store.js';
import type { Random } from './random.js';

/** How a disk waits: in virtual time. */
export type Delay = (ms: number, run: () => void) => void;

export interface SimDiskInit {
  readonly random: Random;
  readonly delay: Delay;
  /** How long a synced batch takes, in ms; 0 = at once. */
  readonly commitMs: number;
}

interface Batch {
  readonly writes: readonly StoreWrite[];
  /** How many of them reached the medium. */
  written: number;
}

export class SimDisk implements LedgerStore {
  readonly #p: SimDiskInit;
  readonly #records = new Map<string, Uint8Array>();
  readonly #rotten = new Set<string>();
  #sorted: string[] | null = null;
  /** The batch under way, or the one that a stop left. */
  #tail: Batch | null = null;
  /** Grows with every stop: what an earlier process still asks for is never answered. */
  #process = 0;
  /** Torn batches that opening refused. */
  torn = 0;

  constructor(p: SimDiskInit) {
    this.#p = p;
  }

  /** Whether a batch is under way. */
  get isWriting(): boolean {
    return this.#tail !== null;
  }

  /** The medium as a new process finds it. */
  open(): LedgerStore {
    const mine = this.#process;
    const isMine = (): boolean => mine === this.#process;
    return {
      get: key => this.get(key),
      entries: (from, below) => this.entries(from, below),
      commit: writes => (isMine() ? this.commit(writes) : new Promise(() => undefined)),
      clear: prefix => (isMine() ? this.clear(prefix) : new Promise(() => undefined)),
      close: () => Promise.resolve(),
    };
  }

  /** The process ends where it stands. */
  stop(): void {
    this.#process++;
    if (!this.#tail) return;
    const { writes } = this.#tail;
    this.#tail.written = this.#p.random.pick([0, writes.length, this.#p.random.below(writes.length + 1)]);
    this.#settleTail();
  }

  /** A byte of a record turns, of any kind but the two that say whose folder this is. Gives the record's kind. */
  rot(): string | null {
    const keys = [...this.#records.keys()].filter(key => key !== 'Mformat' && key !== 'Mgenesis');
    if (keys.length === 0) return null;
    const key = this.#p.random.pick(keys);
    this.#rotten.add(key);
    return key.charAt(0);
  }

  /** What lies there before anybody uses it. */
  install(writes: readonly StoreWrite[]): void {
    for (const write of writes) this.#write(write);
  }

  /** The operator empties the folder. */
  wipe(): void {
    this.#records.clear();
    this.#rotten.clear();
    this.#sorted = null;
  }

  get isRotten(): boolean {
    return this.#rotten.size > 0;
  }

  get(key: string): Uint8Array | undefined {
    if (this.#rotten.has(key)) {
      throw damaged(`a record of kind ${key.charAt(0)} fails its checksum`, { key: toHex(fromLatin1(key)) });
    }
    return this.#records.get(key);
  }

  async *entries(from: string, below: string): AsyncIterable<readonly [string, Uint8Array]> {
    this.#sorted ??= [...this.#records.keys()].sort();
    const found = this.#sorted.slice(firstAtOrAfter(this.#sorted, from), firstAtOrAfter(this.#sorted, below));
    yield* found.map(key => [key, this.get(key)!] as const);
  }

  commit(writes: readonly StoreWrite[]): Promise<void> {
    if (this.#p.commitMs === 0) {
      for (const write of writes) this.#write(write);
      return Promise.resolve();
    }
    const tail: Batch = { writes, written: 0 };
    this.#tail = tail;
    return new Promise(resolve => {
      this.#p.delay(this.#p.commitMs, () => {
        if (this.#tail !== tail) return;
        tail.written = writes.length;
        this.#settleTail();
        resolve();
      });
    });
  }

  async clear(prefix: string): Promise<void> {
    for (const key of [...this.#records.keys()]) if (key.startsWith(prefix)) this.#remove(key);
    for (const key of [...this.#rotten]) if (key.startsWith(prefix)) this.#rotten.delete(key);
  }

  async close(): Promise<void> {}

  /** A record as it lies there, for whoever watches from outside. */
  peek(key: string): Uint8Array | undefined {
    return this.#records.get(key);
  }

  /** All records of a kind. */
  peekAll(kind: string): Uint8Array[] {
    return [...this.#records].filter(([key]) => key.startsWith(kind)).map(([, value]) => value);
  }

  #settleTail(): void {
    const batch = this.#tail;
    this.#tail = null;
    if (!batch) return;
    if (batch.written === batch.writes.length) for (const write of batch.writes) this.#write(write);
    else if (batch.written > 0) this.torn++;
  }

  #write([key, value]: StoreWrite): void {
    this.#rotten.delete(key);
    if (value === null) this.#remove(key);
    else {
      if (!this.#records.has(key)) this.#sorted = null;
      this.#records.set(key, value);
    }
  }

  #remove(key: string): void {
    if (this.#records.delete(key)) this.#sorted = null;
  }
}
