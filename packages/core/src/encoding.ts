/**
 * The one canonical byte form of every signed or hashed value: msgpack in a strict profile.
 *
 *   whole number 0 … 2^53-1   00..7f | cc u8 | cd u16 | ce u32 | cf u64      the shortest that fits
 *   text, ASCII               a0..bf | d9 u8 | da u16                        then the characters
 *   bytes                     c4 u8 | c5 u16 | c6 u32                        then the bytes
 *   array                     90..9f | dc u16 | dd u32                       then the elements; nested at most 8 deep
 *
 * No maps, floats, negative numbers, nil, booleans or extensions. Example: [1, "a", h'ff'] = 93 01 a1 61 c4 01 ff.
 * Decoding = scan, unpack, check the schema, encode again, compare: bytes that differ from their own re-encoding are
 * refused, so a value has one spelling and an identifier is the hash of the received bytes. Encoding is ours because the
 * unpacking library (msgpackr) writes numbers from 2^32 up as floats or signed integers; so writer and reader check each
 * other (docs/decisions/0002).
 * See docs/protocol.md, Canonical bytes.
 */
import { Unpackr } from 'msgpackr/unpack';
import { equalBytes } from './bytes.js';
import { CoreError } from './errors.js';
import { maxDepth, scanCanonical } from './scan.js';
import type { Schema } from './schema.js';

export { scanCanonical } from './scan.js';

/** What the canonical form can carry. */
export type Canonical = number | string | Uint8Array | readonly Canonical[];

const unpacker = new Unpackr({ useRecords: false, int64AsType: 'number' });

function refuse(at: string, reason: string): never {
  throw new CoreError({ code: 'CORE_ENCODE', at, reason }, `cannot encode ${at || 'the value'}: ${reason}`);
}

/** Big-endian bytes of a tag and the number behind it. */
function head(tag: number, width: number, n: number): number[] {
  const bytes = [tag];
  for (let i = width - 1; i >= 0; i--) bytes.push(Math.floor(n / 256 ** i) % 256);
  return bytes;
}

function numberHead(n: number): number[] {
  if (n < 0x80) return [n];
  if (n < 0x100) return head(0xcc, 1, n);
  if (n < 0x1_0000) return head(0xcd, 2, n);
  return n < 0x1_0000_0000 ? head(0xce, 4, n) : head(0xcf, 8, n);
}

function textHead(length: number): number[] {
  if (length < 0x20) return [0xa0 | length];
  return length < 0x100 ? head(0xd9, 1, length) : head(0xda, 2, length);
}

function bytesHead(length: number): number[] {
  if (length < 0x100) return head(0xc4, 1, length);
  return length < 0x1_0000 ? head(0xc5, 2, length) : head(0xc6, 4, length);
}

function arrayHead(length: number): number[] {
  if (length < 0x10) return [0x90 | length];
  return length < 0x1_0000 ? head(0xdc, 2, length) : head(0xdd, 4, length);
}

/** Heads and bodies of a value, in order. */
function write(value: Canonical, at: string, depth: number, out: ArrayLike<number>[]): void {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0) refuse(at, 'not a whole number from 0 to 2^53 - 1');
    out.push(numberHead(value));
  } else if (typeof value === 'string') {
    if (!/^[ -~]*$/.test(value) || value.length > 0xffff)
      refuse(at, 'not printable ASCII of at most 65,535 characters');
    out.push(
      textHead(value.length),
      Array.from(value, character => character.charCodeAt(0)),
    );
  } else if (value instanceof Uint8Array) {
    out.push(bytesHead(value.length), value);
  } else if (Array.isArray(value)) {
    if (depth === maxDepth) refuse(at, `arrays nested more than ${maxDepth} deep`);
    out.push(arrayHead(value.length));
    // By index, so that a hole in the array is refused like any other undefined.
    for (let i = 0; i < value.length; i++) write(value[i], `${at}[${i}]`, depth + 1, out);
  } else {
    refuse(at, 'neither number, text, bytes nor array');
  }
}

/**
 * The canonical bytes of a value, in a buffer of their own.
 * @throws CoreError CORE_ENCODE for anything that the profile lacks
 */
export function encodeCanonical(value: Canonical): Uint8Array {
  const parts: ArrayLike<number>[] = [];
  write(value, '', 0, parts);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The canonical bytes of a typed value. @throws CoreError CORE_ENCODE */
export function encodeAs<T>(schema: Schema<T>, value: T): Uint8Array {
  return encodeCanonical(schema.write(value));
}

/**
 * The value that untrusted bytes carry, if they are the canonical form of one that fits the schema.
 * Byte strings in the result are copies.
 * @param maxBytes - longest input looked at
 * @throws CoreError CORE_DECODE
 */
export function decodeCanonical<T>(bytes: Uint8Array, schema: Schema<T>, maxBytes?: number): T {
  if (maxBytes !== undefined && bytes.length > maxBytes) {
    throw new CoreError(
      { code: 'CORE_DECODE', at: '', expected: `at most ${maxBytes} bytes`, got: `${bytes.length} bytes` },
      `expected at most ${maxBytes} bytes, got ${bytes.length}`,
    );
  }
  scanCanonical(bytes);
  // A view of our own: the library hangs a property on what it is given.
  const view = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const value = schema.read(unpacker.unpack(view) as Canonical, '');
  if (!equalBytes(encodeAs(schema, value), view)) {
    throw new CoreError(
      { code: 'CORE_DECODE', at: '', expected: 'the canonical form', got: 'another form of the same value' },
      'the bytes are not the canonical form of their value',
    );
  }
  return value;
}
