/**
 * Delivery into the own archive by STOW-RS (DICOM PS3.18 10.5): one request with every file of the study as it came, byte
 * for byte, streamed from disk with its length announced. Delivered means that the archive's answer names every instance
 * as stored and none as failed; anything else is a failure. An archive may have kept some instances of a delivery that
 * failed: delivering again completes it, as instances have names of their own.
 */
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { rootCertificates } from 'node:tls';
import { isLoopback, UsageError } from '@radpass/client/node';
import { RequesterError } from './errors.js';

const silenceMs = 60_000;
const maxAnswerBytes = 67_108_864;
const readBytes = 262_144;

export interface StowTarget {
  /** The DICOMweb root: https, or http on loopback. */
  url: string;
  /** For instance Authorization. */
  headers?: Record<string, string> | undefined;
  /** PEM of an authority to trust beside the system's. */
  ca?: string | undefined;
}

/** @throws UsageError */
export function checkStowUrl(url: string): void {
  const target = URL.canParse(url) ? new URL(url) : null;
  const secure = target?.protocol === 'https:' || (target?.protocol === 'http:' && isLoopback(target.hostname));
  if (!secure) throw new UsageError(`${url}: expected the https URL of a DICOMweb service (http on loopback only)`);
}

/** @throws RequesterError REQUESTER_STOW {status, missing}: status 0 = no answer; missing = instances not stored */
export async function stowStudy(
  target: StowTarget,
  study: { studyInstanceUID: string; files: readonly { sopInstanceUID: string; path: string }[] },
  onProgress: (bytes: number, total: number) => void,
): Promise<void> {
  const { files, studyInstanceUID } = study;
  const sizes = await Promise.all(files.map(async ({ path }) => (await stat(path)).size));
  const frame = createFrame();
  const framing = files.length * (frame.before.length + frame.after.length) + frame.end.length;
  const total = sizes.reduce((sum, size) => sum + size, framing);
  const sent = open(target, `/studies/${studyInstanceUID}`, { boundary: frame.boundary, length: total });
  try {
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve);
      sent.on('error', reject);
    });
    // An archive that refuses may answer in the middle and close: its answer says more than the broken pipe.
    const writing = pipeline(Readable.from(body(files, frame, bytes => onProgress(bytes, total))), sent).catch(
      () => undefined,
    );
    const answer = await answered;
    const status = answer.statusCode ?? 0;
    if (status !== 200 && status !== 202) throw failed(status, files.length);
    const text = await read(answer);
    await writing;
    judge(status, text, files);
  } catch (cause) {
    if (cause instanceof RequesterError) throw cause;
    throw failed(0, files.length, cause);
  } finally {
    sent.destroy();
  }
}

/** No file can have this boundary in it: it was chosen after the file. */
function createFrame(): { boundary: string; before: Buffer; after: Buffer; end: Buffer } {
  const boundary = randomBytes(24).toString('hex');
  return {
    boundary,
    before: Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
    after: Buffer.from('\r\n'),
    end: Buffer.from(`--${boundary}--\r\n`),
  };
}

function open(target: StowTarget, path: string, p: { boundary: string; length: number }): ClientRequest {
  const url = new URL(target.url.replace(/\/$/, '') + path);
  const options = {
    method: 'POST',
    agent: false as const,
    headers: {
      ...target.headers,
      accept: 'application/dicom+json',
      'content-type': `multipart/related; type="application/dicom"; boundary=${p.boundary}`,
      'content-length': p.length,
    },
    minVersion: 'TLSv1.2' as const,
    ...(target.ca === undefined ? {} : { ca: [...rootCertificates, target.ca] }),
  };
  const sent = url.protocol === 'https:' ? httpsRequest(url, options) : httpRequest(url, options);
  sent.setTimeout(silenceMs, () => sent.destroy(new Error('the archive is silent')));
  return sent;
}

async function* body(
  files: readonly { path: string }[],
  frame: ReturnType<typeof createFrame>,
  onProgress: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  const count = (chunk: Buffer): Buffer => {
    bytes += chunk.length;
    onProgress(bytes);
    return chunk;
  };
  for (const { path } of files) {
    yield count(frame.before);
    for await (const chunk of createReadStream(path, { highWaterMark: readBytes })) yield count(chunk as Buffer);
    yield count(frame.after);
  }
  yield count(frame.end);
}

async function read(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer) {
    size += (chunk as Buffer).length;
    if (size > maxAnswerBytes) throw new Error('the answer is too long');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** PS3.18 10.5.3 and table 10.5.3-1: ReferencedSOPSequence names what was stored, FailedSOPSequence what was not. */
function judge(status: number, text: string, files: readonly { sopInstanceUID: string }[]): void {
  const [stored, refused] = [namesIn(text, '00081199'), namesIn(text, '00081198')];
  const missing = files.filter(({ sopInstanceUID }) => !stored.has(sopInstanceUID) || refused.has(sopInstanceUID));
  if (missing.length > 0) throw failed(status, missing.length);
}

/** Referenced SOP Instance UIDs of a sequence in DICOM JSON, one dataset or an array of them; none in anything else. */
function namesIn(text: string, sequence: string): Set<string> {
  const names = new Set<string>();
  for (const dataset of listOf(parsed(text))) {
    for (const item of listOf(field(field(dataset, sequence), 'Value'))) {
      for (const name of listOf(field(field(item, '00081155'), 'Value'))) if (typeof name === 'string') names.add(name);
    }
  }
  return names;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function failed(status: number, missing: number, cause?: unknown): RequesterError {
  const what = status === 0 ? 'the archive did not answer' : `the archive answered ${status}`;
  return new RequesterError(
    { code: 'REQUESTER_STOW', status, missing },
    `${what}; ${missing} instances are not stored`,
    {
      cause,
    },
  );
}
