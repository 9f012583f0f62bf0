/**
 * LevelDB's own checksums, which its default reads don't look at: every byte of its table, log and manifest files.
 *
 *   log, manifest   blocks of 32 KiB of records [masked CRC-32C of type and data (4), length (2, LE), type, data]
 *   table           blocks, each [data, type, masked CRC-32C of data and type (4)], found by an index block; the footer
 *                   of 48 bytes names metaindex and index and ends in a magic number. Ours are not compressed.
 *   CURRENT         the manifest's name
 *
 * A record that the end of a log cuts off is what a stop leaves: it was promised to nobody. But one that fits when its
 * length is read otherwise was altered.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { causeCode } from './causeCode.js';

/** A table that is being written is whole after some of these looks; a damaged one never. */
const looks = 5;
const lookAgainMs = 300;
const logBlock = 32 * 1024;
const logHead = 7;
const footerBytes = 48;
const trailerBytes = 5;
const magic = 0xdb4775248b80fb57n;

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  return c;
});

function crc32c(bytes: Uint8Array, from = 0): number {
  let c = ~from;
  for (const byte of bytes) c = crcTable[(c ^ byte) & 0xff]! ^ (c >>> 8);
  return ~c >>> 0;
}

/** As LevelDB stores a checksum. */
const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;

/** Whether some length from 0 to all of `rest` gives the record's checksum. */
function fitsSomeLength(type: Uint8Array, rest: Uint8Array, stored: number): boolean {
  let crc = crc32c(type);
  if (masked(crc) === stored) return true;
  for (let at = 0; at < rest.length; at++) {
    crc = crc32c(rest.subarray(at, at + 1), crc);
    if (masked(crc) === stored) return true;
  }
  return false;
}

function isLogSound(file: Buffer): boolean {
  for (let start = 0; start < file.length; start += logBlock) {
    const block = file.subarray(start, start + logBlock);
    const isLast = start + logBlock >= file.length;
    let at = 0;
    while (block.length - at >= logHead) {
      const stored = block.readUInt32LE(at);
      const length = block.readUInt16LE(at + 4);
      const type = block.subarray(at + 6, at + 7);
      const rest = block.subarray(at + logHead);
      if (length > rest.length) {
        if (!isLast || fitsSomeLength(type, rest, stored)) return false;
        return true;
      }
      if (masked(crc32c(rest.subarray(0, length), crc32c(type))) !== stored) return false;
      at += logHead + length;
    }
    // Less than a head is left: filled with zeros, or cut off by a stop.
    if (!isLast && block.subarray(at).some(byte => byte !== 0)) return false;
  }
  return true;
}

class Reader {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  varint(): number {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = this.#bytes[this.at++] ?? 0;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  }

  handle(): Extent {
    return { offset: this.varint(), size: this.varint() };
  }
}

interface Extent {
  readonly offset: number;
  readonly size: number;
}

/** A block's data if its checksum holds and it is not compressed. */
function tableBlock(file: Buffer, { offset, size }: Extent): Buffer | null {
  const end = offset + size;
  if (end + trailerBytes > file.length || file[end] !== 0) return null;
  const isSound = masked(crc32c(file.subarray(offset, end + 1))) === file.readUInt32LE(end + 1);
  return isSound ? file.subarray(offset, end) : null;
}

/** The handles that an index's entries hold. */
function handlesOf(block: Buffer): Extent[] {
  const restarts = block.readUInt32LE(block.length - 4);
  const entries = new Reader(block);
  const found: Extent[] = [];
  while (entries.at < block.length - 4 * (restarts + 1)) {
    entries.varint();
    const keyBytes = entries.varint();
    const valueBytes = entries.varint();
    const value = entries.at + keyBytes;
    found.push(new Reader(block.subarray(value, value + valueBytes)).handle());
    entries.at = value + valueBytes;
  }
  return found;
}

function isTableSound(file: Buffer): boolean {
  if (file.length < footerBytes || file.readBigUInt64LE(file.length - 8) !== magic) return false;
  const footer = file.subarray(file.length - footerBytes, file.length - 8);
  const reader = new Reader(footer);
  const tops = [reader.handle(), reader.handle()];
  if (footer.subarray(reader.at).some(byte => byte !== 0)) return false;
  let covered = footerBytes;
  for (const top of tops) {
    const block = tableBlock(file, top);
    if (!block) return false;
    covered += top.size + trailerBytes;
    for (const extent of handlesOf(block)) {
      if (!tableBlock(file, extent)) return false;
      covered += extent.size + trailerBytes;
    }
  }
  // Nothing in the file is outside a checked block.
  return covered === file.length;
}

async function isFileSound(dir: string, name: string): Promise<boolean> {
  let file: Buffer;
  try {
    file = await readFile(join(dir, name));
  } catch (error) {
    // Compacted away since the folder was listed.
    if (causeCode(error) === 'ENOENT') return true;
    throw error;
  }
  if (name === 'CURRENT') return /^MANIFEST-\d{6,}\n$/.test(file.toString('latin1'));
  return name.endsWith('.ldb') ? isTableSound(file) : isLogSound(file);
}

/** LevelDB may be writing a table while it is read here, as it does after opening: what is unsound is looked at again. */
async function isSoundWhenWritten(dir: string, name: string): Promise<boolean> {
  for (let look = 1; look < looks; look++) {
    if (await isFileSound(dir, name)) return true;
    if (!name.endsWith('.ldb')) return false;
    await delay(lookAgainMs);
  }
  return isFileSound(dir, name);
}

/**
 * Names of a LevelDB folder's files in which a byte is wrong.
 * @param kinds - 'logs' are small and written last; 'tables' hold everything
 */
export async function damagedFiles(dir: string, kinds: 'logs' | 'tables'): Promise<string[]> {
  const wanted = kinds === 'tables' ? /\.ldb$/ : /^(CURRENT|MANIFEST-\d+|\d+\.log)$/;
  const damaged: string[] = [];
  for (const name of (await readdir(dir)).sort()) {
    if (wanted.test(name) && !(await isSoundWhenWritten(dir, name))) damaged.push(name);
  }
  return damaged;
}
