/**
 * The signature rule with OpenSSL as a fast yes.
 *
 * OpenSSL refuses some signatures that ZIP215 accepts (R not canonical, a small-order residue) and accepts none that it
 * refuses, once lengths are checked; test/signature.interop.test.ts holds it to that. So a native yes is final and a
 * native no is asked again of the JavaScript implementation.
 */
import { createPublicKey, type KeyObject, verify as opensslVerify } from 'node:crypto';
import { keyBytes } from '../keys.js';
import { nobleVerifier, signatureBytes, type Verifier } from '../signature.js';

/** Imported keys kept; importing costs as much as a fifth of a verification. */
const maxCachedKeys = 4096;
const cachedKeys = new Map<string, KeyObject>();

function importKey(key: Uint8Array): KeyObject {
  const x = Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('base64url');
  const cached = cachedKeys.get(x);
  if (cached !== undefined) return cached;
  const imported = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  // The oldest goes first: a flood of new keys costs imports, never memory.
  for (const oldest of cachedKeys.size >= maxCachedKeys ? cachedKeys.keys() : []) {
    cachedKeys.delete(oldest);
    break;
  }
  cachedKeys.set(x, imported);
  return imported;
}

function verifyNatively(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  if (signature.length !== signatureBytes || key.length !== keyBytes) return false;
  return opensslVerify(null, message, importKey(key), signature);
}

/** For Node: `verify` is the rule, `verifyStrict` is what OpenSSL alone accepts. */
export const nodeVerifier: Verifier = {
  backend: `openssl ${process.versions.openssl}`,
  verify: (signature, message, key) =>
    verifyNatively(signature, message, key) || nobleVerifier.verify(signature, message, key),
  verifyStrict: verifyNatively,
};
