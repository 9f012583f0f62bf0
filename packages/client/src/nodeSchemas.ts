/**
 * The node's HTTP API as schemas: the client parses answers with them, the node types its answers by them and makes
 * its OpenAPI document from them. On the wire every byte string is lowercase hex, every time Unix milliseconds.
 */
import { fromHex, type PublicKey, parsePublicKey } from '@radpass/core';
import { z } from './zod.js';

const hex = (length?: number) =>
  z
    .string()
    .regex(length === undefined ? /^([0-9a-f]{2})*$/ : new RegExp(`^[0-9a-f]{${2 * length}}$`))
    .transform((text): Uint8Array => fromHex(text));
const key = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .transform((text): PublicKey => parsePublicKey(text));
const hash = hex(32);
const emptyOrHash = z
  .string()
  .regex(/^([0-9a-f]{64})?$/)
  .transform((text): Uint8Array => fromHex(text));
const count = z.number().int().nonnegative();

export const grades = ['pending', 'included', 'confirmed', 'final', 'dropped'] as const;
const grade = z.enum(grades);
export type Grade = z.output<typeof grade>;

export const statusSchema = z.object({
  chainId: hash,
  height: count,
  headSlot: count,
  headId: hash,
  finalHeight: count,
  finalSlot: count,
  finalId: hash,
  finalAgeMs: z.number().int(),
  stateRoot: hash,
  justifiedSlot: count,
  /** Grows whenever a revocation was seen that says something new. Nodes of earlier releases don't say. */
  revocationsSeen: count.optional(),
  peers: count,
  mempool: count,
  sources: count,
  studies: count,
  producing: z.boolean(),
  version: z.string(),
  signatureBackend: z.string(),
  unsafeFlags: z.array(z.string()),
  genesisTimeMs: count,
  slotMs: count,
  upgradeTo: count.optional(),
});
export type NodeStatus = z.output<typeof statusSchema>;

export const submittedSchema = z.object({ id: hash, known: z.boolean() });

export const transactionSchema = z.object({
  id: hash,
  transaction: hex(),
  notation: z.string(),
  grade,
  blockId: hash.optional(),
  height: count.optional(),
  slot: count.optional(),
  reason: z.string().optional(),
});
export type TransactionEntry = z.output<typeof transactionSchema>;

const blockCheckpoint = z.object({ slot: count, blockId: hash });
export const blockSchema = z.object({
  id: hash,
  height: count,
  slot: count,
  timeMs: count,
  parent: hash,
  producer: key.nullable(),
  bodySize: count,
  grade,
  transactions: z.array(hash),
  justified: blockCheckpoint,
  finalized: blockCheckpoint,
  header: hex(),
  block: hex(),
});
export type BlockEntry = z.output<typeof blockSchema>;

export const checkpointSchema = z.object({ slot: count, blockId: hash, timeMs: count, stateRoot: hash });
export type FinalCheckpoint = z.output<typeof checkpointSchema>;

/** A value of the state, null for none, with its proof. */
const leaf = z.object({ value: hex().nullable(), proof: hex() });

const source = z.object({
  sourceKey: key,
  standingKey: key,
  nodeKey: key,
  url: z.string(),
  seq: count,
  tlsPins: z.array(hash),
  nextKeyHash: emptyOrHash,
  studyCount: count,
  leaf: leaf.optional(),
});
export type SourceEntry = z.output<typeof source>;
export const sourcesSchema = z.object({ checkpoint: checkpointSchema, sources: z.array(source) });
export const sourceSchema = z.object({ checkpoint: checkpointSchema, source });

const study = z.object({
  sourceKey: key,
  studyHash: hash,
  owner: key,
  ownerSinceSlot: count,
  generation: count,
  withdrawn: z.boolean(),
  pendingOwner: key.nullable(),
  effectSlot: count,
  reassignId: emptyOrHash,
  leaf: leaf.optional(),
});
export type StudyEntry = z.output<typeof study>;
export const studiesSchema = z.object({ checkpoint: checkpointSchema, studies: z.array(study) });

const grant = z.object({
  sourceKey: key,
  studyHash: hash,
  patientKey: key,
  requesterKey: key,
  type: z.union([z.literal(3), z.literal(4)]),
  seq: count,
  notAfter: count,
  receiptHash: emptyOrHash,
  contentId: hash,
  floorSeq: count,
  revokedSeq: count,
  leaves: z.object({ study: leaf, consent: leaf, floor: leaf }).optional(),
});
export type GrantEntry = z.output<typeof grant>;
const revocation = z.object({
  sourceKey: key,
  studyHash: hash,
  patientKey: key,
  requesterKey: key.nullable(),
  seq: count,
});
export type RevocationEntry = z.output<typeof revocation>;
export const grantsSchema = z.object({
  checkpoint: checkpointSchema,
  grants: z.array(grant),
  revocations: z.array(revocation),
});

export const proofSchema = z.object({ checkpoint: checkpointSchema, value: hex().nullable(), proof: hex() });
export const producersSchema = z.object({
  producers: z.array(z.object({ sourceKey: key, blocks: count, lastSlot: count })),
});
const auditRow = z.object({
  sourceKey: key,
  weight: count,
  assigned: count,
  produced: count,
  orphaned: count,
  missed: count,
  seats: count,
  votesDue: count,
  cast: count,
  late: count,
  doubleBlocks: count,
  doubleVotes: count,
  surroundVotes: count,
  invalidBlocks: count,
});
/** `proof`: that table 24 of the checkpoint's state holds [root, count] for the epoch; `path`: of the one row asked for. */
export const auditSchema = z.object({
  checkpoint: checkpointSchema,
  epoch: count,
  root: hash,
  count,
  proof: hex(),
  rows: z.array(auditRow),
  index: count.optional(),
  path: z.array(hash).optional(),
});
export type AuditEntry = z.output<typeof auditSchema>;
export const seqBoundSchema = z.object({ bound: count });

export const eventSchemas = {
  head: z.object({ slot: count, height: count, id: hash }),
  final: z.object({ slot: count, height: count, id: hash, timeMs: count }),
  revocation: z.object({ transaction: hex() }),
  transaction: z.object({ id: hash }),
  change: z.object({}),
  heartbeat: z.object({}),
  reset: z.object({}),
} as const;
export type NodeEvent = {
  [K in keyof typeof eventSchemas]: { cursor: number; kind: K } & z.output<(typeof eventSchemas)[K]>;
}[keyof typeof eventSchemas];
