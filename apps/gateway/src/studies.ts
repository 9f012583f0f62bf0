/**
 * The archive's studies as the ledger knows them: a study's hash is salted with HMAC-SHA-256(the source's salt key,
 * UID), so that it can be made again from the archive after a loss.
 */
import { createHash } from 'node:crypto';
import { codeOf, fromHex, hashStudy, type PublicKey, studySalt, toHex } from '@radpass/core';
import { type ImageStore, type Instance, packageStudy, type StudyDocument, type StudySummary } from '@radpass/imaging';
import { GatewayError } from './errors.js';
import type { Change, Records, StudyRecord } from './records.js';

/** What a person recognises a study by. */
export interface StudyCard {
  description: string;
  modality: string;
  date: string;
  instances: number;
}

/** Keys of the table of numbers ascend as the numbers do. */
const keyOfNumber = (number: number): string => String(number).padStart(10, '0');

export function cardOf(summary: StudySummary): StudyCard {
  const { description, modality, date, instances } = summary;
  return { description, modality, date, instances };
}

/** A study in the desk's list. `number` is null before its first offer; without a summary the archive lacks it. */
export interface ListedStudy extends Partial<StudySummary> {
  studyInstanceUID: string;
  number: number | null;
  studyHash: string | null;
  withdrawn: boolean;
}

function lineOf(record: StudyRecord | undefined, summary?: StudySummary): ListedStudy {
  const studyInstanceUID = summary?.studyInstanceUID ?? record?.studyInstanceUID ?? '';
  const { number = null, studyHash = null, withdrawn = false } = record ?? {};
  return { ...summary, studyInstanceUID, number, studyHash, withdrawn };
}

interface Packaged {
  versions: string;
  document: Promise<StudyDocument>;
}

const maxPackaged = 256;
/** Studies that are read from the archive for their digests at a time. */
const maxReads = 2;
/** Times that a document is begun anew because its study changed under way. */
const maxTries = 3;
/** Studies with more instances are digested again after a restart: their seals would fill the records. */
const maxSealed = 20_000;

const versionsOf = (instances: readonly Instance[]): string =>
  createHash('sha256')
    .update(instances.map(({ sopInstanceUID, version }) => `${sopInstanceUID} ${version}`).join('\n'))
    .digest('hex');

export class Studies {
  readonly #store: ImageStore;
  readonly #records: Records;
  readonly #sourceKey: PublicKey;
  readonly #saltKey: Uint8Array;
  readonly #packaged = new Map<string, Packaged>();
  readonly #waiting: (() => void)[] = [];
  #reading = 0;

  constructor(p: { store: ImageStore; records: Records; sourceKey: PublicKey; saltKey: Uint8Array }) {
    this.#store = p.store;
    this.#records = p.records;
    this.#sourceKey = p.sourceKey;
    this.#saltKey = p.saltKey;
  }

