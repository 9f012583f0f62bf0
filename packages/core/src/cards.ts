/**
 * What two people exchange by QR code: "radpass:" ‖ kind ‖ ":" ‖ base64url of canonical bytes.
 *
 *   radpass:offer:      [chainId, sourceKey, url, token, expires]          desk → patient
 *   radpass:requester:  [chainId, label, keys, expires, signature]         doctor → patient
 *
 * The signature of a requester card has purpose "card" and is made by the first of its keys over the canonical array of
 * the elements before it. Times are Unix ms; whether a card has expired is for the reader with a clock to say.
 * See docs/protocol.md, Cards.
 */
import { fromBase64Url, sha256, toBase64Url, utf8 } from './bytes.js';
import { decodeCanonical, encodeAs } from './encoding.js';
import { CoreError } from './errors.js';
import { hashField, seqField, signatureField, urlField } from './fields.js';
import { fingerprintWords, type PublicKey, type SecretKey } from './keys.js';
import { bytesUpTo, list, map, publicKey, record, type Schema } from './schema.js';
import { sign, type Verifier, verify } from './signature.js';
import { noSignature, signedMessage } from './signedTuple.js';

/** What the hospital's desk hands to a patient. It names no study: the token does, at the gateway, once. */
export interface StudyOffer {
  chainId: Uint8Array;
  sourceKey: PublicKey;
  /** The gateway's public URL. */
  url: string;
  /** 32 random bytes. */
  token: Uint8Array;
  expires: number;
}

/** A doctor's unused keys; the patient's wallet takes one a study. */
export interface RequesterCard {
  chainId: Uint8Array;
  /** How the requester wants to be called; 1 to 64 bytes of UTF-8. Nothing proves it: people compare words. */
  label: string;
  /** 1 to 8, all different. */
  keys: PublicKey[];
  expires: number;
  signature: Uint8Array;
}

const maxCardBytes = 1024;
const maxKeys = 8;
const maxLabelBytes = 64;

function refuse(reason: 'kind' | 'form' | 'signature', cause?: unknown): never {
  throw new CoreError({ code: 'CORE_CARD', reason }, `not the card that is expected: ${reason}`, { cause });
}

/** Strict UTF-8 without controls, which could make a label show as another. */
function parseLabel(bytes: Uint8Array): string {
  const label = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  if (/[\p{Cc}\p{Bidi_Control}\u2028\u2029\ufeff]/u.test(label)) refuse('form');
  return label;
}

const offerSchema: Schema<StudyOffer> = record<StudyOffer>({
  chainId: hashField,
  sourceKey: publicKey(),
  url: map(
    urlField,
    url => (url === '' ? refuse('form') : url),
    url => url,
  ),
  token: hashField,
  expires: seqField,
});

const requesterSchema: Schema<RequesterCard> = record<RequesterCard>({
  chainId: hashField,
  label: map(bytesUpTo(maxLabelBytes, 1), parseLabel, utf8),
  keys: map(
    list(publicKey(), maxKeys, 1),
    keys => (new Set(keys.map(String)).size === keys.length ? keys : refuse('form')),
    keys => keys,
  ),
  expires: seqField,
  signature: signatureField,
});

function encodeCard<T>(kind: string, schema: Schema<T>, card: T): string {
  const bytes = encodeAs(schema, card);
  decodeCanonical(bytes, schema, maxCardBytes); // never hand out what no reader takes
  return `radpass:${kind}:${toBase64Url(bytes)}`;
}

function parseCard<T>(kind: string, schema: Schema<T>, text: string): T {
  const prefix = `radpass:${kind}:`;
  const trimmed = text.trim();
  if (!trimmed.startsWith(prefix)) return refuse('kind');
  try {
    return decodeCanonical(fromBase64Url(trimmed.slice(prefix.length)), schema, maxCardBytes);
  } catch (error) {
    return refuse('form', error);
  }
}

/** @throws CoreError CORE_DECODE, CORE_URL, CORE_CARD for an offer that could not be read again */
export function encodeOffer(offer: StudyOffer): string {
  return encodeCard('offer', offerSchema, offer);
}

/** @throws CoreError CORE_CARD */
export function parseOffer(text: string): StudyOffer {
  return parseCard('offer', offerSchema, text);
}

/**
 * @param p.key - the secret half of the first of `keys`
 * @throws RangeError when it is another; CoreError CORE_DECODE, CORE_CARD when a field is out of bounds
 */
export function createRequesterCard(p: {
  chainId: Uint8Array;
  label: string;
  keys: PublicKey[];
  expires: number;
  key: SecretKey;
}): RequesterCard {
  const { chainId, label, keys, expires, key } = p;
  if (String(keys[0]) !== String(key.publicKey)) throw new RangeError('a requester card is signed by its first key');
  const unsigned = { chainId, label, keys, expires, signature: noSignature };
  const card = decodeCanonical(encodeAs(requesterSchema, unsigned), requesterSchema, maxCardBytes);
  return { ...card, signature: sign(key, 'card', chainId, signedMessage(requesterSchema, card)) };
}

export function encodeRequesterCard(card: RequesterCard): string {
  return encodeCard('requester', requesterSchema, card);
}

/** @throws CoreError CORE_CARD, with reason "signature" when the first key did not sign the card */
export function parseRequesterCard(text: string, verifier: Verifier): RequesterCard {
  const card = parseCard('requester', requesterSchema, text);
  const message = signedMessage(requesterSchema, card);
  if (!verify(verifier, card.signature, 'card', card.chainId, message, card.keys[0]!)) refuse('signature');
  return card;
}

/** Six words that both screens show, so that the patient knows whose card was read: of the SHA-256 of its bytes. */
export function cardWords(card: RequesterCard): string[] {
  return fingerprintWords(sha256(encodeAs(requesterSchema, card)));
}

/** Six words that patient and desk compare before the source co-signs: of SHA-256(patientKey ‖ studyHash). */
export function claimWords(patientKey: PublicKey, studyHash: Uint8Array): string[] {
  return fingerprintWords(sha256(patientKey, studyHash));
}
