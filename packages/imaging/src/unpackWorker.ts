/** The jail's inside: one job, one answer. Started by unpack.ts with bounds on heap and time and without environment. */
import { parentPort, workerData } from 'node:worker_threads';
import { ImagingError, type ImagingErrorDetail } from './errors.js';
import type { Manifest } from './manifest.js';
import { type Expected, unpackInto } from './unpackJob.js';

export interface UnpackJob {
  zipPath: string;
  outDir: string;
  expect: Expected;
}

/** `failed` carries what is no ImagingError: a disk, a bug. */
export type UnpackAnswer =
  | { done: Manifest }
  | { refused: ImagingErrorDetail; message: string }
  | { failed: string; errno: string };

const job: UnpackJob = workerData;

async function answer(): Promise<UnpackAnswer> {
  try {
    return { done: await unpackInto(job.zipPath, job.outDir, job.expect) };
  } catch (error) {
    if (error instanceof ImagingError) return { refused: error.detail, message: error.message };
    const errno = error instanceof Error && 'code' in error ? String(error.code) : '';
    return { failed: error instanceof Error ? error.name : 'unknown', errno };
  }
}

parentPort?.postMessage(await answer());
