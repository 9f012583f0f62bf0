/**
 * RADPASS/MANIFEST.JSON: what a document claims to be. UTF-8 JSON, keys in the order below, no white space:
 *
 * {"formatVersion":1,"studyInstanceUID":"1.2.3","salt":"<0 or 64 hex>","sourceKey":"<64 hex>",
 *  "snapshotTime":"2026-11-24T09:30:00.000Z",
 *  "instances":[{"sopInstanceUID":"1.2.3.1.1","path":"IMAGES/I0000001","size":39206,"sha256":"<64 hex>"}]}
 *
 * Instances ascend by sopInstanceUID (as text, by code unit); the n-th is IMAGES/I followed by n in seven digits.
 */
import { parseStudyInstanceUid } from '@radpass/core';
import { ImagingError } from './errors.js';
import { isUid } from './header.js';

export interface ManifestInstance {
  sopInstanceUID: string;
  path: string;
  size: number;
  sha256: string;
}

/** `snapshotTime`: the newest time that the instances' headers state, so that the same study gives the same bytes. */
export interface Manifest {
  formatVersion: 1;
  studyInstanceUID: string;
  salt: string;
  sourceKey: string;
  snapshotTime: string;
  instances: ManifestInstance[];
}

export const manifestPath = 'RADPASS/MANIFEST.JSON';
export const dicomdirPath = 'DICOMDIR';
export const maxInstances = 200_000;
export const maxManifestBytes = 64 * 1024 * 1024;

/** The n-th instance's place, n from 1: a file ID that PS3.10 §8.5 allows. */
export function imagePath(n: number): string {
  return `IMAGES/I${String(n).padStart(7, '0')}`;
}

export function encodeManifest(manifest: Manifest): Buffer {
  return Buffer.from(JSON.stringify(manifest), 'utf8');
}

function refuse(reason: string, cause?: unknown): ImagingError {
  return new ImagingError({ code: 'IMAGING_MANIFEST', reason }, `bad manifest: ${reason}`, { cause });
}

function asObject(value: unknown, keys: readonly string[], what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse(`${what} is no object`);
  if (Object.keys(value).join() !== keys.join()) throw refuse(`${what} has other keys`);
  return { ...value };
}

function asText(value: unknown, pattern: RegExp, what: string): string {
  if (typeof value !== 'string' || !pattern.test(value)) throw refuse(what);
  return value;
}

function asUid(value: unknown, what: string): string {
  if (typeof value !== 'string' || !isUid(value)) throw refuse(what);
  return value;
}

/** Its hash is what the ledger knows, so the grammar is the whole one. */
function asStudyUid(value: unknown): string {
  const uid = asUid(value, 'studyInstanceUID');
  try {
    return parseStudyInstanceUid(uid);
  } catch (error) {
    throw refuse('studyInstanceUID', error);
  }
}

const headBytes = 512;
const instanceBytes = 256;

/**
 * Before anything is built from a stranger's text: it has the brackets, braces and commas of a manifest with so many
 * instances, in printable ASCII, and is no longer than they need. JSON of small values takes many times its length in
 * memory, and nobody can stop the parser: not even the end of its thread.
 */
function checkForm(bytes: Uint8Array): void {
  const counts = { '{': 0, '[': 0, ',': 0 };
  for (const byte of bytes) {
    if (byte < 0x20 || byte > 0x7e) throw refuse('form');
    if (byte === 0x7b) counts['{'] += 1;
    else if (byte === 0x5b) counts['['] += 1;
    else if (byte === 0x2c) counts[','] += 1;
  }
  const instances = counts['{'] - 1;
  const isOne = counts['['] === 1 && counts[','] === 4 * instances + 4;
  if (!isOne || instances > maxInstances || bytes.length > headBytes + instanceBytes * instances) throw refuse('form');
}

/** Throws IMAGING_MANIFEST unless `bytes` are a manifest whose instances ascend and stand where they must. */
export function parseManifest(bytes: Uint8Array): Manifest {
  checkForm(bytes);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw refuse('no JSON', error);
  }
  const top = ['formatVersion', 'studyInstanceUID', 'salt', 'sourceKey', 'snapshotTime', 'instances'];
  const { formatVersion, studyInstanceUID, salt, sourceKey, snapshotTime, instances } = asObject(json, top, 'manifest');
  if (formatVersion !== 1) throw refuse('formatVersion');
  if (!Array.isArray(instances) || instances.length === 0 || instances.length > maxInstances) throw refuse('instances');
  let previous = '';
  return {
    formatVersion,
    studyInstanceUID: asStudyUid(studyInstanceUID),
    salt: asText(salt, /^([0-9a-f]{64})?$/, 'salt'),
    sourceKey: asText(sourceKey, /^[0-9a-f]{64}$/, 'sourceKey'),
    snapshotTime: asText(snapshotTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'snapshotTime'),
    instances: instances.map((each: unknown, index) => {
      const fields = asObject(each, ['sopInstanceUID', 'path', 'size', 'sha256'], 'instance');
      const sopInstanceUID = asUid(fields.sopInstanceUID, 'sopInstanceUID');
      if (sopInstanceUID <= previous) throw refuse('order of instances');
      previous = sopInstanceUID;
      if (fields.path !== imagePath(index + 1)) throw refuse('path');
      const { size } = fields;
      if (typeof size !== 'number' || !Number.isSafeInteger(size) || size <= 0) throw refuse('size');
      return { sopInstanceUID, path: fields.path, size, sha256: asText(fields.sha256, /^[0-9a-f]{64}$/, 'sha256') };
    }),
  };
}
