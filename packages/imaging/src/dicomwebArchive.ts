/**
 * A DICOMweb archive (PS3.18: QIDO-RS §10.6, WADO-RS §10.4), by what every one of them has.
 *
 * - Studies: QIDO-RS, page by page. An archive that pages by its own measure is followed until a page brings nothing new.
 * - Instances and their versions: WADO-RS metadata of the study, streamed and hashed one instance at a time. DICOMweb has
 *   no update time and QIDO-RS need not show a corrected tag; the metadata must. Bulk data (pixels) replaced under an
 *   unchanged header are seen when a copy's time is over, not before.
 * - Bytes: WADO-RS of one instance with transfer-syntax=*, so that nothing is transcoded. What the archive serves is what
 *   is digested.
 *
 * The caller's `fetch` decides where a connection may go; only addresses below `url` are asked, and an answer that
 * points elsewhere is an error like any other.
 */
import { parseStudyInstanceUid } from '@radpass/core';
import { type DicomJson, isDicomJson, printOf, textOf } from './dicomJson.js';
import { parseDate } from './directoryRecords.js';
import { ImagingError } from './errors.js';
import { isUid } from './header.js';
import type { StudySummary } from './imageStore.js';
import { jsonItems } from './jsonItems.js';
import { maxInstances } from './manifest.js';
import { boundaryOf, onlyPart } from './multipart.js';
import type { RemoteArchive, RemoteInstance } from './remoteArchive.js';

/** The part of the platform's `fetch` that is used here. It must follow no redirect and give up on a silent peer. */
export type ArchiveFetch = (
  url: string,
  init: { headers: Record<string, string> },
) => Promise<{
  status: number;
  headers: { get(name: string): string | null };
  body?: AsyncIterable<Uint8Array> | null;
}>;

/** Studies that the list shows; those beyond are found by UID or accession number. */
const maxListed = 10_000;
const pageSize = 500;
const maxItemBytes = 8 * 1024 * 1024;

const studyFields = ['00080020', '00080050', '00080061', '00081030', '00201208'];
const json = 'application/dicom+json';
/** PS3.18 §8.7.3.5.2: "*" asks for the transfer syntax in which the instance is stored. */
const stored = 'multipart/related; type="application/dicom"; transfer-syntax=*';

type Answer = Awaited<ReturnType<ArchiveFetch>>;

function refuse(reason: string, detail: { status?: number; cause?: unknown } = {}): ImagingError {
  const { status, cause } = detail;
  const told = status === undefined ? reason : `${reason} (HTTP ${status})`;
  return new ImagingError(
    { code: 'IMAGING_ARCHIVE', reason, ...(status === undefined ? {} : { status }) },
    `the image archive: ${told}`,
    { cause },
  );
}

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

class DicomwebArchive implements RemoteArchive {
  readonly #base: string;
  readonly #headers: Record<string, string>;
  readonly #fetch: ArchiveFetch;
  readonly #stableMs: number;
  readonly #now: () => number;
  /** Since when a study's record is what it is, for `stableMs`; at most maxListed, the first looked at goes first. */
  readonly #seen = new Map<string, { print: string; since: number }>();

  constructor(p: DicomwebArchiveOptions) {
    this.#base = p.url.replace(/\/+$/, '');
    this.#headers = p.headers ?? {};
    this.#fetch = p.fetch;
    this.#stableMs = p.stableMs ?? 0;
    this.#now = p.now ?? Date.now;
  }

