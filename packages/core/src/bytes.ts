/**
 * Bytes and their text forms: hex (lowercase), base64 (RFC 4648 section 4, padded), base64url (section 5, unpadded).
 *
 * Every parser here accepts exactly one text for each byte string and refuses every other spelling of it.
 */
import { platformHex, platformLatin1, platformLatin1Bytes, platformSha256 } from '#platform';
import { CoreError } from './errors.js';

/** Source of unpredictable bytes; handed in where a test or simulator needs its own. */
export type RandomBytes = (length: number) => Uint8Array;

const standardAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const urlAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

const values = (alphabet: string): ReadonlyMap<number, number> =>
  new Map(Array.from(alphabet, (character, value) => [character.charCodeAt(0), value]));
const standardValues = values(standardAlphabet);
const urlValues = values(urlAlphabet);
const textEncoder = new TextEncoder();

/** Lowercase hex, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  return platformHex(bytes);
}

/** Of the character code of a lowercase hex digit: 0 to 9 are 48 to 57, a to f are 97 to 102. */
const digitOf = (code: number): number => (code < 58 ? code - 48 : code - 87);

/**
 * Bytes of a lowercase hex text.
 * @param length - number of bytes that must come out
 * @throws CoreError CORE_HEX for uppercase, odd, foreign characters or another length
 */
export function fromHex(text: string, length?: number): Uint8Array {
  if (length !== undefined && text.length !== 2 * length) {
    throw new CoreError(
      { code: 'CORE_HEX', reason: 'length', expected: length },
      `expected ${2 * length} hex digits, got ${text.length}`,
    );
  }
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) {
    throw new CoreError({ code: 'CORE_HEX', reason: 'characters' }, 'expected lowercase hex digits in pairs');
  }
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = (digitOf(text.charCodeAt(2 * i)) << 4) | digitOf(text.charCodeAt(2 * i + 1));
  }
  return bytes;
}

function toDigits(bytes: Uint8Array, alphabet: string): string {
  let text = '';
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xffff;
    for (bits += 8; bits >= 6; bits -= 6) text += alphabet.charAt((held >> (bits - 6)) & 63);
  }
  return bits === 0 ? text : text + alphabet.charAt((held << (6 - bits)) & 63);
}

/** The bytes of unpadded base64 digits, or why they are not the one spelling of any. */
function fromDigits(text: string, alphabet: ReadonlyMap<number, number>): Uint8Array | string {
  if (text.length % 4 === 1) return `${text.length} digits end inside a byte`;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const value = alphabet.get(text.charCodeAt(i));
    if (value === undefined) return `foreign character at ${i}`;
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >> bits) & 255;
    }
  }
  return (held & ((1 << bits) - 1)) === 0 ? bytes : 'the last digit carries stray bits';
}

export function toBase64Url(bytes: Uint8Array): string {
  return toDigits(bytes, urlAlphabet);
}

/** @throws CoreError CORE_BASE64URL for padding, foreign characters or stray bits */
export function fromBase64Url(text: string): Uint8Array {
  const bytes = fromDigits(text, urlValues);
  if (typeof bytes !== 'string') return bytes;
  throw new CoreError({ code: 'CORE_BASE64URL', reason: bytes }, `not canonical base64url: ${bytes}`);
}

export function toBase64(bytes: Uint8Array): string {
  const digits = toDigits(bytes, standardAlphabet);
  return digits + '='.repeat((4 - (digits.length % 4)) % 4);
}

/** @throws CoreError CORE_BASE64 for missing padding, foreign characters (line breaks too) or stray bits */
export function fromBase64(text: string): Uint8Array {
  const digits = text.replace(/={1,2}$/, '');
  const bytes = text.length % 4 === 0 ? fromDigits(digits, standardValues) : 'the padding is wrong';
  if (typeof bytes !== 'string' && toBase64(bytes).length === text.length) return bytes;
  const reason = typeof bytes === 'string' ? bytes : 'the padding is wrong';
  throw new CoreError({ code: 'CORE_BASE64', reason }, `not canonical base64: ${reason}`);
}

/** Whether two byte strings are equal; takes the same time wherever they differ, but tells their lengths. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

/** Lexicographic order of unsigned bytes, a prefix first: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function concatBytes(...parts: Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function utf8(text: string): Uint8Array {
  return textEncoder.encode(text);
}

/** Text with one character a byte, for keys of maps: the parts one after the other. */
export function latin1(...parts: Uint8Array[]): string {
  return platformLatin1(parts);
}

/** The bytes of a text of `latin1`, to be hashed or encoded and not to be kept: they may be a piece of larger memory. */
export function latin1Bytes(text: string): Uint8Array {
  return platformLatin1Bytes(text);
}

/** The bytes of a text of `latin1`, in a buffer of their own. */
export function fromLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/**
 * Eight bytes, most significant first.
 * @throws RangeError unless `n` is a whole number from 0 to 2^53 - 1
 */
export function u64be(n: number): Uint8Array {
  if (!Number.isSafeInteger(n) || n < 0) throw new RangeError(`expected a whole number below 2^53, got ${n}`);
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(n / 0x1_0000_0000));
  view.setUint32(4, n % 0x1_0000_0000);
  return bytes;
}

/** SHA-256 of the parts as one byte string; 32 bytes. */
export function sha256(...parts: Uint8Array[]): Uint8Array {
  return platformSha256(parts.length === 1 ? parts[0]! : concatBytes(...parts));
}

/** WebCrypto's random bytes, in browsers and in Node. */
export const randomBytes: RandomBytes = length => globalThis.crypto.getRandomValues(new Uint8Array(length));
