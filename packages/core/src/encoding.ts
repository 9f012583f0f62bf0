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

/** Where a value is put together; it grows to the longest value of this process, a block. One value at a time stands in it. */
let scratch = new Uint8Array(4_096);
let used = 0;
/** Index of the element under way in each array around it; read where one is refused. */
const path: number[] = [];

const pathTo = (depth: number): string =>
  path
    .slice(0, depth)
    .map(i => `[${i}]`)
    .join('');

/** Make room for `length` more bytes; returns where they go. */
function take(length: number): number {
  const at = used;
  used += length;
  if (used > scratch.length) {
    const larger = new Uint8Array(2 ** Math.ceil(Math.log2(used)));
    larger.set(scratch);
    scratch = larger;
  }
  return at;
}

/** A tag and the big-endian number behind it. */
function putHead(tag: number, width: number, n: number): void {
  const at = take(1 + width);
  scratch[at] = tag;
  let rest = n;
  for (let i = width; i > 0; i--) {
    scratch[at + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

function putNumber(n: number): void {
  if (n < 0x80) putHead(n, 0, 0);
  else if (n < 0x100) putHead(0xcc, 1, n);
  else if (n < 0x1_0000) putHead(0xcd, 2, n);
  else if (n < 0x1_0000_0000) putHead(0xce, 4, n);
  else putHead(0xcf, 8, n);
}

function putText(text: string): void {
  const { length } = text;
  if (length < 0x20) putHead(0xa0 | length, 0, 0);
  else if (length < 0x100) putHead(0xd9, 1, length);
  else putHead(0xda, 2, length);
  const at = take(length);
  for (let i = 0; i < length; i++) scratch[at + i] = text.charCodeAt(i);
}

function putBytes(bytes: Uint8Array): void {
  const { length } = bytes;
  if (length < 0x100) putHead(0xc4, 1, length);
  else if (length < 0x1_0000) putHead(0xc5, 2, length);
  else putHead(0xc6, 4, length);
  // Before `scratch` is read: room that is taken may be another buffer.
  const at = take(length);
  scratch.set(bytes, at);
}

function putArrayHead(length: number): void {
  if (length < 0x10) putHead(0x90 | length, 0, 0);
  else if (length < 0x1_0000) putHead(0xdc, 2, length);
  else putHead(0xdd, 4, length);
}

/** Put a value that stands in `depth` arrays. */
function put(value: Canonical, depth: number): void {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0) refuse(pathTo(depth), 'not a whole number from 0 to 2^53 - 1');
    putNumber(value);
  } else if (typeof value === 'string') {
    if (!/^[ -~]*$/.test(value) || value.length > 0xffff)
      refuse(pathTo(depth), 'not printable ASCII of at most 65,535 characters');
    putText(value);
  } else if (value instanceof Uint8Array) {
    putBytes(value);
  } else if (Array.isArray(value)) {
    if (depth === maxDepth) refuse(pathTo(depth), `arrays nested more than ${maxDepth} deep`);
    putArrayHead(value.length);
    // By index, so that a hole in the array is refused like any other undefined.
    for (let i = 0; i < value.length; i++) {
      path[depth] = i;
      put(value[i], depth + 1);
    }
  } else {
    refuse(pathTo(depth), 'neither number, text, bytes nor array');
  }
}

/**
 * The canonical bytes of a value, in a buffer of their own.
 * @throws CoreError CORE_ENCODE for anything that the profile lacks
 */
export function encodeCanonical(value: Canonical): Uint8Array {
  used = 0;
  put(value, 0);
  return scratch.slice(0, used);
}

/** The canonical bytes of an array whose elements are encoded already. */
export function encodeListOf(elements: readonly Uint8Array[]): Uint8Array {
  used = 0;
  putArrayHead(elements.length);
  for (const element of elements) {
    const at = take(element.length);
    scratch.set(element, at);
  }
  return scratch.slice(0, used);
}

/** The canonical bytes of a typed value. @throws CoreError CORE_ENCODE */
export function encodeAs<T>(schema: Schema<T>, value: T): Uint8Array {
  return encodeCanonical(schema.write(value));
}

/** Paths are put together only for the one error that tells of one. */
function readAs<T>(schema: Schema<T>, value: Canonical): T {
  try {
    return schema.read(value, null);
  } catch (error) {
    if (error instanceof CoreError && error.code === 'CORE_DECODE') return schema.read(value, '');
    throw error;
  }
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
  const value = readAs(schema, unpacker.unpack(view) as Canonical);
  if (!equalBytes(encodeAs(schema, value), view)) {
    throw new CoreError(
      { code: 'CORE_DECODE', at: '', expected: 'the canonical form', got: 'another form of the same value' },
      'the bytes are not the canonical form of their value',
    );
  }
  return value;
}
