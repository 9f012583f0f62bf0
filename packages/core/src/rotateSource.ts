/**
 * Rotate Source, type 7: the key committed to by nextKeyHash replaces the source's standing key.
 *
 *   [7, seq, sourceKey, newKey, nextKeyHash, signature]
 *
 * Signed by newKey, whose SHA-256 is the standing nextKeyHash: a thief of the standing key can't rotate. Shares the seq
 * of defineSource. sourceKey stays the source's name.
 */
import { optionalHashField, seqField, signatureField } from './fields.js';
import type { PublicKey, SecretKey } from './keys.js';
import { constant, publicKey, record, type Schema } from './schema.js';
import { noSignature, signTuple, type Transaction } from './signedTuple.js';

export interface RotateSource {
  type: 7;
  seq: number;
  sourceKey: PublicKey;
  newKey: PublicKey;
  /** SHA-256 of the key after this one; none: no further rotation. */
  nextKeyHash: Uint8Array;
  signature: Uint8Array;
}

export const rotateSourceSchema: Schema<RotateSource> = record<RotateSource>({
  type: constant(7),
  seq: seqField,
  sourceKey: publicKey(),
  newKey: publicKey(),
  nextKeyHash: optionalHashField,
  signature: signatureField,
});

/** @param p.key - the new key */
export function createRotateSource(p: {
  chainId: Uint8Array;
  key: SecretKey;
  seq: number;
  sourceKey: PublicKey;
  nextKeyHash?: Uint8Array;
}): Transaction<RotateSource> {
  const { seq, sourceKey, nextKeyHash = new Uint8Array(0) } = p;
  const newKey = p.key.publicKey;
  return signTuple(rotateSourceSchema, { type: 7, seq, sourceKey, newKey, nextKeyHash, signature: noSignature }, p);
}
