/**
 * The one signature rule: an Ed25519 signature is accepted exactly when ZIP215 accepts it.
 *
 *   1. the signature is 64 bytes R ‖ S, the key 32 bytes A; S < L, read as a little-endian number
 *   2. A and R decode to points; encodings with y >= p or with x = 0 and the sign bit set are decoded too
 *   3. [8][S]B = [8]R + [8][k]A with k = SHA-512(R ‖ A ‖ message), over the bytes as received
 *
 * A faster backend may only speed up a yes, and only one that accepts a subset of this (OpenSSL does: node/verifier.ts).
 * Nothing here signs bytes that a caller chose: see domain.ts. The exception, XML Signature, has a function of its own.
 */

import { platformSign, platformVerifyOwn } from '#platform';
import { type Purpose, signingPreimage } from './domain.js';
import { ed25519Verify } from './ed25519.js';
import { CoreError } from './errors.js';
import type { PublicKey, SecretKey } from './keys.js';

export const signatureBytes = 64;

/** A signature that must verify. */
export interface SignedBytes {
  signature: Uint8Array;
  preimage: Uint8Array;
  key: Uint8Array;
}

/** An implementation of the rule. Lengths other than 64 and 32 are a no, never an exception. */
export interface Verifier {
  /** Name for status pages, e.g. "noble". */
  readonly backend: string;
  /** The rule. */
  verify(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean;
  /** May refuse what `verify` accepts, never the reverse: policy for loose messages, which honest signers never craft. */
  verifyStrict(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean;
  /** The first of many that the rule refuses; for whoever judges many faster than batch.ts does, or by another rule. */
  findInvalid?(checks: readonly SignedBytes[]): number | undefined;
}

/** The rule in JavaScript, for browsers and as the judge of what others refuse. */
export const nobleVerifier: Verifier = {
  backend: 'noble',
  verify: ed25519Verify,
  verifyStrict: ed25519Verify,
};

/** A wrong signature over these, made by a failing machine, would cost the signer its key (fault attack) or its stake. */
const verifiedAfterSigning = (purpose: Purpose): boolean =>
  purpose === 'block' || purpose === 'vote' || purpose.startsWith('tx-');

function refuse(purpose: string, reason: string): never {
  throw new CoreError({ code: 'CORE_SIGN_REFUSED', purpose, reason }, `refused to sign for ${purpose}: ${reason}`);
}

/**
 * Sign a message for one purpose on one network; 64 bytes.
 * @throws CoreError CORE_SIGN_REFUSED for a block or vote by a key that is no node's; CORE_SIGN_FAULT when the fresh
 *   signature of a block, vote or transaction does not verify
 */
export function sign(key: SecretKey, purpose: Purpose, chainId: Uint8Array, message: Uint8Array): Uint8Array {
  if ((purpose === 'block' || purpose === 'vote') && key.role !== 'node' && key.role !== 'any') {
    refuse(purpose, `the key's role is ${key.role}`);
  }
  const preimage = signingPreimage(purpose, chainId, message);
  const signature = platformSign(key.exportSeed(), key.publicKey, preimage);
  if (verifiedAfterSigning(purpose) && !platformVerifyOwn(signature, preimage, key.publicKey)) {
    throw new CoreError({ code: 'CORE_SIGN_FAULT', purpose }, `a fresh signature for ${purpose} did not verify`);
  }
  return signature;
}

/** Whether `signature` is one of `message` by `key` for this purpose and network. Never throws for bad bytes. */
export function verify(
  verifier: Verifier,
  signature: Uint8Array,
  purpose: Purpose,
  chainId: Uint8Array,
  message: Uint8Array,
  key: PublicKey,
): boolean {
  return verifier.verify(signature, signingPreimage(purpose, chainId, message), key);
}

/**
 * Sign the canonical form of a SignedInfo that the caller built itself: the one use without a preimage, as XML Signature
 * prescribes the bytes. They begin with '<', which no preimage does, and exceed the length of any VRF or key challenge.
 * @throws CoreError CORE_SIGN_REFUSED for other bytes and for a node's key
 */
export function signSignedInfo(key: SecretKey, canonicalSignedInfo: Uint8Array): Uint8Array {
  if (key.role === 'node') refuse('xmldsig', "a node's key signs no XML");
  if (canonicalSignedInfo[0] !== 0x3c || canonicalSignedInfo.length <= 64) {
    refuse('xmldsig', 'not a canonical SignedInfo: it begins with "<" and has more than 64 bytes');
  }
  return platformSign(key.exportSeed(), key.publicKey, canonicalSignedInfo);
}
