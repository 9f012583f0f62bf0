/**
 * Secrets that a program makes for itself at its first start: 32 random bytes in a file that only its owner reads.
 * Made durable before use, so that a crash can't leave half a secret; a file that others can read is refused.
 */
import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { ClientError } from '../errors.js';
import { loadRecord, saveRecord } from './recordFile.js';

const secretBytes = 32;

/** The 32 bytes, made if there is no such file. @throws ClientError CLIENT_SECRET_FILE */
export async function secretFile(path: string): Promise<Uint8Array> {
  const known = await loadRecord(path);
  if (!known) {
    const made = new Uint8Array(randomBytes(secretBytes));
    await saveRecord(path, made);
    return made;
  }
  if (known.length !== secretBytes) throw unusable(path, `expected ${secretBytes} bytes, found ${known.length}`);
  await mustBePrivate(path);
  return known;
}

/** The bearer token of a local surface, 64 hex characters; made anew when the file doesn't hold one. */
export async function localToken(path: string): Promise<string> {
  const known = new TextDecoder().decode((await loadRecord(path)) ?? new Uint8Array()).trim();
  if (/^[0-9a-f]{64}$/.test(known)) {
    await mustBePrivate(path);
    return known;
  }
  const made = randomBytes(secretBytes).toString('hex');
  await saveRecord(path, new TextEncoder().encode(made));
  return made;
}

async function mustBePrivate(path: string): Promise<void> {
  const { mode } = await stat(path);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) throw unusable(path, 'others can read it: chmod 600');
}

function unusable(path: string, reason: string): ClientError {
  return new ClientError({ code: 'CLIENT_SECRET_FILE', path, reason }, `${path} can't be used: ${reason}`);
}
