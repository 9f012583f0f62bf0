/**
 * Ed25519 keys. A public key names somebody; a secret key signs and prints itself redacted.
 *
 * Parsing a public key compares bytes only: 32 of them, y < p, and y not that of a point of small order (for those
 * anybody can sign). A key that is no point at all is a legal name under which nothing verifies.
 * Two encodings beyond the eight canonical ones of small order are caught as well: y = 1 and y = -1 with the sign bit
 * set, which have y < p and which ZIP215 decodes as the points of order 1 and 2.
 */
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { fromHex, type RandomBytes, randomBytes, toHex } from './bytes.js';
import { ed25519PublicKey } from './ed25519.js';
import { CoreError } from './errors.js';

/** 32 bytes, checked; treat as frozen. */
export type PublicKey = Uint8Array & { readonly __publicKey: true };

/** What a secret key may be used for; see signature.ts. 'any' has no restriction of its own. */
export type KeyRole = 'source' | 'node' | 'patient' | 'requester' | 'any';

export const keyBytes = 32;

/** p = 2^255 - 19, least significant byte first. */
const fieldPrime = fromHex('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f');

/** The y of every point whose order divides 8, least significant byte first; the sign bit (top bit) is clear. */
const smallOrderY = [
  '0100000000000000000000000000000000000000000000000000000000000000', // order 1
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', // order 2
  '0000000000000000000000000000000000000000000000000000000000000000', // order 4, both signs
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', // order 8, both signs
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', // order 8, both signs
].map(text => fromHex(text));

/** Byte `i` of a key's y: the top bit of the last is the sign. */
const yAt = (key: Uint8Array, i: number): number => (i === keyBytes - 1 ? key[i]! & 0x7f : key[i]!);

function isBelowPrime(key: Uint8Array): boolean {
  for (let i = keyBytes - 1; i >= 0; i--) {
    if (yAt(key, i) !== fieldPrime[i]) return yAt(key, i) < fieldPrime[i]!;
  }
  return false;
}

function hasY(key: Uint8Array, y: Uint8Array): boolean {
  for (let i = 0; i < keyBytes; i++) if (yAt(key, i) !== y[i]) return false;
  return true;
}

function refuse(reason: 'length' | 'hex' | 'not reduced' | 'small order'): never {
  throw new CoreError({ code: 'CORE_PUBLIC_KEY', reason }, `not a public key: ${reason}`);
}

/**
 * A public key from 32 bytes or 64 lowercase hex digits; bytes are copied.
 * @throws CoreError CORE_PUBLIC_KEY
 */
export function parsePublicKey(input: Uint8Array | string): PublicKey {
  if (typeof input === 'string' && !/^[0-9a-f]{64}$/.test(input)) refuse('hex');
  return asPublicKey(typeof input === 'string' ? fromHex(input) : new Uint8Array(input));
}

/**
 * Bytes that the caller owns as a public key, as parsePublicKey but without a copy.
 * @throws CoreError CORE_PUBLIC_KEY
 */
export function asPublicKey(key: Uint8Array): PublicKey {
  if (key.length !== keyBytes) refuse('length');
  if (!isBelowPrime(key)) refuse('not reduced');
  if (smallOrderY.some(weak => hasY(key, weak))) refuse('small order');
  return key as PublicKey;
}

/** 64 lowercase hex digits, as in repositoryUniqueId. */
export function publicKeyHex(key: PublicKey): string {
  return toHex(key);
}

/** A signing key: its seed is in a private field and leaves only by `exportSeed`. */
export class SecretKey {
  readonly #seed: Uint8Array;
  readonly publicKey: PublicKey;
  readonly role: KeyRole;

  private constructor(seed: Uint8Array, role: KeyRole) {
    this.#seed = new Uint8Array(seed);
    this.publicKey = parsePublicKey(ed25519PublicKey(this.#seed));
    this.role = role;
  }

  static generate(random: RandomBytes = randomBytes, role: KeyRole = 'any'): SecretKey {
    return SecretKey.fromSeed(random(keyBytes), role);
  }

  /**
   * @param seed - 32 bytes, the private key of RFC 8032 section 5.1.5; copied
   * @throws CoreError CORE_SECRET_KEY
   */
  static fromSeed(seed: Uint8Array, role: KeyRole = 'any'): SecretKey {
    if (seed.length !== keyBytes) {
      throw new CoreError(
        { code: 'CORE_SECRET_KEY', reason: 'length' },
        `expected a seed of 32 bytes, got ${seed.length}`,
      );
    }
    return new SecretKey(seed, role);
  }

  /** A copy of the 32 secret bytes: for key files, backups and the VRF only. */
  exportSeed(): Uint8Array {
    return new Uint8Array(this.#seed);
  }

  toString(): string {
    return `SecretKey(${this.role}, public ${toHex(this.publicKey).slice(0, 8)}…, secret redacted)`;
  }

  toJSON(): string {
    return this.toString();
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

/**
 * Six BIP39 words for two people to compare by eye: the first 66 bits of a hash, 11 bits a word.
 * @param hash - 32 bytes
 */
export function fingerprintWords(hash: Uint8Array): string[] {
  if (hash.length !== 32) throw new RangeError(`expected a hash of 32 bytes, got ${hash.length}`);
  const words: string[] = [];
  let held = 0;
  let bits = 0;
  for (const byte of hash.subarray(0, 9)) {
    held = ((held << 8) | byte) & 0xf_ffff;
    bits += 8;
    if (bits >= 11 && words.length < 6) {
      bits -= 11;
      words.push(wordlist[(held >> bits) & 0x7ff]!);
    }
  }
  return words;
}
