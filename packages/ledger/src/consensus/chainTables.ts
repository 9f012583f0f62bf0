/**
 * What consensus keeps in the state (tables.ts, numbers 16 to 25, and 28): whatever the validity of a later block depends on.
 *
 *   16 finality     no key         -> [depth, root, justified, finalized, justifiedHeight, finalizedHeight, finalOfEra]
 *                                     root, justified, finalized = [slot, id]; finalOfEra 0 or 1 (consensus/finality.ts)
 *   17 nonces       u64be epoch    -> [nonce]                     of the standing epoch, the next, and those whose audit is open
 *   18 vrfOutputs   u64be slot     -> [output (64)]               of the standing epoch's blocks
 *   19 snapshots    u64be epoch    -> [height, tableId]           at the end of the epoch: height of its last block
 *   20 stakeTables  u64be epoch    -> [tableId]                   of the same epochs
 *                   tableId        -> [[sourceKey, nodeKey, weight] …]   tableId = SHA-256 of this value
 *   25 epochs       no key         -> [last epoch whose boundary work is done]
 *   28 eras         no key         -> [tableId, nonce, opening]     of the root's epoch; opening = [] or the pending one's
 *                                     [slot, height, tableId, nonce] (consensus/era.ts)
 *
 * A table stands once under its hash however many epochs use it; it goes when nothing names it any more.
 */
import {
  bytes,
  decodeCanonical,
  encodeAs,
  list,
  map,
  type PublicKey,
  publicKey,
  type Schema,
  sha256,
  toHex,
  tuple,
  u64be,
  uint,
} from '@radpass/core';
import { leafKey, type StateLayer, type StateSource } from '../stateView.js';
import { defineTable, tables } from '../tables.js';
import type { EraRecord, Opening } from './era.js';
import type { FinalityRecord } from './finality.js';
import type { StakeEntry } from './leader.js';
import type { StakeTable } from './stake.js';
import { type Checkpoint, checkpointSchema } from './votes.js';

const hash = bytes(32);

type FinalityFields = [number, Checkpoint, Checkpoint, Checkpoint, number, number, number];

/** Table 16. */
export const finalityTable = defineTable<FinalityRecord, []>(
  tables.finality,
  map<FinalityFields, FinalityRecord>(
    tuple(uint(), checkpointSchema, checkpointSchema, checkpointSchema, uint(), uint(), uint(1)),
    ([depth, root, justified, finalized, justifiedHeight, finalizedHeight, ofEra]) => ({
      depth,
      root,
      justified,
      justifiedHeight,
      finalized,
      finalizedHeight,
      finalOfEra: ofEra === 1,
    }),
    r => [r.depth, r.root, r.justified, r.finalized, r.justifiedHeight, r.finalizedHeight, r.finalOfEra ? 1 : 0],
  ),
  true,
);

const one = <T>(schema: Schema<T>): Schema<T> =>
  map<[T], T>(
    tuple<[T]>(schema),
    ([value]) => value,
    value => [value],
  );

const nonceTable = defineTable<Uint8Array, [epoch: Uint8Array]>(tables.nonces, one(hash), true);
const outputTable = defineTable<Uint8Array, [slot: Uint8Array]>(tables.vrfOutputs, one(bytes(64)));
const snapshotTable = defineTable<[height: number, tableId: Uint8Array], [epoch: Uint8Array]>(
  tables.snapshots,
  tuple(uint(), hash),
);
const tableOfEpoch = defineTable<Uint8Array, [epoch: Uint8Array]>(tables.stakeTables, one(hash), true);
const epochTable = defineTable<number, []>(tables.epochs, one(uint()), true);

type OpeningFields = [number, number, Uint8Array, Uint8Array];
const openingSchema = map<OpeningFields, Opening>(
  tuple(uint(), uint(), hash, hash),
  ([slot, height, tableId, nonce]) => ({ slot, height, tableId, nonce }),
  o => [o.slot, o.height, o.tableId, o.nonce],
);
const eraTable = defineTable<EraRecord, []>(
  tables.eras,
  map<[Uint8Array, Uint8Array, Opening[]], EraRecord>(
    tuple(hash, hash, list(openingSchema, 1)),
    ([tableId, nonce, [opening = null]]) => ({ tableId, nonce, opening }),
    era => [era.tableId, era.nonce, era.opening ? [era.opening] : []],
  ),
  true,
);

