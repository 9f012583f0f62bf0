/**
 * What all signed tuples share: the array [type, …fields, signature], its outer signature and its id.
 *
 * The outer signature has purpose tx-<type> and covers the canonical array without its last element, inner signatures
 * included. An inner signature covers the canonical array of the elements before it. The id is the SHA-256 of the bytes.
 */
import { sha256 } from './bytes.js';
import type { Purpose } from './domain.js';
import { type Canonical, decodeCanonical, encodeAs, encodeCanonical } from './encoding.js';
import type { SecretKey } from './keys.js';
import type { Schema } from './schema.js';
import { sign, signatureBytes } from './signature.js';
import type { Tuple } from './transaction.js';

/** No tuple is longer; the longest is a defineSource with a URL of full length. */
export const maxTransactionBytes = 1024;

/** A tuple with the bytes it was received or made as; its signatures are checked elsewhere. */
export interface Transaction<T extends Tuple = Tuple> {
  readonly bytes: Uint8Array;
  /** SHA-256 of the bytes. */
  readonly id: Uint8Array;
  readonly tuple: T;
}

/** The elements of an array in canonical form, without the last. */
export function withoutLast<T>(schema: Schema<T>, value: T): Canonical[] {
  const elements = schema.write(value);
  if (!Array.isArray(elements)) throw new TypeError('expected the schema of an array');
  return elements.slice(0, -1);
}

/** What the signature that ends an array covers: the canonical array of the elements before it. */
export function signedMessage<T>(schema: Schema<T>, value: T): Uint8Array {
  return encodeCanonical(withoutLast(schema, value));
}

/** A signature of 64 bytes in canonical bytes. */
const encodedSignatureBytes = 66;

/**
 * What a transaction's outer signature covers, taken from its bytes: they are the canonical array already, of at most 15
 * elements, whose last is the signature.
 */
export function signedPart({ bytes }: Transaction): Uint8Array {
  const part = bytes.slice(0, -encodedSignatureBytes);
  part[0] = part[0]! - 1;
  return part;
}

export function outerPurpose(type: Tuple['type']): Purpose {
  return `tx-${type}`;
}

/**
 * Sign a tuple. It is checked as a receiver would check it before anything is signed.
 * @throws CoreError as parseTransaction does, when a field is out of bounds
 */
export function signTuple<T extends Tuple>(
  schema: Schema<T>,
  unsigned: T,
  { key, chainId }: { key: SecretKey; chainId: Uint8Array },
): Transaction<T> {
  const checked = decodeCanonical(encodeAs(schema, unsigned), schema, maxTransactionBytes);
  const signature = sign(key, outerPurpose(checked.type), chainId, signedMessage(schema, checked));
  const tuple: T = { ...checked, signature };
  const bytes = encodeAs(schema, tuple);
  return { bytes, id: sha256(bytes), tuple };
}

/** Stands for a signature until it is made. */
export const noSignature: Uint8Array = new Uint8Array(signatureBytes);
