/**
 * The one place that calls Ed25519 in plain JavaScript for keys, signing and single checks; signature.ts states the rule,
 * node/ed25519.ts calls OpenSSL.
 * @noble/ed25519 needs a synchronous SHA-512 set before its first use.
 */
import { getPublicKey, hashes, sign, verify } from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';

hashes.sha512 = sha512;

/** Public key (32 bytes) of a seed (32 bytes). */
export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  return getPublicKey(seed);
}

/** Deterministic signature (64 bytes) of RFC 8032 section 5.1.6. */
export function ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
  return sign(message, seed);
}

/** ZIP215 verdict; any lengths but 64 and 32 are a no. */
export function ed25519Verify(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  return signature.length === 64 && key.length === 32 && verify(signature, message, key, { zip215: true });
}
