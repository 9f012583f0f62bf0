/**
 * The desk's API: loopback only, a token that only the staff's machine can read, Host and Origin checked. Staff find a
 * study, offer it, compare six words, confirm; and see what was served to whom.
 */
import { localRefusal } from '@radpass/client/node';
import type { DisclosureStore } from '@radpass/xds';
import express, { type Express } from 'express';
import { z } from 'zod';
import { accountFor } from './accounting.js';
import { type ClaimDesk, confirmClaim, refuseClaim } from './claims.js';
import { listDisclosures } from './disclosures.js';
import { GatewayError } from './errors.js';
import type { AuditResult } from './evidence.js';
import { answerErrors, jsonBody, send } from './httpErrors.js';
import { createOffer } from './offers.js';
import type { Log } from './runtime.js';

const offerBody = z.union([
  z.strictObject({ studyInstanceUID: z.string().max(64) }),
  z.strictObject({ accessionNumber: z.string().max(64) }),
]);
/** `study` is the number in the list. */
const withdrawBody = z.strictObject({ study: z.number().int().min(1) });

const accountingQuery = z.object({
  patient: z.string().regex(/^[0-9a-f]{64}$/),
  from: z.coerce.number().int().min(0).default(0),
  to: z.coerce.number().int().min(0).default(Number.MAX_SAFE_INTEGER),
});

export interface DeskInit {
  token: string;
  desk: ClaimDesk;
  disclosures: DisclosureStore;
  /** Judge every disclosure record again. */
  auditDisclosures: () => Promise<AuditResult>;
  /** The head's slot time rounded down to the minute: what a co-signature is dated. */
  signingTime: () => Promise<number>;
  withdraw: (study: number) => Promise<string>;
  health: () => Promise<object>;
  log: Log;
}

export function createDeskApi(init: DeskInit): Express {
  const { desk } = init;
  const app = express();
  app.disable('x-powered-by');
  app.use((request, _response, next) => {
    const refusal = localRefusal(request, init.token);
    if (refusal) throw new GatewayError({ code: 'GATEWAY_FORBIDDEN', reason: refusal }, `refused: wrong ${refusal}`);
    next();
  });
  const json = express.json({ limit: 16_384 });

  app.get('/v1/health', async (_request, response) => send(response, await init.health()));
  app.get('/v1/studies', async (_request, response) => send(response, { studies: await desk.studies.list() }));
  app.post('/v1/offers', json, async (request, response) => {
    response.status(201);
    send(response, await createOffer(desk, jsonBody(request, offerBody)));
  });
  app.get('/v1/claims', async (_request, response) => {
    const claims = await desk.records.all('claims');
    const listed = await Promise.all(
      claims.map(async ({ signed: _signed, tokenHash: _tokenHash, ...claim }) => ({
        ...claim,
        study: await studyOf(desk, claim.studyHash),
      })),
    );
    send(response, { claims: listed });
  });
  app.post('/v1/claims/:id/confirm', async (request, response) => {
    send(response, await confirmClaim(desk, request.params.id, await init.signingTime()));
  });
  app.post('/v1/claims/:id/refuse', async (request, response) =>
    send(response, await refuseClaim(desk, request.params.id)),
  );
  app.post('/v1/withdraw', json, async (request, response) => {
    send(response, { transactionId: await init.withdraw(jsonBody(request, withdrawBody).study) });
  });
  app.get('/v1/notices', async (_request, response) => send(response, { notices: await desk.records.all('notices') }));
  app.get('/v1/disclosures', async (request, response) => {
    const patient = typeof request.query.patient === 'string' ? request.query.patient : undefined;
    const disclosures = await listDisclosures(init.disclosures, patient);
    send(response, { disclosures });
  });
  app.get('/v1/disclosures/verify', async (_request, response) => send(response, await init.auditDisclosures()));
  app.get('/v1/accounting', async (request, response) => {
    const asked = accountingQuery.safeParse(request.query);
    if (!asked.success) {
      const reason = 'expected patient (64 hex), and from and to in ms if they are given';
      throw new GatewayError({ code: 'GATEWAY_REQUEST', reason }, reason);
    }
    const { patient, from, to } = asked.data;
    const { sourceKey, studies } = desk;
    const describe = async (studyHash: string): Promise<string> => {
      const record = await studies.byHash(studyHash);
      if (!record) return 'a study that is no longer known here';
      const { modality, date, description } = await studies.card(record);
      return ['imaging study', record.number, modality, date, description].filter(part => part !== '').join(' ');
    };
    const { disclosures } = init;
    send(response, await accountFor({ disclosures, sourceKey, patientKey: patient, from, to, describe }));
  });
  app.use(() => {
    throw new GatewayError({ code: 'GATEWAY_NOT_FOUND', what: 'page' }, 'the desk has nothing at this path');
  });
  app.use(answerErrors(init.log));
  return app;
}

async function studyOf(desk: ClaimDesk, studyHash: string): Promise<object | null> {
  const record = await desk.studies.byHash(studyHash);
  return record && desk.studies.card(record);
}
