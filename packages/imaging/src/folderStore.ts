/**
 * A folder of DICOM files as an image store: the embedded default, for a small archive or an export.
 *
 * Nothing is written and nothing kept on disk: what stands in the folder is the truth. Each question walks the tree, in
 * full or, for the instances of one study, quickly (folderScan.ts); only new and changed files are opened. Trusted: whoever may write into the folder says what a study
 * is. Hidden files, symbolic links, DICOMDIR and what is no instance are left out (`onSkipped` tells).
 */

import type { FileHandle } from 'node:fs/promises';
import { realpath, stat } from 'node:fs/promises';
import { fileSource } from './byteSource.js';
import { parseDate } from './directoryRecords.js';
import { ImagingError } from './errors.js';
import {
  chunkBytes,
  digestFile,
  isGone,
  type KnownFile,
  openFile,
  type SkippedFile,
  scanFolder,
  versionOf,
  type Walked,
} from './folderScan.js';
import { type InstanceHeader, readHeaderFrom } from './header.js';
import type { ImageStore, Instance, StudySummary } from './imageStore.js';

type FoundFile = KnownFile & Required<Pick<KnownFile, 'found'>>;

const isFound = (file: KnownFile): file is FoundFile => file.found !== undefined;
/** A file that was rewritten in place and so moved to another study is seen after this time at the latest. */
const fullEveryMs = 60_000;
const nothing = (): Walked => ({ files: new Map(), folders: new Map() });
const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const instanceKey = (studyInstanceUID: string, sopInstanceUID: string) => `${studyInstanceUID}/${sopInstanceUID}`;

/** Whether a walk found the very files of the one before, none changed. */
const sameFiles = (now: Walked['files'], before: Walked['files']) =>
  now.size === before.size && [...now].every(([path, file]) => before.get(path) === file);

/** A scan that waits for the one under way: of these studies, or in full. */
interface NextScan {
  only: Set<string>;
  isFull: boolean;
  done: Promise<void>;
}

class FolderStore implements ImageStore {
  readonly #root: string;
  readonly #stableMs: number;
  readonly #now: () => number;
  readonly #onSkipped: (skipped: SkippedFile) => void;
  #walked: Walked = nothing();
  #fullAt = Number.NEGATIVE_INFINITY;
  #studies = new Map<string, FoundFile[]>();
  #instances = new Map<string, FoundFile>();
  #scanning: Promise<void> | undefined;
  #next: NextScan | undefined;
  #closed = false;

  constructor(root: string, options: FolderStoreOptions) {
    this.#root = root;
    this.#stableMs = options.stableMs ?? 0;
    this.#now = options.now ?? Date.now;
    this.#onSkipped = options.onSkipped ?? (() => {});
  }

  /**
   * A scan that began after this call; callers that arrive during one share the next.
   * `only`: a quick one for this study will do, if the last full one is not long ago.
   */
  async #scan(only?: string): Promise<void> {
    this.#checkOpen();
    if (this.#scanning === undefined) return this.#begin(only === undefined ? undefined : new Set([only]));
    const next = this.#next ?? this.#queue(this.#scanning);
    if (only === undefined) next.isFull = true;
    else next.only.add(only);
    return next.done;
  }

