/**
 * Words and derived keys: BIP39 (English list) and SLIP-0010 for ed25519, where every index is hardened.
 */
import { hmac } from '@noble/hashes/hmac.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { entropyToMnemonic, mnemonicToEntropy, mnemonicToSeedSync } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { concatBytes, utf8 } from './bytes.js';
import { CoreError } from './errors.js';

/** A node of the SLIP-0010 tree. */
export interface DerivedKey {
  /** 32 bytes: the seed of an Ed25519 key. */
  key: Uint8Array;
  /** 32 bytes. */
  chainCode: Uint8Array;
}

const hardened = 0x8000_0000;

function split(i: Uint8Array): DerivedKey {
  return { key: i.slice(0, 32), chainCode: i.slice(32) };
}

/** SLIP-0010, "Master key generation". @param seed - 16 to 64 bytes */
export function slip10Master(seed: Uint8Array): DerivedKey {
  if (seed.length < 16 || seed.length > 64)
    throw new RangeError(`expected a seed of 16 to 64 bytes, got ${seed.length}`);
  return split(hmac(sha512, utf8('ed25519 seed'), seed));
}

/** SLIP-0010, "Private parent key → private child key". @param index - without the hardened bit, below 2^31 */
export function slip10Child(parent: DerivedKey, index: number): DerivedKey {
  if (!Number.isInteger(index) || index < 0 || index >= hardened) {
    throw new RangeError(`expected an index from 0 to 2^31 - 1, got ${index}`);
  }
  const data = concatBytes(Uint8Array.of(0), parent.key, new Uint8Array(4));
  new DataView(data.buffer).setUint32(33, index + hardened);
  return split(hmac(sha512, parent.chainCode, data));
}

/** Walk from a seed down a path of hardened indices, given without the bit: [44, 0] is m/44'/0'. */
export function deriveSlip10(seed: Uint8Array, path: readonly number[]): DerivedKey {
  return path.reduce(slip10Child, slip10Master(seed));
}

/** What a person types, in the list's spelling: lowercase, one space between words. */
function normalized(mnemonic: string): string {
  return mnemonic.normalize('NFKD').trim().toLowerCase().replace(/\s+/g, ' ');
}

/** Words of 16 to 32 bytes of entropy. */
export function mnemonicOfEntropy(entropy: Uint8Array): string {
  return entropyToMnemonic(entropy, wordlist);
}

/**
 * The entropy behind 12 to 24 words, upper or lower case, however spaced.
 * @throws CoreError CORE_MNEMONIC for foreign words or a wrong checksum; the message names no word
 */
export function entropyOfMnemonic(mnemonic: string): Uint8Array {
  try {
    return mnemonicToEntropy(normalized(mnemonic), wordlist);
  } catch {
    // No cause attached: the library's message may quote the words.
    const reason = 'the words are not on the list, or their checksum is wrong';
    throw new CoreError({ code: 'CORE_MNEMONIC', reason }, `not a mnemonic: ${reason}`);
  }
}

/**
 * The 64-byte seed of BIP39 (PBKDF2, 2,048 rounds: some 50 ms).
 * @throws CoreError CORE_MNEMONIC
 */
export function mnemonicToSeed(mnemonic: string, passphrase = ''): Uint8Array {
  return mnemonicToSeedSync(mnemonicOfEntropy(entropyOfMnemonic(mnemonic)), passphrase);
}
