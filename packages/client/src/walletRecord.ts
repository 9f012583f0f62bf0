/**
 * What a wallet keeps, as JSON (hex for bytes): the backup of its keys, the number of the next key, its studies and
 * whom it allowed. Its loss costs nothing but labels as long as the backup exists: keys are derived again, studies and
 * grants are on the ledger, cards come again from the gateways.
 */

import { ClientError } from './errors.js';
import { z } from './zod.js';

const hexText = z.string().regex(/^([0-9a-f]{2})*$/);
const grant = z.object({
  requesterKey: hexText,
  label: z.string(),
  seq: z.number().int(),
  notAfter: z.number().int(),
  transactionId: hexText,
  /** The signed tuple until a node has taken it; empty afterwards. */
  unposted: hexText,
  revoked: z.boolean(),
  /** The consent receipt and its 32 random bytes: what receiptHash binds. */
  receipt: hexText,
  receiptRandom: hexText,
});
const study = z.object({
  index: z.number().int().nonnegative(),
  patientKey: hexText,
  sourceKey: hexText,
  url: z.string(),
  studyHash: hexText,
  salt: hexText,
  studyInstanceUID: z.string(),
  card: z.object({ description: z.string(), modality: z.string(), date: z.string(), instances: z.number().int() }),
  token: hexText,
  /** The claim's id at the gateway; empty until the gateway has answered. */
  claimId: z.string(),
  /** When taking over a study that another key owns: that key and how many owners were before. */
  previous: z.object({ patientKey: hexText, generation: z.number().int() }).nullable(),
  grants: z.array(grant),
  /** Seq of the newest revocation that was signed: a later grant is above it, whichever node heard of it. */
  revokedSeq: z.number().int().nonnegative().default(0),
  /** Access receipts as the source signed them, by their numbers. */
  accessReceipts: z.array(hexText).default([]),
});
const record = z.object({
  version: z.literal(1),
  chainId: hexText,
  backup: z.object({ mnemonic: z.string(), device: z.number().int() }),
  nextIndex: z.number().int().nonnegative(),
  studies: z.array(study),
  /** The light client's state: who can change it can make this wallet believe anything about the ledger. */
  light: hexText.optional(),
});

export type WalletGrant = z.output<typeof grant>;
export type WalletStudy = z.output<typeof study>;
export type WalletRecord = z.output<typeof record>;

/** Where a wallet's record lives; `save` resolves once it would survive a crash. */
export interface RecordStore {
  load(): Promise<Uint8Array | null>;
  save(bytes: Uint8Array): Promise<void>;
  /** Run `work` while no other program is in its own; without it there are no others. */
  exclusive?<T>(work: () => Promise<T>): Promise<T>;
}

export function encodeRecord(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** @throws ClientError CLIENT_RECORD_DAMAGED */
export function parseRecord<S extends z.ZodType>(bytes: Uint8Array, schema: S): z.output<S> {
  try {
    return schema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw new ClientError(
      { code: 'CLIENT_RECORD_DAMAGED', reason },
      'the record can not be read: restore it from a backup',
      { cause },
    );
  }
}

export const walletRecordSchema = record;
