/**
 * The store on disk: LevelDB, one folder.
 *
 *   <dir>/lock   an empty LevelDB whose only use is its lock, which the system drops when the process dies
 *   <dir>/db     the records; each value ends in the CRC-32 of key and value, as LevelDB's default reads check nothing
 *
 * Stopping anywhere leaves whole batches; LevelDB's own recovery at the next open drops a torn last one, which nobody
 * was promised. Records lost in silence are found by recovery.ts and `verify`, flipped ones by the checksum.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { ClassicLevel } from 'classic-level';
import { LedgerError } from '../errors.js';
import { damaged, type LedgerStore, type StoreWrite } from '../store.js';

type Level = ClassicLevel<Buffer, Uint8Array>;
const encodings = { keyEncoding: 'buffer', valueEncoding: 'view' } as const;
/** Records read last, kept in memory: the tree's upper nodes and hot leaves. */
const cachedRecords = 16_384;
const readAhead = 1_000;

/** The innermost code among an error and its causes; errors of native code may come from another realm. */
export function causeCode(error: unknown): string {
  let code = '';
  for (let at: unknown = error; typeof at === 'object' && at !== null; at = 'cause' in at ? at.cause : null) {
    if ('code' in at && typeof at.code === 'string') code = at.code;
  }
  return code;
}

/** Open a LevelDB folder alone. @throws LedgerError LEDGER_STORE_LOCKED, LEDGER_STORE_UNWRITABLE, LEDGER_STORE_DAMAGED */
export async function openLevel(location: string): Promise<Level> {
  const level: Level = new ClassicLevel(location, encodings);
  try {
    await mkdir(location, { recursive: true });
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
  if (stated !== crc32(value, crc32(key))) throw damaged(`record ${key.toString('hex').slice(0, 24)}… is altered`);
  return value;
}

class LevelStore implements LedgerStore {
  readonly #lock: Level;
  readonly #level: Level;
  /** Least recently used first. Null remembers an absence. */
  readonly #cache = new Map<string, Uint8Array | null>();
  /** While a batch is being written a read may see either side of it: nothing is cached then. */
  #writing = 0;
  #failed: string | null = null;

  constructor(lock: Level, level: Level) {
    this.#lock = lock;
    this.#level = level;
  }

  get(key: string): Uint8Array | undefined {
    const cached = this.#cache.get(key);
    if (cached !== undefined && this.#writing === 0) {
      this.#cache.delete(key);
      this.#cache.set(key, cached);
      return cached ?? undefined;
    }
    const keyBytes = Buffer.from(key, 'latin1');
    let sealed: Uint8Array | undefined;
    try {
      sealed = this.#level.getSync(keyBytes);
    } catch (error) {
      throw this.#readFailure(error);
    }
    const value = sealed === undefined ? null : unseal(keyBytes, sealed);
    if (this.#writing === 0) {
      if (this.#cache.size >= cachedRecords) this.#cache.delete(this.#cache.keys().next().value!);
      this.#cache.set(key, value);
    }
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
    const operations = writes.map(([key, value]) => {
      const keyBytes = Buffer.from(key, 'latin1');
      return value === null
        ? ({ type: 'del', key: keyBytes } as const)
        : ({ type: 'put', key: keyBytes, value: seal(keyBytes, value) } as const);
    });
    this.#writing++;
    try {
      await this.#level.batch(operations, { sync: true });
    } catch (error) {
      // The batch may or may not be on disk: only a new open tells.
      this.#failed = causeCode(error);
      throw this.#writeFailure(this.#failed, error);
    } finally {
      for (const [key] of writes) this.#cache.delete(key);
      this.#writing--;
    }
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
export async function openLevelStore(dir: string): Promise<LedgerStore> {
  const lock = await openLevel(join(dir, 'lock'));
  try {
    return new LevelStore(lock, await openLevel(join(dir, 'db')));
  } catch (error) {
    await lock.close();
    throw error;
  }
}
