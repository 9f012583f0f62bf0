/**
 * Retrieve a study into a file. The bytes go to `outFile + '.part'`; only when the whole document hashed to what the
 * source signed is that file synced and renamed. Stopping anywhere before leaves at most a .part, which the next
 * attempt overwrites; a failure removes it. A transfer that broke off is begun again, as a new message and from the
 * first byte; a source that is busy is asked again; any other refusal stands.
 */
import { createHash } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { PublicKey } from '@radpass/core';
import { type OpenedDocument, openDocument, type RetrieveOptions } from '../client.js';
import { XdsError } from '../errors.js';
import { type ConnectSettings, guardedConnect } from './guardedConnect.js';

export interface OpenStudyOptions
  extends Omit<RetrieveOptions, 'connect' | 'write' | 'onProgress' | 'source' | 'createHash'> {
  /** `tlsPins`: as the ledger has them; none = any certificate that the CA store accepts. */
  source: { key: PublicKey; sourceKey: PublicKey; tlsPins: Uint8Array[] };
  connect: ConnectSettings;
  /** For how long a busy source is asked again. */
  patienceMs?: number;
  /** Pause before another attempt, default 1 s; doubled each time, up to 30 s. */
  pauseMs?: number;
  /** The source is busy, or makes the study ready: it is asked again in a moment. */
  onBusy?: () => void;
}

const defaults = { patienceMs: 900_000, pauseMs: 1_000 };
const longestPauseMs = 30_000;

const pause = (first: number, attempt: number): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, Math.min(first * 2 ** (attempt - 1), longestPauseMs)));

/**
 * Ask for a study over the guarded connection and verify the head of the answer; as long as the source is busy, again as a
 * new message.
 * @throws as `retrieveStudy`
 */
export async function openStudy(p: OpenStudyOptions): Promise<OpenedDocument> {
  const until = performance.now() + (p.patienceMs ?? defaults.patienceMs);
  for (let attempt = 1; ; attempt++) {
    try {
      return await openDocument({
        ...p,
        createHash: () => createHash('sha256'),
        connect: (url, message) => guardedConnect(url, message, { ...p.connect, pins: p.source.tlsPins }),
      });
    } catch (error) {
      if (!isBusy(error) || performance.now() >= until) throw error;
    }
    p.onBusy?.();
    await pause(p.pauseMs ?? defaults.pauseMs, attempt);
  }
}

/** ITI TF-3 table 4.2.4.1-2: "Too much activity". */
function isBusy(error: unknown): boolean {
  return (
    error instanceof XdsError && error.detail.code === 'XDS_REFUSED' && error.detail.errorCode === 'XDSRepositoryBusy'
  );
}

export interface RetrieveStudyOptions extends OpenStudyOptions {
  outFile: string;
  onProgress?: RetrieveOptions['onProgress'];
  /** How often to begin at most, default 3. */
  attempts?: number;
}

/** What is in the file now; digest and type as the source signed them. */
export interface RetrievedStudy {
  bytes: number;
  sha256: Uint8Array;
  mimeType: string;
}

/** @throws as `openDocument` and `guardedConnect`; file system errors as they are */
export async function retrieveStudy(p: RetrieveStudyOptions): Promise<RetrievedStudy> {
  const { attempts = 3 } = p;
  for (let attempt = 1; ; attempt++) {
    try {
      return await retrieveOnce(p);
    } catch (error) {
      if (attempt >= attempts || !isBrokenOff(error)) throw error;
    }
    await pause(p.pauseMs ?? defaults.pauseMs, attempt);
  }
}

/** Did the answer begin and not end? Then the source was willing, and may be again. */
function isBrokenOff(error: unknown): boolean {
  return error instanceof XdsError && error.detail.code === 'XDS_CONNECTION' && error.detail.phase === 'answer';
}

async function retrieveOnce(p: RetrieveStudyOptions): Promise<RetrievedStudy> {
  const part = `${p.outFile}.part`;
  const file = await open(part, 'w', 0o600);
  try {
    const opened = await openStudy(p);
    let bytes = 0;
    for await (const chunk of opened.content) {
      await file.writeFile(chunk);
      bytes += chunk.length;
      p.onProgress?.(bytes, opened.contentLength);
    }
    await file.sync();
    await file.close();
    await rename(part, p.outFile);
    await syncFolder(dirname(p.outFile));
    return { bytes, sha256: opened.sha256, mimeType: opened.mimeType };
  } catch (error) {
    await file.close();
    await rm(part, { force: true });
    throw error;
  }
}

/** Make a rename durable. Windows opens no folders; its file systems keep renames in their journal. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  await folder.sync();
  await folder.close();
}
