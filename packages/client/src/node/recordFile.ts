/**
 * A small file that must survive a crash: written beside, synced, renamed over, folder synced. Mode 0600.
 * Stopping before the rename leaves the old content and a `.new` file, which the next save replaces.
 */
import { type FileHandle, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

export async function saveRecord(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600);
  await syncAndClose(file, bytes);
  await rename(`${path}.new`, path);
  // Windows opens no folders; its file systems keep renames in their journal.
  if (process.platform !== 'win32') await syncAndClose(await open(dirname(path), 'r'));
}

async function syncAndClose(file: FileHandle, bytes?: Uint8Array): Promise<void> {
  try {
    if (bytes) await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The content, or null when there is no such file. */
export async function loadRecord(path: string): Promise<Uint8Array | null> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
