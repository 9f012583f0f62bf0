import { describe, expect, it } from '@jest/globals';
import {
  type Canonical,
  CoreError,
  cardWords,
  claimWords,
  createRequesterCard,
  decodeCanonical,
  encodeCanonical,
  encodeOffer,
  encodeRequesterCard,
  fingerprintWords,
  fromBase64Url,
  nobleVerifier,
  parseOffer,
  parseRequesterCard,
  raw,
  SecretKey,
  sha256,
  toBase64Url,
  utf8,
} from '../dist/index.js';
import { chainId, patient, requester, source, studyHash, url } from './tuples.js';

const reasonOf = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    if (error instanceof CoreError) return 'reason' in error.detail ? error.detail.reason : error.code;
    throw error;
  }
  return 'none';
};

const offer = { chainId, sourceKey: source.publicKey, url, token: sha256(utf8('token')), expires: 1_790_000_900_000 };
const otherKeys = [1, 2, 3, 4, 5, 6, 7].map(n => SecretKey.fromSeed(new Uint8Array(32).fill(n)).publicKey);
const keys = [requester.publicKey, ...otherKeys];
const card = createRequesterCard({
  chainId,
  label: 'Dr. Grün, Łódź',
  keys,
  expires: 1_800_000_000_000,
  key: requester,
});

const elementsOf = (text: string) => decodeCanonical(fromBase64Url(text.split(':')[2]!), raw(4096)) as Canonical[];
const withElement = (text: string, i: number, element: Canonical) => {
  const value = elementsOf(text).map((old, at) => (at === i ? element : old));
  return `${text.split(':', 2).join(':')}:${toBase64Url(encodeCanonical(value))}`;
};

describe('a study offer', () => {
  it('is text for a QR code and back', () => {
    const text = encodeOffer(offer);
    expect(text).toMatch(/^radpass:offer:[A-Za-z0-9_-]+$/);
    expect(parseOffer(text)).toEqual(offer);
    expect(parseOffer(` ${text}\n`)).toEqual(offer);
    expect(elementsOf(text)).toEqual([offer.chainId, offer.sourceKey, offer.url, offer.token, offer.expires]);
  });

  it('is refused as another kind or in another form', () => {
    const text = encodeOffer(offer);
    expect(reasonOf(() => parseOffer(text.replace('offer', 'requester')))).toBe('kind');
    expect(reasonOf(() => parseOffer(text.replace('radpass', 'http')))).toBe('kind');
    expect(reasonOf(() => parseOffer(`${text}=`))).toBe('form');
    expect(reasonOf(() => parseOffer(text.slice(0, -2)))).toBe('form');
    expect(reasonOf(() => parseOffer(withElement(text, 2, '')))).toBe('form');
    expect(reasonOf(() => parseOffer(withElement(text, 2, 'http://a.org')))).toBe('form');
    expect(reasonOf(() => parseOffer(withElement(text, 3, new Uint8Array(31))))).toBe('form');
  });

  it('is not made where it could not be read', () => {
    expect(reasonOf(() => encodeOffer({ ...offer, url: '' }))).toBe('form');
    expect(reasonOf(() => encodeOffer({ ...offer, token: new Uint8Array(16) }))).toBe('CORE_DECODE');
  });
});

describe('a requester card', () => {
  const text = encodeRequesterCard(card);

  it('is text for a QR code and back', () => {
    expect(parseRequesterCard(text, nobleVerifier)).toEqual(card);
    expect(text.length).toBeLessThan(700);
  });

  it('is refused when any element was changed, or another key signed', () => {
    expect(reasonOf(() => parseRequesterCard(withElement(text, 0, studyHash), nobleVerifier))).toBe('signature');
    expect(reasonOf(() => parseRequesterCard(withElement(text, 1, utf8('Dr. Rot')), nobleVerifier))).toBe('signature');
    expect(reasonOf(() => parseRequesterCard(withElement(text, 2, [...otherKeys]), nobleVerifier))).toBe('signature');
    expect(reasonOf(() => parseRequesterCard(withElement(text, 3, 5), nobleVerifier))).toBe('signature');
    expect(() => createRequesterCard({ ...card, key: patient })).toThrow(RangeError);
  });

  it.each<[string, number, Canonical]>([
    ['no key', 2, []],
    ['nine keys', 2, [...keys, patient.publicKey]],
    ['a key twice', 2, [requester.publicKey, requester.publicKey]],
    ['no label', 1, new Uint8Array(0)],
    ['a label of 65 bytes', 1, new Uint8Array(65).fill(65)],
    ['a label that is no UTF-8', 1, Uint8Array.of(0xff)],
    ['a label with a line break', 1, utf8('Dr.\nA')],
    ['a label that turns the writing round', 1, utf8('Dr. \u202eA')],
    ['a label with a byte order mark', 1, utf8('\ufeffA')],
  ])('is refused with %s', (_name, i, element) => {
    expect(reasonOf(() => parseRequesterCard(withElement(text, i, element), nobleVerifier))).toBe('form');
  });

  it('is not signed where it could not be read', () => {
    expect(reasonOf(() => createRequesterCard({ ...card, label: 'x\u0000', key: requester }))).toBe('form');
    expect(reasonOf(() => createRequesterCard({ ...card, label: 'é'.repeat(33), key: requester }))).toBe('CORE_DECODE');
  });

  it('has six words that are the same on both screens and differ from another card', () => {
    expect(cardWords(parseRequesterCard(text, nobleVerifier))).toEqual(cardWords(card));
    expect(cardWords(card)).toEqual(fingerprintWords(sha256(fromBase64Url(text.split(':')[2]!))));
    const other = createRequesterCard({ ...card, label: 'Dr. Rot', key: requester });
    expect(cardWords(other)).not.toEqual(cardWords(card));
  });
});

describe('claimWords', () => {
  it('are of the patient key and the study hash together', () => {
    const both = Buffer.concat([patient.publicKey, studyHash]);
    expect(claimWords(patient.publicKey, studyHash)).toEqual(fingerprintWords(sha256(both)));
    expect(claimWords(patient.publicKey, sha256(studyHash))).not.toEqual(claimWords(patient.publicKey, studyHash));
  });
});
