/**
 * What the jail does: from a stranger's archive to files under names of our own, every one checked against the manifest
 * and the manifest against what the ledger committed to. Writes into `outDir` alone, which is new and empty; on any
 * refusal its content is worthless and the caller removes it.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { equalBytes, fromHex, hashStudy, parsePublicKey } from '@radpass/core';
import { encodeDicomdir } from './dicomdir.js';
import { ImagingError } from './errors.js';
import { type InstanceHeader, readInstanceHeader } from './header.js';
import {
  dicomdirPath,
  type Manifest,
  type ManifestInstance,
  manifestPath,
  maxManifestBytes,
  parseManifest,
} from './manifest.js';
import { readMember, readMembers, refuseZip, type ZipMember } from './zipReader.js';

/** What the grant says: 32 bytes each. */
export interface Expected {
  sourceKey: Uint8Array;
  studyHash: Uint8Array;
}

function badManifest(reason: string): ImagingError {
  return new ImagingError({ code: 'IMAGING_MANIFEST', reason }, `bad manifest: ${reason}`);
}

async function readManifest(file: FileHandle, members: ReadonlyMap<string, ZipMember>): Promise<Manifest> {
  const member = members.get(manifestPath);
  if (member === undefined) throw badManifest('absent');
  if (member.size > maxManifestBytes) throw badManifest('size');
  const parts: Buffer[] = [];
  for await (const chunk of readMember(file, member)) parts.push(chunk);
  return parseManifest(Buffer.concat(parts));
}

function checkExpected(manifest: Manifest, expect: Expected): void {
  if (!equalBytes(fromHex(manifest.sourceKey), expect.sourceKey)) throw hashError('sourceKey');
  const sourceKey = parsePublicKey(expect.sourceKey);
  const salt = fromHex(manifest.salt);
  const studyHash = hashStudy({ sourceKey, salt, studyInstanceUid: manifest.studyInstanceUID });
  if (!equalBytes(studyHash, expect.studyHash)) throw hashError('studyHash');
}

function hashError(subject: 'sourceKey' | 'studyHash'): ImagingError {
  return new ImagingError({ code: 'IMAGING_HASH', subject }, `the document is not what the grant names: ${subject}`);
}

/** Entries and manifest name the same instances with the same sizes; beside them stand only the two other files. */
function checkMembers(manifest: Manifest, members: ReadonlyMap<string, ZipMember>): void {
  if (!members.has(dicomdirPath)) throw refuseZip('no DICOMDIR');
  if (members.size !== manifest.instances.length + 2) throw badManifest('other entries');
  for (const { path, size } of manifest.instances) {
    if (members.get(path)?.size !== size) throw badManifest('other entries');
  }
}

async function extract(
  file: FileHandle,
  member: ZipMember,
  listed: ManifestInstance,
  outDir: string,
): Promise<InstanceHeader> {
  const { path, sopInstanceUID } = listed;
  const target = join(outDir, ...path.split('/'));
  const hash = createHash('sha256');
  const out = await open(target, 'wx', 0o600);
  try {
    for await (const chunk of readMember(file, member)) {
      hash.update(chunk);
      await out.writeFile(chunk);
    }
  } finally {
    await out.close();
  }
  if (hash.digest('hex') !== listed.sha256) {
    const detail = { code: 'IMAGING_HASH', subject: 'instance', sopInstanceUID } as const;
    throw new ImagingError(detail, 'an instance is not what the manifest names');
  }
  return readInstanceHeader(target);
}

/**
 * Unpacks into the empty folder `outDir`: IMAGES/I0000001 and so on as they were sent, and a DICOMDIR made anew from
 * them, as the one that was sent could point anywhere. Throws ImagingError.
 */
export async function unpackInto(zipPath: string, outDir: string, expect: Expected): Promise<Manifest> {
  const file = await open(zipPath, 'r');
  try {
    const members = await readMembers(file, (await file.stat()).size);
    const manifest = await readManifest(file, members);
    checkExpected(manifest, expect);
    checkMembers(manifest, members);
    await mkdir(join(outDir, 'IMAGES'), { mode: 0o700 });
    const directory: { header: InstanceHeader; path: string }[] = [];
    for (const listed of manifest.instances) {
      const member = members.get(listed.path);
      if (member === undefined) throw badManifest('other entries');
      const header = await extract(file, member, listed, outDir);
      if (header.sopInstanceUID !== listed.sopInstanceUID) throw badManifest('sopInstanceUID of an instance');
      if (header.studyInstanceUID !== manifest.studyInstanceUID) {
        throw new ImagingError({ code: 'IMAGING_TWO_STUDIES', studies: 2 }, 'an instance belongs to another study');
      }
      directory.push({ header, path: listed.path });
    }
    await writeFile(join(outDir, dicomdirPath), encodeDicomdir(directory, expect.studyHash), { mode: 0o600 });
    return manifest;
  } finally {
    await file.close();
  }
}
