/**
 * Allow Access, type 3. The paper: {K_P, K_D, K_H, Hash(UID_X)}K_P⁻¹.
 *
 *   [3, seq, patientKey, requesterKey, sourceKey, studyHash, notAfter, receiptHash, signature]
 *
 * Signed by the patient. receiptHash binds a consent receipt that only the two sides hold (receipts.ts).
 */
import { CoreError } from './errors.js';
import { hashField, optionalHashField, seqField, signatureField } from './fields.js';
import type { PublicKey, SecretKey } from './keys.js';
import { constant, map, publicKey, record, type Schema, uint } from './schema.js';
import { noSignature, signTuple, type Transaction } from './signedTuple.js';

export interface AllowAccess {
  type: 3;
  seq: number;
  patientKey: PublicKey;
  requesterKey: PublicKey;
  sourceKey: PublicKey;
  studyHash: Uint8Array;
  /** Unix ms after which the grant no longer counts, by the reader's clock; 0 = no end. */
  notAfter: number;
  /** 32 bytes, or none. */
  receiptHash: Uint8Array;
  signature: Uint8Array;
}

/** @throws CoreError CORE_NOT_AFTER unless `notAfter` is 0 or later than `seq` */
export function checkNotAfter(seq: number, notAfter: number): void {
  if (notAfter === 0 || notAfter > seq) return;
  throw new CoreError({ code: 'CORE_NOT_AFTER', seq, notAfter }, `the end ${notAfter} is not after the seq ${seq}`);
}

export const allowAccessSchema: Schema<AllowAccess> = map(
  record<AllowAccess>({
    type: constant(3),
    seq: seqField,
    patientKey: publicKey(),
    requesterKey: publicKey(),
    sourceKey: publicKey(),
    studyHash: hashField,
    notAfter: uint(),
    receiptHash: optionalHashField,
    signature: signatureField,
  }),
  grant => {
    checkNotAfter(grant.seq, grant.notAfter);
    return grant;
  },
  grant => grant,
);

/**
 * @param p.key - the patient's key for this study
 * @throws CoreError CORE_NOT_AFTER, CORE_DECODE when a field is out of bounds
 */
export function createAllowAccess(p: {
  chainId: Uint8Array;
  key: SecretKey;
  seq: number;
  requesterKey: PublicKey;
  sourceKey: PublicKey;
  studyHash: Uint8Array;
  notAfter?: number;
  receiptHash?: Uint8Array;
}): Transaction<AllowAccess> {
  const { seq, requesterKey, sourceKey, studyHash, notAfter = 0, receiptHash = new Uint8Array(0) } = p;
  const parties = { patientKey: p.key.publicKey, requesterKey, sourceKey };
  return signTuple(
    allowAccessSchema,
    { type: 3, seq, ...parties, studyHash, notAfter, receiptHash, signature: noSignature },
    p,
  );
}
