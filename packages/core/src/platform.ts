/**
 * What a platform may do faster, with the same bytes and verdicts: this file is the form in plain JavaScript that runs
 * everywhere; package.json's "imports" put node/platform.ts in its place where Node is the platform.
 */
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { ed25519Sign, ed25519Verify } from './ed25519.js';

/** SHA-256 of one byte string; 32 bytes. */
export const platformSha256: (bytes: Uint8Array) => Uint8Array = sha256;

/** SHA-512 of one byte string; 64 bytes. */
export const platformSha512: (bytes: Uint8Array) => Uint8Array = sha512;

/** Signature of RFC 8032 section 5.1.6 by a seed of 32 bytes whose public key is `_publicKey`; 64 bytes. */
export function platformSign(seed: Uint8Array, _publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  return ed25519Sign(seed, message);
}

/** Whether a signature that was made as RFC 8032 says verifies; crafted ones are judged by signature.ts alone. */
export const platformVerifyOwn: (signature: Uint8Array, message: Uint8Array, key: Uint8Array) => boolean =
  ed25519Verify;

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Lowercase hex, two digits a byte. */
export function platformHex(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += hexOfByte[bytes[i]!]!;
  return text;
}

const charactersTogether = 4_096;

/** One character a byte; the parts one after the other. */
export function platformLatin1(parts: readonly Uint8Array[]): string {
  let text = '';
  for (const part of parts) {
    for (let at = 0; at < part.length; at += charactersTogether) {
      text += String.fromCharCode(...part.subarray(at, at + charactersTogether));
    }
  }
  return text;
}

/** The bytes of such a text. */
export function platformLatin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
