/**
 * The gateway's own records on classic-level, every write synced before it is acknowledged.
 *
 * | table | what its loss means |
 * | --- | --- |
 * | studies | studies can't be found by hash: rebuilt by offering again, as salts come from the salt key and the archive |
 * | seals | documents are digested again before they are served |
 * | numbers | staff name studies by numbers made anew at the next offer |
 * | offers, claims | open enrolments have to be begun again at the desk; nothing on the ledger is lost |
 * | revocations | a revocation that only this gateway had seen is missed; those of its nodes come again at the next start |
 * | outbox | a co-signed tuple not yet final isn't posted again: confirm the claim again |
 * | notices | the desk's list of warnings is empty |
 * | signers | the desk can't verify what keys before the last rotation signed; `audit verify --folder --key` still can |
 * | accesses, openAccesses, cursors | nothing: made again from the disclosure records when an owner asks |
 */
import type { DocumentSeal } from '@radpass/imaging';
import { ClassicLevel } from 'classic-level';
import { GatewayError } from './errors.js';

/** A study that was offered: how its hash leads back to the archive. */
export interface StudyRecord {
  studyHash: string;
  /** What staff call it by: 1 for the first study ever offered here. */
  number: number;
  salt: string;
  studyInstanceUID: string;
  /** Published in error: not served from the moment that the desk said so. */
  withdrawn?: boolean;
}

export interface OfferRecord {
  tokenHash: string;
  studyHash: string;
  expires: number;
  state: 'open' | 'redeemed' | 'claimed' | 'void';
}

export interface ClaimRecord {
  id: string;
  tokenHash: string;
  studyHash: string;
  patientKey: string;
  /** Canonical claim or reclaim as received. */
  kind: 'claim' | 'reclaim';
  signed: string;
  words: string[];
  state: 'waiting' | 'confirmed' | 'posted' | 'final' | 'refused';
  transactionId?: string;
  reason?: string;
}

export interface RevocationRecord {
  studyHash: string;
  patientKey: string;
  /** Empty for everyone. */
  requesterKey: string;
  seq: number;
  /** Empty when a node had kept no more than the number. */
  transaction: string;
}

export interface OutboxRecord {
  transactionId: string;
  transaction: string;
  claimId?: string;
  /** A revocation that was brought here: if the network won't have it (an older one by now), nobody need be told. */
  revocation?: boolean;
}

export interface NoticeRecord {
  id: string;
  time: number;
  kind: 'offer-redeemed-twice' | 'transaction-dropped';
  about: string;
}

/** What was found out about a study's document; `versions`: SHA-256 of the instances and versions that it was made of. */
export interface SealRecord extends DocumentSeal {
  versions: string;
}

/** Where a study's number leads; its key is the number in ten digits. */
export interface NumberRecord {
  number: number;
  studyHash: string;
}

/** A retrieval as its owner's receipt tells it; its key is owner, study hash and number. */
export interface AccessRecord {
  number: number;
  requesterKey: string;
  grantSeq: number;
  time: number;
  requestDigest: string;
  outcome: string;
  bytesSent: number;
}

interface Tables {
  studies: StudyRecord;
  seals: SealRecord;
  numbers: NumberRecord;
  offers: OfferRecord;
  claims: ClaimRecord;
  revocations: RevocationRecord;
  outbox: OutboxRecord;
  notices: NoticeRecord;
  accesses: AccessRecord;
  /** Each key that this gateway ever signed with or that named its source; its key is the same hex. */
  signers: { publicKey: string };
  /** Those whose end isn't known yet, by the number of their disclosure record. */
  openAccesses: { access: string };
  /** Up to which disclosure record an index has come. */
  cursors: { seq: number };
}

/** One change: a record put under its key, or removed. */
export type Change = { [T in keyof Tables]: { table: T; key: string; value: Tables[T] | null } }[keyof Tables];

export class Records {
  readonly #db: ClassicLevel<string, string>;

  private constructor(db: ClassicLevel<string, string>) {
    this.#db = db;
  }

  /** @throws GatewayError GATEWAY_DATA_DIR when the folder is in use, full or not writable */
  static async open(path: string): Promise<Records> {
    const db = new ClassicLevel<string, string>(path);
    try {
      await db.open();
    } catch (cause) {
      const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
      throw new GatewayError({ code: 'GATEWAY_DATA_DIR', path, reason }, `${path} can't be opened: ${reason}`, {
        cause,
      });
    }
    return new Records(db);
  }

  async get<T extends keyof Tables>(table: T, key: string): Promise<Tables[T] | null> {
    const text = await this.#db.get(`${table}/${key}`);
    return text === undefined ? null : (JSON.parse(text) as Tables[T]);
  }

  async all<T extends keyof Tables>(table: T): Promise<Tables[T][]> {
    const values = await this.#db.values({ gt: `${table}/`, lt: `${table}0` }).all();
    return values.map(text => JSON.parse(text) as Tables[T]);
  }

  /** Records whose keys begin with `prefix` and come after the key `after`, in order. */
  async range<T extends keyof Tables>(
    table: T,
    p: { prefix: string; after: string; limit: number },
  ): Promise<Tables[T][]> {
    const at = { gt: `${table}/${p.after}`, lt: `${table}/${p.prefix}~`, limit: p.limit };
    const values = await this.#db.values(at).all();
    return values.map(text => JSON.parse(text) as Tables[T]);
  }

  /** The record with the greatest key, of those that begin with `prefix`. */
  async last<T extends keyof Tables>(table: T, prefix = ''): Promise<Tables[T] | null> {
    const at = { gt: `${table}/${prefix}`, lt: prefix === '' ? `${table}0` : `${table}/${prefix}~` };
    const [text] = await this.#db.values({ ...at, reverse: true, limit: 1 }).all();
    return text === undefined ? null : (JSON.parse(text) as Tables[T]);
  }

  /** All changes or none, on disk before it resolves. */
  async write(changes: readonly Change[]): Promise<void> {
    const batch = changes.map(({ table, key, value }) =>
      value === null
        ? { type: 'del' as const, key: `${table}/${key}` }
        : { type: 'put' as const, key: `${table}/${key}`, value: JSON.stringify(value) },
    );
    await this.#db.batch(batch, { sync: true });
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}

/** Runs what changes the same records one after another: a check and the write that relies on it are one step. */
export class Turn {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work, work);
    this.#last = next.then(
      () => undefined,
      () => undefined,
    );
    return next;
  }
}