/** [sourceKey, nodeKey, weight] */
export const stakeEntrySchema = map<[PublicKey, PublicKey, number], StakeEntry>(
  tuple(publicKey(), publicKey(), uint()),
  ([sourceKey, nodeKey, weight]) => ({ sourceKey, nodeKey, weight }),
  entry => [entry.sourceKey, entry.nodeKey, entry.weight],
);
const entriesSchema = list(stakeEntrySchema, 1_000_000);

/** A value that the rules put there and the state lacks: the state is not one of a chain. */
function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new RangeError(`the state holds no ${what}`);
  return value;
}

/** What the chain records up to the state's block. */
export function finalityOf(state: StateSource): FinalityRecord {
  return required(finalityTable.get(state), 'finality record');
}

/** What the chain records of its eras. */
export function eraOf(state: StateSource): EraRecord {
  return required(eraTable.get(state), 'era');
}

export function setEra(layer: StateLayer, era: EraRecord): void {
  eraTable.set(layer, era);
}

/** Where the eras' leaf stands: a block that changes it opens an era or begins one. */
export const eraKey = leafKey(tables.eras, new Uint8Array(0));

/** The epoch of the state's block. */
export function lastEpoch(state: StateSource): number {
  return required(epochTable.get(state), 'epoch');
}

export function setLastEpoch(layer: StateLayer, epoch: number): void {
  epochTable.set(layer, epoch);
}

/** The nonce of the state's epoch, the next, or one whose audit is open; 32 bytes. @throws RangeError for others */
export function nonceOf(state: StateSource, epoch: number): Uint8Array {
  return required(nonceTable.get(state, u64be(epoch)), `nonce of epoch ${epoch}`);
}

export function setNonce(layer: StateLayer, epoch: number, nonce: Uint8Array | null): void {
  nonceTable.set(layer, nonce, u64be(epoch));
}

export function addVrfOutput(layer: StateLayer, slot: number, output: Uint8Array): void {
  outputTable.set(layer, output, u64be(slot));
}

/** Take out the outputs of the slots from `first` up to but without `end`, in slot order: those that have a block. */
export function takeVrfOutputs(
  layer: StateLayer,
  first: number,
  end: number,
): { readonly slot: number; readonly output: Uint8Array }[] {
  const outputs: { slot: number; output: Uint8Array }[] = [];
  for (let slot = first; slot < end; slot++) {
    const output = outputTable.get(layer, u64be(slot));
    if (output) {
      outputs.push({ slot, output });
      outputTable.set(layer, null, u64be(slot));
    }
  }
  return outputs;
}

export interface KnownTable extends StakeTable {
  /** By sourceKey in hex. */
  readonly weights: ReadonlyMap<string, number>;
}

/** Decoded tables by their hash: the same bytes whatever the state, so the memory can't go stale. */
const decoded = new Map<string, KnownTable>();
const maxDecoded = 8;

/** A table by its hash: of the state's epoch or the next, a waiting snapshot, an era's. @throws RangeError for others */
export function tableById(state: StateSource, tableId: Uint8Array): KnownTable {
  const name = toHex(tableId);
  const known = decoded.get(name);
  if (known) return known;
  const value = required(state.get(leafKey(tables.stakeTables, tableId)), 'stake table of that hash');
  const entries = decodeCanonical(value, entriesSchema);
  const weights = new Map(entries.map(entry => [toHex(entry.sourceKey), entry.weight]));
  const table = { entries, total: entries.reduce((sum, entry) => sum + entry.weight, 0), weights };
  const oldest = decoded.keys().next();
  if (decoded.size >= maxDecoded && !oldest.done) decoded.delete(oldest.value);
  decoded.set(name, table);
  return table;
}

/** Write a table under its hash. */
export function addStakeTable(layer: StateLayer, table: StakeTable): Uint8Array {
  const value = encodeAs(entriesSchema, [...table.entries]);
  const tableId = sha256(value);
  const key = leafKey(tables.stakeTables, tableId);
  if (layer.get(key) === undefined) layer.set(key, value);
  return tableId;
}

