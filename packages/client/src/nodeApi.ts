/** A node's HTTP API (docs/operating.md, section Node API) with typed values. */
import { type PublicKey, publicKeyHex, type Transaction, toHex } from '@radpass/core';
import { lightLimits, type NamedCheckpoint, parseCheckpoint } from '@radpass/ledger/light';
import { ClientError } from './errors.js';
import { readEvents } from './eventStream.js';
import { exchangeBytes, exchangeJson, type Fetch } from './http.js';
import { askNarrowing } from './narrowing.js';
import type {
  BlockEntry,
  FinalCheckpoint,
  Grade,
  NodeEvent,
  NodeStatus,
  SourceEntry,
  StudyEntry,
  TransactionEntry,
} from './nodeSchemas.js';
import * as schemas from './nodeSchemas.js';
import type { z } from './zod.js';

/** What a sequence number is asked for: a source's own tuples, or a patient's word on one study. */
export type SeqQuery =
  | { sourceKey: PublicKey }
  | { sourceKey: PublicKey; studyHash: Uint8Array; patientKey: PublicKey; requesterKey?: PublicKey };

/** Whether each entry comes with the leaves that it was read from, and their proofs. */
interface Proofs {
  proofs?: boolean;
}

const rank: Record<Grade, number> = { dropped: -1, pending: 0, included: 1, confirmed: 2, final: 3 };
const pollMs = 250;
const genesisBytes = 1024 * 1024;
/** Signatures of some hundred keys. */
const recoveryBytes = 128 * 1024;

export class NodeApi {
  readonly url: string;
  readonly #fetch: Fetch;

  constructor(p: { url: string; fetch: Fetch }) {
    this.url = p.url.replace(/\/+$/, '');
    this.#fetch = p.fetch;
  }

  status(): Promise<NodeStatus> {
    return this.#get('/status', schemas.statusSchema);
  }

