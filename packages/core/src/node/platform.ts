/** What platform.ts does, by OpenSSL: chosen by package.json's "imports" in Node. */
import { signNatively, verifyNatively } from './ed25519.js';
import { sha256Node } from './hash.js';

export const platformSha256: (bytes: Uint8Array) => Uint8Array = sha256Node;
export const platformSign: (seed: Uint8Array, publicKey: Uint8Array, message: Uint8Array) => Uint8Array = signNatively;
export const platformVerifyOwn: (signature: Uint8Array, message: Uint8Array, key: Uint8Array) => boolean =
  verifyNatively;
