/** SHA-256 by OpenSSL: the same value as `sha256` of the browser-safe entry, several times faster. */
import * as crypto from 'node:crypto';

/** `crypto.hash`, from Node 20.12 on, spares a hash object for short inputs. */
const oneShot = typeof crypto.hash === 'function' ? crypto.hash : undefined;

/** SHA-256 of the parts as one byte string; 32 bytes. */
export function sha256Node(...parts: Uint8Array[]): Uint8Array {
  if (oneShot !== undefined && parts.length === 1) return new Uint8Array(oneShot('sha256', parts[0]!, 'buffer'));
  const hash = crypto.createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