  async #get(path: string, accept: string): Promise<Answer> {
    try {
      return await this.#fetch(`${this.#base}${path}`, { headers: { ...this.#headers, accept } });
    } catch (cause) {
      throw refuse('no answer', { cause });
    }
  }

  /** The list at `path`; none for the answers that mean "nothing". */
  async *#list(path: string): AsyncGenerator<DicomJson> {
    const answer = await this.#get(path, json);
    if (answer.status === 204 || answer.status === 404) return drop(answer);
    if (answer.status < 200 || answer.status > 299) {
      await drop(answer);
      throw refuse('a question was refused', { status: answer.status });
    }
    for await (const item of jsonItems(bodyOf(answer), maxItemBytes)) {
      if (!isDicomJson(item)) throw refuse('an item of a list is no object');
      yield item;
    }
  }

  async #studies(query: string): Promise<StudySummary[]> {
    const found: StudySummary[] = [];
    const fields = studyFields.map(tag => `&includefield=${tag}`).join('');
    const met = new Set<string>();
    for (let offset = 0; met.size < maxListed; ) {
      const before = met.size;
      for await (const item of this.#list(`/studies?${query}limit=${pageSize}&offset=${offset}${fields}`)) {
        offset += 1;
        const summary = summarise(item);
        if (summary === null || met.has(summary.studyInstanceUID)) continue;
        met.add(summary.studyInstanceUID);
        const stable = this.#rests(summary.studyInstanceUID, item);
        found.push({ ...summary, stable });
        if (met.size >= maxListed) break;
      }
      if (met.size === before) break;
    }
    return found.sort((a, b) => compareText(a.studyInstanceUID, b.studyInstanceUID));
  }

  /** Whether the study's record has been what it is for `stableMs`, as far as we looked. */
  #rests(studyInstanceUID: string, item: DicomJson): boolean {
    if (this.#stableMs === 0) return true;
    const print = printOf(item);
    const known = this.#seen.get(studyInstanceUID);
    if (known?.print === print) return this.#now() - known.since >= this.#stableMs;
    this.#seen.delete(studyInstanceUID);
    if (this.#seen.size >= maxListed) this.#seen.delete(this.#seen.keys().next().value ?? '');
    this.#seen.set(studyInstanceUID, { print, since: this.#now() });
    return false;
  }

  async studies(): Promise<StudySummary[]> {
    return (await this.#studies('')).filter(study => study.stable);
  }

  async findByUid(studyInstanceUID: string): Promise<StudySummary | null> {
    if (!isUid(studyInstanceUID)) return null;
    const found = await this.#studies(`StudyInstanceUID=${studyInstanceUID}&`);
    return found.find(study => study.studyInstanceUID === studyInstanceUID) ?? null;
  }

  async findByAccession(accessionNumber: string): Promise<StudySummary[]> {
    if (accessionNumber === '') return [];
    const found = await this.#studies(`AccessionNumber=${encodeURIComponent(accessionNumber)}&`);
    // an archive takes * and ? for wildcards (PS3.4 §C.2.2.2.4): what it found need not be what was asked
    return found.filter(study => study.stable && study.accessionNumber === accessionNumber);
  }

  async instances(studyInstanceUID: string): Promise<RemoteInstance[]> {
    const study = parseStudyInstanceUid(studyInstanceUID);
    const found = new Map<string, RemoteInstance>();
    for await (const item of this.#list(`/studies/${study}/metadata`)) {
      const sopInstanceUID = textOf(item, '00080018');
      const seriesInstanceUID = textOf(item, '0020000E');
      if (!isUid(sopInstanceUID) || !isUid(seriesInstanceUID)) throw refuse('an instance without its UIDs');
      if (textOf(item, '0020000D') !== study) throw refuse('an instance of another study');
      const version = printOf(item);
      const known = found.get(sopInstanceUID);
      if (known !== undefined && known.version !== version) {
        const detail = { code: 'IMAGING_DUPLICATE_INSTANCE', sopInstanceUID } as const;
        throw new ImagingError(detail, 'the archive lists two different instances with one UID');
      }
      found.set(sopInstanceUID, { sopInstanceUID, seriesInstanceUID, version });
      if (found.size > maxInstances) {
        const detail = { code: 'IMAGING_TOO_MANY_INSTANCES', instances: found.size, limit: maxInstances } as const;
        throw new ImagingError(detail, 'a document holds no study of so many instances');
      }
    }
    if (found.size === 0) throw new ImagingError({ code: 'IMAGING_STUDY_UNKNOWN' }, 'no such study in the archive');
    return [...found.values()].sort((a, b) => compareText(a.sopInstanceUID, b.sopInstanceUID));
  }

  async *read(studyInstanceUID: string, instance: RemoteInstance): AsyncGenerator<Uint8Array> {
    const { seriesInstanceUID, sopInstanceUID } = instance;
    const path = `/studies/${studyInstanceUID}/series/${seriesInstanceUID}/instances/${sopInstanceUID}`;
    const answer = await this.#get(path, stored);
    if (answer.status !== 200) {
      await drop(answer);
      if (answer.status !== 404 && answer.status !== 410) {
        throw refuse('an instance was refused', { status: answer.status });
      }
      throw new ImagingError({ code: 'IMAGING_CHANGED', sopInstanceUID }, 'an instance is gone from the archive');
    }
    const type = answer.headers.get('content-type') ?? '';
    const body = bodyOf(answer);
    if (/^application\/dicom\s*(;|$)/i.test(type)) yield* body;
    else yield* onlyPart(body, boundaryOf(type));
  }
}

async function* bodyOf(answer: Answer): AsyncGenerator<Uint8Array> {
  try {
    if (answer.body) yield* answer.body;
  } catch (cause) {
    throw refuse('the answer broke off', { cause });
  }
}

/** Ends an answer that nobody reads. */
async function drop(answer: Answer): Promise<void> {
  await answer.body?.[Symbol.asyncIterator]().return?.();
}

/** Null for a study whose UID breaks the grammar: it can't be hashed, so it can't be offered. */
function summarise(item: DicomJson): Omit<StudySummary, 'stable'> | null {
  const studyInstanceUID = textOf(item, '0020000D');
  try {
    parseStudyInstanceUid(studyInstanceUID);
  } catch {
    return null;
  }
  const instances = Number(textOf(item, '00201208') || Number.NaN);
  if (!Number.isSafeInteger(instances) || instances < 0) throw refuse('a study without its number of instances');
  return {
    studyInstanceUID,
    accessionNumber: textOf(item, '00080050'),
    description: textOf(item, '00081030'),
    modality: [...new Set(textOf(item, '00080061').split('\\').filter(Boolean))].sort().join('/'),
    date: parseDate(textOf(item, '00080020')),
    instances,
    bytes: null,
  };
}

/**
 * `url`: the archive's DICOMweb root. `headers` go with every question: credentials, for instance.
 * `stableMs`: a study is listed only when its record was seen unchanged for this time (default 0: at once); the time
 * begins with the first look. `now`: Unix ms, for `stableMs`.
 */
export interface DicomwebArchiveOptions {
  url: string;
  headers?: Record<string, string>;
  fetch: ArchiveFetch;
  stableMs?: number;
  now?: () => number;
}

export function dicomwebArchive(p: DicomwebArchiveOptions): RemoteArchive {
  return new DicomwebArchive(p);
}
