/** What the wallet checks before it relies on somebody's card, offer or answer: pure rules, each with its code. */
import {
  equalBytes,
  hashStudy,
  nobleVerifier,
  type PublicKey,
  parseOffer,
  parseRequesterCard,
  publicKeyHex,
  type RequesterCard,
  type StudyOffer,
  toHex,
} from '@radpass/core';
import { ClientError } from './errors.js';
import type { RedeemedOffer } from './gatewayApi.js';

/** What a card is held against: the wallet's network (hex) and the present (Unix ms). */
export interface Here {
  chainId: string;
  now: number;
}

/** @throws CoreError CORE_CARD; ClientError CLIENT_WRONG_NETWORK, CLIENT_OFFER_EXPIRED */
export function readOffer(text: string, here: Here): StudyOffer {
  const offer = parseOffer(text.trim());
  checkNetwork(offer.chainId, here, 'offer');
  if (here.now <= offer.expires) return offer;
  const detail = { code: 'CLIENT_OFFER_EXPIRED' as const, expires: offer.expires };
  throw new ClientError(detail, 'this offer has expired: ask the desk for a new one');
}

/** @throws CoreError CORE_CARD; ClientError CLIENT_WRONG_NETWORK, CLIENT_CARD_EXPIRED */
export function readCard(text: string, here: Here): RequesterCard {
  const card = parseRequesterCard(text.trim(), nobleVerifier);
  checkNetwork(card.chainId, here, 'card');
  if (here.now <= card.expires) return card;
  const detail = { code: 'CLIENT_CARD_EXPIRED' as const, expires: card.expires };
  throw new ClientError(detail, 'this card has expired: ask for a new one');
}

function checkNetwork(chainId: Uint8Array, here: Here, what: string): void {
  const got = toHex(chainId);
  if (got === here.chainId) return;
  const detail = { code: 'CLIENT_WRONG_NETWORK' as const, expected: here.chainId, got };
  throw new ClientError(detail, `this ${what} is for another network`);
}

/** The gateway's answer must be about the offer's source, and its hash that of the study it shows. @throws ClientError CLIENT_OFFER_MISMATCH */
export function checkRedeemed(offer: StudyOffer, redeemed: RedeemedOffer, takeOver: boolean): void {
  const { sourceKey } = offer;
  const { salt, studyInstanceUID } = redeemed;
  if (!equalBytes(redeemed.chainId, offer.chainId)) throw mismatch('network');
  if (!equalBytes(redeemed.sourceKey, sourceKey)) throw mismatch('source');
  const studyHash = hashStudy({ sourceKey, salt, studyInstanceUid: studyInstanceUID });
  if (!equalBytes(studyHash, redeemed.studyHash)) throw mismatch('study');
  if (takeOver && !redeemed.owner) throw mismatch('the study has no owner yet; claim it');
}

function mismatch(what: string): ClientError {
  return new ClientError(
    { code: 'CLIENT_OFFER_MISMATCH', what },
    `the gateway's answer doesn't fit the offer: ${what}`,
  );
}

/** A card holds several unused keys; each grant takes one that no grant has used. @throws ClientError CLIENT_CARD_USED_UP */
export function freeKey(card: RequesterCard, used: ReadonlySet<string>): PublicKey {
  const free = card.keys.find(key => !used.has(publicKeyHex(key)));
  if (free) return free;
  const detail = { code: 'CLIENT_CARD_USED_UP' as const, label: card.label };
  throw new ClientError(detail, 'every key of this card was used: ask for a new card');
}
