/**
 * Walks over a folder of DICOM files. A full walk stats all and opens only what is new or changed since the walk before. A
 * quick one, for a question about one study, stats the folders and that study's files: a file that came, went or was
 * renamed shows in its folder's modification time. Not watched (inotify and its like): they say nothing of network drives,
 * lose events, and a study served without its newest series is worse than a walk.
 */
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

function versionOfFolder(stats: { mtimeNs: bigint; ino: bigint }): string {
  return `${stats.mtimeNs}-${stats.ino}`;
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

/** What a walk saw. */
export interface Walked {
  files: Map<string, KnownFile>;
  folders: Map<string, KnownFolder>;
}

interface KnownFolder {
  /** Modification time and inode. */
  version: string;
  /** Whether the time was old enough that whatever comes later must have another. */
  settled: boolean;
  files: string[];
  folders: string[];
}

export interface WalkOptions {
  onSkipped: (skipped: SkippedFile) => void;
  /** Unix ms, by the clock that file times are of. */
  now: () => number;
  /** A quick walk: stat only the files of these studies, and those in folders that changed. */
  only?: ReadonlySet<string>;
}

/** File times have a grain: of milliseconds here, of two seconds on FAT. Two changes within one can't be told apart. */
const settleMs = 10_000;
/** Files of a folder that are looked at together: on a share of the network each costs a round trip. */
const filesAtOnce = 32;

/** What stands below `root`. `known` is the result of the walk before. Throws IMAGING_FOLDER if `root` is unreadable. */
export async function scanFolder(root: string, known: Readonly<Walked>, p: WalkOptions): Promise<Walked> {
  const walked: Walked = { files: new Map(), folders: new Map() };
  const skip = (path: string, code: string) => p.onSkipped({ path: relative(root, path), code });

  async function look(path: string): Promise<void> {
    try {
      const version = versionOf(await stat(path, { bigint: true }));
      const before = known.files.get(path);
      walked.files.set(path, before?.version === version ? before : await readFile(path, code => skip(path, code)));
    } catch (error) {
      if (!isGone(error)) skip(path, 'IMAGING_FOLDER');
    }
  }

  /** A file of a folder in which nothing came or went. One that was no instance may have been half copied. */
  async function pass(path: string): Promise<void> {
    const before = known.files.get(path);
    if (before?.found === undefined || p.only?.has(before.found.studyInstanceUID)) await look(path);
    else walked.files.set(path, before);
  }

  async function read(folder: string): Promise<KnownFolder> {
    const began = p.now();
    const stats = await stat(folder, { bigint: true });
    const seen: KnownFolder = {
      version: versionOfFolder(stats),
      settled: began - Number(stats.mtimeMs) >= settleMs,
      files: [],
      folders: [],
    };
    for await (const entry of await opendir(folder)) {
      if (entry.name.startsWith('.') || entry.name.toUpperCase() === 'DICOMDIR') continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) seen.folders.push(path);
      else if (entry.isFile()) seen.files.push(path);
    }
    return seen;
  }

  async function unchanged(folder: string): Promise<KnownFolder | undefined> {
    const before = known.folders.get(folder);
    if (p.only === undefined || before?.settled !== true) return undefined;
    return versionOfFolder(await stat(folder, { bigint: true })) === before.version ? before : undefined;
  }

  async function walk(folder: string): Promise<void> {
    try {
      const same = await unchanged(folder);
      const seen = same ?? (await read(folder));
      walked.folders.set(folder, seen);
      const take = same === undefined ? look : pass;
      for (let at = 0; at < seen.files.length; at += filesAtOnce)
        await Promise.all(seen.files.slice(at, at + filesAtOnce).map(take));
      for (const path of seen.folders) await walk(path);
    } catch (error) {
      if (folder === root) {
        const detail = { code: 'IMAGING_FOLDER', reason: 'unreadable' } as const;
        throw new ImagingError(detail, 'the folder of images cannot be read', { cause: error });
      }
      if (!isGone(error)) skip(folder, 'IMAGING_FOLDER');
    }
  }

  await walk(root);
  return walked;
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
