/**
 * Epochs whose audit is open: over, but votes for their last slots may still come. Which of their slots have a block is kept
 * until it closes; an epoch without a block has no audit.
 *
 *   table 24, audit   01 ‖ u64be epoch -> [bitmap]   bit i (byte ⌊i/8⌋, mask 1 << (i mod 8)): the epoch's i-th slot has a block
 */
import { bytesUpTo, map, tuple, u64be } from '@radpass/core';
import { hasBit } from './bits.js';
import type { Params } from './consensus/params.js';
import type { StateLayer, StateSource } from './stateView.js';
import { defineTable, tables } from './tables.js';

const openKind = Uint8Array.of(1);
/** Bound of genesis' slotsPerEpoch. */
const maxSlots = 1_000_000;

export const blockSlotsTable = defineTable<Uint8Array, [kind: Uint8Array, epoch: Uint8Array]>(
  tables.audit,
  map<[Uint8Array], Uint8Array>(
    tuple<[Uint8Array]>(bytesUpTo(maxSlots / 8)),
    ([bitmap]) => bitmap,
    bitmap => [bitmap],
  ),
);

/** Epochs between one and the epoch in which its audit closes: all that voteWindowSlots reach, and one. */
export function closingLag(params: Params): number {
  return 1 + Math.ceil(params.voteWindowSlots / params.slotsPerEpoch);
}

/** At the end of an epoch: which slots have a block. */
export function openAudit(layer: StateLayer, epoch: number, slots: readonly number[], params: Params): void {
  if (slots.length === 0) return;
  const bitmap = new Uint8Array(Math.ceil(params.slotsPerEpoch / 8));
  for (const slot of slots) {
    const i = slot - epoch * params.slotsPerEpoch;
    bitmap[i >> 3]! |= 1 << (i & 7);
  }
  blockSlotsTable.set(layer, bitmap, openKind, u64be(epoch));
}

/** Whether an epoch that is over and whose audit is open has a block. */
export function hadBlocks(state: StateSource, epoch: number): boolean {
  return blockSlotsTable.has(state, openKind, u64be(epoch));
}

/** Take out which slots of an epoch have a block; null for an epoch without any. */
export function takeBlockSlots(layer: StateLayer, epoch: number): ((slot: number) => boolean) | null {
  const bitmap = blockSlotsTable.get(layer, openKind, u64be(epoch));
  if (!bitmap) return null;
  blockSlotsTable.set(layer, null, openKind, u64be(epoch));
  return i => hasBit(bitmap, i);
}
