/**
 * Define Source, type 1. The paper: {K_H, URL_H}K_H⁻¹.
 *
 *   [1, seq, sourceKey, url, nodeKey, tlsPins, nextKeyHash, stamp, nodeSig, signature]
 *
 * Signed by the source's standing key; nodeSig has purpose "node" over [sourceKey, seq] by nodeKey, so that nobody can
 * enter another's node as its own. A higher seq replaces: new URL, new node key, waking. An empty url closes the source.
 */
import { encodeCanonical } from './encoding.js';
import { hashField, optionalHashField, seqField, signatureField, urlField } from './fields.js';
import type { PublicKey, SecretKey } from './keys.js';
import { constant, list, publicKey, record, type Schema, uint } from './schema.js';
import { sign } from './signature.js';
import { noSignature, signTuple, type Transaction } from './signedTuple.js';

export interface DefineSource {
  type: 1;
  seq: number;
  /** The source's first key: its name for ever. */
  sourceKey: PublicKey;
  /** Where images are asked for; empty: closed. */
  url: string;
  nodeKey: PublicKey;
  /** SHA-256 of the SubjectPublicKeyInfo of at most 2 TLS keys; none: any certificate that the web trusts. */
  tlsPins: Uint8Array[];
  /** SHA-256 of the key that may replace the standing one; empty keeps what stands. */
  nextKeyHash: Uint8Array;
  /** Proof of work of a first registration; 0 = none. */
  stamp: number;
  nodeSig: Uint8Array;
  signature: Uint8Array;
}

export const defineSourceSchema: Schema<DefineSource> = record<DefineSource>({
  type: constant(1),
  seq: seqField,
  sourceKey: publicKey(),
  url: urlField,
  nodeKey: publicKey(),
  tlsPins: list(hashField, 2),
  nextKeyHash: optionalHashField,
  stamp: uint(),
  nodeSig: signatureField,
  signature: signatureField,
});

/** What nodeSig covers. */
export function nodeBinding(p: { sourceKey: PublicKey; seq: number }): Uint8Array {
  return encodeCanonical([p.sourceKey, p.seq]);
}

/** The node's word that it serves this source, for one seq: nodeSig, 64 bytes. */
export function bindNode(p: {
  chainId: Uint8Array;
  nodeKey: SecretKey;
  sourceKey: PublicKey;
  seq: number;
}): Uint8Array {
  return sign(p.nodeKey, 'node', p.chainId, nodeBinding(p));
}

/**
 * @param p.key - the source's standing key
 * @throws CoreError CORE_URL, CORE_DECODE when a field is out of bounds
 */
export function createDefineSource(p: {
  chainId: Uint8Array;
  key: SecretKey;
  seq: number;
  sourceKey: PublicKey;
  url: string;
  nodeKey: PublicKey;
  tlsPins?: Uint8Array[];
  nextKeyHash?: Uint8Array;
  stamp?: number;
  nodeSig: Uint8Array;
}): Transaction<DefineSource> {
  const { seq, sourceKey, url, nodeKey, tlsPins = [], nextKeyHash = new Uint8Array(0), stamp = 0, nodeSig } = p;
  return signTuple(
    defineSourceSchema,
    { type: 1, seq, sourceKey, url, nodeKey, tlsPins, nextKeyHash, stamp, nodeSig, signature: noSignature },
    p,
  );
}
