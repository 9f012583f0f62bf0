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

function hold(bytes: Uint8Array, at: number): void {
  if (at + bytes.length > scratch.length) scratch = Buffer.concat([scratch], 2 * (at + bytes.length));
  scratch.set(bytes, at);
}

export function platformHex(bytes: Uint8Array): string {
  hold(bytes, 0);
  return scratch.toString('hex', 0, bytes.length);
}

export function platformLatin1(parts: readonly Uint8Array[]): string {
  let length = 0;
  for (const part of parts) {
    hold(part, length);
    length += part.length;
  }
  return scratch.toString('latin1', 0, length);
}

export function platformLatin1Bytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}
