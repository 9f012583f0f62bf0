/**
 * Eras: one committee at a time, for only voters who remember what they said make finality safe.
 *
 * An era is named by its root block R; genesis roots era 0. Its voters come from R's own chain alone: the stake table and
 * the nonce of R's epoch. A block O opens the next era iff
 *
 *   a. its period ⌊epoch / eraEpochs⌋ is later than its parent's,
 *   b. what it records after its certificates holds a final checkpoint of era R newer than R,
 *   c. no block between R and O opens,
 *   d. its parent is no block that a recovery named (standing.ts).
 *
 * It seats nobody until it is final: root stays R in O itself and after it, and no honest voter's target goes beyond O.
 * The certificate that makes O final begins the era: from there on the chain records O as the root, and the highest
 * justified checkpoint is (O's slot, O). While finality stalls one block at most opens on a branch.
 *
 * The state names O by its height: no value holds the id of the block that writes it, and on one chain a height is one
 * block. The link that makes O final brings the id.
 */
import type { FinalityRecord } from './finality.js';
import { epochOf, type Params } from './params.js';

/** What an era's voters are computed from. */
export interface EraSeed {
  /** Hash of the stake table of the root's epoch; 32 bytes. */
  readonly tableId: Uint8Array;
  /** Of the root's epoch; 32 bytes. */
  readonly nonce: Uint8Array;
}

/** A block that opens the next era, not yet known as final to its chain. */
export interface Opening extends EraSeed {
  readonly slot: number;
  readonly height: number;
}

/** What a chain records of its eras, besides the root in its finality record. */
export interface EraRecord extends EraSeed {
  readonly opening: Opening | null;
}

/** Whether the period of `slot` is later than that of its parent's slot. */
export function isLaterPeriod(slot: number, parentSlot: number, params: Params): boolean {
  const periodOf = (at: number): number => Math.floor(epochOf(at, params) / params.eraEpochs);
  return periodOf(slot) > periodOf(parentSlot);
}

/**
 * Whether a block opens the next era.
 * @param p.record - after the block's certificates
 * @param p.opening - of the chain after them
 */
export function opensEra(p: {
  slot: number;
  parentSlot: number;
  record: FinalityRecord;
  opening: Opening | null;
  params: Params;
}): boolean {
  return p.opening === null && p.record.finalOfEra && isLaterPeriod(p.slot, p.parentSlot, p.params);
}

/** Whether the record says that the opening block is final: then its era begins. */
export function isSeated(record: FinalityRecord, opening: Opening): boolean {
  return record.finalizedHeight >= opening.height;
}

/** The record once the era of `opening`, whose block it has just made final, has begun. */
export function beginEra(record: FinalityRecord, opening: Opening): FinalityRecord {
  const root = { slot: opening.slot, id: record.finalized.id };
  return {
    ...record,
    depth: record.depth + 1,
    root,
    justified: root,
    justifiedHeight: opening.height,
    finalOfEra: false,
  };
}
