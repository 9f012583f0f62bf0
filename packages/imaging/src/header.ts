/** What the rest of the package knows of an instance: a few values of its header, read under caps, as plain text. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { parseStudyInstanceUid } from '@radpass/core';
import { type ByteSource, bufferSource, fileSource, headerLimit, inflatePrefix } from './byteSource.js';
import { decodeElements } from './dicomFile.js';
import { type DataSetEncoding, type PickedElement, scanDataSet, scanMeta } from './elementScan.js';
import { ImagingError } from './errors.js';
import { conceptTags, headerTags } from './tags.js';

/**
 * Values of the elements of the same name in PS3.6, as text; '' when absent or empty; several values joined by a
 * backslash. The four UIDs are present and obey the grammar; nothing else is checked.
 */
export type InstanceHeader = { [K in keyof typeof headerTags | keyof typeof conceptTags]: string };

const implicitLittleEndian = '1.2.840.10008.1.2';
const gePrivateImplicit = '1.2.840.113619.5.2'; // implicit elements, big endian pixels
const explicitBigEndian = '1.2.840.10008.1.2.2';
const deflatedLittleEndian = '1.2.840.10008.1.2.1.99';
const mediaStorageDirectory = '1.2.840.10008.1.3.10';

/** First bytes by which an operating system or a shell takes a file for a program. TIFF's are none of them. */
const programs: [string, Buffer][] = [
  ['MZ', Buffer.from('MZ')],
  ['ELF', Buffer.from('\u007fELF', 'latin1')],
  ['script', Buffer.from('#!')],
  ['Mach-O', Buffer.from('cffaedfe', 'hex')],
  ['Mach-O', Buffer.from('cefaedfe', 'hex')],
  ['Mach-O', Buffer.from('cafebabe', 'hex')],
];

function encodingOf(transferSyntaxUID: string): DataSetEncoding {
  return {
    implicit: transferSyntaxUID === implicitLittleEndian || transferSyntaxUID === gePrivateImplicit,
    bigEndian: transferSyntaxUID === explicitBigEndian,
  };
}

function checkPreamble(preamble: Buffer): void {
  const program = programs.find(([, magic]) => preamble.subarray(0, magic.length).equals(magic));
  if (program === undefined) return;
  throw new ImagingError(
    { code: 'IMAGING_PREAMBLE', kind: program[0] },
    `the preamble starts like a ${program[0]} program`,
  );
}

async function scanDeflated(source: ByteSource, start: number): Promise<PickedElement[]> {
  const { bytes, complete } = await inflatePrefix(source, start);
  try {
    return await scanDataSet(bufferSource(bytes), 0, encodingOf(deflatedLittleEndian), { complete });
  } catch (error) {
    if (complete || !(error instanceof ImagingError) || error.code !== 'IMAGING_TRUNCATED') throw error;
    if (bytes.length < headerLimit) throw error;
    const detail = { code: 'IMAGING_HEADER_TOO_LARGE', limit: headerLimit } as const;
    throw new ImagingError(detail, 'the header is larger than we read', { cause: error });
  }
}

function checkUid(field: string, uid: string): void {
  if (isUid(uid)) return;
  throw new ImagingError({ code: 'IMAGING_UID', field }, `${field} is absent or malformed`);
}

/** The study's UID is hashed, so its grammar is the whole one of PS3.5 §9.1. */
function checkStudyUid(uid: string): void {
  try {
    parseStudyInstanceUid(uid);
  } catch (error) {
    const detail = { code: 'IMAGING_UID', field: 'studyInstanceUID' } as const;
    throw new ImagingError(detail, 'studyInstanceUID is absent or malformed', { cause: error });
  }
}

/** Digits and dots, at most 64 (PS3.5 §9.1), with the leading zeros that some scanners' instance UIDs have. */
export function isUid(text: string): boolean {
  return text.length <= 64 && /^\d+(\.\d+)+$/.test(text);
}

