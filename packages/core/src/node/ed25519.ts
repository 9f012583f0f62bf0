/** Ed25519 by OpenSSL, on raw keys. Keys are imported as JWK: from DER it takes several times as long. */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/** Imported public keys kept; importing costs as much as a fifth of a verification. */
const maxCachedKeys = 4096;
const cachedKeys = new Map<string, KeyObject>();

const base64Url = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');

function importKey(key: Uint8Array): KeyObject {
  const x = base64Url(key);
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

/** What OpenSSL accepts; any lengths but 64 and 32 are a no. */
export function verifyNatively(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  if (signature.length !== 64 || key.length !== 32) return false;
  return verify(null, message, importKey(key), signature);
}

/**
 * Deterministic signature (64 bytes) of RFC 8032 section 5.1.6. The imported secret is not kept.
 * @param publicKey - the seed's; a JWK names both, OpenSSL derives its own from the seed
 */
export function signNatively(seed: Uint8Array, publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const jwk = { kty: 'OKP', crv: 'Ed25519', d: base64Url(seed), x: base64Url(publicKey) };
  return new Uint8Array(sign(null, message, createPrivateKey({ key: jwk, format: 'jwk' })));
}
