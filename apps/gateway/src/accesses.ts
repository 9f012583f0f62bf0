/**
 * Access receipts: what the owner of a study is told of its retrievals. They are read off the disclosure records, so
 * whatever was served is in them; an index in the gateway's records, brought up to date when somebody asks, leads from
 * owner and study to them without reading the whole log. A crash leaves the index at an earlier record; lost, it is made
 * again from the log.
 */
import {
  createAccessReceipt,
  fromHex,
  type PublicKey,
  parsePublicKey,
  publicKeyHex,
  type SecretKey,
  toHex,
} from '@radpass/core';
import type { DisclosureEntry, DisclosureStore } from '@radpass/xds';
import { type AccessRecord, type Change, type Records, Turn } from './records.js';

export const maxReceipts = 200;
const entriesAtOnce = 500;
const cursorName = 'accesses';

export class Accesses {
  readonly #init: {
    records: Records;
    disclosures: DisclosureStore;
    chainId: Uint8Array;
    sourceKey: PublicKey;
    key: SecretKey;
  };
  readonly #turn = new Turn();

  constructor(init: {
    records: Records;
    disclosures: DisclosureStore;
    chainId: Uint8Array;
    sourceKey: PublicKey;
    /** The standing key: signs the receipts. */
    key: SecretKey;
  }) {
    this.#init = init;
  }

  /**
   * Receipts of the retrievals of this study while `patientKey` owned it, oldest first, at most `maxReceipts`.
   * @param after - number of the last one that is known already
   */
  async receipts(patientKey: PublicKey, studyHash: Uint8Array, after: number): Promise<Uint8Array[]> {
    await this.#turn.take(() => this.#catchUp());
    const place = placeOf(publicKeyHex(patientKey), toHex(studyHash));
    const found = await this.#init.records.range('accesses', {
      prefix: place,
      after: keyOf(place, after),
      limit: maxReceipts,
    });
    return found.map(access => this.#receipt(patientKey, studyHash, access));
  }

  #receipt(patientKey: PublicKey, studyHash: Uint8Array, access: AccessRecord): Uint8Array {
    const { key, chainId, sourceKey } = this.#init;
    const { requesterKey, requestDigest, ...rest } = access;
    const named = { requesterKey: parsePublicKey(requesterKey), requestDigest: fromHex(requestDigest, 32) };
    return createAccessReceipt({ key, chainId, access: { ...rest, ...named, sourceKey, patientKey, studyHash } });
  }

  async #catchUp(): Promise<void> {
    const { records, disclosures } = this.#init;
    const cursor = await records.get('cursors', cursorName);
    let batch = new Batch(records);
    for await (const entry of disclosures.all(cursor?.seq ?? 0)) {
      await batch.take(entry);
      if (batch.size >= entriesAtOnce) {
        await batch.write();
        batch = new Batch(records);
      }
    }
    if (batch.size > 0) await batch.write();
  }
}

const seqKey = (seq: number): string => String(seq).padStart(16, '0');
const placeOf = (owner: string, studyHash: string): string => `${owner}${studyHash}`;
const keyOf = (place: string, number: number): string => `${place}${seqKey(number)}`;

/** Entries of the log that become one write, with the cursor behind them. */
class Batch {
  readonly #records: Records;
  readonly #accesses = new Map<string, AccessRecord>();
  /** By the seq of the served entry: where its access stands; null once it has ended. */
  readonly #open = new Map<string, string | null>();
  readonly #last = new Map<string, number>();
  #seq = 0;
  size = 0;

  constructor(records: Records) {
    this.#records = records;
  }

  async take({ seq, body }: DisclosureEntry): Promise<void> {
    this.#seq = seq;
    this.size += 1;
    if (body.kind === 'closed') {
      const open = seqKey(body.of);
      const key = this.#open.get(open) ?? (await this.#records.get('openAccesses', open))?.access;
      const access = key && (this.#accesses.get(key) ?? (await this.#records.get('accesses', key)));
      if (!key || !access) return;
      this.#accesses.set(key, { ...access, outcome: body.outcome, bytesSent: body.bytesSent });
      this.#open.set(open, null);
    } else if (body.kind === 'served') {
      const place = placeOf(body.owner, body.studyHash);
      const number = (await this.#lastNumber(place)) + 1;
      this.#last.set(place, number);
      const { requester: requesterKey, grantSeq, time, requestDigest } = body;
      const key = keyOf(place, number);
      this.#accesses.set(key, { number, requesterKey, grantSeq, time, requestDigest, outcome: 'open', bytesSent: 0 });
      this.#open.set(seqKey(seq), key);
    }
  }

  async #lastNumber(place: string): Promise<number> {
    return this.#last.get(place) ?? (await this.#records.last('accesses', place))?.number ?? 0;
  }

  write(): Promise<void> {
    const changes: Change[] = [{ table: 'cursors', key: cursorName, value: { seq: this.#seq } }];
    for (const [key, value] of this.#accesses) changes.push({ table: 'accesses', key, value });
    for (const [key, access] of this.#open)
      changes.push({ table: 'openAccesses', key, value: access === null ? null : { access } });
    return this.#records.write(changes);
  }
}
