/**
 * Votes due and cast, slot by slot, from the block that is first to carry them until the audit of their epoch closes.
 *
 * A vote is due in a slot when a block of the chain comes within voteWindowSlots after it: before that nobody could show it.
 * Due are the votes of the voters that the chain names before that block; in the block that seats an era's voters none are
 * due for the slots that it is first to carry, for who should have voted there depends on what each node had seen. A vote
 * counts as cast when it stands, in a certificate or a loose set, in a block within the window; as late when that isn't the
 * first block that could carry it. A vote counts once, in whichever block it comes first.
 *
 *   table 22, duties   01 ‖ u64be slot   -> [votersId, on time, late]   bitmaps as in vote sets; late is empty for none
 *                      02 ‖ votersId     -> [[sourceKey, seats] …]      the voters by position; votersId = committeeRoot
 *                      03 ‖ votersId     -> [last epoch with a slot in which they were due]
 */
import { bytes, bytesUpTo, equalBytes, list, map, type PublicKey, publicKey, tuple, u64be, uint } from '@radpass/core';
import type { Body } from './block.js';
import type { Committee } from './consensus/committee.js';
import { epochOf, type Params } from './consensus/params.js';
import { maxVoters, type VoteSet } from './consensus/votes.js';
import { hadBlocks } from './openEpochs.js';
import type { StateLayer } from './stateView.js';
import { defineTable, tables } from './tables.js';

const slotKind = Uint8Array.of(1);
const votersKind = Uint8Array.of(2);
const lastEpochKind = Uint8Array.of(3);

/** A slot in which votes were due. */
export interface DueSlot {
  /** 32 bytes */
  readonly votersId: Uint8Array;
  /** Votes in the first block that could carry them. */
  readonly onTime: Uint8Array;
  /** Votes in later blocks; empty for none. */
  readonly late: Uint8Array;
}

/** A voter and the seats it holds: those drawn for it, or 1 where all vote with their weight. */
export type Seat = readonly [sourceKey: PublicKey, seats: number];

const bitmap = bytesUpTo(maxVoters / 8);
export const dueSlotTable = defineTable<DueSlot, [kind: Uint8Array, slot: Uint8Array]>(
  tables.duties,
  map<[Uint8Array, Uint8Array, Uint8Array], DueSlot>(
    tuple(bytes(32), bitmap, bitmap),
    ([votersId, onTime, late]) => ({ votersId, onTime, late }),
    due => [due.votersId, due.onTime, due.late],
  ),
);
export const votersTable = defineTable<[PublicKey, number][], [kind: Uint8Array, votersId: Uint8Array]>(
  tables.duties,
  list(tuple(publicKey(), uint()), maxVoters),
);
export const votersEpochTable = defineTable<number, [kind: Uint8Array, votersId: Uint8Array]>(
  tables.duties,
  map<[number], number>(
    tuple<[number]>(uint()),
    ([epoch]) => epoch,
    epoch => [epoch],
  ),
);

function seatsOf({ voters, total }: Committee, params: Params): [PublicKey, number][] {
  // Drawn seats add up to their number; all weights together are at least one study, a million, for ever.
  const drawn = total === params.seats;
  return voters.map(({ sourceKey, weight }) => [sourceKey, drawn ? weight : 1]);
}

function rememberVoters(layer: StateLayer, committee: Committee, epoch: number, params: Params): void {
  const last = votersEpochTable.get(layer, lastEpochKind, committee.root);
  if (last === undefined) votersTable.set(layer, seatsOf(committee, params), votersKind, committee.root);
  if (last !== epoch) votersEpochTable.set(layer, epoch, lastEpochKind, committee.root);
}

export interface CreditedBlock {
  readonly slot: number;
  readonly parentSlot: number;
  readonly body: Pick<Body, 'certificates' | 'voteSets'>;
  /** The voters that the chain names before the block. */
  readonly committee: Committee;
  /** The block's certificates seat another era's voters. */
  readonly seatsOthers: boolean;
  readonly params: Params;
}

/** First slot whose votes no earlier block could carry, or that the window still reaches. */
function firstDue({ slot, parentSlot, params }: CreditedBlock): number {
  return Math.max(1, parentSlot, slot - params.voteWindowSlots);
}

/**
 * Write down what a block shows of votes; its sets were judged. A slot of an earlier epoch without a block has no audit, so
 * nothing is due there.
 */
export function creditVotes(layer: StateLayer, block: CreditedBlock): void {
  if (block.seatsOthers) return;
  const { committee, params, slot } = block;
  const length = Math.ceil(committee.voters.length / 8);
  const touched = new Map<number, DueSlot>();
  for (let due = firstDue(block); due < slot; due++) {
    const epoch = epochOf(due, params);
    if (epoch < epochOf(slot, params) && !hadBlocks(layer, epoch)) continue;
    rememberVoters(layer, committee, epoch, params);
    touched.set(due, { votersId: committee.root, onTime: new Uint8Array(length), late: new Uint8Array(0) });
  }
  for (const set of [...block.body.certificates, ...block.body.voteSets]) {
    const due = set.message.targetSlot;
    // A certificate may come at any age; its votes count no longer than others'.
    if (due + params.voteWindowSlots < slot) continue;
    const standing = touched.get(due) ?? dueSlotTable.get(layer, slotKind, u64be(due));
    if (standing && equalBytes(standing.votersId, committee.root)) {
      touched.set(due, credited(standing, set, due < firstDue(block)));
    }
  }
  for (const [due, value] of touched) dueSlotTable.set(layer, value, slotKind, u64be(due));
}

/** The slot after one more set: votes that stand already count no second time. */
function credited(due: DueSlot, set: VoteSet, isLate: boolean): DueSlot {
  const fresh = set.bitmap.map((byte, i) => byte & ~(due.onTime[i] ?? 0) & ~(due.late[i] ?? 0));
  if (fresh.every(byte => byte === 0)) return due;
  const add = (to: Uint8Array) => fresh.map((byte, i) => byte | (to[i] ?? 0));
  return isLate ? { ...due, late: add(due.late) } : { ...due, onTime: add(due.onTime) };
}

/** Take out the slots of an epoch in which votes were due, and voters that no later epoch needs. */
export function takeDueSlots(
  layer: StateLayer,
  epoch: number,
  params: Params,
): { due: DueSlot[]; votersOf: (votersId: Uint8Array) => readonly Seat[] } {
  const due: DueSlot[] = [];
  const voters = new Map<string, readonly Seat[]>();
  for (let slot = epoch * params.slotsPerEpoch; slot < (epoch + 1) * params.slotsPerEpoch; slot++) {
    const key = u64be(slot);
    const value = dueSlotTable.get(layer, slotKind, key);
    if (!value) continue;
    due.push(value);
    dueSlotTable.set(layer, null, slotKind, key);
    const name = value.votersId.join();
    if (!voters.has(name)) voters.set(name, takeVoters(layer, value.votersId, epoch));
  }
  return { due, votersOf: votersId => voters.get(votersId.join())! };
}

function takeVoters(layer: StateLayer, votersId: Uint8Array, epoch: number): readonly Seat[] {
  const seats = votersTable.get(layer, votersKind, votersId);
  if (!seats) throw new RangeError('the state lacks the voters of a slot');
  if (votersEpochTable.get(layer, lastEpochKind, votersId)! <= epoch) {
    votersTable.set(layer, null, votersKind, votersId);
    votersEpochTable.set(layer, null, lastEpochKind, votersId);
  }
  return seats;
}
