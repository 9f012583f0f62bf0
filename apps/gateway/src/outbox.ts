/**
 * What the source co-signed is posted until it is final, over restarts and absent nodes. A transaction that the
 * network drops for good is told to the desk.
 */

import { ClientError, type NodeApi, orNull } from '@radpass/client';
import { codeOf, fromHex, randomBytes, toHex } from '@radpass/core';
import type { Change, ClaimRecord, OutboxRecord, Records } from './records.js';
import type { Log } from './runtime.js';

const retryMs = 1000;

export class Outbox {
  readonly #records: Records;
  readonly #nodes: readonly NodeApi[];
  readonly #log: Log;
  readonly #now: () => number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #working: Promise<void> | undefined;
  #stopped = false;

  constructor(p: { records: Records; nodes: readonly NodeApi[]; log: Log; now: () => number }) {
    this.#records = p.records;
    this.#nodes = p.nodes;
    this.#log = p.log;
    this.#now = p.now;
  }

  /** Look at the outbox now, and again until it is empty. */
  wake(): void {
    if (this.#stopped || this.#working) return;
    clearTimeout(this.#timer);
    this.#working = this.#pass()
      .catch((error: unknown) => {
        this.#log('outbox-failed', { reason: codeOf(error) });
        return true;
      })
      .then(again => {
        this.#working = undefined;
        if (again && !this.#stopped) this.#timer = setTimeout(() => this.wake(), retryMs);
      });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#working;
  }

  async #pass(): Promise<boolean> {
    for (const record of await this.#records.all('outbox')) await this.#advance(record);
    return (await this.#records.all('outbox')).length > 0;
  }

  /** Post it everywhere, then ask how far it came. */
  async #advance(record: OutboxRecord): Promise<void> {
    const posts = await Promise.allSettled(this.#nodes.map(node => node.submit(fromHex(record.transaction))));
    const entries = await Promise.allSettled(
      this.#nodes.map(node => orNull(node.transaction(fromHex(record.transactionId)))),
    );
    const grades = entries.flatMap(entry => (entry.status === 'fulfilled' && entry.value ? [entry.value.grade] : []));
    if (grades.includes('final')) return this.#settle(record, 'final');
    if (grades.some(grade => grade !== 'dropped')) return this.#settle(record, 'posted');
    const refusal = posts.flatMap(post => (post.status === 'rejected' ? [post.reason] : [])).find(isFinalNo);
    if (refusal) return this.#drop(record, refusal.detail.remote.code);
  }

  async #settle(record: OutboxRecord, state: 'posted' | 'final'): Promise<void> {
    const claim = record.claimId ? await this.#records.get('claims', record.claimId) : null;
    const changes: Change[] = [];
    if (claim && claim.state !== state) changes.push({ table: 'claims', key: claim.id, value: { ...claim, state } });
    if (state === 'final') changes.push({ table: 'outbox', key: record.transactionId, value: null });
    if (changes.length > 0) await this.#records.write(changes);
  }

  async #drop(record: OutboxRecord, reason: string): Promise<void> {
    const claim = record.claimId ? await this.#records.get('claims', record.claimId) : null;
    const id = toHex(randomBytes(8));
    const refused: ClaimRecord | null = claim && { ...claim, state: 'refused', reason };
    const notice = { id, time: this.#now(), kind: 'transaction-dropped' as const, about: reason };
    await this.#records.write([
      { table: 'outbox', key: record.transactionId, value: null },
      ...(record.revocation ? [] : [{ table: 'notices' as const, key: id, value: notice }]),
      ...(refused ? [{ table: 'claims' as const, key: refused.id, value: refused }] : []),
    ]);
  }
}

type FinalNo = ClientError & { detail: { code: 'CLIENT_REFUSED'; remote: { code: string } } };

/** 409 and 422 are the ledger's rules; everything else may be better the next time. */
function isFinalNo(error: unknown): error is FinalNo {
  if (!(error instanceof ClientError) || error.detail.code !== 'CLIENT_REFUSED') return false;
  const { status, remote } = error.detail;
  return (status === 409 || status === 422) && remote.code !== 'LEDGER_TX_NOT_YET';
}
