/**
 * One study as one document: a stored zip of DICOMDIR, the Part 10 files as the store holds them, and the manifest.
 * The bytes follow from the files' contents, the salt and the source alone: not from
 * names, folders, order or times in the store.
 *
 * Every file is read once for its digests and the document's, ahead of any request (files above 8 MiB twice, unless the
 * store knows their digests: a zip states the CRC before the bytes, and memory stays flat). `stream` reads again and lets
 * nothing pass that changed. A seal, kept by the caller, spares the reading of what was digested in an earlier life.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { fromHex, hashStudy, parsePublicKey, parseStudyInstanceUid, toHex } from '@radpass/core';
import { inBlocks } from './blocks.js';
import { encodeDicomdir } from './dicomdir.js';
import { parseDate, parseTime } from './directoryRecords.js';
import { ImagingError } from './errors.js';
import { beginsInstance, type InstanceHeader } from './header.js';
import type { Digests, ImageStore, Instance } from './imageStore.js';
import { dicomdirPath, encodeManifest, imagePath, type Manifest, manifestPath, maxInstances } from './manifest.js';
import { centralDirectory, localHeader, type ZipEntry, zipSize } from './zipWriter.js';

export const mimeType = 'application/zip';

const heldBytes = 8 * 1024 * 1024;

/**
 * What was found out about the document of certain instances in certain versions, to be kept with them: digests in the
 * instances' order, the SHA-256 of everything else in the document (another software may lay it out otherwise), and the
 * document's own. Hex.
 */
export interface DocumentSeal {
  digests: Digests[];
  frame: string;
  sha256: string;
}

/** A study ready to be sent: `size` in bytes and `sha256` (32 bytes) of what `stream` will give. */
export interface StudyDocument {
  size: number;
  sha256: Uint8Array;
  manifest: Manifest;
  instances: Instance[];
  seal: DocumentSeal;
  /**
   * The document's bytes, in blocks that stay as they are until the next is asked for. Each instance's StudyInstanceUID is
   * read again before its bytes leave, its version before the first and the last of them. Throws IMAGING_CHANGED: the transfer must then be broken off, not ended.
   */
  stream(): AsyncIterable<Uint8Array>;
}

/** An entry with its bytes in memory, or with the instance that they are read from. */
type Part = ZipEntry & ({ content: Uint8Array } | { instance: Instance });

function contentPart(name: string, content: Uint8Array): Part {
  return { name, size: content.length, crc32: crc32(content), content };
}

/**
 * Digests a study and lays out its document. `salt` is 0 or 32 bytes, `sourceKey` 32. `sealed`: asked with the study's
 * instances, gives the seal that was made of exactly these versions, if there is one.
 * Throws IMAGING_STUDY_UNKNOWN, IMAGING_DUPLICATE_INSTANCE, IMAGING_TWO_STUDIES (an instance names another study),
 * IMAGING_TOO_MANY_INSTANCES, IMAGING_CHANGED (try again), and what readInstanceHeader throws.
 */
