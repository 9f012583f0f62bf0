/**
 * From a wallet's claim to the doubly signed tuple (paper, Define Study): the patient signs first, both screens show
 * six words, staff confirm, and only then does the source co-sign. Never two owners for one study.
 *
 * The confirmed claim and its co-signed transaction are written in one batch: stopping after it leaves the transaction
 * in the outbox, which posts it at the next start; stopping before leaves the claim waiting.
 */

import type { NodeApi } from '@radpass/client';
import {
  type Claim,
  claimWords,
  createDefineStudy,
  createReassignStudy,
  decodeClaim,
  decodeReclaim,
  equalBytes,
  fromHex,
  parsePublicKey,
  publicKeyHex,
  type Reclaim,
  randomBytes,
  type SecretKey,
  type Transaction,
  toHex,
  type Verifier,
  verifyClaim,
  verifyReclaim,
} from '@radpass/core';
import { GatewayError } from './errors.js';
import { ledgerStudy } from './ledgerStudy.js';
import { liveOffer, type OfferDesk, tokenHashOf } from './offers.js';
import type { ClaimRecord } from './records.js';

export interface ClaimDesk extends OfferDesk {
  key: SecretKey;
  verifier: Verifier;
  nodes: readonly NodeApi[];
  /** Begin posting what was added to the outbox. */
  post: () => void;
}

type Signed = { kind: 'claim' | 'reclaim'; bytes: Uint8Array };

/** A wallet's claim on the study of an offer that it redeemed. The same claim again gets the same answer. */
export function receiveClaim(desk: ClaimDesk, token: Uint8Array, signed: Signed): Promise<ClaimRecord> {
  return desk.turn.take(async () => {
    const offer = await liveOffer(desk, tokenHashOf(token));
    const patientKey = readSigned(desk, signed, offer.studyHash);
    const claims = await desk.records.all('claims');
    const text = toHex(signed.bytes);
    const same = claims.find(claim => claim.tokenHash === offer.tokenHash && claim.signed === text);
    if (same) return same;
    if (offer.state !== 'redeemed') throw invalid('the offer was not redeemed, or another claim stands on it');
    const stands = claims.some(claim => claim.studyHash === offer.studyHash && standsAgainst(claim, signed.kind));
    if (stands || (await hasOtherOwner(desk, offer.studyHash, signed))) {
      throw new GatewayError(
        { code: 'GATEWAY_STUDY_CLAIMED' },
        'this study has an owner already, or a claim on it is under way',
      );
    }
    const record: ClaimRecord = {
      id: toHex(randomBytes(32)),
      tokenHash: offer.tokenHash,
      studyHash: offer.studyHash,
      patientKey,
      kind: signed.kind,
      signed: text,
      words: claimWords(parsePublicKey(patientKey), fromHex(offer.studyHash)),
      state: 'waiting',
    };
    await desk.records.write([
      { table: 'claims', key: record.id, value: record },
      { table: 'offers', key: offer.tokenHash, value: { ...offer, state: 'claimed' } },
    ]);
    return record;
  });
}

/** A claim that is under way; against a first claim a final one, too, whatever a node that is behind may say. */
function standsAgainst(claim: ClaimRecord, kind: ClaimRecord['kind']): boolean {
  const underWay = claim.state === 'waiting' || claim.state === 'confirmed' || claim.state === 'posted';
  return underWay || (kind === 'claim' && claim.state === 'final');
}

/** Check the patient's signature and that it speaks of our study; returns the patient's key. */
function readSigned(desk: ClaimDesk, signed: Signed, studyHash: string): string {
  const { claim, good } =
    signed.kind === 'claim' ? checkedClaim(desk, signed.bytes) : checkedReclaim(desk, signed.bytes);
  if (!good) throw invalid("the patient's signature doesn't hold");
  if (!equalBytes(claim.sourceKey, desk.sourceKey)) throw invalid('it names another source');
  if (toHex(claim.studyHash) !== studyHash) throw invalid('it names another study');
  return publicKeyHex(claim.patientKey);
}

