/**
 * The store on disk: LevelDB, one folder.
 *
 *   <dir>/lock   an empty LevelDB whose only use is its lock, which the system drops when the process dies
 *   <dir>/db     the records; each value ends in the CRC-32 of key and value, as LevelDB's default reads check nothing
 *
 * Stopping anywhere leaves whole batches; LevelDB's own recovery at the next open drops a torn last one, which nobody
 * was promised. Records lost in silence are found by recovery.ts and `verify`, flipped ones by the checksum.
 */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { ClassicLevel } from 'classic-level';
import { LedgerError } from '../errors.js';
import { damaged, type LedgerStore, type StoreWrite } from '../store.js';
import { afterPrefix } from '../storeKeys.js';
import { causeCode } from './causeCode.js';
import { RecordCache } from './recordCache.js';
import { damagedFiles } from './scrub.js';

type Level = ClassicLevel<Buffer, Uint8Array>;
// Hashes and signatures don't compress, and what is not compressed can be checked byte by byte (scrub.ts).
const options = { keyEncoding: 'buffer', valueEncoding: 'view', compression: false } as const;
const readAhead = 1_000;

/** Open a LevelDB folder alone. @throws LedgerError LEDGER_STORE_LOCKED, LEDGER_STORE_UNWRITABLE, LEDGER_STORE_DAMAGED */
export async function openLevel(location: string): Promise<Level> {
  try {
    await mkdir(location, { recursive: true });
    const level: Level = new ClassicLevel(location, options);
    await level.open();
    return level;
  } catch (error) {
    const code = causeCode(error);
    if (code === 'LEVEL_LOCKED') {
      throw new LedgerError(
        { code: 'LEDGER_STORE_LOCKED', dir: location },
        `another process uses ${location}; stop it first`,
        { cause: error },
      );
    }
    if (code === 'LEVEL_CORRUPTION') throw damaged(`LevelDB cannot open ${location}`, {}, error);
    throw new LedgerError(
      { code: 'LEDGER_STORE_UNWRITABLE', dir: location, reason: code },
      `cannot open ${location} for writing (${code}): check its permissions, its owner and the free space`,
      { cause: error },
    );
  }
}

function seal(key: Buffer, value: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafe(value.length + 4);
  sealed.set(value);
  sealed.writeUInt32BE(crc32(value, crc32(key)), value.length);
  return sealed;
}

function unseal(key: Buffer, sealed: Uint8Array): Uint8Array {
  const length = sealed.length - 4;
  const value = new Uint8Array(sealed.subarray(0, Math.max(0, length)));
  const stated = length < 0 ? -1 : Buffer.from(sealed.buffer, sealed.byteOffset + length, 4).readUInt32BE();
  if (stated !== crc32(value, crc32(key))) {
    const name = key.toString('hex');
    throw damaged(`record ${name.slice(0, 24)}… is altered`, { key: name });
  }
  return value;
}

export class LevelStore implements LedgerStore {
  readonly #dir: string;
  readonly #damagedLogs: readonly string[];
  readonly #lock: Level;
  readonly #level: Level;
  readonly #cache = new RecordCache();
  /** While a batch is being written a read may see either side of it: nothing is cached then, nor answered from memory. */
  #writing = 0;
  #failed: string | null = null;

  /** @param damagedLogs - files that LevelDB's recovery has consumed by now */
  constructor(p: { dir: string; lock: Level; level: Level; damagedLogs: readonly string[] }) {
    this.#dir = p.dir;
    this.#lock = p.lock;
    this.#level = p.level;
    this.#damagedLogs = p.damagedLogs;
  }

  /** Names of files in which a byte is wrong, whether or not it can be noticed by reading records. Reads all of them. */
  async damagedFiles(): Promise<string[]> {
    return [...this.#damagedLogs, ...(await damagedFiles(this.#dir, 'tables'))];
  }

  get(key: string): Uint8Array | undefined {
    const cached = this.#writing === 0 ? this.#cache.get(key) : undefined;
    if (cached !== undefined) return cached ?? undefined;
    const keyBytes = Buffer.from(key, 'latin1');
    let sealed: Uint8Array | undefined;
    try {
      sealed = this.#level.getSync(keyBytes);
    } catch (error) {
      throw this.#readFailure(error);
    }
    const value = sealed === undefined ? null : unseal(keyBytes, sealed);
    if (this.#writing === 0) this.#cache.set(key, value);
    return value ?? undefined;
  }

  async *entries(from: string, below: string): AsyncIterable<readonly [string, Uint8Array]> {
    const iterator = this.#level.iterator({
      gte: Buffer.from(from, 'latin1'),
      lt: Buffer.from(below, 'latin1'),
      fillCache: false,
    });
    try {
      for (;;) {
        const found = await iterator.nextv(readAhead).catch((error: unknown) => {
          throw this.#readFailure(error);
        });
        if (found.length === 0) return;
        for (const [key, sealed] of found) yield [key.toString('latin1'), unseal(key, sealed)] as const;
      }
    } finally {
      await iterator.close();
    }
  }

  async commit(writes: readonly StoreWrite[]): Promise<void> {
    if (this.#failed !== null) throw this.#writeFailure(this.#failed);
    this.#writing++;
    try {
      // Put by put: for an array of operations the library takes three times as long.
      const batch = this.#level.batch();
      for (const [key, value] of writes) {
        const keyBytes = Buffer.from(key, 'latin1');
        if (value === null) batch.del(keyBytes);
        else batch.put(keyBytes, seal(keyBytes, value));
      }
      await batch.write({ sync: true });
      for (const [key, value] of writes) this.#cache.update(key, value);
    } catch (error) {
      // The batch may or may not be on disk: only a new open tells.
      this.#cache.clear();
      this.#failed = causeCode(error);
      throw this.#writeFailure(this.#failed, error);
    } finally {
      this.#writing--;
    }
  }

  async clear(prefix: string): Promise<void> {
    this.#cache.clear();
    await this.#level.clear({ gte: Buffer.from(prefix, 'latin1'), lt: Buffer.from(afterPrefix(prefix), 'latin1') });
    this.#cache.clear();
  }

  async close(): Promise<void> {
    await this.#level.close();
    await this.#lock.close();
  }

  #readFailure(error: unknown): LedgerError {
    if (causeCode(error) === 'LEVEL_DATABASE_NOT_OPEN') {
      return new LedgerError({ code: 'LEDGER_STORE_CLOSED' }, 'the store is closed', { cause: error });
    }
    return damaged('a record cannot be read', {}, error);
  }

  #writeFailure(reason: string, cause?: unknown): LedgerError {
    return new LedgerError(
      { code: 'LEDGER_STORE_FAILED', reason },
      `a write to the store was not confirmed (${reason}); start again`,
      { cause },
    );
  }
}

/**
 * Open or make the store in `dir` for this process alone.
 * @throws LedgerError LEDGER_STORE_LOCKED, LEDGER_STORE_UNWRITABLE, LEDGER_STORE_DAMAGED (LevelDB itself cannot open)
 */
export async function openLevelStore(dir: string): Promise<LevelStore> {
  const lock = await openLevel(join(dir, 'lock'));
  try {
    const place = join(dir, 'db');
    // Before LevelDB opens: it drops the damaged part of a log in silence.
    const damagedLogs = existsSync(place) ? await damagedFiles(place, 'logs') : [];
    return new LevelStore({ dir: place, lock, level: await openLevel(place), damagedLogs });
  } catch (error) {
    await lock.close();
    throw error;
  }
}