export async function packageStudy(p: {
  store: ImageStore;
  studyInstanceUID: string;
  salt: Uint8Array;
  sourceKey: Uint8Array;
  sealed?: (instances: readonly Instance[]) => Promise<DocumentSeal | null>;
}): Promise<StudyDocument> {
  const { store, salt } = p;
  const studyInstanceUID = parseStudyInstanceUid(p.studyInstanceUID);
  const sourceKey = parsePublicKey(p.sourceKey);
  const studyHash = hashStudy({ sourceKey, salt, studyInstanceUid: studyInstanceUID });
  const instances = await store.instances(studyInstanceUID);
  if (instances.length > maxInstances) {
    const detail = { code: 'IMAGING_TOO_MANY_INSTANCES', instances: instances.length, limit: maxInstances } as const;
    throw new ImagingError(detail, 'a document holds no study of so many instances');
  }
  const directory: { header: InstanceHeader; path: string }[] = [];
  for (const [index, { sopInstanceUID }] of instances.entries()) {
    const header = await store.header(studyInstanceUID, sopInstanceUID);
    if (header.sopInstanceUID !== sopInstanceUID) throw changed(sopInstanceUID);
    if (header.studyInstanceUID !== studyInstanceUID) {
      throw new ImagingError({ code: 'IMAGING_TWO_STUDIES', studies: 2 }, 'an instance belongs to another study');
    }
    directory.push({ header, path: imagePath(index + 1) });
  }

  const seal = (await p.sealed?.(instances)) ?? null;
  const known = seal?.digests.length === instances.length ? seal : null;
  const document = createHash('sha256');
  const frame = createHash('sha256');
  const addContent = (bytes: Uint8Array) => {
    document.update(bytes);
    frame.update(bytes);
  };
  const parts: Part[] = [contentPart(dicomdirPath, encodeDicomdir(directory, studyHash))];
  for (const bytes of contentBytes(parts)) addContent(bytes);
  const manifest: Manifest = {
    formatVersion: 1,
    studyInstanceUID,
    salt: toHex(salt),
    sourceKey: toHex(sourceKey),
    snapshotTime: snapshotTime(directory.map(({ header }) => header)),
    instances: [],
  };
  const digests: Digests[] = [];
  for (const [index, instance] of instances.entries()) {
    const path = imagePath(index + 1);
    const { held, ...digest } = await digestInstance(store, studyInstanceUID, instance, known?.digests[index]);
    const part = { name: path, size: instance.size, crc32: digest.crc32, instance };
    addContent(localHeader(part));
    for (const chunk of held) document.update(chunk);
    if (held.length === 0 && known === null) {
      for await (const chunk of exactly(store.read(studyInstanceUID, instance), instance)) document.update(chunk);
    }
    parts.push(part);
    digests.push(digest);
    const { sopInstanceUID, size } = instance;
    manifest.instances.push({ sopInstanceUID, path, size, sha256: digest.sha256 });
  }
  const manifestPart = contentPart(manifestPath, encodeManifest(manifest));
  for (const bytes of contentBytes([manifestPart])) addContent(bytes);
  parts.push(manifestPart);
  addContent(centralDirectory(parts));
  const frameDigest = frame.digest('hex');
  if (known !== null && known.frame !== frameDigest) {
    // the same files, laid out by another software
    return packageStudy({ ...p, sealed: async () => null });
  }
  const sha256 = known === null ? document.digest('hex') : known.sha256;
  const size = zipSize(parts);
  return {
    size,
    sha256: fromHex(sha256),
    manifest,
    instances,
    seal: { digests, frame: frameDigest, sha256 },
    stream: () => inBlocks(size, room => streamParts({ store, studyInstanceUID, room }, parts)),
  };
}

function contentBytes(parts: readonly Part[]): Uint8Array[] {
  return parts.flatMap(part => ('content' in part ? [localHeader(part), part.content] : []));
}

/** `held`: the bytes, where they were read and are few enough to keep for the document's digest. */
async function digestInstance(
  store: ImageStore,
  studyInstanceUID: string,
  instance: Instance,
  known = instance.digests,
): Promise<Digests & { held: Uint8Array[] }> {
  if (known !== undefined) return { ...known, held: [] };
  const hash = createHash('sha256');
  const hold = instance.size <= heldBytes;
  const held: Uint8Array[] = [];
  let crc = 0;
  for await (const chunk of exactly(store.read(studyInstanceUID, instance), instance)) {
    hash.update(chunk);
    crc = crc32(chunk, crc);
    if (hold) held.push(chunk);
  }
  return { sha256: hash.digest('hex'), crc32: crc, held };
}

