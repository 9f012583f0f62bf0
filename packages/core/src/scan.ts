/**
 * First step of decoding: walk untrusted bytes and refuse all that the profile of encoding.ts lacks, before any library
 * sees them. Allocates nothing, reads each byte once, recurses at most 8 deep.
 */
import { CoreError } from './errors.js';

/** Arrays may be nested so deep. */
export const maxDepth = 8;

function refuse(offset: number, expected: string, got: string): never {
  throw new CoreError(
    { code: 'CORE_DECODE', at: `byte ${offset}`, expected, got },
    `at byte ${offset}: expected ${expected}, got ${got}`,
  );
}

/** Big-endian number of `width` bytes that follow the tag at `tagAt`; must be at least `least` to be minimal. */
function readNumber(bytes: Uint8Array, tagAt: number, width: number, least: number): number {
  if (tagAt + width >= bytes.length) refuse(tagAt, `${width} more bytes`, 'the end');
  let n = 0;
  for (let i = 1; i <= width; i++) n = n * 256 + bytes[tagAt + i]!;
  if (n < least) refuse(tagAt, 'the shortest form', `${n} in ${width} bytes`);
  return n;
}

function skipBody(bytes: Uint8Array, start: number, length: number): number {
  if (length > bytes.length - start) refuse(start, `${length} bytes`, `${bytes.length - start}`);
  return start + length;
}

function skipText(bytes: Uint8Array, start: number, length: number): number {
  const end = skipBody(bytes, start, length);
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte < 0x20 || byte > 0x7e) refuse(i, 'printable ASCII', `byte 0x${byte.toString(16)}`);
  }
  return end;
}

function skipItems(bytes: Uint8Array, start: number, count: number, depth: number): number {
  if (depth === maxDepth) refuse(start, `arrays at most ${maxDepth} deep`, 'one more');
  if (count > bytes.length - start) refuse(start, `${count} elements`, `${bytes.length - start} bytes`);
  let at = start;
  for (let i = 0; i < count; i++) at = skipValue(bytes, at, depth + 1);
  return at;
}

/** Offset behind the value that begins at `at`. */
function skipValue(bytes: Uint8Array, at: number, depth: number): number {
  const tag = bytes[at];
  if (tag === undefined) return refuse(at, 'a value', 'the end');
  if (tag <= 0x7f) return at + 1;
  if (tag >= 0x90 && tag <= 0x9f) return skipItems(bytes, at + 1, tag & 15, depth);
  if (tag >= 0xa0 && tag <= 0xbf) return skipText(bytes, at + 1, tag & 31);
  switch (tag) {
    case 0xc4:
      return skipBody(bytes, at + 2, readNumber(bytes, at, 1, 0));
    case 0xc5:
      return skipBody(bytes, at + 3, readNumber(bytes, at, 2, 0x100));
    case 0xc6:
      return skipBody(bytes, at + 5, readNumber(bytes, at, 4, 0x1_0000));
    case 0xcc:
      readNumber(bytes, at, 1, 0x80);
      return at + 2;
    case 0xcd:
      readNumber(bytes, at, 2, 0x100);
      return at + 3;
    case 0xce:
      readNumber(bytes, at, 4, 0x1_0000);
      return at + 5;
    case 0xcf:
      if (readNumber(bytes, at, 8, 0x1_0000_0000) > Number.MAX_SAFE_INTEGER) refuse(at, 'a number below 2^53', 'more');
      return at + 9;
    case 0xd9:
      return skipText(bytes, at + 2, readNumber(bytes, at, 1, 0x20));
    case 0xda:
      return skipText(bytes, at + 3, readNumber(bytes, at, 2, 0x100));
    case 0xdc:
      return skipItems(bytes, at + 3, readNumber(bytes, at, 2, 0x10), depth);
    case 0xdd:
      return skipItems(bytes, at + 5, readNumber(bytes, at, 4, 0x1_0000), depth);
    default:
      return refuse(at, 'a number, text, bytes or array', `tag 0x${tag.toString(16)}`);
  }
}

/**
 * Check that the bytes are exactly one value of the strict profile.
 * @throws CoreError CORE_DECODE with the offset
 */
export function scanCanonical(bytes: Uint8Array): void {
  const end = skipValue(bytes, 0, 0);
  if (end !== bytes.length) refuse(end, 'the end', `${bytes.length - end} more bytes`);
}
