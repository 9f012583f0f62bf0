/** What platform.ts does, by OpenSSL and Buffer: chosen by package.json's "imports" in Node. */
import { signNatively, verifyNatively } from './ed25519.js';
import { sha256Node, sha512Node } from './hash.js';

export const platformSha256: (bytes: Uint8Array) => Uint8Array = sha256Node;
export const platformSha512: (bytes: Uint8Array) => Uint8Array = sha512Node;
export const platformSign: (seed: Uint8Array, publicKey: Uint8Array, message: Uint8Array) => Uint8Array = signNatively;
export const platformVerifyOwn: (signature: Uint8Array, message: Uint8Array, key: Uint8Array) => boolean =
  verifyNatively;

/** Where texts are put together: a Buffer for each would take longer than all the rest. */
let scratch = Buffer.alloc(1_024);

export function platformLatin1(parts: readonly Uint8Array[]): string {
  let length = 0;
  for (const part of parts) {
    if (length + part.length > scratch.length) scratch = Buffer.concat([scratch], 2 * (length + part.length));
    scratch.set(part, length);
    length += part.length;
  }
  return scratch.toString('latin1', 0, length);
}

export function platformLatin1Bytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}