function checkedClaim(desk: ClaimDesk, bytes: Uint8Array): { claim: Claim; good: boolean } {
  const claim = decodeClaim(bytes);
  return { claim, good: verifyClaim(claim, desk.chainId, desk.verifier) };
}

function checkedReclaim(desk: ClaimDesk, bytes: Uint8Array): { claim: Reclaim; good: boolean } {
  const claim = decodeReclaim(bytes);
  return { claim, good: verifyReclaim(claim, desk.chainId, desk.verifier) };
}

function invalid(reason: string): GatewayError {
  return new GatewayError({ code: 'GATEWAY_CLAIM_INVALID', reason }, `the claim is refused: ${reason}`);
}

/** A first claim wants a study without an owner; a reclaim wants exactly the owner that it names. */
async function hasOtherOwner(desk: ClaimDesk, studyHash: string, signed: Signed): Promise<boolean> {
  const entry = await ledgerStudy(desk.nodes, desk.sourceKey, studyHash);
  if (signed.kind === 'claim') return entry !== null;
  const { previousPatientKey } = decodeReclaim(signed.bytes);
  return !entry || entry.pendingOwner !== null || !equalBytes(entry.owner, previousPatientKey);
}

/** Staff compared the words with the patient's screen: co-sign and post. */
export function confirmClaim(desk: ClaimDesk, id: string, time: number): Promise<ClaimRecord> {
  return desk.turn.take(async () => {
    const claim = await waitingClaim(desk, id);
    const transaction = coSign(desk, claim, time);
    const transactionId = toHex(transaction.id);
    const confirmed: ClaimRecord = { ...claim, state: 'confirmed', transactionId };
    await desk.records.write([
      { table: 'claims', key: id, value: confirmed },
      {
        table: 'outbox',
        key: transactionId,
        value: { transactionId, transaction: toHex(transaction.bytes), claimId: id },
      },
    ]);
    desk.post();
    return confirmed;
  });
}

function coSign(desk: ClaimDesk, claim: ClaimRecord, time: number): Transaction {
  const { chainId, key } = desk;
  const bytes = fromHex(claim.signed);
  return claim.kind === 'claim'
    ? createDefineStudy({ chainId, key, time, claim: decodeClaim(bytes) })
    : createReassignStudy({ chainId, key, reclaim: decodeReclaim(bytes) });
}

export function refuseClaim(desk: ClaimDesk, id: string): Promise<ClaimRecord> {
  return desk.turn.take(async () => {
    const refused: ClaimRecord = { ...(await waitingClaim(desk, id)), state: 'refused', reason: 'refused at the desk' };
    await desk.records.write([{ table: 'claims', key: id, value: refused }]);
    return refused;
  });
}

async function waitingClaim(desk: ClaimDesk, id: string): Promise<ClaimRecord> {
  const claim = await desk.records.get('claims', id);
  if (!claim) throw new GatewayError({ code: 'GATEWAY_NOT_FOUND', what: 'claim' }, 'there is no such claim');
  if (claim.state !== 'waiting') {
    throw new GatewayError({ code: 'GATEWAY_CLAIM_STATE', state: claim.state }, `this claim is ${claim.state} already`);
  }
  return claim;
}

/** Challenges for ownership proofs: each nonce serves once, for five minutes; at most 1,024 are open. */
export class Challenges {
  readonly #open = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  create(): string {
    for (const [nonce, until] of this.#open) {
      if (until < this.#now() || this.#open.size >= 1024) this.#open.delete(nonce);
    }
    const nonce = toHex(randomBytes(32));
    this.#open.set(nonce, this.#now() + 5 * 60_000);
    return nonce;
  }

  /** True once for each nonce that was handed out and isn't too old. */
  take(nonce: string): boolean {
    const until = this.#open.get(nonce);
    this.#open.delete(nonce);
    return until !== undefined && until >= this.#now();
  }
}