  #queue(scanning: Promise<void>): NextScan {
    const again = () => {
      this.#next = undefined;
      return this.#begin(next.isFull ? undefined : next.only);
    };
    const next: NextScan = { only: new Set(), isFull: false, done: scanning.then(again, again) };
    this.#next = next;
    return next;
  }

  #begin(only: ReadonlySet<string> | undefined): Promise<void> {
    this.#scanning = this.#scanOnce(only).finally(() => {
      this.#scanning = undefined;
    });
    return this.#scanning;
  }

  async #scanOnce(only: ReadonlySet<string> | undefined): Promise<void> {
    const now = this.#now();
    const isQuick = only !== undefined && now - this.#fullAt < fullEveryMs && now >= this.#fullAt;
    const walked = await scanFolder(this.#root, this.#walked, {
      onSkipped: this.#onSkipped,
      now: this.#now,
      ...(isQuick ? { only } : {}),
    });
    if (!isQuick) this.#fullAt = now;
    const isSame = sameFiles(walked.files, this.#walked.files);
    this.#walked = walked;
    if (!isSame) this.#sort();
  }

  /** The walked files by study and instance. */
  #sort(): void {
    const studies = new Map<string, FoundFile[]>();
    const instances = new Map<string, FoundFile>();
    for (const file of [...this.#walked.files.values()].filter(isFound)) {
      const study = studies.get(file.found.studyInstanceUID);
      if (study === undefined) studies.set(file.found.studyInstanceUID, [file]);
      else study.push(file);
    }
    for (const study of studies.values()) {
      study.sort((a, b) => compareText(a.found.sopInstanceUID, b.found.sopInstanceUID) || compareText(a.path, b.path));
      for (const file of study) {
        const key = instanceKey(file.found.studyInstanceUID, file.found.sopInstanceUID);
        if (!instances.has(key)) instances.set(key, file);
      }
    }
    this.#studies = studies;
    this.#instances = instances;
  }

  #checkOpen(): void {
    if (this.#closed) throw new ImagingError({ code: 'IMAGING_CLOSED' }, 'the image store is closed');
  }

  async studies(): Promise<StudySummary[]> {
    return (await this.#stable()).map(files => summarise(files, true));
  }

  async #stable(): Promise<FoundFile[][]> {
    await this.#scan();
    return [...this.#studies]
      .filter(([, files]) => this.#rests(files))
      .sort(([a], [b]) => compareText(a, b))
      .map(([, files]) => files);
  }

  #rests(files: FoundFile[]): boolean {
    const quietSince = this.#now() - this.#stableMs;
    return this.#stableMs === 0 || files.every(file => file.mtimeMs <= quietSince);
  }

  async findByUid(studyInstanceUID: string): Promise<StudySummary | null> {
    await this.#scan(studyInstanceUID);
    const files = this.#studies.get(studyInstanceUID);
    return files === undefined ? null : summarise(files, this.#rests(files));
  }

  async findByAccession(accessionNumber: string): Promise<StudySummary[]> {
    const studies = await this.#stable();
    if (accessionNumber === '') return [];
    const found = studies.filter(files => files.some(file => file.found.accessionNumber === accessionNumber));
    return found.map(files => summarise(files, true));
  }

  async instances(studyInstanceUID: string): Promise<Instance[]> {
    await this.#scan(studyInstanceUID);
    const files = this.#study(studyInstanceUID);
    const instances: Instance[] = [];
    for (const [index, file] of files.entries()) {
      const { sopInstanceUID, seriesInstanceUID } = file.found;
      const previous = files[index - 1];
      if (previous?.found.sopInstanceUID !== sopInstanceUID) {
        instances.push({ sopInstanceUID, seriesInstanceUID, size: file.size, version: file.version });
      } else if (!(await sameBytes(previous, file))) {
        const detail = { code: 'IMAGING_DUPLICATE_INSTANCE', sopInstanceUID } as const;
        throw new ImagingError(detail, 'two different files claim to be the same instance');
      }
    }
    return instances;
  }

  #study(studyInstanceUID: string): FoundFile[] {
    const files = this.#studies.get(studyInstanceUID);
    if (files === undefined) throw new ImagingError({ code: 'IMAGING_STUDY_UNKNOWN' }, 'no such study in the store');
    return files;
  }

  /** Without a scan if an earlier one has seen it. */
  async #find(studyInstanceUID: string, sopInstanceUID: string): Promise<FoundFile> {
    this.#checkOpen();
    const key = instanceKey(studyInstanceUID, sopInstanceUID);
    if (!this.#instances.has(key)) await this.#scan();
    const file = this.#instances.get(key);
    if (file !== undefined) return file;
    this.#study(studyInstanceUID);
    throw changed(sopInstanceUID);
  }

  async header(studyInstanceUID: string, sopInstanceUID: string): Promise<InstanceHeader> {
    const { path } = await this.#find(studyInstanceUID, sopInstanceUID);
    const handle = await openOrChanged(path, sopInstanceUID);
    try {
      return await readHeaderFrom(fileSource(handle, (await handle.stat()).size));
    } finally {
      await handle.close();
    }
  }

  /** Opens the file at once: whoever reads files one after the other has the next one open in time. */
  read(studyInstanceUID: string, instance: Instance, room?: () => Uint8Array): AsyncIterableIterator<Uint8Array> {
    const opening = this.#open(studyInstanceUID, instance);
    return openedChunks(opening, handle => this.#chunks(handle, instance, room));
  }

  async #open(studyInstanceUID: string, instance: Instance): Promise<FileHandle> {
    const { path } = await this.#find(studyInstanceUID, instance.sopInstanceUID);
    const handle = await openOrChanged(path, instance.sopInstanceUID);
    try {
      await this.#check(handle, instance);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async #check(handle: FileHandle, { sopInstanceUID, version }: Instance): Promise<void> {
    this.#checkOpen();
    if (versionOf(await handle.stat({ bigint: true })) !== version) throw changed(sopInstanceUID);
  }

  async *#chunks(handle: FileHandle, instance: Instance, room?: () => Uint8Array): AsyncGenerator<Uint8Array> {
    const { sopInstanceUID, size } = instance;
    try {
      for (let at = 0; at < size; ) {
        const chunk = room?.() ?? Buffer.allocUnsafeSlow(Math.min(chunkBytes, size - at));
        const { bytesRead } = await handle.read(chunk, 0, Math.min(chunk.length, size - at), at);
        if (bytesRead === 0) throw changed(sopInstanceUID);
        at += bytesRead;
        if (at === size) await this.#check(handle, instance);
        yield chunk.subarray(0, bytesRead);
      }
    } finally {
      closeRead(handle);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#walked = nothing();
    this.#studies = new Map();
    this.#instances = new Map();
  }
}

/** Nothing of a file that was only read is lost when it can't be closed, so nobody waits for that. */
function closeRead(handle: FileHandle): void {
  handle.close().catch(() => undefined);
}

/** Chunks of a file that is being opened; it is closed when they end or are given up, even before the first. */
function openedChunks(
  opening: Promise<FileHandle>,
  chunksOf: (handle: FileHandle) => AsyncGenerator<Uint8Array>,
): AsyncIterableIterator<Uint8Array> {
  // Who asks for the first chunk is told why it can't be opened.
  opening.catch(() => undefined);
  let chunks: AsyncGenerator<Uint8Array> | undefined;
  return {
    next: async () => {
      chunks ??= chunksOf(await opening);
      return chunks.next();
    },
    return: async () => {
      if (chunks) return chunks.return(undefined);
      opening.then(closeRead, () => undefined);
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function changed(sopInstanceUID: string, cause?: unknown): ImagingError {
  const detail = { code: 'IMAGING_CHANGED', sopInstanceUID } as const;
  return new ImagingError(detail, 'an instance changed while it was in use', { cause });
}

async function openOrChanged(path: string, sopInstanceUID: string): Promise<FileHandle> {
  try {
    return await openFile(path);
  } catch (error) {
    throw isGone(error) ? changed(sopInstanceUID, error) : error;
  }
}

function summarise(files: FoundFile[], stable: boolean): StudySummary {
  const first = (field: 'accessionNumber' | 'studyDescription' | 'studyDate') =>
    files.map(file => file.found[field]).find(text => text !== '') ?? '';
  const once = files.filter((file, i) => files[i - 1]?.found.sopInstanceUID !== file.found.sopInstanceUID);
  const modalities = new Set(files.map(file => file.found.modality).filter(text => text !== ''));
  return {
    studyInstanceUID: files[0]?.found.studyInstanceUID ?? '',
    accessionNumber: first('accessionNumber'),
    description: first('studyDescription'),
    modality: [...modalities].sort().join('/'),
    date: parseDate(first('studyDate')),
    instances: once.length,
    bytes: once.reduce((sum, file) => sum + file.size, 0),
    stable,
  };
}

async function sameBytes(a: KnownFile, b: KnownFile): Promise<boolean> {
  if (a.size !== b.size) return false;
  const [first, second] = [await digestFile(a.path), await digestFile(b.path)];
  return first.equals(second);
}

/**
 * `stableMs`: a study is listed only when none of its files was modified within this time (default 0: at once).
 * `onSkipped`: told once for each version of a file that is left out. `now`: Unix ms, for `stableMs`.
 */
export interface FolderStoreOptions {
  path: string;
  stableMs?: number;
  onSkipped?: (skipped: SkippedFile) => void;
  now?: () => number;
}

/** Files anywhere below `path`, by any name. Throws IMAGING_FOLDER. */
export async function folderStore(p: FolderStoreOptions): Promise<ImageStore> {
  try {
    const root = await realpath(p.path);
    if (!(await stat(root)).isDirectory()) {
      throw new ImagingError({ code: 'IMAGING_FOLDER', reason: 'no folder' }, 'the path of the images is no folder');
    }
    return new FolderStore(root, p);
  } catch (error) {
    if (error instanceof ImagingError) throw error;
    const detail = { code: 'IMAGING_FOLDER', reason: 'unreadable' } as const;
    throw new ImagingError(detail, 'the folder of images cannot be read', { cause: error });
  }
}
