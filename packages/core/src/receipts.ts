/**
 * Receipts: what stays with the people concerned, off the chain.
 *
 *   receiptHash in allowAccess = SHA-256("radpass/consent-receipt/1" ‖ 0x00 ‖ 32 random bytes ‖ receipt)
 *   signed receipt             = [chainId, key, message, signature]
 *
 * The signature of a signed receipt has the receipt's purpose and covers the canonical array of the elements before it.
 */
import { equalBytes, sha256 } from './bytes.js';
import { domainPrefix } from './domain.js';
import { decodeCanonical, encodeAs } from './encoding.js';
import { CoreError } from './errors.js';
import { hashField, signatureField } from './fields.js';
import type { PublicKey, SecretKey } from './keys.js';
import { bytesUpTo, publicKey, record, type Schema } from './schema.js';
import { sign, type Verifier, verify } from './signature.js';
import { noSignature, signedMessage } from './signedTuple.js';

/** Who opened what; that a revocation was heard. */
export type ReceiptPurpose = 'access-receipt' | 'revocation-receipt';

export interface Receipt {
  chainId: Uint8Array;
  /** Who gives the receipt. */
  key: PublicKey;
  /** What it says; at most 64 KiB. */
  message: Uint8Array;
  signature: Uint8Array;
}

const maxMessageBytes = 65_536;
const maxReceiptBytes = maxMessageBytes + 256;
const consentPrefix = domainPrefix('consent-receipt');

const receiptSchema: Schema<Receipt> = record<Receipt>({
  chainId: hashField,
  key: publicKey(),
  message: bytesUpTo(maxMessageBytes),
  signature: signatureField,
});

/**
 * What an allowAccess binds of a consent receipt that the patient and the requester keep.
 * @param random - 32 random bytes, kept with the receipt, so that its text can't be guessed from the hash
 */
export function consentReceiptHash(random: Uint8Array, receipt: Uint8Array): Uint8Array {
  if (random.length !== 32) throw new RangeError(`expected 32 random bytes, got ${random.length}`);
  return sha256(consentPrefix, random, receipt);
}

/** A signed receipt as bytes. @throws CoreError CORE_DECODE for a message of more than 64 KiB */
export function createReceipt(
  purpose: ReceiptPurpose,
  p: { key: SecretKey; chainId: Uint8Array; message: Uint8Array },
): Uint8Array {
  const { key, chainId, message } = p;
  const unsigned = { chainId, key: key.publicKey, message, signature: noSignature };
  const receipt = decodeCanonical(encodeAs(receiptSchema, unsigned), receiptSchema, maxReceiptBytes);
  const signature = sign(key, purpose, chainId, signedMessage(receiptSchema, receipt));
  return encodeAs(receiptSchema, { ...receipt, signature });
}

/**
 * The receipt that untrusted bytes carry, signed by the key that it names. Whether that key is the right one is for the
 * caller to say.
 * @throws CoreError CORE_RECEIPT
 */
export function parseReceipt(
  purpose: ReceiptPurpose,
  bytes: Uint8Array,
  { chainId, verifier }: { chainId: Uint8Array; verifier: Verifier },
): Receipt {
  const refuse = (reason: 'form' | 'network' | 'signature', cause?: unknown): never => {
    throw new CoreError({ code: 'CORE_RECEIPT', reason }, `not the receipt that is expected: ${reason}`, { cause });
  };
  let receipt: Receipt;
  try {
    receipt = decodeCanonical(bytes, receiptSchema, maxReceiptBytes);
  } catch (error) {
    return refuse('form', error);
  }
  if (!equalBytes(receipt.chainId, chainId)) refuse('network');
  const message = signedMessage(receiptSchema, receipt);
  if (!verify(verifier, receipt.signature, purpose, chainId, message, receipt.key)) refuse('signature');
  return receipt;
}
