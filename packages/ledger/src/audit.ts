/**
 * The audit: what every source was to do and did, epoch by epoch. Patel 2018, "Validation and consensus": the number of
 * blocks generated, failures to produce a block when eligible, and attempts to publish invalid blocks.
 *
 *   row  = [sourceKey, weight, assigned, produced, orphaned, missed, seats, votesDue, cast, late,
 *           doubleBlocks, doubleVotes, surroundVotes, invalidBlocks]
 *   rows = [row …] ascending by sourceKey: sources with weight in the epoch's table, duties or offences
 *   root = RFC 6962 root over the rows' canonical bytes
 *
 *   table 24, audit   00 ‖ u64be epoch -> [root, number of rows]   for ever
 *
 * assigned = produced + orphaned + missed. A pure fold over the blocks of a chain: any two nodes, and anybody with a copy of
 * the chain, get the same bytes. What each column counts, and when an epoch closes: docs/audit.md. The rows themselves are
 * no state; a node keeps them beside it (storeKeys.ts, A), and the root makes them as good as state.
 */
import {
  bytes,
  decodeCanonical,
  encodeAs,
  equalBytes,
  list,
  type PublicKey,
  publicKey,
  record,
  u64be,
  uint,
} from '@radpass/core';
import { inclusionProof, merkleLeaf, merkleRoot, verifyInclusion } from './merkle.js';
import type { StateLayer, StateSource } from './stateView.js';
import { storeKeys } from './storeKeys.js';
import { defineTable, tables } from './tables.js';

/** One source's record of one epoch. */
export interface AuditRow {
  readonly sourceKey: PublicKey;
  /** In the epoch's stake table, millionths of a study. */
  readonly weight: number;
  /** Slots led. */
  readonly assigned: number;
  /** Of these, with a block on this chain. */
  readonly produced: number;
  /** Without one, but with proof on the chain that a block was signed for the slot. */
  readonly orphaned: number;
  readonly missed: number;
  /** Most seats held in the epoch: as drawn, or 1 where all vote with their weight. */
  readonly seats: number;
  readonly votesDue: number;
  readonly cast: number;
  /** Of the votes cast: not in the first block that could carry them. */
  readonly late: number;
  /** Offences whose evidence stands in a block of this epoch. */
  readonly doubleBlocks: number;
  readonly doubleVotes: number;
  readonly surroundVotes: number;
  readonly invalidBlocks: number;
}

/** Columns after the source's key, in their order. */
export const auditColumns = [
  'weight',
  'assigned',
  'produced',
  'orphaned',
  'missed',
  'seats',
  'votesDue',
  'cast',
  'late',
  'doubleBlocks',
  'doubleVotes',
  'surroundVotes',
  'invalidBlocks',
] as const satisfies readonly (keyof AuditRow)[];

/** More rows than any network has sources. */
const maxRows = 1_000_000;

const count = uint();
const rowSchema = record<AuditRow>({
  sourceKey: publicKey(),
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
const rowsSchema = list(rowSchema, maxRows);

export function encodeAuditRow(row: AuditRow): Uint8Array {
  return encodeAs(rowSchema, row);
}

/** The canonical list of an epoch's rows. */
export function encodeAuditRows(rows: readonly AuditRow[]): Uint8Array {
  return encodeAs(rowsSchema, [...rows]);
}

/** @throws CoreError CORE_DECODE */
export function parseAuditRows(received: Uint8Array): AuditRow[] {
  return decodeCanonical(received, rowsSchema);
}

/** What the state says of an epoch's rows. */
export interface AuditRoot {
  /** 32 bytes */
  readonly root: Uint8Array;
  readonly count: number;
}

const closedKind = Uint8Array.of(0);
export const auditRootTable = defineTable<AuditRoot, [kind: Uint8Array, epoch: Uint8Array]>(
  tables.audit,
  record<AuditRoot>({ root: bytes(32), count: uint(maxRows) }),
);

/** Key in table 24 of an epoch's root, as a proof needs it. */
export function auditRootKey(epoch: number): Uint8Array {
  return Uint8Array.of(0, ...u64be(epoch));
}

/** The root of an epoch's rows; undefined while it is open, and for an epoch without a block. */
export function auditRootOf(state: StateSource, epoch: number): AuditRoot | undefined {
  return auditRootTable.get(state, closedKind, u64be(epoch));
}

export function auditRootOfRows(rows: readonly AuditRow[]): AuditRoot {
  return { root: merkleRoot(rows.map(encodeAuditRow)), count: rows.length };
}

/** Write an epoch's rows: the root into the state, the rows beside it. */
export function setAuditRows(layer: StateLayer, epoch: number, rows: readonly AuditRow[]): void {
  auditRootTable.set(layer, auditRootOfRows(rows), closedKind, u64be(epoch));
  layer.set(storeKeys.audit(epoch), encodeAuditRows(rows));
}

/** Path of one row to the root, the sibling nearest to the leaf first. @throws RangeError for a row that isn't there */
export function proveAuditRow(rows: readonly AuditRow[], index: number): Uint8Array[] {
  return inclusionProof(rows.map(encodeAuditRow), index);
}

/** Whether `row` is the one at `index` of the rows with this root; the root itself is proven by the state (stateProof.ts). */
export function verifyAuditRow(p: {
  row: AuditRow;
  index: number;
  root: AuditRoot;
  proof: readonly Uint8Array[];
}): boolean {
  const { row, index, root, proof } = p;
  return verifyInclusion({
    root: root.root,
    leafHash: merkleLeaf(encodeAuditRow(row)),
    index,
    size: root.count,
    proof,
  });
}

/** Whether rows are those of a root. */
export function areRowsOf(rows: readonly AuditRow[], root: AuditRoot): boolean {
  return rows.length === root.count && equalBytes(auditRootOfRows(rows).root, root.root);
}
