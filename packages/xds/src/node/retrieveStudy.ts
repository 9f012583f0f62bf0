/**
 * Retrieve a study into a file. The bytes go to `outFile + '.part'`; only when the whole document hashed to what the
 * source signed is that file synced and renamed. Stopping anywhere before leaves at most a .part, which the next
 * attempt overwrites; a failure removes it.
 */
import { createHash } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { PublicKey } from '@radpass/core';
import { type RetrieveOptions, retrieveDocument } from '../client.js';
import { guardedConnect } from './guardedConnect.js';

export interface RetrieveStudyOptions extends Omit<RetrieveOptions, 'connect' | 'write' | 'source' | 'createHash'> {
  /** `tlsPins`: as the ledger has them; none = any certificate that the CA store accepts. */
  source: { key: PublicKey; sourceKey: PublicKey; tlsPins: Uint8Array[] };
  outFile: string;
  connect: { ca?: string; allowPrivate?: boolean };
}

/** @throws as `retrieveDocument` and `guardedConnect`; file system errors as they are */
export async function retrieveStudy(p: RetrieveStudyOptions): Promise<{ bytes: number; sha256: Uint8Array }> {
  const part = `${p.outFile}.part`;
  const file = await open(part, 'w', 0o600);
  try {
    const retrieved = await retrieveDocument({
      ...p,
      createHash: () => createHash('sha256'),
      connect: (url, message) => guardedConnect(url, message, { ...p.connect, pins: p.source.tlsPins }),
      write: async chunk => {
        await file.writeFile(chunk);
      },
    });
    await file.sync();
    await file.close();
    await rename(part, p.outFile);
    await syncFolder(dirname(p.outFile));
    return retrieved;
  } catch (error) {
    await file.close();
    await rm(part, { force: true });
    throw error;
  }
}

/** Make a rename durable. Windows opens no folders; its file systems keep renames in their journal. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  await folder.sync();
  await folder.close();
}