  /** Hand in a transaction; resolves once the node has it on disk. @throws ClientError CLIENT_REFUSED with the node's code */
  submit(transaction: Transaction | Uint8Array): Promise<{ id: Uint8Array; known: boolean }> {
    const body = transaction instanceof Uint8Array ? transaction : transaction.bytes;
    return exchangeJson(
      { fetch: this.#fetch, url: `${this.url}/v1/transactions`, method: 'POST', body },
      schemas.submittedSchema,
    );
  }

  transaction(id: Uint8Array): Promise<TransactionEntry> {
    return this.#get(`/v1/transactions/${toHex(id)}`, schemas.transactionSchema);
  }

  block(idOrHeight: Uint8Array | number): Promise<BlockEntry> {
    const name = typeof idOrHeight === 'number' ? String(idOrHeight) : toHex(idOrHeight);
    return this.#get(`/v1/blocks/${name}`, schemas.blockSchema);
  }

  /** The directory of sources at the newest final block. */
  sources(): Promise<z.output<typeof schemas.sourcesSchema>> {
    return this.#get('/v1/sources', schemas.sourcesSchema);
  }

  /** One source, or null when the directory doesn't name it. */
  async source(sourceKey: PublicKey): Promise<SourceEntry | null> {
    return (await this.sourceAt(sourceKey))?.source ?? null;
  }

  /** One source with the checkpoint at which it stands so; null when the directory doesn't name it. */
  sourceAt(sourceKey: PublicKey, p: Proofs = {}): Promise<z.output<typeof schemas.sourceSchema> | null> {
    const path = `/v1/sources/${publicKeyHex(sourceKey)}`;
    return orNull(this.#get(p.proofs ? `${path}?proofs=1` : path, schemas.sourceSchema));
  }

  /** Studies whose hash, or whose owner's key, begins with the prefix (hex). */
  studies(
    q: { hashPrefix: string } | { patientPrefix: string },
    p: Proofs = {},
  ): Promise<z.output<typeof schemas.studiesSchema>> {
    return this.#get(`/v1/studies?${query(q, p)}`, schemas.studiesSchema);
  }

  /** Consent entries whose study hash, or whose requester's key, begins with the prefix (hex). */
  grants(
    q: { requesterPrefix: string } | { hashPrefix: string },
    p: Proofs = {},
  ): Promise<z.output<typeof schemas.grantsSchema>> {
    return this.#get(`/v1/grants?${query(q, p)}`, schemas.grantsSchema);
  }

  /** One study's entry at the newest final block, asked for by prefix. */
  async study(
    sourceKey: PublicKey,
    studyHash: Uint8Array,
    p: Proofs = {},
  ): Promise<{ checkpoint: FinalCheckpoint; study: StudyEntry | null }> {
    const name = toHex(studyHash) + publicKeyHex(sourceKey);
    const { checkpoint, studies } = await askNarrowing(name, hashPrefix => this.studies({ hashPrefix }, p));
    const isThis = (entry: StudyEntry): boolean => toHex(entry.studyHash) + toHex(entry.sourceKey) === name;
    return { checkpoint, study: studies.find(isThis) ?? null };
  }

  /**
   * Consent entries and revocations of one study, asked for by prefix, with those of studies whose hash begins alike.
   * @param keys - patient's and requester's key: where a study has too many entries, the answer holds just that one
   */
  grantsOfStudy(
    sourceKey: PublicKey,
    studyHash: Uint8Array,
    keys: readonly PublicKey[] = [],
    p: Proofs = {},
  ): Promise<z.output<typeof schemas.grantsSchema>> {
    const name = [studyHash, sourceKey, ...keys].map(toHex).join('');
    return askNarrowing(name, hashPrefix => this.grants({ hashPrefix }, p));
  }

  /** A leaf of the final state with its proof; `value` null proves absence. */
  proof(table: string, key: Uint8Array): Promise<z.output<typeof schemas.proofSchema>> {
    return this.#get(`/v1/proof?${new URLSearchParams({ table, key: toHex(key) })}`, schemas.proofSchema);
  }

  /** What every source was to do and did in an epoch, by default the newest closed one; or one source's row with its path. */
  audit(q: { epoch?: number; source?: PublicKey } = {}): Promise<schemas.AuditEntry> {
    const query = new URLSearchParams();
    if (q.epoch !== undefined) query.set('epoch', String(q.epoch));
    if (q.source) query.set('source', toHex(q.source));
    return this.#get(`/v1/audit?${query}`, schemas.auditSchema);
  }

  /** The network's genesis, by whose hash it is known. */
  genesis(): Promise<Uint8Array> {
    return this.#bytes('/v1/genesis', genesisBytes);
  }

  /** An update of a light client to the newest final block. */
  lightCheckpoint(): Promise<Uint8Array> {
    return this.#bytes('/v1/checkpoint', lightLimits.updateBytes);
  }

  /** An update of a light client from the era of this root on. @throws ClientError CLIENT_NOT_FOUND for a root that the node doesn't know */
  lightHandOvers(rootId: Uint8Array): Promise<Uint8Array> {
    return this.#bytes(`/v1/certificate?from=${toHex(rootId)}`, lightLimits.updateBytes);
  }

  /** The voters of an era, which somebody else has to vouch for. */
  committee(rootId: Uint8Array): Promise<Uint8Array> {
    return this.#bytes(`/v1/committee/${toHex(rootId)}`, lightLimits.voterBytes);
  }

  /** The recovery that ended the era of this root; a file that its signers vouch for. @throws ClientError CLIENT_NOT_FOUND if none did */
  async recovery(rootId: Uint8Array): Promise<NamedCheckpoint> {
    const file = await this.#bytes(`/v1/recovery/${toHex(rootId)}`, recoveryBytes);
    return parseCheckpoint(new TextDecoder().decode(file));
  }

  producers(): Promise<z.output<typeof schemas.producersSchema>> {
    return this.#get('/v1/producers', schemas.producersSchema);
  }

  /** The least `seq` that the ledger would take for this entry. */
  async seqBound(q: SeqQuery): Promise<number> {
    const fields = Object.entries(q).map(([name, bytes]): [string, string] => [name, toHex(bytes)]);
    return (await this.#get(`/v1/seq?${new URLSearchParams(fields)}`, schemas.seqBoundSchema)).bound;
  }

  /**
   * Follow the node's events from `cursor` on.
   * @param onEnd - called once when the stream ends, with the error if it broke; the caller reconnects with its last cursor
   * @returns a function that stops following (onEnd is not called then)
   */
  events(cursor: number, onEvent: (event: NodeEvent) => void, onEnd: (error?: Error) => void): () => void {
    const abort = new AbortController();
    void this.#follow(cursor, onEvent, abort.signal).then(
      () => abort.signal.aborted || onEnd(),
      (error: unknown) => abort.signal.aborted || onEnd(error instanceof Error ? error : new Error(String(error))),
    );
    return () => abort.abort();
  }

  async #follow(cursor: number, onEvent: (event: NodeEvent) => void, signal: AbortSignal): Promise<void> {
    const url = `${this.url}/v1/events?cursor=${cursor}`;
    const answer = await this.#fetch(url, { headers: { accept: 'text/event-stream' }, signal });
    if (answer.status !== 200 || !answer.body) {
      throw new ClientError(
        { code: 'CLIENT_ANSWER_INVALID', url, reason: `HTTP ${answer.status}` },
        `no events from ${url}`,
      );
    }
    for await (const raw of readEvents(answer.body)) {
      if (signal.aborted) return;
      const schema = Object.hasOwn(schemas.eventSchemas, raw.event)
        ? schemas.eventSchemas[raw.event as keyof typeof schemas.eventSchemas]
        : undefined;
      if (schema)
        onEvent({ cursor: Number(raw.id), kind: raw.event, ...schema.parse(JSON.parse(raw.data)) } as NodeEvent);
    }
  }

  /**
   * Wait until a transaction has reached a grade.
   * @throws ClientError CLIENT_TIMEOUT, CLIENT_DROPPED when the network refuses it for good
   */
  async waitFor(
    id: Uint8Array,
    wanted: 'included' | 'confirmed' | 'final',
    p: { timeoutMs: number; onGrade?: (entry: TransactionEntry) => void },
  ): Promise<TransactionEntry> {
    const attempts = Math.ceil(p.timeoutMs / pollMs);
    let seen: Grade | undefined;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const entry = await orNull(this.transaction(id));
      if (entry && entry.grade !== seen) {
        seen = entry.grade;
        p.onGrade?.(entry);
      }
      if (entry && rank[entry.grade] >= rank[wanted]) return entry;
      if (entry?.grade === 'dropped') {
        const detail = { code: 'CLIENT_DROPPED' as const, transactionId: toHex(id), reason: entry.reason ?? 'unknown' };
        throw new ClientError(detail, `the network dropped the transaction: ${detail.reason}`);
      }
      await new Promise(resolve => setTimeout(resolve, pollMs));
    }
    const what = `${wanted} for transaction ${toHex(id)}`;
    throw new ClientError(
      { code: 'CLIENT_TIMEOUT', what, timeoutMs: p.timeoutMs },
      `still not ${what} after ${p.timeoutMs} ms`,
    );
  }

  #bytes(path: string, limitBytes: number): Promise<Uint8Array> {
    return exchangeBytes({ fetch: this.#fetch, url: this.url + path, limitBytes });
  }

  #get<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S>> {
    return exchangeJson({ fetch: this.#fetch, url: this.url + path }, schema);
  }
}

function query(q: Record<string, string>, { proofs = false }: Proofs): URLSearchParams {
  return new URLSearchParams({ ...q, ...(proofs ? { proofs: '1' } : {}) });
}

/** A 404 as null. */
export async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ClientError && error.detail.code === 'CLIENT_NOT_FOUND') return null;
    throw error;
  }
}
