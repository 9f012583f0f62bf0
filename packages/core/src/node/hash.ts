/** SHA-256 and SHA-512 by OpenSSL: the same values as in plain JavaScript, several times faster. */
import * as crypto from 'node:crypto';

/** `crypto.hash`, from Node 20.12 on, spares a hash object for short inputs. */
const oneShot = typeof crypto.hash === 'function' ? crypto.hash : undefined;

function hash(name: 'sha256' | 'sha512', parts: readonly Uint8Array[]): Uint8Array {
  if (oneShot !== undefined && parts.length === 1) {
    // A string of one character a byte: making a Buffer takes longer than all the hashing of a short input.
    const text = oneShot(name, parts[0]!, 'binary');
    const digest = new Uint8Array(text.length);
    for (let i = 0; i < digest.length; i++) digest[i] = text.charCodeAt(i);
    return digest;
  }
  const hasher = crypto.createHash(name);
  for (const part of parts) hasher.update(part);
  return new Uint8Array(hasher.digest());
}

/** SHA-256 of the parts as one byte string; 32 bytes. */
export function sha256Node(...parts: Uint8Array[]): Uint8Array {
  return hash('sha256', parts);
}

/** SHA-512 of one byte string; 64 bytes. */
export function sha512Node(bytes: Uint8Array): Uint8Array {
  return hash('sha512', [bytes]);
}
