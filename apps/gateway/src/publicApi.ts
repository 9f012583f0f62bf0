/**
 * The gateway's public surface: ITI-43 at the path of its url (the WSDL at ?wsdl), and below it what wallets need.
 * CORS "*" without credentials, rate limits, capped bodies; tokens only in bodies.
 */

import { showedCertificate } from '@radpass/client/node';
import {
  checkOwnershipProof,
  equalBytes,
  fromHex,
  type PublicKey,
  parseOwnershipProof,
  type Verifier,
} from '@radpass/core';
import { serviceDescription } from '@radpass/xds';
import express, { type Express, type RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import helmet from 'helmet';
import { z } from 'zod';
import { type Accesses, maxReceipts } from './accesses.js';
import { type Challenges, type ClaimDesk, receiveClaim } from './claims.js';
import { GatewayError } from './errors.js';
import { answerErrors, jsonBody, send } from './httpErrors.js';
import { ledgerStudy } from './ledgerStudy.js';
import { redeemOffer } from './offers.js';
import type { Revocations } from './revocations.js';
import type { Log } from './runtime.js';

const enrolmentsPerMinute = 120;
const retrievalsPerMinute = 1200;

const hex = (length?: number) =>
  z
    .string()
    .regex(length === undefined ? /^([0-9a-f]{2})+$/ : new RegExp(`^[0-9a-f]{${2 * length}}$`))
    .transform(text => fromHex(text));
const redeemBody = z.strictObject({ token: hex(32) });
const claimBody = z.union([
  z.strictObject({ token: hex(32), claim: hex() }),
  z.strictObject({ token: hex(32), reclaim: hex() }),
]);
const revocationBody = z.strictObject({ transaction: hex() });
const cardBody = z.strictObject({ studyHash: hex(32), proof: hex() });
/** `after`: number of the last receipt that the owner has. */
const receiptsBody = cardBody.extend({ after: z.number().int().min(0) });

export interface PublicInit {
  desk: ClaimDesk;
  revocations: Revocations;
  challenges: Challenges;
  accesses: Accesses;
  verifier: Verifier;
  /** Requesters must show a certificate (`tls.clientCa`); patients' wallets have none. */
  certificates: boolean;
  /** Answers a POST to the url itself. */
  iti43: RequestHandler;
  /** Addresses of reverse proxies whose X-Forwarded-For is believed. */
  proxies: readonly string[];
  log: Log;
}

export function createPublicApi(init: PublicInit): Express {
  const { desk } = init;
  const base = new URL(desk.url).pathname.replace(/\/$/, '');
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('trust proxy', [...init.proxies]);
  app.use(helmet());
  app.use((_request, response, next) => {
    response.set('Access-Control-Allow-Origin', '*');
    response.set('Cross-Origin-Resource-Policy', 'cross-origin');
    next();
  });
  const limited = (limit: number): RequestHandler =>
    rateLimit({
      windowMs: 60_000,
      limit,
      standardHeaders: 'draft-8',
      legacyHeaders: false,
      handler: (_request, _response, next) =>
        next(new GatewayError({ code: 'GATEWAY_BUSY' }, 'too many requests from this address: try later')),
    });
  const enrolment = limited(enrolmentsPerMinute);
  const json = express.json({ limit: 16_384 });
  const raw = express.raw({ type: 'application/octet-stream', limit: 4096 });

  const certified: RequestHandler = (request, _response, next) => {
    if (init.certificates && !showedCertificate(request)) {
      const reason = 'a client certificate is needed here';
      throw new GatewayError({ code: 'GATEWAY_FORBIDDEN', reason }, reason);
    }
    next();
  };
  app.post(base || '/', limited(retrievalsPerMinute), certified, init.iti43);
  app.get(base || '/', (request, response) => {
    if (request.query.wsdl === undefined)
      throw new GatewayError({ code: 'GATEWAY_NOT_FOUND', what: 'page' }, 'ask for ?wsdl, or POST ITI-43');
    response.type('text/xml').send(serviceDescription(desk.url));
  });
  app.get(`${base}/health`, (_request, response) => send(response, { ok: true }));

  app.post(`${base}/v1/offers/redeem`, enrolment, json, async (request, response) => {
    const answer = await redeemOffer(desk, jsonBody(request, redeemBody).token, async study => {
      const entry = await ledgerStudy(desk.nodes, desk.sourceKey, study.studyHash);
      return {
        chainId: desk.chainId,
        sourceKey: desk.sourceKey,
        studyHash: study.studyHash,
        salt: study.salt,
        studyInstanceUID: study.studyInstanceUID,
        study: await desk.studies.card(study),
        owner: entry && { patientKey: entry.owner, generation: entry.generation },
      };
    });
    send(response, answer);
  });

  app.post(`${base}/v1/claims`, enrolment, json, async (request, response) => {
    const body = jsonBody(request, claimBody);
    const signed =
      'claim' in body
        ? { kind: 'claim' as const, bytes: body.claim }
        : { kind: 'reclaim' as const, bytes: body.reclaim };
    const claim = await receiveClaim(desk, body.token, signed);
    response.status(202);
    send(response, { id: claim.id, words: claim.words });
  });
  app.get(`${base}/v1/claims/:id`, async (request, response) => {
    const claim = await desk.records.get('claims', request.params.id);
    if (!claim) throw new GatewayError({ code: 'GATEWAY_NOT_FOUND', what: 'claim' }, 'there is no such claim');
    const { state, transactionId, reason } = claim;
    send(response, { state, ...(transactionId ? { transactionId } : {}), ...(reason ? { reason } : {}) });
  });

  app.post(`${base}/v1/revocations`, enrolment, raw, json, async (request, response) => {
    const bytes = request.body instanceof Uint8Array ? request.body : jsonBody(request, revocationBody).transaction;
    send(response, await init.revocations.receive(bytes));
  });

  app.get(`${base}/v1/challenge`, enrolment, (_request, response) =>
    send(response, { nonce: init.challenges.create() }),
  );
  app.post(`${base}/v1/owner/card`, enrolment, json, async (request, response) => {
    const body = jsonBody(request, cardBody);
    await checkOwner(init, body);
    const study = await desk.studies.byHash(Buffer.from(body.studyHash).toString('hex'));
    if (!study) throw notOwner();
    send(response, {
      salt: study.salt,
      studyInstanceUID: study.studyInstanceUID,
      study: await desk.studies.card(study),
    });
  });

  app.post(`${base}/v1/owner/receipts`, enrolment, json, async (request, response) => {
    const body = jsonBody(request, receiptsBody);
    const owner = await checkOwner(init, body);
    const receipts = await init.accesses.receipts(owner, body.studyHash, body.after);
    send(response, { receipts, more: receipts.length === maxReceipts });
  });

  const methods: Record<string, string> = {
    [base || '/']: 'GET, POST',
    [`${base}/health`]: 'GET',
    [`${base}/v1/offers/redeem`]: 'POST',
    [`${base}/v1/claims`]: 'POST',
    [`${base}/v1/claims/:id`]: 'GET',
    [`${base}/v1/revocations`]: 'POST',
    [`${base}/v1/challenge`]: 'GET',
    [`${base}/v1/owner/card`]: 'POST',
    [`${base}/v1/owner/receipts`]: 'POST',
  };
  for (const [path, allow] of Object.entries(methods)) app.all(path, otherMethods(allow));
  app.use(() => {
    throw new GatewayError({ code: 'GATEWAY_NOT_FOUND', what: 'page' }, 'there is nothing at this path');
  });
  app.use(answerErrors(init.log));
  return app;
}

/** A preflight of a browser, or a method that the path doesn't take. */
function otherMethods(allow: string): RequestHandler {
  return (request, response) => {
    response.set('Allow', `${allow}, OPTIONS`);
    if (request.method !== 'OPTIONS')
      throw new GatewayError({ code: 'GATEWAY_METHOD', allow }, `this path takes ${allow}`);
    response.set('Access-Control-Allow-Methods', allow);
    response.set('Access-Control-Allow-Headers', 'content-type');
    response.set('Access-Control-Max-Age', '86400');
    response.status(204).end();
  };
}

/** The paper: "any entity can prove ownership of a public key simply by signing a message"; ours has a nonce and a name. */
async function checkOwner(init: PublicInit, body: { studyHash: Uint8Array; proof: Uint8Array }): Promise<PublicKey> {
  const { desk } = init;
  const proof = parseOwnershipProof(body.proof);
  if (!init.challenges.take(Buffer.from(proof.nonce).toString('hex'))) throw notOwner();
  checkOwnershipProof(
    proof,
    { chainId: desk.chainId, verifierName: desk.url, nonce: proof.nonce, now: desk.now() },
    init.verifier,
  );
  const entry = await ledgerStudy(desk.nodes, desk.sourceKey, Buffer.from(body.studyHash).toString('hex'));
  if (!entry || !equalBytes(entry.owner, proof.key)) throw notOwner();
  return proof.key;
}

function notOwner(): GatewayError {
  return new GatewayError({ code: 'GATEWAY_NOT_OWNER' }, 'this key does not own such a study here');
}
