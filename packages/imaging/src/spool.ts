/**
 * A bounded folder of encrypted copies, for studies whose archive should be read once and not for every reader.
 *
 * One file a copy, in blocks of 256 KiB, each sealed by AES-256-GCM: nonce = the block's number (12 bytes, big endian),
 * tag behind the block. Every file has a key of its own, made at random, that stands in memory alone: what a crash or a
 * thief leaves is noise, and opening the folder removes it. Copies are never synced to disk; they are worth nothing to
 * whoever comes after this process.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { RandomAccess } from './byteSource.js';
import { ImagingError } from './errors.js';
import type { Digests } from './imageStore.js';

const blockBytes = 256 * 1024;
const tagBytes = 16;
const cipher = 'aes-256-gcm';
const nameOfCopy = /^[0-9a-f]{32}\.spool$/;

function fail(reason: 'full' | 'unusable' | 'damaged', message: string, cause?: unknown): ImagingError {
  return new ImagingError({ code: 'IMAGING_SPOOL', reason }, message, { cause });
}

function nonceOf(block: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(block, 6, 6);
  return nonce;
}

/** Bytes on disk for `size` bytes of content. */
function sealedSize(size: number): number {
  return size + Math.ceil(size / blockBytes) * tagBytes;
}

/** One copy, open for reading. Reads hold a block at a time; a removed copy can be read to its end. */
export class OpenCopy implements RandomAccess {
  readonly #handle: FileHandle;
  readonly #key: Buffer;
  readonly #size: number;
  /** Filled again for every block; what is handed on never points into it. */
  readonly #sealed = Buffer.allocUnsafeSlow(blockBytes + tagBytes);
  #block = -1;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(handle: FileHandle, key: Buffer, size: number) {
    this.#handle = handle;
    this.#key = key;
    this.#size = size;
  }

  async #load(block: number): Promise<Buffer> {
    if (this.#block === block) return this.#bytes;
    const length = Math.min(blockBytes, this.#size - block * blockBytes);
    const sealed = this.#sealed.subarray(0, length + tagBytes);
    const at = block * (blockBytes + tagBytes);
    for (let filled = 0; filled < sealed.length; ) {
      const { bytesRead } = await this.#handle.read(sealed, filled, sealed.length - filled, at + filled);
      if (bytesRead === 0) throw fail('damaged', 'a copy in the spool is cut off');
      filled += bytesRead;
    }
    const decipher = createDecipheriv(cipher, this.#key, nonceOf(block));
    decipher.setAuthTag(sealed.subarray(length));
    this.#block = -1;
    try {
      // in this mode update gives all bytes and final only its verdict
      this.#bytes = decipher.update(sealed.subarray(0, length));
      decipher.final();
    } catch (cause) {
      throw fail('damaged', 'a copy in the spool was altered', cause);
    }
    this.#block = block;
    return this.#bytes;
  }

  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    if (position >= this.#size) return { bytesRead: 0 };
    const block = Math.floor(position / blockBytes);
    const bytes = await this.#load(block);
    const from = position - block * blockBytes;
    return { bytesRead: bytes.copy(buffer, offset, from, Math.min(bytes.length, from + length)) };
  }

  /** The whole content, block by block. */
  async *blocks(): AsyncGenerator<Uint8Array> {
    for (let block = 0; block * blockBytes < this.#size; block += 1) yield await this.#load(block);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** A copy in the spool: `size` in bytes and digests of what was copied. */
export interface Copy {
  readonly size: number;
  readonly digests: Digests;
  /** Throws IMAGING_SPOOL. */
  open(): Promise<OpenCopy>;
  /** Gives its room back. */
  remove(): Promise<void>;
}

export class Spool {
  readonly #path: string;
  readonly #maxBytes: number;
  #used = 0;

  private constructor(path: string, maxBytes: number) {
    this.#path = path;
    this.#maxBytes = maxBytes;
  }

  /**
   * `path` is made if absent, for its owner alone; copies that an earlier process left are removed. One process uses it.
   * Throws IMAGING_SPOOL.
   */
  static async open(p: { path: string; maxBytes: number }): Promise<Spool> {
    try {
      await mkdir(p.path, { recursive: true, mode: 0o700 });
      for (const name of await readdir(p.path)) if (nameOfCopy.test(name)) await rm(join(p.path, name));
    } catch (cause) {
      throw fail('unusable', 'the folder of the spool cannot be used', cause);
    }
    return new Spool(p.path, p.maxBytes);
  }

  /** Bytes on disk. */
  get used(): number {
    return this.#used;
  }

  /**
   * Copies `content`. Where the spool is full, `makeRoom` may remove other copies and say so.
   * Throws IMAGING_SPOOL and what `content` throws; nothing is left then.
   */
  async add(content: AsyncIterable<Uint8Array>, makeRoom: () => Promise<boolean>): Promise<Copy> {
    const path = join(this.#path, `${randomBytes(16).toString('hex')}.spool`);
    const key = randomBytes(32);
    const hash = createHash('sha256');
    let crc = 0;
    let size = 0;
    let block = 0;
    let taken = 0;
    const undo = async (): Promise<void> => {
      this.#used -= taken;
      taken = 0;
      await rm(path, { force: true });
    };
    let handle: FileHandle | undefined;
    try {
      handle = await this.#create(path);
      for await (const bytes of inBlocks(content)) {
        const sealer = createCipheriv(cipher, key, nonceOf(block++));
        const sealed = sealer.update(bytes);
        sealer.final();
        const room = sealed.length + tagBytes;
        while (this.#used + room > this.#maxBytes) {
          if (!(await makeRoom())) throw fail('full', 'the spool has no room for a copy of the study');
        }
        this.#used += room;
        taken += room;
        hash.update(bytes);
        crc = crc32(bytes, crc);
        size += bytes.length;
        await write(handle, sealed);
        await write(handle, sealer.getAuthTag());
      }
      await handle.close();
    } catch (error) {
      await handle?.close().catch(() => {});
      await undo();
      throw error;
    }
    if (taken !== sealedSize(size)) throw new Error('the spool has lost count');
    return {
      size,
      digests: { sha256: hash.digest('hex'), crc32: crc },
      open: async () => new OpenCopy(await this.#reopen(path), key, size),
      remove: undo,
    };
  }

  async #create(path: string): Promise<FileHandle> {
    try {
      return await open(path, 'wx', 0o600);
    } catch (cause) {
      throw fail('unusable', 'the folder of the spool cannot be used', cause);
    }
  }

  async #reopen(path: string): Promise<FileHandle> {
    try {
      return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (cause) {
      throw fail('damaged', 'a copy is gone from the spool', cause);
    }
  }
}

async function write(handle: FileHandle, bytes: Buffer): Promise<void> {
  try {
    for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
  } catch (cause) {
    const full = cause instanceof Error && 'code' in cause && cause.code === 'ENOSPC';
    throw fail(full ? 'full' : 'unusable', 'a copy cannot be written to the spool', cause);
  }
}

/** The same bytes in blocks of 256 KiB; only the last is shorter. */
async function* inBlocks(content: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let block = Buffer.allocUnsafeSlow(blockBytes);
  let filled = 0;
  for await (const chunk of content) {
    for (let at = 0; at < chunk.length; ) {
      const part = Math.min(chunk.length - at, blockBytes - filled);
      block.set(chunk.subarray(at, at + part), filled);
      at += part;
      filled += part;
      if (filled === blockBytes) {
        yield block;
        block = Buffer.allocUnsafeSlow(blockBytes);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}
