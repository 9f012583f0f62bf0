/**
 * Reads a zip as a stranger made it (PKWARE APPNOTE 6.3.10), by its central directory and strictly: one disk, no
 * encryption, no comment behind the end, methods stored and deflated, entries that neither overlap nor stick out, local
 * headers that agree with the central ones. What two readers could understand differently is refused (IMAGING_ZIP).
 * Names are compared with the few that a document may have and never become paths.
 */
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createInflateRaw } from 'node:zlib';
import { ImagingError } from './errors.js';
import { dicomdirPath, manifestPath, maxInstances } from './manifest.js';

/** `dataStart` is where the entry's bytes begin in the archive; sizes in bytes. */
export interface ZipMember {
  name: string;
  deflated: boolean;
  packedSize: number;
  size: number;
  dataStart: number;
}

const max16 = 0xffff;
const max32 = 0xffffffff;
const endBytes = 22;
const locatorBytes = 20;
const end64Bytes = 56;
const centralBytes = 46;
const localBytes = 30;
const maxCentralBytes = 64 * 1024 * 1024;
const maxMembers = maxInstances + 4;
const chunkBytes = 256 * 1024;
const encryptedFlags = 0x2041; // encrypted, strongly encrypted, masked headers
const folders = new Set(['IMAGES/', 'RADPASS/']);

/** Inflating may give this much at once, and this many times the packed bytes in all. */
const freeInflation = 64 * 1024 * 1024;
const maxInflation = 20;

export function refuseZip(reason: string, cause?: unknown): ImagingError {
  return new ImagingError({ code: 'IMAGING_ZIP', reason }, `refused archive: ${reason}`, { cause });
}

async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) throw refuseZip('truncated');
    filled += bytesRead;
  }
  return bytes;
}

function safe(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw refuseZip('size');
  return Number(value);
}

interface Directory {
  count: number;
  size: number;
  offset: number;
  /** where the directory must end */
  end: number;
}

/** 4.3.14 to 4.3.16 */
async function readEnd(file: FileHandle, size: number): Promise<Directory> {
  if (size < endBytes) throw refuseZip('truncated');
  const at = size - endBytes;
  const end = await readAt(file, at, endBytes);
  if (end.readUInt32LE(0) !== 0x06054b50 || end.readUInt16LE(20) !== 0) throw refuseZip('no end of central directory');
  if (end.readUInt16LE(4) !== 0 || end.readUInt16LE(6) !== 0) throw refuseZip('several disks');
  const plain = { count: end.readUInt16LE(10), size: end.readUInt32LE(12), offset: end.readUInt32LE(16), end: at };
  if (end.readUInt16LE(8) !== plain.count) throw refuseZip('several disks');
  if (plain.count !== max16 && plain.size !== max32 && plain.offset !== max32) return plain;

  const locatorAt = at - locatorBytes;
  if (locatorAt < end64Bytes) throw refuseZip('zip64');
  const locator = await readAt(file, locatorAt, locatorBytes);
  const end64At = locatorAt - end64Bytes;
  if (locator.readUInt32LE(0) !== 0x07064b50 || safe(locator.readBigUInt64LE(8)) !== end64At) throw refuseZip('zip64');
  const end64 = await readAt(file, end64At, end64Bytes);
  if (end64.readUInt32LE(0) !== 0x06064b50 || safe(end64.readBigUInt64LE(4)) !== 44) throw refuseZip('zip64');
  if (end64.readUInt32LE(16) !== 0 || end64.readUInt32LE(20) !== 0) throw refuseZip('several disks');
  const [onDisk, count] = [safe(end64.readBigUInt64LE(24)), safe(end64.readBigUInt64LE(32))];
  if (onDisk !== count) throw refuseZip('several disks');
  return { count, size: safe(end64.readBigUInt64LE(40)), offset: safe(end64.readBigUInt64LE(48)), end: end64At };
}

/** 4.5.3: the values that stand in the zip64 extra field, in the order of the fields that overflowed. */
function zip64Values(extra: Buffer, count: number): number[] {
  if (count === 0) return [];
  for (let at = 0; at + 4 <= extra.length; ) {
    const length = extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === 1) {
      if (length < count * 8 || at + 4 + length > extra.length) break;
      return Array.from({ length: count }, (_, i) => safe(extra.readBigUInt64LE(at + 4 + i * 8)));
    }
    at += 4 + length;
  }
  throw refuseZip('zip64');
}

interface Central extends Omit<ZipMember, 'dataStart'> {
  flags: number;
  offset: number;
}

