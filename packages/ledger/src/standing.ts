/**
 * Where a chain stands in its eras: what it records, who votes now, and which block waits to open the next era. One block
 * moves it on in this order: its certificates one after the other (consensus/certificates.ts), then, if it opens, itself.
 */
import { toHex } from '@radpass/core';
import {
  addStakeTable,
  dropTables,
  eraOf,
  finalityOf,
  finalityTable,
  nonceOf,
  setEra,
  setTableAhead,
  tableById,
  tableIdOf,
} from './consensus/chainTables.js';
import type { Committee } from './consensus/committee.js';
import { beginEra, type EraRecord, type EraSeed, isSeated, type Opening } from './consensus/era.js';
import type { FinalityRecord } from './consensus/finality.js';
import type { Consensus } from './consensus/index.js';
import { epochOf } from './consensus/params.js';
import type { Checkpoint } from './consensus/votes.js';
import type { Genesis } from './genesis.js';
import type { ParentView } from './genesisState.js';
import { closingLag } from './openEpochs.js';
import { type RestartPoint, restartAt } from './restart.js';
import type { StateLayer, StateSource } from './stateView.js';

/** A network and its rules. */
export interface Rulebook {
  readonly genesis: Genesis;
  readonly rules: Consensus;
}

/** A point of a chain: between two of its votes. */
export interface Standing {
  readonly record: FinalityRecord;
  readonly era: EraRecord;
  readonly committee: Committee;
}

/** Committees by what they are computed from: the same voters whatever the state. */
const committees = new WeakMap<Consensus['committee'], Map<string, Committee>>();
const committeesKept = 16;

/** The voters that a root's table and nonce give; the state holds that table. */
export function committeeOf(state: StateSource, seed: EraSeed, { genesis, rules }: Rulebook): Committee {
  const { seats } = genesis.params;
  const known = committees.get(rules.committee) ?? new Map<string, Committee>();
  committees.set(rules.committee, known);
  const name = `${seats}:${toHex(seed.tableId)}:${toHex(seed.nonce)}`;
  const committee =
    known.get(name) ?? rules.committee.selectCommittee(tableById(state, seed.tableId), seed.nonce, seats);
  known.set(name, committee);
  if (known.size > committeesKept) known.delete(known.keys().next().value!);
  return committee;
}

/** Where the chain of a state stands after its newest block. */
export function standingOf(state: StateSource, book: Rulebook): Standing {
  const era = eraOf(state);
  return { record: finalityOf(state), era, committee: committeeOf(state, era, book) };
}

/**
 * Where the chain stands at the start of a block: as after its parent, or anew if people named the parent for that. Then
 * the voters' table also stands for what is to come: the tables stood still as long as finality did and still count who is
 * gone, and an era that one of them seats would stall anew.
 * @param layer - the state at the start of the block's epoch; the table of a new beginning is written there
 * @throws LedgerError LEDGER_CHECKPOINT
 */
export function standingAfter(layer: StateLayer, parent: ParentView, book: Rulebook): Standing {
  const { id, header, state } = parent;
  const restart = restartAt({ id, slot: header.slot, height: header.height, state }, book);
  if (!restart) return standingOf(layer, book);
  const { record, nonce, committee } = restart;
  const tableId = addStakeTable(layer, restart.table);
  setTableAhead(layer, { height: header.height, tableId }, closingLag(book.genesis.params) - 1);
  return { record, era: { tableId, nonce, opening: null }, committee };
}

/** After a link that was counted into `record`: if it made the opening block final, its era has begun. */
export function afterLink(before: Standing, record: FinalityRecord, votersOf: (seed: EraSeed) => Committee): Standing {
  const { opening } = before.era;
  if (!opening || !isSeated(record, opening)) return { ...before, record };
  const { tableId, nonce } = opening;
  return {
    record: beginEra(record, opening),
    era: { tableId, nonce, opening: null },
    committee: votersOf(opening),
  };
}

/** Whether another era's voters sit after a block than before it; `state` has what its parent recorded. */
export function seatsOthers(state: StateSource, after: Standing): boolean {
  return after.record.depth !== finalityOf(state).depth;
}

/**
 * Write down where the chain stands after a block's certificates, the block's own opening included.
 * @param layer - the state at the start of the block's epoch
 * @returns the header's committeeRoot: the root of those who vote, in an opening block of those whom it will seat
 */
export function recordStanding(
  layer: StateLayer,
  after: Standing,
  p: Rulebook & { slot: number; parent: Pick<ParentView, 'id' | 'header'> },
): Uint8Array {
  const { genesis, rules, slot, parent } = p;
  const { params } = genesis;
  const before = eraOf(layer);
  const epoch = epochOf(slot, params);
  const { record } = after;
  const begins = seatsOthers(layer, after);
  // Of the epoch in which a chain goes on after a recovery the table is still the old one: leaders rest on it.
  const isRestart = rules.finality.recoveries(parent.id) !== undefined;
  const opens =
    !isRestart &&
    rules.committee.opensEra({ slot, parentSlot: parent.header.slot, record, opening: after.era.opening, params });
  const seed = { tableId: tableIdOf(layer, epoch), nonce: nonceOf(layer, epoch) };
  const opening: Opening | null = opens ? { ...seed, slot, height: parent.header.height + 1 } : after.era.opening;
  finalityTable.set(layer, record);
  if (opens || begins) setEra(layer, { ...after.era, opening });
  const past = [before.tableId, ...(before.opening ? [before.opening.tableId] : [])];
  if (begins) dropTables(layer, epoch, closingLag(params) - 1, past);
  return opens ? committeeOf(layer, seed, p).root : after.committee.root;
}

/** An era as those see it who know its root as final, whether or not their chain records that yet. */
export interface Era {
  readonly depth: number;
  readonly root: Checkpoint;
  readonly committee: Committee;
}

/**
 * The era that stands once a block is final.
 * @param state - after that block
 * @param p.final - the block
 * @param p.idAt - id of the block at a height of its chain
 */
export function eraAfterFinal(
  state: StateSource,
  p: Rulebook & { final: Omit<RestartPoint, 'state'>; idAt: (height: number) => Uint8Array },
): Era {
  const restart = restartAt({ ...p.final, state }, p);
  if (restart) return { depth: restart.record.depth, root: restart.record.root, committee: restart.committee };
  const { opening } = eraOf(state);
  if (opening && opening.height <= p.final.height) return nextEra(state, p.idAt(opening.height), p);
  const { record, committee } = standingOf(state, p);
  return { depth: record.depth, root: record.root, committee };
}

/** The era that the opening block of a chain will root. @throws RangeError when the chain has none */
export function nextEra(state: StateSource, openingId: Uint8Array, book: Rulebook): Era {
  const { opening } = eraOf(state);
  if (!opening) throw new RangeError('no block opens an era on this chain');
  return {
    depth: finalityOf(state).depth + 1,
    root: { slot: opening.slot, id: openingId },
    committee: committeeOf(state, opening, book),
  };
}
