/**
 * Keep Study, type 6: the standing patient's veto of a reassignment.
 *
 *   [6, patientKey, sourceKey, studyHash, reassignId, signature]
 *
 * Signed by the patient. reassignId is the reassignment's contentId, so that no other signing of it slips past.
 */
import { hashField, signatureField } from './fields.js';
import type { PublicKey, SecretKey } from './keys.js';
import { constant, publicKey, record, type Schema } from './schema.js';
import { noSignature, signTuple, type Transaction } from './signedTuple.js';

export interface KeepStudy {
  type: 6;
  patientKey: PublicKey;
  sourceKey: PublicKey;
  studyHash: Uint8Array;
  /** contentId of the reassignStudy. */
  reassignId: Uint8Array;
  signature: Uint8Array;
}

export const keepStudySchema: Schema<KeepStudy> = record<KeepStudy>({
  type: constant(6),
  patientKey: publicKey(),
  sourceKey: publicKey(),
  studyHash: hashField,
  reassignId: hashField,
  signature: signatureField,
});

/** @param p.key - the standing patient's key */
export function createKeepStudy(p: {
  chainId: Uint8Array;
  key: SecretKey;
  sourceKey: PublicKey;
  studyHash: Uint8Array;
  reassignId: Uint8Array;
}): Transaction<KeepStudy> {
  const { sourceKey, studyHash, reassignId } = p;
  const patientKey = p.key.publicKey;
  return signTuple(
    keepStudySchema,
    { type: 6, patientKey, sourceKey, studyHash, reassignId, signature: noSignature },
    p,
  );
}
