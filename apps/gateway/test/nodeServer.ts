/** A node's HTTP API on a loopback port, saying what a test wants it to say; posted transactions become final at once. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  contentId,
  encodeCanonical,
  fromHex,
  type PublicKey,
  parseTransaction,
  sha256,
  type Transaction,
  toHex,
} from '@radpass/core';

const slotMs = 1000;
const zeros = '00'.repeat(32);

export class NodeServer {
  readonly chainId = new Uint8Array(32).fill(7);
  readonly posted: Transaction[] = [];
  readonly asked: string[] = [];
  readonly #genesisTimeMs = Date.now() - 1_000_000;
  readonly #streams = new Set<ServerResponse>();
  readonly #server: Server;
  readonly #source: PublicKey;
  #cursor = 1;
  url = '';
  sourceUrl = '';
  failing = false;
  grade = 'final';

  constructor(source: PublicKey) {
    this.#source = source;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  async listen(): Promise<void> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    setInterval(
      () => this.emit('final', { slot: this.#slot, height: 1, id: zeros, timeMs: this.#timeMs }),
      200,
    ).unref();
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  emit(event: string, data: object): void {
    this.#cursor++;
    for (const stream of this.#streams)
      stream.write(`id: ${this.#cursor}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  get #slot(): number {
    return Math.floor((Date.now() - this.#genesisTimeMs) / slotMs);
  }

  get #timeMs(): number {
    return this.#genesisTimeMs + this.#slot * slotMs;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    this.asked.push(pathname);
    if (pathname === '/v1/events') {
      this.#streams.add(response.writeHead(200, { 'content-type': 'text/event-stream' }));
      response.write(`id: ${this.#cursor}\nevent: reset\ndata: {}\n\n`);
      return;
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk as Uint8Array);
    const body = this.failing ? null : this.#body(pathname, searchParams, Buffer.concat(chunks));
    const status = this.failing ? 503 : body ? (request.method === 'POST' ? 202 : 200) : 404;
    const refusal = { error: { code: 'NODE_NOT_READY', message: 'no', detail: {} } };
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? refusal));
  }

  #body(path: string, query: URLSearchParams, sent: Uint8Array): object | null {
    const checkpoint = {
      slot: this.#slot,
      blockId: this.#slot.toString(16).padStart(64, '0'),
      timeMs: this.#timeMs,
      stateRoot: zeros,
    };
    if (path === '/status') return this.#status(checkpoint.blockId);
    if (path === '/v1/sources') return { checkpoint, sources: [this.#sourceEntry()] };
    if (path.startsWith('/v1/sources/')) return { checkpoint, source: this.#sourceEntry() };
    if (path === '/v1/seq') return { bound: 1 };
    if (path === '/v1/proof') return this.#proof(checkpoint, query.get('table') ?? '', query.get('key') ?? '');
    if (path === '/v1/studies') return { checkpoint, studies: this.#studies(query.get('hashPrefix') ?? '') };
    if (path === '/v1/grants') return { checkpoint, grants: this.#grants(), revocations: [] };
    if (path === '/v1/transactions') return this.#take(sent);
    const found = this.posted.find(({ id }) => path.endsWith(toHex(id)));
    return found ? { id: toHex(found.id), transaction: toHex(found.bytes), notation: '', grade: this.grade } : null;
  }

  /** A state of this one leaf proves it; the empty state proves that there is none. */
  #proof(checkpoint: object, table: string, key: string): object {
    const value = table === 'studies' ? this.#studyLeaf(key) : table === 'consents' ? this.#consentLeaf(key) : null;
    const number = { studies: 2, consents: 3, floors: 4 }[table] ?? 0;
    const leafKey = sha256(Uint8Array.of(number), fromHex(key));
    const stateRoot = value ? toHex(sha256(Uint8Array.of(0), leafKey, sha256(value))) : zeros;
    return { checkpoint: { ...checkpoint, stateRoot }, value: value && toHex(value), proof: '929090' };
  }

  #studyLeaf(key: string): Uint8Array | null {
    const study = this.#studies(key.slice(64)).at(-1) as { owner: string } | undefined;
    const none = new Uint8Array();
    return study ? encodeCanonical([fromHex(study.owner), 1, 0, 0, none, 0, none]) : null;
  }

  #consentLeaf(key: string): Uint8Array | null {
    const grants = this.#grants() as { requesterKey: string; seq: number; notAfter: number; contentId: string }[];
    const grant = grants.find(({ requesterKey }) => key.endsWith(requesterKey));
    const none = new Uint8Array();
    return grant ? encodeCanonical([3, grant.seq, grant.notAfter, none, fromHex(grant.contentId)]) : null;
  }

  #take(bytes: Uint8Array): object {
    const transaction = parseTransaction(new Uint8Array(bytes));
    const id = toHex(transaction.id);
    const known = this.posted.some(other => toHex(other.id) === id);
    if (!known) this.posted.push(transaction);
    this.emit('transaction', { id });
    this.emit('head', { slot: this.#slot, height: 1, id: zeros });
    return { id, known };
  }

  #studies(prefix: string): object[] {
    return this.posted.flatMap(({ tuple }) => {
      if (tuple.type !== 2 || !toHex(tuple.claim.studyHash).startsWith(prefix.slice(0, 64))) return [];
      const { sourceKey, studyHash, patientKey } = tuple.claim;
      const names = { sourceKey: toHex(sourceKey), studyHash: toHex(studyHash), owner: toHex(patientKey) };
      const rest = {
        ownerSinceSlot: 1,
        generation: 0,
        withdrawn: false,
        pendingOwner: null,
        effectSlot: 0,
        reassignId: '',
      };
      return [{ ...names, ...rest }];
    });
  }

  #grants(): object[] {
    return this.posted.flatMap(({ tuple }) => {
      if (tuple.type !== 3) return [];
      const { sourceKey, studyHash, patientKey, requesterKey, seq, notAfter } = tuple;
      const content = contentId(this.chainId, tuple);
      const names = { sourceKey, studyHash, patientKey, requesterKey, contentId: content };
      const hexed = Object.fromEntries(Object.entries(names).map(([name, bytes]) => [name, toHex(bytes)]));
      return [{ ...hexed, type: 3, seq, notAfter, receiptHash: '', floorSeq: 0, revokedSeq: 0 }];
    });
  }

  #sourceEntry(): object {
    const sourceKey = toHex(this.#source);
    const keys = { sourceKey, standingKey: sourceKey, nodeKey: sourceKey };
    return { ...keys, url: this.sourceUrl, seq: 1, tlsPins: [], nextKeyHash: '', studyCount: 0 };
  }

  #status(id: string): object {
    const heights = { height: 1, headSlot: this.#slot, headId: id, finalHeight: 1, finalSlot: this.#slot, finalId: id };
    const counts = { finalAgeMs: 0, stateRoot: zeros, justifiedSlot: 1, peers: 0, mempool: 0, sources: 1, studies: 0 };
    const rest = { producing: true, version: '0', signatureBackend: 'noble', unsafeFlags: [] };
    return { chainId: toHex(this.chainId), ...heights, ...counts, ...rest, genesisTimeMs: this.#genesisTimeMs, slotMs };
  }
}
