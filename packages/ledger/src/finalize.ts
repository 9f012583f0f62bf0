/**
 * The writes that make blocks final: their changes are folded into the flat state, with an undo record each, and the
 * indexes of the final chain follow. They go into the same batch as whatever made the blocks final, so that on disk the
 * flat state always is the state at the final block that the store names.
 *
 * Lists by prefix are made from the state's keys alone and can be made again from them:
 * a study of table 2, a patient key of table 5 (every key ever named for a study), a grant or revocation of table 3.
 */
import { fromHex } from '@radpass/core';
import type { Header } from './block.js';
import type { TreeNode } from './blockTree.js';
import type { Params } from './consensus/params.js';
import { blockRemovals, keepsWitness } from './keptBlocks.js';
import {
  type Counts,
  changesRecord,
  countsRecord,
  type FinalRecord,
  finalRecord,
  type HeightRecord,
  heightRecord,
  positionRecord,
} from './records.js';
import type { Changes, StateKey, StateSource } from './stateView.js';
import type { StoreWrite } from './store.js';
import { storeKeys } from './storeKeys.js';
import { tables } from './tables.js';

/** Records that age are removed so many at a time, not all at once after a long stall. */
const agedTogether = 256;

/** Undo records and votes' signatures reach so many slots below the final block: evidence about a block needs its parent's state. */
export const undoSlots = 64;

const keyBytes = 32;
const empty = new Uint8Array(0);

/** The entries of the lists by prefix that a value of the state stands for. */
export function indexKeys(key: StateKey): string[] {
  if (key.charAt(0) !== storeKeys.leaf) return [];
  const part = (i: number): string => key.slice(2 + i * keyBytes, 2 + (i + 1) * keyBytes);
  switch (key.charCodeAt(1)) {
    case tables.studies:
      return [storeKeys.studyByHash(part(1), part(0))];
    case tables.named:
      return [storeKeys.studyByPatient(part(2), part(0), part(1))];
    case tables.consents:
      return [
        storeKeys.grantByHash(part(1), part(0), part(2), part(3)),
        storeKeys.grantByRequester(part(3), part(0), part(1), part(2)),
      ];
    default:
      return [];
  }
}

export interface FoldResult {
  readonly writes: StoreWrite[];
  readonly counts: Counts;
}

/**
 * Fold newly final blocks into the flat state.
 * @param p.flat - state at the old final block
 * @param p.final - the blocks above it up to the new final one, ascending; may be empty when only the slot advances
 * @param p.recordAt - the final block at a height below them
 * @param p.headerOf - header of a final block
 */
export function foldFinal(p: {
  flat: StateSource;
  counts: Counts;
  final: readonly TreeNode[];
  stale: readonly TreeNode[];
  checkpoint: FinalRecord;
  recordAt: (height: number) => Pick<HeightRecord, 'id' | 'slot'>;
  headerOf: (id: Uint8Array) => Header | null;
  params: Params;
}): FoldResult {
  const { flat, final, stale, checkpoint } = p;
  const writes: StoreWrite[] = [];
  const overlay: Changes = new Map();
  let count = p.counts.flat;
  for (const node of final) {
    /** Old values of what the block changed. */
    const undo: Changes = new Map();
    for (const [key, value] of node.changes) {
      const known = overlay.get(key);
      const old = known === undefined ? (flat.get(key) ?? null) : known;
      if (known === undefined && old !== null) count--;
      undo.set(key, old);
      overlay.set(key, value);
    }
    writes.push([storeKeys.undo(node.height), changesRecord.encode(undo)]);
    const { id, parent, slot, height, transactionIds } = node;
    const producer = node.header?.producer ?? empty;
    const record = heightRecord.encode({ id, parent, slot, producer, transactions: transactionIds.length });
    writes.push([storeKeys.height(height), record], [storeKeys.changes(id), null]);
    transactionIds.forEach((transactionId, index) => {
      writes.push([storeKeys.transaction(fromHex(transactionId)), positionRecord.encode([height, index])]);
    });
  }
  for (const [key, value] of overlay) {
    if (value !== null) count++;
    writes.push([key, value]);
    for (const index of indexKeys(key)) writes.push([index, value === null ? null : empty]);
  }
  for (const { id } of stale) writes.push(...blockRemovals(id), [storeKeys.changes(id), null]);
  const aged = agedRecords(p);
  writes.push(...aged.writes);
  const counts: Counts = { flat: count, undoFrom: aged.undoFrom, witnessFrom: aged.witnessFrom };
  writes.push(
    [storeKeys.meta('final'), finalRecord.encode(checkpoint)],
    [storeKeys.meta('counts'), countsRecord.encode(counts)],
  );
  return { writes, counts };
}

/** What lies so far behind the newest final block that neither evidence nor anybody else asks for it. */
function agedRecords(p: Parameters<typeof foldFinal>[0]): Omit<Counts, 'flat'> & { writes: StoreWrite[] } {
  const { final, checkpoint, counts, headerOf, params } = p;
  const first = final[0]?.height ?? Number.POSITIVE_INFINITY;
  const at = (height: number): Pick<HeightRecord, 'id' | 'slot'> =>
    height >= first ? final[height - first]! : p.recordAt(height);
  // Counted from the block and not from the checkpoint's slot: a late child of the block may still hold evidence.
  const oldest = at(checkpoint.height).slot - undoSlots;
  const writes: StoreWrite[] = [];
  let { undoFrom, witnessFrom } = counts;
  for (let end = undoFrom + agedTogether; undoFrom < end; undoFrom++) {
    if (undoFrom >= checkpoint.height || at(undoFrom).slot >= oldest) break;
    writes.push([storeKeys.undo(undoFrom), null]);
  }
  // A block that came pruned: it is as old to whoever gave it.
  for (const node of final) if (node.unsignedHeight === node.height) witnessFrom = node.height + 1;
  for (let end = witnessFrom + agedTogether; witnessFrom < end; witnessFrom++) {
    if (witnessFrom >= checkpoint.height) break;
    const { id, slot } = at(witnessFrom);
    if (slot >= oldest) break;
    const header = headerOf(id);
    if (header && !keepsWitness(header, headerOf(header.parent), params)) writes.push([storeKeys.witness(id), null]);
  }
  return { writes, undoFrom, witnessFrom };
}