/**
 * The header of a Part 10 file. Reads at most 1 MiB; pixels are never read.
 * Throws IMAGING_NOT_DICOM (no Part 10 file, or a DICOMDIR), IMAGING_PREAMBLE, IMAGING_TRUNCATED, IMAGING_DAMAGED,
 * IMAGING_HEADER_TOO_LARGE, IMAGING_UID.
 */
export async function readHeaderFrom(source: ByteSource): Promise<InstanceHeader> {
  const start = await source.load(0, Math.min(132, source.size));
  if (start.length < 132 || start.toString('latin1', 128, 132) !== 'DICM') {
    throw new ImagingError({ code: 'IMAGING_NOT_DICOM' }, 'not a DICOM Part 10 file');
  }
  checkPreamble(start);
  const meta = await scanMeta(source, 132);
  const transferSyntaxUID = decodeElements(meta.picked).get(headerTags.transferSyntaxUID[0]) ?? '';
  checkUid('transferSyntaxUID', transferSyntaxUID);
  const picked =
    transferSyntaxUID === deflatedLittleEndian
      ? await scanDeflated(source, meta.end)
      : await scanDataSet(source, meta.end, encodingOf(transferSyntaxUID));
  const header = toHeader(decodeElements([...meta.picked, ...picked]));
  if (header.sopInstanceUID === '' && header.studyInstanceUID === '') {
    throw new ImagingError({ code: 'IMAGING_NOT_DICOM' }, 'a DICOM file, but no instance of a study');
  }
  for (const field of ['sopClassUID', 'sopInstanceUID', 'seriesInstanceUID'] as const) checkUid(field, header[field]);
  checkStudyUid(header.studyInstanceUID);
  if (header.sopClassUID === mediaStorageDirectory) {
    throw new ImagingError({ code: 'IMAGING_NOT_DICOM' }, 'a DICOMDIR is no instance of a study');
  }
  return header;
}

/**
 * Whether a Part 10 file that begins with `head` is this instance of this study. Decodes no texts, so it costs a fraction
 * of readHeaderFrom; false also where the first bytes alone don't tell, as in a deflated file.
 */
export async function beginsInstance(
  head: Uint8Array,
  { studyInstanceUID, sopInstanceUID }: { studyInstanceUID: string; sopInstanceUID: string },
): Promise<boolean> {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length);
  if (bytes.toString('latin1', 128, 132) !== 'DICM') return false;
  try {
    const source = bufferSource(bytes);
    const meta = await scanMeta(source, 132);
    const transferSyntaxUID = uidIn(meta.picked, headerTags.transferSyntaxUID[0]);
    if (transferSyntaxUID === deflatedLittleEndian) return false;
    const upTo = Number.parseInt(headerTags.studyInstanceUID[0], 16);
    const picked = await scanDataSet(source, meta.end, encodingOf(transferSyntaxUID), { complete: false, upTo });
    const isStudy = uidIn(picked, headerTags.studyInstanceUID[0]) === studyInstanceUID;
    return isStudy && uidIn(picked, headerTags.sopInstanceUID[0]) === sopInstanceUID;
  } catch (error) {
    if (error instanceof ImagingError) return false;
    throw error;
  }
}

/** UIDs are plain ASCII in every encoding (PS3.5 §6.2), padded with a zero. */
function uidIn(picked: readonly PickedElement[], tag: string): string {
  const value = picked.find(element => element.tag === tag)?.value.toString('latin1') ?? '';
  return value.replace(/[\0 ]+$/, '');
}

function toHeader(text: ReadonlyMap<string, string>): InstanceHeader {
  const fields = Object.entries({ ...headerTags, ...conceptTags }).map(([name, [tag]]) => [name, text.get(tag) ?? '']);
  return Object.fromEntries(fields) as InstanceHeader;
}

/** readHeaderFrom of the regular file at `path`; symbolic links are not followed. */
export async function readInstanceHeader(path: string): Promise<InstanceHeader> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return await readHeaderFrom(fileSource(file, (await file.stat()).size));
  } finally {
    await file.close();
  }
}
