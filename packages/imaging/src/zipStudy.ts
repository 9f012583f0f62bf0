/**
 * One study as one document: a stored zip of DICOMDIR, the Part 10 files as the store holds them, and the manifest.
 * The bytes follow from the files' contents, the salt and the source alone: not from
 * names, folders, order or times in the store.
 *
 * Every file is read once for its digests and the document's, ahead of any request (files above 8 MiB twice, unless the
 * store knows their digests: a zip states the CRC before the bytes, and memory stays flat). `stream` reads again and lets
 * nothing pass that changed.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { hashStudy, parsePublicKey, parseStudyInstanceUid, toHex } from '@radpass/core';
import { encodeDicomdir } from './dicomdir.js';
import { parseDate, parseTime } from './directoryRecords.js';
import { ImagingError } from './errors.js';
import type { InstanceHeader } from './header.js';
import type { Digests, ImageStore, Instance } from './imageStore.js';
import { dicomdirPath, encodeManifest, imagePath, type Manifest, manifestPath, maxInstances } from './manifest.js';
import { centralDirectory, localHeader, type ZipEntry, zipSize } from './zipWriter.js';

export const mimeType = 'application/zip';

const heldBytes = 8 * 1024 * 1024;

/** A study ready to be sent: `size` in bytes and `sha256` (32 bytes) of what `stream` will give. */
export interface StudyDocument {
  size: number;
  sha256: Uint8Array;
  manifest: Manifest;
  instances: Instance[];
  /**
   * The document's bytes. Each instance's StudyInstanceUID is read again before its bytes leave, its version before the
   * first and the last of them. Throws IMAGING_CHANGED: the transfer must then be broken off, not ended.
   */
  stream(): AsyncIterable<Uint8Array>;
}

/** An entry with its bytes in memory, or with the instance that they are read from. */
type Part = ZipEntry & ({ content: Uint8Array } | { instance: Instance });

function contentPart(name: string, content: Uint8Array): Part {
  return { name, size: content.length, crc32: crc32(content), content };
}

/**
 * Digests a study and lays out its document. `salt` is 0 or 32 bytes, `sourceKey` 32.
 * Throws IMAGING_STUDY_UNKNOWN, IMAGING_DUPLICATE_INSTANCE, IMAGING_TWO_STUDIES (an instance names another study),
 * IMAGING_TOO_MANY_INSTANCES, IMAGING_CHANGED (try again), and what readInstanceHeader throws.
 */
export async function packageStudy(p: {
  store: ImageStore;
  studyInstanceUID: string;
  salt: Uint8Array;
  sourceKey: Uint8Array;
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

  const document = createHash('sha256');
  const parts: Part[] = [contentPart(dicomdirPath, encodeDicomdir(directory, studyHash))];
  hashContent(document, parts);
  const manifest: Manifest = {
    formatVersion: 1,
    studyInstanceUID,
    salt: toHex(salt),
    sourceKey: toHex(sourceKey),
    snapshotTime: snapshotTime(directory.map(({ header }) => header)),
    instances: [],
  };
  for (const [index, instance] of instances.entries()) {
    const path = imagePath(index + 1);
    const digest = await digestInstance(store, studyInstanceUID, instance);
    const part = { name: path, size: instance.size, crc32: digest.crc32, instance };
    document.update(localHeader(part));
    for (const chunk of digest.held) document.update(chunk);
    if (digest.held.length === 0) {
      for await (const chunk of readExactly(store, studyInstanceUID, instance)) document.update(chunk);
    }
    parts.push(part);
    const { sopInstanceUID, size } = instance;
    manifest.instances.push({ sopInstanceUID, path, size, sha256: digest.sha256 });
  }
  const manifestPart = contentPart(manifestPath, encodeManifest(manifest));
  hashContent(document, [manifestPart]);
  parts.push(manifestPart);
  document.update(centralDirectory(parts));
  return {
    size: zipSize(parts),
    sha256: new Uint8Array(document.digest()),
    manifest,
    instances,
    stream: () => streamParts(store, studyInstanceUID, parts),
  };
}

function hashContent(document: ReturnType<typeof createHash>, parts: readonly Part[]): void {
  for (const part of parts) {
    document.update(localHeader(part));
    if ('content' in part) document.update(part.content);
  }
}

/** `held`: the bytes, where they were read and are few enough to keep for the document's digest. */
async function digestInstance(
  store: ImageStore,
  studyInstanceUID: string,
  instance: Instance,
): Promise<Digests & { held: Uint8Array[] }> {
  if (instance.digests !== undefined) return { ...instance.digests, held: [] };
  const hash = createHash('sha256');
  const hold = instance.size <= heldBytes;
  const held: Uint8Array[] = [];
  let crc = 0;
  for await (const chunk of readExactly(store, studyInstanceUID, instance)) {
    hash.update(chunk);
    crc = crc32(chunk, crc);
    if (hold) held.push(chunk);
  }
  return { sha256: hash.digest('hex'), crc32: crc, held };
}

async function* readExactly(
  store: ImageStore,
  studyInstanceUID: string,
  instance: Instance,
): AsyncGenerator<Uint8Array> {
  let left = instance.size;
  for await (const chunk of store.read(studyInstanceUID, instance)) {
    left -= chunk.length;
    if (left < 0) break;
    yield chunk;
  }
  if (left !== 0) throw changed(instance.sopInstanceUID);
}

async function* streamParts(
  store: ImageStore,
  studyInstanceUID: string,
  parts: readonly Part[],
): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if ('content' in part) {
      yield localHeader(part);
      yield part.content;
      continue;
    }
    await checkIdentity(store, studyInstanceUID, part.instance);
    yield localHeader(part);
    yield* readExactly(store, studyInstanceUID, part.instance);
  }
  yield centralDirectory(parts);
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
