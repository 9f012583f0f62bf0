/**
 * The node's public HTTP API: no token, CORS "*" without credentials, rate limits, capped bodies.
 * A thin shell: every answer is what the chain says, typed by the schemas that @radpass/client parses with.
 */

import { hexBytes } from '@radpass/client/node';
import { equalBytes, explainTuple, fromHex, parsePublicKey, toHex } from '@radpass/core';
import { type Chain, type Genesis, type LedgerStatus, proveAuditRow } from '@radpass/ledger';
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import helmet from 'helmet';
import { NodeError } from './errors.js';
import { type EventStreams, streamEvents } from './eventStreams.js';
import { answerErrors } from './httpErrors.js';
import { openApiDocument } from './openApi.js';
import type { OwnClock } from './ownClock.js';
import type { Log } from './runtime.js';
import { tableNumbers } from './tableNames.js';

const maxTransactionBytes = 4096;
const requestsPerMinute = 60_000;
const postsPerMinute = 1200;

export interface ApiInit {
  chain: Chain;
  genesis: Genesis;
  clock: OwnClock;
  peerCount: () => number;
  version: string;
  signatureBackend: string;
  unsafeFlags: readonly string[];
  producing: boolean;
  events: EventStreams;
  log: Log;
}

export function createHttpApi(init: ApiInit): Express {
  const { chain, genesis } = init;
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use(helmet());
  app.use((_request, response, next) => {
    response.set('Access-Control-Allow-Origin', '*');
    response.set('Cross-Origin-Resource-Policy', 'cross-origin');
    next();
  });
  app.use(limited(requestsPerMinute));
  app.use((request, response, next) => {
    if (request.method !== 'OPTIONS') return next();
    response.set('Access-Control-Allow-Methods', 'GET, POST');
    response.set('Access-Control-Allow-Headers', 'content-type, last-event-id');
    response.set('Access-Control-Max-Age', '86400');
    response.status(204).end();
  });

  app.get('/health', (_request, response) => {
    const doubt = init.clock.doubt();
    if (doubt) response.status(503);
    send(response, doubt ? { ok: false, reason: doubt.sentence } : { ok: true });
  });
  app.get('/status', (_request, response) => send(response, statusOf(init, chain.status())));
  app.get('/openapi.json', (_request, response) => send(response, openApiDocument(init.version)));

  const posts = limited(postsPerMinute);
  const raw = express.raw({ type: 'application/octet-stream', limit: maxTransactionBytes });
  const json = express.json({ limit: 3 * maxTransactionBytes });
  app.post('/v1/transactions', posts, raw, json, async (request, response) => {
    const submitted = await chain.submitTransaction(transactionBytes(request.body));
    response.status(202);
    send(response, submitted);
  });

  app.get('/v1/transactions/:id', async (request, response) => {
    const id = hash(request.params.id);
    const found = await chain.transaction(id);
    if (!found) throw notFound(`transaction ${request.params.id}`);
    const { bytes, tuple, ...rest } = found;
    send(response, { id, transaction: bytes, notation: explainTuple(tuple), ...rest });
  });

  app.get('/v1/blocks/:idOrHeight', async (request, response) => {
    const name = request.params.idOrHeight;
    const found = await chain.block(/^\d{1,15}$/.test(name) ? Number(name) : hash(name));
    if (!found) throw notFound(`block ${name}`);
    const { block, grade } = found;
    const { header } = block;
    const { justified, finalized } = header;
    send(response, {
      id: block.id,
      height: header.height,
      slot: header.slot,
      timeMs: genesis.genesisTimeMs + header.slot * genesis.params.slotMs,
      parent: header.parent,
      producer: header.producer,
      bodySize: header.bodySize,
      grade,
      transactions: found.transactionIds,
      justified: { slot: justified.slot, blockId: justified.id },
      finalized: { slot: finalized.slot, blockId: finalized.id },
      header: block.headerBytes,
      block: block.bytes,
    });
  });

  app.get('/v1/sources', (_request, response) => send(response, chain.sources()));
  app.get('/v1/sources/:key', (request, response) => {
    const { checkpoint, source } = chain.source(parsePublicKey(request.params.key), wantsProofs(request));
    if (!source) throw notFound(`source ${request.params.key}`);
    send(response, { checkpoint, source });
  });
  app.get('/v1/studies', async (request, response) => {
    send(response, await chain.studies(prefixOf(request, ['hashPrefix', 'patientPrefix']), wantsProofs(request)));
  });
  app.get('/v1/grants', async (request, response) => {
    send(response, await chain.grants(prefixOf(request, ['requesterPrefix', 'hashPrefix']), wantsProofs(request)));
  });
  app.get('/v1/proof', (request, response) => {
    const name = text(request, 'table');
    const table = tableNumbers.get(name);
    if (table === undefined) throw badRequest(`no table ${name}; there are ${[...tableNumbers.keys()].join(', ')}`);
    send(response, chain.proof(table, fromHex(text(request, 'key'))));
  });
  app.get('/v1/audit', (request, response) => send(response, auditOf(chain, request)));
  app.get('/v1/genesis', (_request, response) => sendBytes(response, genesis.bytes));
  app.get('/v1/checkpoint', (_request, response) => sendBytes(response, chain.light().checkpoint()));
  app.get('/v1/certificate', (request, response) => {
    const from = text(request, 'from');
    const handOvers = chain.light().handOvers(hash(from));
    if (!handOvers) throw notFound(`era ${from}`);
    sendBytes(response, handOvers);
  });
  app.get('/v1/committee/:root', (request, response) => {
    const voters = chain.light().voters(hash(request.params.root));
    if (!voters) throw notFound(`era ${request.params.root}`);
    sendBytes(response, voters);
  });
  app.get('/v1/recovery/:root', (request, response) => {
    const file = chain.light().recovery(hash(request.params.root));
    if (!file) throw notFound(`recovery of era ${request.params.root}`);
    sendBytes(response, new TextEncoder().encode(file));
  });
  app.get('/v1/producers', async (_request, response) => send(response, { producers: await chain.producers() }));
  app.get('/v1/seq', (request, response) => send(response, { bound: chain.seqBound(seqQuery(request)) }));
  app.get('/v1/events', (request, response) => streamEvents(init.events, request, response));

  app.use((request: Request) => {
    throw notFound(request.path);
  });
  app.use(answerErrors(init.log));
  return app;
}

