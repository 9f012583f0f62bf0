/**
 * Where libp2p keeps the addresses of peers: a LevelDB, a cache that nobody misses for long. When the disk fails (full at a
 * bad moment, unwritable), it goes on in memory until the next start: without a working store libp2p would take no
 * connection any more, and the node would stay cut off with its chain intact.
 */
import { MemoryDatastore } from 'datastore-core';
import { LevelDatastore } from 'datastore-level';
import type { Log } from './handlers.js';

type Args<M extends 'put' | 'get' | 'has' | 'delete' | 'query' | 'queryKeys'> = Parameters<LevelDatastore[M]>;

/** A key with its value. */
type Entry = { key: Args<'put'>[0]; value: Uint8Array };

const isAbsent = (error: unknown): boolean => error instanceof Error && error.name === 'NotFoundError';

export class PeerStore extends LevelDatastore {
  readonly #log: Log;
  #memory: MemoryDatastore | null = null;

  constructor(path: string, log: Log) {
    super(path, { createIfMissing: true });
    this.#log = log;
  }

  /** Never fails: a store that can't be opened is a lost one. */
  override async open(): Promise<void> {
    try {
      await super.open();
    } catch (error) {
      this.#lost(error);
    }
  }

  override put(...args: Args<'put'>): ReturnType<LevelDatastore['put']> {
    return this.#do(
      () => super.put(...args),
      memory => memory.put(...args),
    );
  }

  override get(...args: Args<'get'>): ReturnType<LevelDatastore['get']> {
    return this.#do(
      () => super.get(...args),
      memory => memory.get(...args),
    );
  }

  override has(...args: Args<'has'>): ReturnType<LevelDatastore['has']> {
    return this.#do(
      () => super.has(...args),
      memory => memory.has(...args),
    );
  }

  override delete(...args: Args<'delete'>): ReturnType<LevelDatastore['delete']> {
    return this.#do(
      () => super.delete(...args),
      memory => memory.delete(...args),
    );
  }

  override batch(): ReturnType<LevelDatastore['batch']> {
    return this.#memory?.batch() ?? super.batch();
  }

  override async *query(...args: Args<'query'>): AsyncGenerator<Entry> {
    if (!this.#memory) {
      try {
        return yield* super.query(...args);
      } catch (error) {
        this.#lost(error);
      }
    }
    yield* this.#memory!.query(...args);
  }

  override async *queryKeys(...args: Args<'queryKeys'>): AsyncGenerator<Entry['key']> {
    if (!this.#memory) {
      try {
        return yield* super.queryKeys(...args);
      } catch (error) {
        this.#lost(error);
      }
    }
    yield* this.#memory!.queryKeys(...args);
  }

  override async close(): Promise<void> {
    try {
      await super.close();
    } catch (error) {
      this.#lost(error);
    }
  }

  async #do<T>(onDisk: () => Promise<T>, inMemory: (memory: MemoryDatastore) => T | Promise<T>): Promise<T> {
    if (this.#memory) return inMemory(this.#memory);
    try {
      return await onDisk();
    } catch (error) {
      if (isAbsent(error)) throw error;
      return inMemory(this.#lost(error));
    }
  }

  #lost(error: unknown): MemoryDatastore {
    if (!this.#memory) this.#log('peer-store-lost', { error: error instanceof Error ? error.name : 'unknown' });
    this.#memory ??= new MemoryDatastore();
    return this.#memory;
  }
}
