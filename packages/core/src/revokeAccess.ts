/**
 * Revoke Access, type 4, one of the paper's "additional transaction types".
 *
 *   [4, seq, patientKey, requesterKey, sourceKey, studyHash, signature]
 *
 * Signed by the patient. An empty requesterKey means everyone: a floor below which no grant of this patient counts.
 */
import { hashField, optionalKeyField, seqField, signatureField } from './fields.js';
import type { PublicKey, SecretKey } from './keys.js';
import { constant, publicKey, record, type Schema } from './schema.js';
import { noSignature, signTuple, type Transaction } from './signedTuple.js';

export interface RevokeAccess {
  type: 4;
  seq: number;
  patientKey: PublicKey;
  /** null = everyone. */
  requesterKey: PublicKey | null;
  sourceKey: PublicKey;
  studyHash: Uint8Array;
  signature: Uint8Array;
}

export const revokeAccessSchema: Schema<RevokeAccess> = record<RevokeAccess>({
  type: constant(4),
  seq: seqField,
  patientKey: publicKey(),
  requesterKey: optionalKeyField,
  sourceKey: publicKey(),
  studyHash: hashField,
  signature: signatureField,
});

/** @param p.key - the patient's key for this study */
export function createRevokeAccess(p: {
  chainId: Uint8Array;
  key: SecretKey;
  seq: number;
  requesterKey: PublicKey | null;
  sourceKey: PublicKey;
  studyHash: Uint8Array;
}): Transaction<RevokeAccess> {
  const { seq, requesterKey, sourceKey, studyHash } = p;
  const parties = { patientKey: p.key.publicKey, requesterKey, sourceKey };
  return signTuple(revokeAccessSchema, { type: 4, seq, ...parties, studyHash, signature: noSignature }, p);
}