function parseCentral(bytes: Buffer, at: number): { entry: Central; next: number } {
  if (at + centralBytes > bytes.length || bytes.readUInt32LE(at) !== 0x02014b50) throw refuseZip('central directory');
  const [nameLength, extraLength] = [bytes.readUInt16LE(at + 28), bytes.readUInt16LE(at + 30)];
  const next = at + centralBytes + nameLength + extraLength + bytes.readUInt16LE(at + 32);
  if (next > bytes.length) throw refuseZip('central directory');
  const name = bytes.toString('latin1', at + centralBytes, at + centralBytes + nameLength);
  const flags = bytes.readUInt16LE(at + 8);
  const method = bytes.readUInt16LE(at + 10);
  if ((flags & encryptedFlags) !== 0) throw refuseZip('encrypted');
  if (method !== 0 && method !== 8) throw refuseZip('method');
  const fileType = (bytes.readUInt32LE(at + 38) >>> 28) & 0xf; // Unix: 4 folder, 8 file, 10 symbolic link
  if (![0, 4, 8].includes(fileType)) throw refuseZip('special file');
  const written = [bytes.readUInt32LE(at + 24), bytes.readUInt32LE(at + 20), bytes.readUInt32LE(at + 42)];
  const extra = bytes.subarray(at + centralBytes + nameLength, at + centralBytes + nameLength + extraLength);
  const large = zip64Values(extra, written.filter(value => value === max32).length);
  const [size = 0, packedSize = 0, offset = 0] = written.map(value => (value === max32 ? (large.shift() ?? 0) : value));
  return { entry: { name, deflated: method === 8, packedSize, size, offset, flags }, next };
}

/**
 * The members of the archive by name, at most 200,004 of them. Throws IMAGING_ZIP.
 */
export async function readMembers(file: FileHandle, size: number): Promise<Map<string, ZipMember>> {
  const directory = await readEnd(file, size);
  if (directory.offset + directory.size !== directory.end) throw refuseZip('central directory out of place');
  if (directory.count > maxMembers || directory.size > maxCentralBytes) throw refuseZip('too many entries');
  const bytes = await readAt(file, directory.offset, directory.size);
  const entries: Central[] = [];
  let at = 0;
  for (let i = 0; i < directory.count; i += 1) {
    const { entry, next } = parseCentral(bytes, at);
    entries.push(entry);
    at = next;
  }
  if (at !== bytes.length) throw refuseZip('central directory');

  const members = new Map<string, ZipMember>();
  let free = 0;
  let [packed, inflated] = [0, 0];
  for (const entry of entries.sort((a, b) => a.offset - b.offset)) {
    const { name, deflated, packedSize, size: fullSize } = entry;
    if (entry.offset < free) throw refuseZip('overlapping entries');
    const dataStart = await checkLocal(file, entry, directory.offset);
    free = dataStart + packedSize;
    if (free > directory.offset) throw refuseZip('entry out of place');
    if (members.has(name)) throw refuseZip('name twice');
    if (!deflated && packedSize !== fullSize) throw refuseZip('size');
    if (deflated) [packed, inflated] = [packed + packedSize, inflated + fullSize];
    if (folders.has(name) && fullSize === 0) continue;
    if (name !== dicomdirPath && name !== manifestPath && !/^IMAGES\/I\d{7}$/.test(name)) throw refuseZip('name');
    members.set(name, { name, deflated, packedSize, size: fullSize, dataStart });
  }
  if (inflated > freeInflation + packed * maxInflation) throw refuseZip('inflates too much');
  return members;
}

/** 4.3.7; sizes may be absent from it when they follow the data (4.3.9), which we find by the central directory. */
async function checkLocal(file: FileHandle, entry: Central, end: number): Promise<number> {
  const headBytes = localBytes + entry.name.length;
  if (entry.offset + headBytes > end) throw refuseZip('entry out of place');
  const head = await readAt(file, entry.offset, headBytes);
  const dataStart = entry.offset + headBytes + head.readUInt16LE(28);
  const same =
    head.readUInt32LE(0) === 0x04034b50 &&
    head.readUInt16LE(6) === entry.flags &&
    head.readUInt16LE(8) === (entry.deflated ? 8 : 0) &&
    head.readUInt16LE(26) === entry.name.length &&
    head.toString('latin1', localBytes) === entry.name;
  if (!same) throw refuseZip('local header');
  return dataStart;
}

async function* packedBytes(file: FileHandle, member: ZipMember): AsyncGenerator<Buffer> {
  for (let at = 0; at < member.packedSize; ) {
    const chunk = await readAt(file, member.dataStart + at, Math.min(chunkBytes, member.packedSize - at));
    at += chunk.length;
    yield chunk;
  }
}

/** A member's bytes, exactly `member.size` of them, in chunks of at most 256 KiB. Throws IMAGING_ZIP. */
export async function* readMember(file: FileHandle, member: ZipMember): AsyncGenerator<Buffer> {
  if (!member.deflated) {
    yield* packedBytes(file, member);
    return;
  }
  const source = Readable.from(packedBytes(file, member));
  const inflate = createInflateRaw({ chunkSize: chunkBytes });
  source.once('error', error => inflate.destroy(error));
  source.pipe(inflate);
  let left = member.size;
  try {
    for await (const chunk of inflate) {
      left -= chunk.length;
      if (left < 0) break;
      yield chunk;
    }
  } catch (error) {
    throw refuseZip('deflate', error);
  } finally {
    source.destroy();
    inflate.destroy();
  }
  if (left !== 0) throw refuseZip('size');
}
