/**
 * Accredit, type 9: a payer named in genesis vouches for a source, for a time and a number of studies.
 *
 *   [9, seq, payerKey, sourceKey, until, maxStudies, signature]
 *
 * Signed by the payer.
 */
import { seqField, signatureField } from './fields.js';
import type { PublicKey, SecretKey } from './keys.js';
import { constant, publicKey, record, type Schema, uint } from './schema.js';
import { noSignature, signTuple, type Transaction } from './signedTuple.js';

export interface Accredit {
  type: 9;
  seq: number;
  payerKey: PublicKey;
  sourceKey: PublicKey;
  /** Unix ms. */
  until: number;
  maxStudies: number;
  signature: Uint8Array;
}

export const accreditSchema: Schema<Accredit> = record<Accredit>({
  type: constant(9),
  seq: seqField,
  payerKey: publicKey(),
  sourceKey: publicKey(),
  until: uint(),
  maxStudies: uint(),
  signature: signatureField,
});

/** @param p.key - the payer's key */
export function createAccredit(p: {
  chainId: Uint8Array;
  key: SecretKey;
  seq: number;
  sourceKey: PublicKey;
  until: number;
  maxStudies: number;
}): Transaction<Accredit> {
  const { seq, sourceKey, until, maxStudies } = p;
  const payerKey = p.key.publicKey;
  return signTuple(accreditSchema, { type: 9, seq, payerKey, sourceKey, until, maxStudies, signature: noSignature }, p);
}
