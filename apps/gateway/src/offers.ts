/**
 * Enrolment at the desk: the offer holds a token and no UID; the wallet redeems it once; a second
 * redemption voids it and tells the desk. The token goes in bodies, never in a URL, and only its hash is kept.
 */
import { encodeOffer, type PublicKey, randomBytes, sha256, toHex } from '@radpass/core';
import { GatewayError } from './errors.js';
import type { OfferRecord, Records, StudyRecord, Turn } from './records.js';
import type { Studies } from './studies.js';

export const offerLifetimeMs = 15 * 60_000;

export interface OfferDesk {
  chainId: Uint8Array;
  sourceKey: PublicKey;
  url: string;
  records: Records;
  studies: Studies;
  turn: Turn;
  now: () => number;
}

/** Make an offer for a study of the archive. */
export async function createOffer(
  desk: OfferDesk,
  q: { studyInstanceUID?: string; accessionNumber?: string },
): Promise<{ offer: string; expires: number; studyHash: string; number: number }> {
  const summary = await desk.studies.find(q);
  const token = randomBytes(32);
  const expires = desk.now() + offerLifetimeMs;
  const { studyHash, number } = await desk.turn.take(async () => {
    const { record, changes } = await desk.studies.recordOf(summary.studyInstanceUID);
    if (record.withdrawn) {
      throw new GatewayError({ code: 'GATEWAY_STUDY_WITHDRAWN' }, 'this study was withdrawn and is never served again');
    }
    const offer: OfferRecord = { tokenHash: tokenHashOf(token), studyHash: record.studyHash, expires, state: 'open' };
    await desk.records.write([...changes, { table: 'offers', key: offer.tokenHash, value: offer }]);
    return record;
  });
  const { chainId, sourceKey, url } = desk;
  return { offer: encodeOffer({ chainId, sourceKey, url, token, expires }), expires, studyHash, number };
}

export function tokenHashOf(token: Uint8Array): string {
  return toHex(sha256(token));
}

/**
 * Redeem a token. Only the first time shows the study; the second voids the offer and any claim waiting on it.
 * @param prepare - makes the answer; what it throws leaves the offer open, so that the wallet may try again
 */
export function redeemOffer<T>(
  desk: OfferDesk,
  token: Uint8Array,
  prepare: (study: StudyRecord) => Promise<T>,
): Promise<T> {
  return desk.turn.take(async () => {
    const offer = await liveOffer(desk, tokenHashOf(token));
    if (offer.state !== 'open') {
      await voidOffer(desk, offer);
      throw new GatewayError({ code: 'GATEWAY_OFFER_VOID' }, 'this offer was used before: ask the desk for a new one');
    }
    const study = await desk.studies.byHash(offer.studyHash);
    if (!study) throw new GatewayError({ code: 'GATEWAY_OFFER_UNKNOWN' }, 'there is no such offer');
    const answer = await prepare(study);
    await desk.records.write([{ table: 'offers', key: offer.tokenHash, value: { ...offer, state: 'redeemed' } }]);
    return answer;
  });
}

/** An offer that exists, isn't void and isn't expired. */
export async function liveOffer(desk: OfferDesk, tokenHash: string): Promise<OfferRecord> {
  const offer = await desk.records.get('offers', tokenHash);
  if (!offer) throw new GatewayError({ code: 'GATEWAY_OFFER_UNKNOWN' }, 'there is no such offer');
  if (offer.state === 'void') {
    throw new GatewayError(
      { code: 'GATEWAY_OFFER_VOID' },
      'this offer was used twice and is void: ask the desk for a new one',
    );
  }
  if (desk.now() > offer.expires) {
    throw new GatewayError(
      { code: 'GATEWAY_OFFER_EXPIRED', expires: offer.expires },
      'this offer has expired: ask the desk for a new one',
    );
  }
  return offer;
}

async function voidOffer(desk: OfferDesk, offer: OfferRecord): Promise<void> {
  const claims = await desk.records.all('claims');
  const waiting = claims.filter(claim => claim.tokenHash === offer.tokenHash && claim.state === 'waiting');
  const id = toHex(randomBytes(8));
  await desk.records.write([
    { table: 'offers', key: offer.tokenHash, value: { ...offer, state: 'void' } },
    {
      table: 'notices',
      key: id,
      value: { id, time: desk.now(), kind: 'offer-redeemed-twice', about: offer.studyHash },
    },
    ...waiting.map(claim => ({
      table: 'claims' as const,
      key: claim.id,
      value: { ...claim, state: 'refused' as const, reason: 'the offer was redeemed twice' },
    })),
  ]);
}
