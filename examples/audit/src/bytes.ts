/** Canonical bytes (docs/protocol.md): arrays, whole numbers, byte strings, ASCII text. Just enough to read blocks and write rows. */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';

export type Value = number | string | Uint8Array | Value[];

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

/** SHA-256 of the parts one after another. */
export function hash(...parts: Uint8Array[]): Uint8Array {
  return sha256(new Uint8Array(Buffer.concat(parts)));
}

/** "radpass/<name>/1" and a zero byte. */
export const prefix = (name: string): Uint8Array => new TextEncoder().encode(`radpass/${name}/1\0`);

export function u64be(n: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(n));
  return new Uint8Array(bytes);
}

/** Decode one value. The blocks were judged by whoever gave them; here they are only read. */
export function decode(bytes: Uint8Array): Value {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const number = (length: number): number => {
    const value = length === 8 ? Number(view.readBigUInt64BE(at)) : view.readUIntBE(at, length);
    at += length;
    return value;
  };
  const take = (length: number): Uint8Array => {
    at += length;
    return new Uint8Array(view.subarray(at - length, at));
  };
  const list = (length: number): Value[] => Array.from({ length }, () => value());
  const value = (): Value => {
    const head = number(1);
    if (head < 0x80) return head;
    if (head >= 0x90 && head < 0xa0) return list(head & 15);
    if (head >= 0xa0 && head < 0xc0) return Buffer.from(take(head & 31)).toString('ascii');
    if (head >= 0xc4 && head <= 0xc6) return take(number(2 ** (head - 0xc4)));
    if (head >= 0xcc && head <= 0xcf) return number(2 ** (head - 0xcc));
    if (head === 0xd9 || head === 0xda) return Buffer.from(take(number(head - 0xd8))).toString('ascii');
    if (head === 0xdc) return list(number(2));
    if (head === 0xdd) return list(number(4));
    throw new RangeError(`no canonical value begins with ${head}`);
  };
  return value();
}

/** The shortest of 1, 2, 4 or 8 bytes that holds `n`, after `first`, `first` + 1, … by its length. */
function sized(first: number, n: number): Uint8Array {
  const i = [1, 2, 4, 8].findIndex(size => n < 2 ** (8 * size));
  return Uint8Array.of(first + i, ...u64be(n).slice(8 - 2 ** i));
}

/** Encode whole numbers and byte strings in arrays of fewer than 65,536. */
export function encode(value: Exclude<Value, string>): Uint8Array {
  if (typeof value === 'number') return value < 128 ? Uint8Array.of(value) : sized(0xcc, value);
  if (value instanceof Uint8Array) return new Uint8Array(Buffer.concat([sized(0xc4, value.length), value]));
  const start = value.length < 16 ? [0x90 | value.length] : [0xdc, value.length >> 8, value.length & 255];
  const parts = value.map(element => encode(element as Exclude<Value, string>));
  return new Uint8Array(Buffer.concat([Uint8Array.from(start), ...parts]));
}

/** Root of a list, RFC 6962 section 2.1. */
export function merkleRoot(elements: readonly Uint8Array[]): Uint8Array {
  const root = (leaves: readonly Uint8Array[]): Uint8Array => {
    if (leaves.length === 1) return leaves[0]!;
    let left = 1;
    while (2 * left < leaves.length) left *= 2;
    return hash(Uint8Array.of(1), root(leaves.slice(0, left)), root(leaves.slice(left)));
  };
  return elements.length === 0 ? hash() : root(elements.map(element => hash(Uint8Array.of(0), element)));
}

/** Output of a VRF proof, RFC 9381 section 5.2: SHA-512(suite 3 ‖ 3 ‖ 8 · Gamma ‖ 0); Gamma is the proof's first 32 bytes. */
export function vrfOutput(proof: Uint8Array): Uint8Array {
  const gamma = ed25519.Point.fromBytes(proof.slice(0, 32)).clearCofactor();
  return sha512(Uint8Array.from([3, 3, ...gamma.toBytes(), 0]));
}

/** ⌊first 16 bytes of a hash × total / 2^128⌋ */
export function pointOf(bytes: Uint8Array, total: number): number {
  return Number((BigInt(`0x${hex(bytes.subarray(0, 16))}`) * BigInt(total)) >> 128n);
}
