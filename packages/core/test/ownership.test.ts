import { describe, expect, it } from '@jest/globals';
import {
  type Access,
  CoreError,
  checkOwnershipProof,
  consentReceiptHash,
  createAccessReceipt,
  createOwnershipProof,
  createReceipt,
  encodeOwnershipProof,
  nobleVerifier,
  type OwnershipProof,
  parseAccessReceipt,
  parseOwnershipProof,
  parseReceipt,
  sha256,
  toHex,
  utf8,
} from '../dist/index.js';
import { chainId, patient, requester, source } from './tuples.js';

const reasonOf = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    if (error instanceof CoreError) return 'reason' in error.detail ? error.detail.reason : error.code;
    throw error;
  }
  return 'none';
};

const now = 1_790_000_000_000;
const nonce = sha256(utf8('nonce'));
const verifierName = 'https://images.example.org/iti43';
const proof = createOwnershipProof({ chainId, key: patient, verifierName, nonce, time: now });
const expected = { chainId, verifierName, nonce, now };
const check = (given: OwnershipProof, other: Partial<typeof expected> & { maxAgeMs?: number } = {}) =>
  reasonOf(() => checkOwnershipProof(given, { ...expected, ...other }, nobleVerifier));

describe('a proof of ownership', () => {
  it('travels as canonical bytes and holds', () => {
    const parsed = parseOwnershipProof(encodeOwnershipProof(proof));
    expect(parsed).toEqual(proof);
    expect(check(parsed)).toBe('none');
    expect(reasonOf(() => parseOwnershipProof(encodeOwnershipProof(proof).slice(1)))).toBe('form');
  });

  it('holds nowhere else, for no other question, at no other time', () => {
    expect(check(proof, { chainId: sha256(chainId) })).toBe('network');
    expect(check(proof, { verifierName: `${verifierName}/` })).toBe('verifier');
    expect(check(proof, { nonce: sha256(nonce) })).toBe('nonce');
    expect(check(proof, { now: now + 300_000 })).toBe('none');
    expect(check(proof, { now: now + 300_001 })).toBe('time');
    expect(check(proof, { now: now + 1001, maxAgeMs: 1000 })).toBe('time');
    expect(check(proof, { now: now - 60_000 })).toBe('none');
    expect(check(proof, { now: now - 60_001 })).toBe('time');
  });

  it('holds for the key that signed only', () => {
    expect(check({ ...proof, key: requester.publicKey })).toBe('signature');
    expect(check({ ...proof, time: now + 1 })).toBe('signature');
    const elsewhere = createOwnershipProof({ ...proof, key: patient, verifierName: 'https://evil.example' });
    expect(check({ ...elsewhere, verifierName })).toBe('signature');
  });

  it('is not made for a short nonce or a name that is no ASCII', () => {
    const make = (change: object) => reasonOf(() => createOwnershipProof({ ...proof, key: patient, ...change }));
    expect(make({ nonce: new Uint8Array(15) })).toBe('CORE_DECODE');
    expect(make({ verifierName: 'é' })).toContain('ASCII');
  });
});

describe('an access receipt', () => {
  const access: Access = {
    sourceKey: source.publicKey,
    studyHash: sha256(utf8('study')),
    patientKey: patient.publicKey,
    number: 3,
    requesterKey: requester.publicKey,
    grantSeq: now - 60_000,
    time: now,
    requestDigest: sha256(utf8('request')),
    outcome: 'complete',
    bytesSent: 264_000,
  };
  const p = { chainId, verifier: nobleVerifier };

  it('says who opened what and when, and which key says so', () => {
    const bytes = createAccessReceipt({ key: source, chainId, access });
    expect(parseAccessReceipt(bytes, p)).toEqual({ ...access, signer: source.publicKey });
    expect(parseAccessReceipt(createAccessReceipt({ key: requester, chainId, access }), p).signer).toEqual(
      requester.publicKey,
    );
  });

  it('is refused when it was altered, and when what is signed is something else', () => {
    const bytes = createAccessReceipt({ key: source, chainId, access });
    const altered = bytes.map((byte, i) => (i === bytes.length - 80 ? byte ^ 1 : byte));
    expect(['form', 'signature']).toContain(reasonOf(() => parseAccessReceipt(altered, p)));
    const other = createReceipt('access-receipt', { key: source, chainId, message: utf8('x') });
    expect(reasonOf(() => parseAccessReceipt(other, p))).toBe('form');
    const revocation = createReceipt('revocation-receipt', { key: source, chainId, message: bytes });
    expect(reasonOf(() => parseAccessReceipt(revocation, p))).toBe('signature');
  });
});

describe('a signed receipt', () => {
  const message = utf8('revocation heard');
  const bytes = createReceipt('revocation-receipt', { key: source, chainId, message });

  it('says what it says, by whom', () => {
    const receipt = parseReceipt('revocation-receipt', bytes, { chainId, verifier: nobleVerifier });
    expect(receipt).toMatchObject({ chainId, key: source.publicKey, message });
  });

  it('serves one purpose on one network', () => {
    const parse = (purpose: 'access-receipt' | 'revocation-receipt', from = bytes, chain = chainId) =>
      reasonOf(() => parseReceipt(purpose, from, { chainId: chain, verifier: nobleVerifier }));
    expect(parse('access-receipt')).toBe('signature');
    expect(parse('revocation-receipt', bytes, sha256(chainId))).toBe('network');
    const altered = new Uint8Array(bytes);
    altered[75]! ^= 1;
    expect(parse('revocation-receipt', altered)).toBe('signature');
    expect(parse('revocation-receipt', bytes.slice(0, -1))).toBe('form');
  });
});

describe('consentReceiptHash', () => {
  it('is the tagged hash of 32 random bytes and the receipt', () => {
    const random = new Uint8Array(32).fill(9);
    expect(toHex(consentReceiptHash(random, utf8('I agree')))).toBe(
      toHex(sha256(utf8('radpass/consent-receipt/1\0'), random, utf8('I agree'))),
    );
    expect(() => consentReceiptHash(random.slice(1), utf8('I agree'))).toThrow(RangeError);
  });
});