  /** A stable study, to be offered. @throws GatewayError GATEWAY_STUDY_UNKNOWN, GATEWAY_STUDY_AMBIGUOUS */
  async find(q: { studyInstanceUID?: string; accessionNumber?: string }): Promise<StudySummary> {
    const name = q.studyInstanceUID ?? q.accessionNumber ?? '';
    const byUid = async (uid: string) => [await this.#store.findByUid(uid)].filter(study => study?.stable === true);
    const found =
      q.accessionNumber === undefined
        ? await byUid(q.studyInstanceUID ?? '')
        : await this.#store.findByAccession(q.accessionNumber);
    if (found.length > 1) {
      const detail = { code: 'GATEWAY_STUDY_AMBIGUOUS' as const, studies: found.length };
      throw new GatewayError(detail, `${found.length} studies have that accession number: name the study by its UID`);
    }
    if (!found[0])
      throw new GatewayError(
        { code: 'GATEWAY_STUDY_UNKNOWN', study: name },
        'the image store has no such study, or it is still arriving',
      );
    return found[0];
  }

  /** What a study of the archive is called, and what has to be written down with its first offer. */
  async recordOf(studyInstanceUID: string): Promise<{ record: StudyRecord; changes: Change[] }> {
    const salt = studySalt(this.#saltKey, studyInstanceUID);
    const hash = hashStudy({ sourceKey: this.#sourceKey, salt, studyInstanceUid: studyInstanceUID });
    const studyHash = toHex(hash);
    const known = await this.byHash(studyHash);
    if (known) return { record: known, changes: [] };
    const number = ((await this.#records.last('numbers'))?.number ?? 0) + 1;
    const record: StudyRecord = { studyHash, number, salt: toHex(salt), studyInstanceUID };
    const changes: Change[] = [
      { table: 'studies', key: studyHash, value: record },
      { table: 'numbers', key: keyOfNumber(number), value: { number, studyHash } },
    ];
    return { record, changes };
  }

  /** A study by the number that the list shows. @throws GatewayError GATEWAY_STUDY_UNKNOWN */
  async byNumber(number: number): Promise<StudyRecord> {
    const named = await this.#records.get('numbers', keyOfNumber(number));
    const record = named && (await this.byHash(named.studyHash));
    if (record) return record;
    const detail = { code: 'GATEWAY_STUDY_UNKNOWN', study: String(number) } as const;
    throw new GatewayError(detail, `no study here has the number ${number}: studies lists them`);
  }

  /** What the archive holds and what was ever offered: one line a study. */
  async list(): Promise<ListedStudy[]> {
    const [held, offered] = await Promise.all([this.#store.studies(), this.#records.all('studies')]);
    const byUid = new Map(offered.map(record => [record.studyInstanceUID, record]));
    const lines = held.map(summary => lineOf(byUid.get(summary.studyInstanceUID), summary));
    const uids = new Set(held.map(summary => summary.studyInstanceUID));
    return [...lines, ...offered.filter(record => !uids.has(record.studyInstanceUID)).map(record => lineOf(record))];
  }

  byHash(studyHash: string): Promise<StudyRecord | null> {
    return this.#records.get('studies', studyHash);
  }

  /** Of a study that was offered, also while more of it arrives. @throws GatewayError GATEWAY_STUDY_UNKNOWN */
  async card({ studyInstanceUID, number }: StudyRecord): Promise<StudyCard> {
    const summary = await this.#store.findByUid(studyInstanceUID);
    if (summary !== null) return cardOf(summary);
    // Whoever redeems an offer hears this: no identifier of the archive's.
    const detail = { code: 'GATEWAY_STUDY_UNKNOWN', study: String(number) } as const;
    throw new GatewayError(detail, 'the image store has no such study');
  }

  /**
   * The study as one document; packaged again only when the store's list of instances or their versions changed.
   * Whoever asks meanwhile waits for the same one. One that changes while it is packaged is begun anew.
   */
  async document(record: StudyRecord): Promise<StudyDocument> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#current(record);
      } catch (error) {
        if (codeOf(error) !== 'IMAGING_CHANGED' || tries >= maxTries) throw error;
      }
    }
  }

  async #current(record: StudyRecord): Promise<StudyDocument> {
    const versions = versionsOf(await this.#store.instances(record.studyInstanceUID));
    const known = this.#packaged.get(record.studyHash);
    if (known?.versions === versions) return known.document;
    const made = { versions, document: this.#package(record) };
    this.#packaged.delete(record.studyHash);
    if (this.#packaged.size >= maxPackaged) this.#packaged.delete(this.#packaged.keys().next().value ?? '');
    this.#packaged.set(record.studyHash, made);
    try {
      return await made.document;
    } catch (error) {
      if (this.#packaged.get(record.studyHash) === made) this.#packaged.delete(record.studyHash);
      throw error;
    }
  }

  async #package(record: StudyRecord): Promise<StudyDocument> {
    while (this.#reading >= maxReads) await new Promise<void>(resolve => this.#waiting.push(resolve));
    this.#reading++;
    try {
      return await this.#seal(record);
    } finally {
      this.#reading--;
      this.#waiting.shift()?.();
    }
  }

  /** The document, read from the archive unless a seal of these versions was kept. */
  async #seal(record: StudyRecord): Promise<StudyDocument> {
    const kept = await this.#records.get('seals', record.studyHash);
    const document = await packageStudy({
      store: this.#store,
      studyInstanceUID: record.studyInstanceUID,
      salt: fromHex(record.salt),
      sourceKey: this.#sourceKey,
      sealed: async instances => (kept?.versions === versionsOf(instances) ? kept : null),
    });
    const versions = versionsOf(document.instances);
    const isNew = kept?.versions !== versions || kept.frame !== document.seal.frame;
    if (isNew && document.instances.length <= maxSealed) {
      const value = { versions, ...document.seal };
      await this.#records.write([{ table: 'seals', key: record.studyHash, value }]);
    }
    return document;
  }
}
