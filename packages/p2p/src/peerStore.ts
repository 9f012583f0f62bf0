/**
 * Where libp2p keeps the addresses of peers: in memory, and what changed in a LevelDB at intervals and at the end. libp2p reads
 * and writes a peer's record with every stream, only to note the time; a disk need not follow that. A stop without an end
 * loses what was learned since the last write, which nobody misses for long.
 *
 * When the disk fails (full at a bad moment, unwritable), memory serves alone until the next start: without a working store
 * libp2p would take no connection any more, and the node would stay cut off with its chain intact.
 */
import { MemoryDatastore } from 'datastore-core';
import { LevelDatastore } from 'datastore-level';
import type { Log } from './handlers.js';
import { limits } from './limits.js';

type Key = Parameters<MemoryDatastore['put']>[0];

export class PeerStore extends MemoryDatastore {
  readonly #log: Log;
  /** Null once it has failed. */
  #disk: LevelDatastore | null;
  /** Keys whose records differ from those on disk, by name: no more than there are records and removals since the last write. */
  #changed = new Map<string, Key>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Writes follow each other. */
  #written: Promise<void> = Promise.resolve();

  constructor(path: string, log: Log) {
    super();
    this.#log = log;
    this.#disk = new LevelDatastore(path, { createIfMissing: true });
  }

  /** Take in what the disk holds. Never fails: a store that can't be opened or read is a lost one. */
  async open(): Promise<void> {
    await this.#onDisk(async disk => {
      await disk.open();
      for await (const { key, value } of disk.query({})) super.put(key, value);
    });
  }

  override put(...args: Parameters<MemoryDatastore['put']>): ReturnType<MemoryDatastore['put']> {
    this.#change(args[0]);
    return super.put(...args);
  }

  override delete(...args: Parameters<MemoryDatastore['delete']>): ReturnType<MemoryDatastore['delete']> {
    this.#change(args[0]);
    return super.delete(...args);
  }

  /** Bring the disk up to date. Never fails. */
  write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#written = this.#written.then(() => this.#writeChanged());
    return this.#written;
  }

  async close(): Promise<void> {
    await this.write();
    await this.#onDisk(disk => disk.close());
  }

  #change(key: Key): void {
    if (!this.#disk) return;
    this.#changed.set(key.toString(), key);
    this.#timer ??= setTimeout(() => void this.write(), limits.peerStoreWriteMs).unref();
  }

  async #writeChanged(): Promise<void> {
    const keys = [...this.#changed.values()];
    this.#changed.clear();
    if (keys.length === 0) return;
    await this.#onDisk(async disk => {
      const batch = disk.batch();
      for (const key of keys) {
        if (await this.has(key)) batch.put(key, await this.get(key));
        else batch.delete(key);
      }
      await batch.commit();
    });
  }

  async #onDisk(use: (disk: LevelDatastore) => Promise<void>): Promise<void> {
    const disk = this.#disk;
    if (!disk) return;
    try {
      await use(disk);
    } catch (error) {
      this.#disk = null;
      this.#changed.clear();
      await disk.close().catch(() => undefined);
      this.#log('peer-store-lost', { error: error instanceof Error ? error.name : 'unknown' });
    }
  }
}