/** All bytes of an instance, and no more. */
async function* exactly(chunks: AsyncIterable<Uint8Array>, instance: Instance): AsyncGenerator<Uint8Array> {
  let left = instance.size;
  for await (const chunk of chunks) {
    left -= chunk.length;
    if (left < 0) break;
    yield chunk;
  }
  if (left !== 0) throw changed(instance.sopInstanceUID);
}

interface Reading {
  store: ImageStore;
  studyInstanceUID: string;
  room: () => Uint8Array;
}

/** While an instance is read, the next one is being opened. */
async function* streamParts(reading: Reading, parts: readonly Part[]): AsyncGenerator<Uint8Array> {
  const { store, studyInstanceUID, room } = reading;
  const instances = parts.flatMap(part => ('content' in part ? [] : [part.instance]));
  let begun = 0;
  const begin = (): AsyncIterator<Uint8Array> | undefined => {
    const instance = instances[begun++];
    return instance && store.read(studyInstanceUID, instance, room)[Symbol.asyncIterator]();
  };
  let next = begin();
  try {
    for (const part of parts) {
      yield localHeader(part);
      if ('content' in part) {
        yield part.content;
        continue;
      }
      const chunks = next!;
      next = begin();
      yield* readChecked(reading, { [Symbol.asyncIterator]: () => chunks }, part.instance);
    }
  } finally {
    await next?.return?.();
  }
  yield centralDirectory(parts);
}

/** An instance's bytes, none of them before its first ones have told that it is this instance of this study. */
async function* readChecked(
  { store, studyInstanceUID }: Reading,
  chunks: AsyncIterable<Uint8Array>,
  instance: Instance,
): AsyncGenerator<Uint8Array> {
  const { sopInstanceUID } = instance;
  let isChecked = false;
  for await (const chunk of exactly(chunks, instance)) {
    if (!isChecked && !(await beginsInstance(chunk, { studyInstanceUID, sopInstanceUID }))) {
      await checkIdentity(store, studyInstanceUID, instance);
    }
    isChecked = true;
    yield chunk;
  }
}

/** That the file still says it is this instance of this study: a header that became unreadable is a change, too. */
async function checkIdentity(store: ImageStore, studyInstanceUID: string, instance: Instance): Promise<void> {
  const { sopInstanceUID } = instance;
  let header: InstanceHeader;
  try {
    header = await store.header(studyInstanceUID, sopInstanceUID);
  } catch (error) {
    throw error instanceof ImagingError && error.code !== 'IMAGING_CLOSED' ? changed(sopInstanceUID, error) : error;
  }
  if (header.studyInstanceUID !== studyInstanceUID || header.sopInstanceUID !== sopInstanceUID) {
    throw changed(sopInstanceUID);
  }
}

function changed(sopInstanceUID: string, cause?: unknown): ImagingError {
  const detail = { code: 'IMAGING_CHANGED', sopInstanceUID } as const;
  return new ImagingError(detail, 'an instance changed while it was in use', { cause });
}

/** The newest time that any instance states of itself, to the second and without regard to time zones. */
function snapshotTime(headers: readonly InstanceHeader[]): string {
  const stated = headers.flatMap(header => [
    [header.instanceCreationDate, header.instanceCreationTime],
    [header.contentDate, header.contentTime],
    [header.acquisitionDate, header.acquisitionTime],
    [header.seriesDate, header.seriesTime],
    [header.studyDate, header.studyTime],
  ]);
  const newest = stated.map(([date = '', time = '']) => stamp(parseDate(date), parseTime(time))).reduce(later, '');
  return newest === '' ? '1900-01-01T00:00:00.000Z' : newest;
}

const later = (a: string, b: string) => (a > b ? a : b);

function stamp(date: string, time: string): string {
  if (date === '') return '';
  const clock = time.split('.')[0]?.padEnd(6, '0') ?? '';
  const day = `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`;
  return `${day}T${clock.slice(0, 2)}:${clock.slice(2, 4)}:${clock.slice(4, 6)}.000Z`;
}
