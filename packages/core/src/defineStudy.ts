/**
 * Define Study, type 2. The paper: {K_H, {K_P, K_H, Hash(UID_X)}K_P⁻¹}K_H⁻¹, like a document with two signatures.
 *
 *   [2, time, claim, signature]     claim = [patientKey, sourceKey, studyHash, patientSig]
 *
 * patientSig has purpose "claim" and is the patient's; the outer signature is the source's standing key's.
 */
import { decodeCanonical, encodeAs } from './encoding.js';
import { hashField, seqField, signatureField } from './fields.js';
import type { PublicKey, SecretKey } from './keys.js';
import { constant, publicKey, record, type Schema } from './schema.js';
import { sign, type Verifier, verify } from './signature.js';
import { noSignature, signedMessage, signTuple, type Transaction } from './signedTuple.js';

/** The patient's half: "this study at this source is mine". */
export interface Claim {
  patientKey: PublicKey;
  sourceKey: PublicKey;
  studyHash: Uint8Array;
  patientSig: Uint8Array;
}

export interface DefineStudy {
  type: 2;
  /** Unix ms, as seq in other tuples. */
  time: number;
  claim: Claim;
  signature: Uint8Array;
}

export const claimSchema: Schema<Claim> = record<Claim>({
  patientKey: publicKey(),
  sourceKey: publicKey(),
  studyHash: hashField,
  patientSig: signatureField,
});

export const defineStudySchema: Schema<DefineStudy> = record<DefineStudy>({
  type: constant(2),
  time: seqField,
  claim: claimSchema,
  signature: signatureField,
});

const maxClaimBytes = 256;

export function encodeClaim(claim: Claim): Uint8Array {
  return encodeAs(claimSchema, claim);
}

/** @throws CoreError CORE_DECODE, CORE_PUBLIC_KEY; the signature is not looked at */
export function decodeClaim(bytes: Uint8Array): Claim {
  return decodeCanonical(bytes, claimSchema, maxClaimBytes);
}

/** @param p.key - the patient's fresh key for this study */
export function createClaim(p: {
  chainId: Uint8Array;
  key: SecretKey;
  sourceKey: PublicKey;
  studyHash: Uint8Array;
}): Claim {
  const { sourceKey, studyHash } = p;
  const claim = decodeClaim(
    encodeClaim({ patientKey: p.key.publicKey, sourceKey, studyHash, patientSig: noSignature }),
  );
  return { ...claim, patientSig: sign(p.key, 'claim', p.chainId, signedMessage(claimSchema, claim)) };
}

/** Whether the patient signed this claim for this network. */
export function verifyClaim(claim: Claim, chainId: Uint8Array, verifier: Verifier): boolean {
  const message = signedMessage(claimSchema, claim);
  return verify(verifier, claim.patientSig, 'claim', chainId, message, claim.patientKey);
}

/**
 * Co-sign a patient's claim. The caller has verified the claim and the person.
 * @param p.key - the source's standing key
 */
export function createDefineStudy(p: {
  chainId: Uint8Array;
  key: SecretKey;
  time: number;
  claim: Claim;
}): Transaction<DefineStudy> {
  return signTuple(defineStudySchema, { type: 2, time: p.time, claim: p.claim, signature: noSignature }, p);
}
