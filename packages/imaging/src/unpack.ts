/**
 * Unpacks a document that a stranger sent, in a jail (THREATS 37): a worker thread with a bounded heap and a deadline,
 * which sees no environment. It writes beside `outDir`, into `<outDir>.<random>.partial`; only what passed every check
 * is renamed to `outDir`. A crash leaves a `.partial` folder, which nobody needs and anybody may remove.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { fromHex, parsePublicKey } from '@radpass/core';
import { ImagingError } from './errors.js';
import type { Manifest } from './manifest.js';
import type { Expected } from './unpackJob.js';
import type { UnpackAnswer, UnpackJob } from './unpackWorker.js';

const resourceLimits = { maxOldGenerationSizeMb: 160, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };
const baseMs = 60_000;
const slowestBytesPerMs = 4096;

/** `files`: absolute paths below the folder that was unpacked into. `salt`: 0 or 32 bytes. `sha256`: hex. */
export interface UnpackedStudy {
  studyInstanceUID: string;
  salt: Uint8Array;
  manifest: Manifest;
  files: { sopInstanceUID: string; path: string; sha256: string }[];
}

/**
 * Checks the document at `zipPath` against the grant and writes IMAGES/… and DICOMDIR into `outDir`, which must not
 * exist yet or be empty. Everything holds or nothing is written: manifest and entries agree, every digest and every
 * instance's UIDs are right, the source is `expect.sourceKey`, and hashStudy of manifest and source is `studyHash`.
 * Time is bounded at one minute and 4 MB of archive a second.
 * Throws CORE_PUBLIC_KEY (`expect`), IMAGING_ZIP, IMAGING_MANIFEST, IMAGING_HASH, IMAGING_TWO_STUDIES, IMAGING_OUT_DIR, IMAGING_JAIL, and what
 * readInstanceHeader throws.
 */
export async function unpackStudy(p: { zipPath: string; outDir: string; expect: Expected }): Promise<UnpackedStudy> {
  const expect = { sourceKey: parsePublicKey(p.expect.sourceKey), studyHash: p.expect.studyHash };
  const { size } = await stat(p.zipPath);
  const outDir = resolve(p.outDir);
  const partial = `${outDir}.${randomBytes(8).toString('hex')}.partial`;
  try {
    await mkdir(partial, { mode: 0o700 });
  } catch (error) {
    throw outDirError('cannot be made', error);
  }
  try {
    const job = { zipPath: resolve(p.zipPath), outDir: partial, expect };
    const manifest = await runJail(job, baseMs + size / slowestBytesPerMs);
    try {
      await rename(partial, outDir);
    } catch (error) {
      throw outDirError('exists', error);
    }
    return {
      studyInstanceUID: manifest.studyInstanceUID,
      salt: fromHex(manifest.salt),
      manifest,
      files: manifest.instances.map(({ sopInstanceUID, path, sha256 }) => ({
        sopInstanceUID,
        path: join(outDir, path),
        sha256,
      })),
    };
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

function outDirError(reason: string, cause: unknown): ImagingError {
  return new ImagingError({ code: 'IMAGING_OUT_DIR', reason }, `the folder to unpack into ${reason}`, { cause });
}

function jailError(reason: 'time' | 'memory' | 'stopped', cause?: unknown): ImagingError {
  return new ImagingError({ code: 'IMAGING_JAIL', reason }, `unpacking was ended: ${reason}`, { cause });
}

/** Resolves only after the worker is gone, so that nothing writes behind our back. Throws as unpackStudy. */
export async function runJail(job: UnpackJob, limitMs: number): Promise<Manifest> {
  const worker = new Worker(new URL('./unpackWorker.js', import.meta.url), {
    workerData: job,
    resourceLimits,
    env: {},
    execArgv: [],
  });
  const outcome = await new Promise<UnpackAnswer | ImagingError>(settle => {
    const deadline = setTimeout(() => settle(jailError('time')), limitMs);
    worker.once('message', (message: UnpackAnswer) => settle(message));
    worker.once('error', error => {
      const memory = 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      settle(jailError(memory ? 'memory' : 'stopped', error));
    });
    worker.once('exit', () => {
      clearTimeout(deadline);
      settle(jailError('stopped'));
    });
  });
  await worker.terminate();
  if (outcome instanceof ImagingError) throw outcome;
  if ('done' in outcome) return outcome.done;
  if ('refused' in outcome) throw new ImagingError(outcome.refused, outcome.message);
  if (outcome.errno !== '') throw outDirError(`failed with ${outcome.errno}`, outcome.failed);
  throw jailError('stopped', outcome.failed);
}
