/** One walk over a folder of DICOM files: stats all, opens only what is new or changed since the walk before. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, opendir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileSource } from './byteSource.js';
import { ImagingError } from './errors.js';
import { type InstanceHeader, readHeaderFrom } from './header.js';

export const chunkBytes = 256 * 1024;

/** What we remember of a file: enough to list it and to see that it changed. `found` is absent for what is no instance. */
export interface KnownFile {
  path: string;
  size: number;
  mtimeMs: number;
  version: string;
  found?: Pick<
    InstanceHeader,
    | 'studyInstanceUID'
    | 'seriesInstanceUID'
    | 'sopInstanceUID'
    | 'accessionNumber'
    | 'studyDescription'
    | 'modality'
    | 'studyDate'
  >;
}

/** A file that is no usable instance; `path` is relative to the store's folder and may name a patient: don't log it. */
export interface SkippedFile {
  path: string;
  code: string;
}

/** Size, modification time and inode: another text whenever the bytes may be others. */
export function versionOf(stats: { size: bigint; mtimeNs: bigint; ino: bigint }): string {
  return `${stats.size}-${stats.mtimeNs}-${stats.ino}`;
}

/** Opens for reading; a symbolic link is refused (ELOOP). */
export async function openFile(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
}

/** Whether a file system error says that the file went away, or became something else. */
export function isGone(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false;
  return error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ELOOP';
}

/** SHA-256 of a file, streamed. */
export async function digestFile(path: string): Promise<Buffer> {
  const hash = createHash('sha256');
  const handle = await openFile(path);
  for await (const chunk of handle.createReadStream({ highWaterMark: chunkBytes })) hash.update(chunk);
  return hash.digest();
}

/** All files below `root` by path. `known` is the result of the walk before. Throws IMAGING_FOLDER if `root` is unreadable. */
export async function scanFolder(
  root: string,
  known: ReadonlyMap<string, KnownFile>,
  onSkipped: (skipped: SkippedFile) => void,
): Promise<Map<string, KnownFile>> {
  const files = new Map<string, KnownFile>();
  const skip = (path: string, code: string) => onSkipped({ path: relative(root, path), code });

  async function look(path: string): Promise<void> {
    try {
      const version = versionOf(await stat(path, { bigint: true }));
      const before = known.get(path);
      files.set(path, before?.version === version ? before : await readFile(path, code => skip(path, code)));
    } catch (error) {
      if (!isGone(error)) skip(path, 'IMAGING_FOLDER');
    }
  }

  async function walk(folder: string): Promise<void> {
    try {
      for await (const entry of await opendir(folder)) {
        if (entry.name.startsWith('.') || entry.name.toUpperCase() === 'DICOMDIR') continue;
        const path = join(folder, entry.name);
        if (entry.isDirectory()) await walk(path);
        else if (entry.isFile()) await look(path);
      }
    } catch (error) {
      if (folder === root) {
        const detail = { code: 'IMAGING_FOLDER', reason: 'unreadable' } as const;
        throw new ImagingError(detail, 'the folder of images cannot be read', { cause: error });
      }
      if (!isGone(error)) skip(folder, 'IMAGING_FOLDER');
    }
  }

  await walk(root);
  return files;
}

async function readFile(path: string, skip: (code: string) => void): Promise<KnownFile> {
  const handle = await openFile(path);
  try {
    const stats = await handle.stat({ bigint: true });
    const size = Number(stats.size);
    const file: KnownFile = { path, size, mtimeMs: Number(stats.mtimeMs), version: versionOf(stats) };
    try {
      const header = await readHeaderFrom(fileSource(handle, size));
      const { studyInstanceUID, seriesInstanceUID, sopInstanceUID } = header;
      const { accessionNumber, studyDescription, modality, studyDate } = header;
      const uids = { studyInstanceUID, seriesInstanceUID, sopInstanceUID };
      return { ...file, found: { ...uids, accessionNumber, studyDescription, modality, studyDate } };
    } catch (error) {
      if (!(error instanceof ImagingError)) throw error;
      skip(error.code);
      return file;
    }
  } finally {
    await handle.close();
  }
}
