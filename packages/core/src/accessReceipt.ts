/**
 * An access receipt: the source's signed word to a study's owner on who opened it and when. It is a signed receipt of
 * purpose access-receipt (receipts.ts) whose message is the canonical array
 *
 *   [1, sourceKey, studyHash, patientKey, number, requesterKey, grantSeq, time, requestDigest, outcome, bytesSent]
 *
 * number counts the retrievals of this study under this owner from 1, so that one that is kept back shows as a gap.
 * requestDigest is the SHA-256 of the signed request's envelope: the source can't show it without the requester having
 * asked. outcome is complete, stopped, disconnected, failed, or open while the end isn't known; bytesSent of the document.
 */
import { decodeCanonical, encodeAs } from './encoding.js';
import { CoreError } from './errors.js';
import { hashField, seqField } from './fields.js';
import type { PublicKey, SecretKey } from './keys.js';
import { createReceipt, parseReceipt } from './receipts.js';
import { ascii, constant, publicKey, record, type Schema, uint } from './schema.js';
import type { Verifier } from './signature.js';

export interface Access {
  sourceKey: PublicKey;
  studyHash: Uint8Array;
  /** Who owned the study then. */
  patientKey: PublicKey;
  /** From 1, for this study and owner. */
  number: number;
  requesterKey: PublicKey;
  /** seq of the grant on which it was served. */
  grantSeq: number;
  /** When serving began, Unix ms by the source's clock. */
  time: number;
  requestDigest: Uint8Array;
  outcome: string;
  bytesSent: number;
}

const accessSchema: Schema<Access & { version: 1 }> = record<Access & { version: 1 }>({
  version: constant(1),
  sourceKey: publicKey(),
  studyHash: hashField,
  patientKey: publicKey(),
  number: uint(),
  requesterKey: publicKey(),
  grantSeq: seqField,
  time: seqField,
  requestDigest: hashField,
  outcome: ascii(16),
  bytesSent: uint(),
});

/** @param p.key - the source's standing key */
export function createAccessReceipt(p: { key: SecretKey; chainId: Uint8Array; access: Access }): Uint8Array {
  const { key, chainId, access } = p;
  return createReceipt('access-receipt', { key, chainId, message: encodeAs(accessSchema, { version: 1, ...access }) });
}

/**
 * What the receipt says and which key signed it. Whether that key is the source's is for the caller to say.
 * @throws CoreError CORE_RECEIPT
 */
export function parseAccessReceipt(
  bytes: Uint8Array,
  p: { chainId: Uint8Array; verifier: Verifier },
): Access & { signer: PublicKey } {
  const { key: signer, message } = parseReceipt('access-receipt', bytes, p);
  try {
    const { version: _version, ...access } = decodeCanonical(message, accessSchema);
    return { ...access, signer };
  } catch (cause) {
    const detail = { code: 'CORE_RECEIPT' as const, reason: 'form' as const };
    throw new CoreError(detail, 'a receipt that says nothing about an access', { cause });
  }
}