/** The hash of the table of the state's epoch, the next, or one whose audit is open. @throws RangeError for others */
export function tableIdOf(state: StateSource, epoch: number): Uint8Array {
  return required(tableOfEpoch.get(state, u64be(epoch)), `stake table of epoch ${epoch}`);
}

export function setTableOf(layer: StateLayer, epoch: number, tableId: Uint8Array): void {
  tableOfEpoch.set(layer, tableId, u64be(epoch));
}

/** The leaders' weights in the state's epoch, the next, or one whose audit is open. @throws RangeError for others */
export function stakeTable(state: StateSource, epoch: number): StakeTable {
  return tableById(state, tableIdOf(state, epoch));
}

/** A source's weight in the state's epoch or the next, in millionths of a study; 0 for who has none. */
export function weightOf(state: StateSource, epoch: number, sourceKey: Uint8Array): number {
  return tableById(state, tableIdOf(state, epoch)).weights.get(toHex(sourceKey)) ?? 0;
}

/** A snapshot taken at the end of an epoch. */
export interface Snapshot {
  /** Height of the newest block of that epoch or earlier. */
  readonly height: number;
  readonly tableId: Uint8Array;
}

export function snapshotOf(state: StateSource, epoch: number): Snapshot {
  const [height, tableId] = required(snapshotTable.get(state, u64be(epoch)), `snapshot of epoch ${epoch}`);
  return { height, tableId };
}

export function setSnapshot(layer: StateLayer, epoch: number, { height, tableId }: Snapshot): void {
  snapshotTable.set(layer, [height, tableId], u64be(epoch));
}

/** Weight of a snapshot's table; 0 when nobody has any. */
export function snapshotTotal(state: StateSource, snapshot: Snapshot): number {
  return tableById(state, snapshot.tableId).total;
}

/**
 * Let a table stand for the waiting snapshot and for every later epoch than the state's that has a table by now, so that
 * each table to come is this one or was drawn after it.
 * @param kept - as in dropBefore
 */
export function setTableAhead(layer: StateLayer, snapshot: Snapshot, kept: number): void {
  const epoch = lastEpoch(layer);
  const replaced: Uint8Array[] = [];
  if (epoch >= 1) {
    replaced.push(snapshotOf(layer, epoch - 1).tableId);
    setSnapshot(layer, epoch - 1, snapshot);
  }
  for (let at = epoch + 1; tableOfEpoch.has(layer, u64be(at)); at++) {
    replaced.push(tableIdOf(layer, at));
    setTableOf(layer, at, snapshot.tableId);
  }
  dropTables(layer, epoch, kept, replaced);
}

/**
 * Drop what no later block reads once `epoch` stands: older nonces, tables and snapshots, and tables that nothing names.
 * @param kept - so many epochs before `epoch` keep nonce and table: those whose audit is open
 */
export function dropBefore(layer: StateLayer, epoch: number, kept: number): void {
  const dropped: Uint8Array[] = [];
  const oldest = epoch - kept;
  if (oldest >= 1) {
    const before = u64be(oldest - 1);
    const old = tableOfEpoch.get(layer, before);
    if (old) dropped.push(old);
    tableOfEpoch.set(layer, null, before);
    nonceTable.set(layer, null, before);
  }
  if (epoch >= 2) {
    dropped.push(snapshotOf(layer, epoch - 2).tableId);
    snapshotTable.set(layer, null, u64be(epoch - 2));
  }
  dropTables(layer, epoch, kept, dropped);
}

/** Drop those of the tables that nothing names once `epoch` stands. */
export function dropTables(layer: StateLayer, epoch: number, kept: number, tableIds: readonly Uint8Array[]): void {
  const { tableId, opening } = eraOf(layer);
  const named = new Set([toHex(tableId)]);
  if (opening) named.add(toHex(opening.tableId));
  if (epoch >= 1) named.add(toHex(snapshotOf(layer, epoch - 1).tableId));
  for (let at = Math.max(0, epoch - kept); at <= epoch + 1; at++) named.add(toHex(tableIdOf(layer, at)));
  for (const id of tableIds) if (!named.has(toHex(id))) layer.set(leafKey(tables.stakeTables, id), null);
}