function limited(limit: number): RequestHandler {
  return rateLimit({
    windowMs: 60_000,
    limit,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    handler: (_request, _response, next) =>
      next(new NodeError({ code: 'NODE_BUSY', limit }, 'too many requests from this address: try later')),
  });
}

function statusOf(init: ApiInit, status: LedgerStatus): object {
  return {
    ...status,
    peers: init.peerCount(),
    producing: init.producing,
    version: init.version,
    signatureBackend: init.signatureBackend,
    unsafeFlags: init.unsafeFlags,
    genesisTimeMs: init.genesis.genesisTimeMs,
    slotMs: init.genesis.params.slotMs,
  };
}

export function send(response: Response, value: unknown): void {
  response.type('json').send(JSON.stringify(value, hexBytes));
}

/** What light clients take: canonical bytes, as they are. */
function sendBytes(response: Response, bytes: Uint8Array): void {
  response.type('application/octet-stream').send(Buffer.from(bytes));
}

function wantsProofs(request: Request): boolean {
  const { proofs } = request.query;
  if (proofs !== undefined && proofs !== '1') throw badRequest('proofs is 1 or left out');
  return proofs === '1';
}

function transactionBytes(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return body;
  if (typeof body === 'object' && body !== null && 'transaction' in body && typeof body.transaction === 'string') {
    return fromHex(body.transaction);
  }
  throw badRequest('expected the transaction as application/octet-stream, or as JSON {"transaction": hex}');
}

function hash(name: string): Uint8Array {
  return fromHex(name, 32);
}

function text(request: Request, name: string): string {
  const value = request.query[name];
  if (typeof value !== 'string') throw badRequest(`the query parameter ${name} is missing`);
  return value;
}

function prefixOf<N extends string>(request: Request, names: readonly [N, N]): Record<N, string> {
  const name = names.find(candidate => typeof request.query[candidate] === 'string');
  if (!name) throw badRequest(`one of the query parameters ${names.join(', ')} is needed`);
  const prefix = text(request, name);
  if (!/^[0-9a-f]{1,256}$/.test(prefix)) throw badRequest(`${name}: expected 1 to 256 lowercase hex characters`);
  return { [name]: prefix } as Record<N, string>;
}

/** An epoch's rows, or one row with its path. */
function auditOf(chain: Chain, request: Request): object {
  const { epoch, source } = request.query;
  if (epoch !== undefined && (typeof epoch !== 'string' || !/^\d{1,15}$/.test(epoch))) {
    throw badRequest('epoch: expected a whole number');
  }
  const reading = chain.audit(epoch === undefined ? undefined : Number(epoch));
  if (!reading) throw notFound(epoch === undefined ? 'closed audit yet' : `closed audit of epoch ${epoch}`);
  if (source === undefined) return reading;
  const sourceKey = parsePublicKey(text(request, 'source'));
  const index = reading.rows.findIndex(row => equalBytes(row.sourceKey, sourceKey));
  if (index < 0) throw notFound(`row of source ${toHex(sourceKey)} in epoch ${reading.epoch}`);
  return { ...reading, rows: [reading.rows[index]], index, path: proveAuditRow(reading.rows, index) };
}

function seqQuery(request: Request): Parameters<Chain['seqBound']>[0] {
  const sourceKey = parsePublicKey(text(request, 'sourceKey'));
  if (request.query.studyHash === undefined) return { sourceKey };
  const study = {
    sourceKey,
    studyHash: hash(text(request, 'studyHash')),
    patientKey: parsePublicKey(text(request, 'patientKey')),
  };
  return request.query.requesterKey === undefined
    ? study
    : { ...study, requesterKey: parsePublicKey(text(request, 'requesterKey')) };
}

function badRequest(reason: string): NodeError {
  return new NodeError({ code: 'NODE_REQUEST', reason }, reason);
}

function notFound(what: string): NodeError {
  return new NodeError({ code: 'NODE_NOT_FOUND', what }, `there is no ${what}`);
}
