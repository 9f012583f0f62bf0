/**
 * Reassign Study, type 5: a study whose patient lost the key gets a new one, with the source's help and after a delay.
 *
 *   [5, reclaim, signature]
 *   reclaim = [patientKey, previousPatientKey, sourceKey, studyHash, generation, patientSig]
 *
 * patientSig has purpose "reclaim" and is the new patient key's; the outer signature is the source's standing key's.
 */
import { decodeCanonical, encodeAs } from './encoding.js';
import { hashField, signatureField } from './fields.js';
import type { PublicKey, SecretKey } from './keys.js';
import { constant, publicKey, record, type Schema, uint } from './schema.js';
import { sign, type Verifier, verify } from './signature.js';
import { noSignature, signedMessage, signTuple, type Transaction } from './signedTuple.js';

export interface Reclaim {
  /** The new key, never named for this study before. */
  patientKey: PublicKey;
  /** The standing owner. */
  previousPatientKey: PublicKey;
  sourceKey: PublicKey;
  studyHash: Uint8Array;
  /** How many reassignments of this study were completed before. */
  generation: number;
  patientSig: Uint8Array;
}

export interface ReassignStudy {
  type: 5;
  reclaim: Reclaim;
  signature: Uint8Array;
}

export const reclaimSchema: Schema<Reclaim> = record<Reclaim>({
  patientKey: publicKey(),
  previousPatientKey: publicKey(),
  sourceKey: publicKey(),
  studyHash: hashField,
  generation: uint(),
  patientSig: signatureField,
});

export const reassignStudySchema: Schema<ReassignStudy> = record<ReassignStudy>({
  type: constant(5),
  reclaim: reclaimSchema,
  signature: signatureField,
});

const maxReclaimBytes = 256;

export function encodeReclaim(reclaim: Reclaim): Uint8Array {
  return encodeAs(reclaimSchema, reclaim);
}

/** @throws CoreError CORE_DECODE, CORE_PUBLIC_KEY; the signature is not looked at */
export function decodeReclaim(bytes: Uint8Array): Reclaim {
  return decodeCanonical(bytes, reclaimSchema, maxReclaimBytes);
}

/** @param p.key - the new patient key */
export function createReclaim(p: {
  chainId: Uint8Array;
  key: SecretKey;
  previousPatientKey: PublicKey;
  sourceKey: PublicKey;
  studyHash: Uint8Array;
  generation: number;
}): Reclaim {
  const { previousPatientKey, sourceKey, studyHash, generation } = p;
  const parties = { patientKey: p.key.publicKey, previousPatientKey, sourceKey };
  const reclaim = decodeReclaim(encodeReclaim({ ...parties, studyHash, generation, patientSig: noSignature }));
  return { ...reclaim, patientSig: sign(p.key, 'reclaim', p.chainId, signedMessage(reclaimSchema, reclaim)) };
}

/** Whether the new patient key signed this reclaim for this network. */
export function verifyReclaim(reclaim: Reclaim, chainId: Uint8Array, verifier: Verifier): boolean {
  const message = signedMessage(reclaimSchema, reclaim);
  return verify(verifier, reclaim.patientSig, 'reclaim', chainId, message, reclaim.patientKey);
}

/**
 * Co-sign a reclaim. The caller has verified it and the person.
 * @param p.key - the source's standing key
 */
export function createReassignStudy(p: {
  chainId: Uint8Array;
  key: SecretKey;
  reclaim: Reclaim;
}): Transaction<ReassignStudy> {
  return signTuple(reassignStudySchema, { type: 5, reclaim: p.reclaim, signature: noSignature }, p);
}
