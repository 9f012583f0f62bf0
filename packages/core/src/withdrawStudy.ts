/**
 * Withdraw Study, type 8: a study published in error is never served again and counts no longer.
 *
 *   [8, seq, sourceKey, studyHash, signature]
 *
 * Signed by the source's standing key.
 */
import { hashField, seqField, signatureField } from './fields.js';
import type { PublicKey, SecretKey } from './keys.js';
import { constant, publicKey, record, type Schema } from './schema.js';
import { noSignature, signTuple, type Transaction } from './signedTuple.js';

export interface WithdrawStudy {
  type: 8;
  seq: number;
  sourceKey: PublicKey;
  studyHash: Uint8Array;
  signature: Uint8Array;
}

export const withdrawStudySchema: Schema<WithdrawStudy> = record<WithdrawStudy>({
  type: constant(8),
  seq: seqField,
  sourceKey: publicKey(),
  studyHash: hashField,
  signature: signatureField,
});

/** @param p.key - the source's standing key */
export function createWithdrawStudy(p: {
  chainId: Uint8Array;
  key: SecretKey;
  seq: number;
  sourceKey: PublicKey;
  studyHash: Uint8Array;
}): Transaction<WithdrawStudy> {
  const { seq, sourceKey, studyHash } = p;
  return signTuple(withdrawStudySchema, { type: 8, seq, sourceKey, studyHash, signature: noSignature }, p);
}
