/**
 * What must not work. Each attempt is bytes on the wire to H's gateway; it passes only when the gateway refused it as
 * it must, sent nothing of the study, and its audit says why.
 */
import { readFileSync } from 'node:fs';
import { fromHex, publicKeyHex, type SecretKey } from '@radpass/core';
import { createRetrieveRequest } from '@radpass/xds';
import type { Cast, Granted } from './cast.js';
import { unexpected } from './failure.js';
import { auditRecord } from './hospital.js';
import { follow } from './ledgerSteps.js';
import { doctorKey } from './people.js';
import type { ReportedStep } from './report.js';
import { auditDigest, type Outcome, post, readOutcome, type WireMessage } from './wire.js';

export interface ExpectedRefusal {
  name: string;
  /** What the reader is told. */
  attempt: string;
  httpStatus: number;
  code: string;
  auditReason: string;
}

/** What an outsider hears whether a study exists, was withdrawn, isn't allowed, or is no longer. */
const notAvailable = { httpStatus: 200, code: 'XDSDocumentUniqueIdError' };

/** Send, and see it refused. @throws DemoFailure naming the attempt when it was served, or refused for another reason */
export async function mustRefuse(cast: Cast, message: WireMessage, expected: ExpectedRefusal): Promise<void> {
  const { hospital, narrator } = cast;
  const { name, httpStatus, code, auditReason } = expected;
  const outcome = await send(cast, message);
  if (outcome.documentBytes > 0 || outcome.code === '') {
    throw unexpected(name, 'a refusal', `the study, ${outcome.documentBytes} bytes`);
  }
  const digest = auditDigest(message);
  const { reason } = await auditRecord(hospital, { step: name, kind: 'refused', digest });
  const got = { httpStatus: outcome.httpStatus, code: outcome.code, auditReason: reason };
  const wanted = { httpStatus, code, auditReason };
  if (JSON.stringify(got) !== JSON.stringify(wanted)) {
    throw unexpected(name, JSON.stringify(wanted), JSON.stringify(got));
  }
  cast.refusals.push({ name, httpStatus, code, auditReason, bytesSent: outcome.documentBytes });
  narrator.say(`refused: ${expected.attempt}`);
  narrator.note(`told: HTTP ${httpStatus} ${code}; H's audit: ${auditReason}; bytes of the study sent: 0`);
}

/** POST these bytes to H's gateway, and read what came back. */
async function send(cast: Cast, message: WireMessage): Promise<Outcome & { httpStatus: number }> {
  const { url, sourceKey } = cast.hospital.source;
  const answer = await post(url, readFileSync(cast.tls.ca, 'utf8'), message);
  return { httpStatus: answer.httpStatus, ...(await readOutcome(answer, message, sourceKey)) };
}

/** A fresh, well-signed request for the study. */
export function requestBy(
  cast: Cast,
  key: SecretKey,
  p: { studyHash: string; repositoryUniqueId?: string },
): WireMessage {
  const { sourceKey, url } = cast.hospital.source;
  const document = { repositoryUniqueId: p.repositoryUniqueId ?? sourceKey, documentUniqueId: p.studyHash };
  return createRetrieveRequest({ key, to: url, documents: [document], now: Date.now() });
}

/** The four attempts that follow block D. */
export async function attemptAfterTransfer(cast: Cast, granted: Granted): Promise<void> {
  const { narrator, stage, stranger } = cast;
  const { studyHash } = granted.listed;
  const doctor = await doctorKey(cast.doctor, granted.listed);
  const [, other] = stage.others;
  narrator.title('What must not work');
  await mustRefuse(cast, requestBy(cast, stranger, { studyHash }), {
    name: 'stranger',
    attempt: `a stranger's well-signed request, K=${publicKeyHex(stranger.publicKey).slice(0, 8)}`,
    ...notAvailable,
    auditReason: 'no-grant',
  });
  await mustRefuse(cast, requestBy(cast, doctor, { studyHash, repositoryUniqueId: other.sourceKey }), {
    name: 'another-repository',
    attempt: "the doctor's request for another source's repository",
    httpStatus: 200,
    code: 'XDSUnknownRepositoryId',
    auditReason: 'repository',
  });
  const recorded = requestBy(cast, doctor, { studyHash });
  await mustServe(cast, recorded);
  await mustRefuse(cast, recorded, {
    name: 'replay',
    attempt: 'exactly these bytes, sent once more',
    httpStatus: 400,
    code: 'InvalidSecurity',
    auditReason: 'replay',
  });
  await mustRefuse(cast, withOneByteChanged(recorded, studyHash), {
    name: 'one-byte-changed',
    attempt: 'the same bytes with one of them changed',
    httpStatus: 400,
    code: 'FailedCheck',
    auditReason: 'signature',
  });
}

/** A good request whose bytes are kept for what follows. */
async function mustServe(cast: Cast, message: WireMessage): Promise<void> {
  const { code, documentBytes } = await send(cast, message);
  if (documentBytes === 0) throw unexpected('recorded request', 'the study', `a refusal: ${code}`);
  const { length } = message.body;
  cast.narrator.say(`served: another request of the doctor's, whose ${length} bytes were recorded`);
}

/** Change the first digit of the documentUniqueId: well-formed, and no longer what was signed. */
function withOneByteChanged(message: WireMessage, studyHash: string): WireMessage {
  const body = Uint8Array.from(message.body);
  const at = Buffer.from(body).indexOf(studyHash);
  if (at < 0) throw unexpected('one-byte-changed', 'the documentUniqueId in the recorded bytes', 'none');
  body[at] = (body[at] ?? 0) ^ 1;
  return { contentType: message.contentType, body };
}

/**
 * The patient takes the grant back; the gateway refuses at once, before the ledger has finalised it.
 * @returns a function that waits for the revocation to be final and tells it
 */
export async function attemptAfterRevocation(
  cast: Cast,
  granted: Granted,
): Promise<(lead?: string) => Promise<ReportedStep>> {
  const { patient, narrator } = cast;
  const { requesterKey, studyHash } = granted.listed;
  const key = await doctorKey(cast.doctor, granted.listed);
  const postedAt = performance.now();
  const revoked = await patient.run('revoke', '--study', '1', '--to', requesterKey);
  if (typeof revoked.receipt !== 'string') throw unexpected('revoked', "the source's receipt", 'none');
  narrator.say('the patient revokes the first grant; H acknowledges it with a signed receipt');
  await mustRefuse(cast, requestBy(cast, key, { studyHash }), {
    name: 'revoked',
    attempt: "the doctor's request under the revoked grant",
    ...notAvailable,
    auditReason: 'revoked',
  });
  const txId = String(revoked.transactionId);
  const { grade } = await patient.trusts.api.transaction(fromHex(txId, 32));
  narrator.note(`on the ledger the revocation was ${grade} at that moment`);
  return follow(cast, { block: 'C', actor: 'patient', txId, postedAt, at: [patient.trusts] });
}
