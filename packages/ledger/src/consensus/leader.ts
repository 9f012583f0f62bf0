/**
 * Who may make the block of a slot. Patel 2018, "Validation and consensus": the chance to produce the next block
 * follows the number of Define Study transactions that name the source.
 *
 * The draw is public, so that a failure to produce can be proven, and has no second: the next slot is the backup.
 */
import { domainPrefix, type PublicKey, sha256, u64be } from '@radpass/core';
import { LedgerError } from '../errors.js';

/** One holder of stake, as a snapshot saw it. */
export interface StakeEntry {
  /** The source's name for ever. */
  readonly sourceKey: PublicKey;
  /** Its node's key when the snapshot was taken: signs blocks and votes, makes the VRF. */
  readonly nodeKey: PublicKey;
  /** Millionths of a study, more than 0. */
  readonly weight: number;
}

const prefix = domainPrefix('leader');

/** ⌊x·total / 2^128⌋ with x = the first 16 bytes of a hash: a point in [0, total). */
export function pointOf(hash: Uint8Array, total: number): number {
  const view = new DataView(hash.buffer, hash.byteOffset);
  const x = (view.getBigUint64(0) << 64n) | view.getBigUint64(8);
  return Number((x * BigInt(total)) >> 128n);
}

/**
 * Pick the leader of `slot`: x = first 16 bytes of SHA-256("radpass/leader/1" ‖ 0x00 ‖ nonce ‖ u64be slot), the point
 * ⌊x·W / 2^128⌋ on the line of cumulative weights.
 *
 * @param table - the epoch's stake table, sorted by sourceKey, each weight > 0
 * @param nonce - the epoch's, 32 bytes
 * @throws LedgerError LEDGER_NO_STAKE for an empty table
 */
export function selectLeader(table: readonly StakeEntry[], nonce: Uint8Array, slot: number): StakeEntry {
  const ends = endsOf(table);
  const total = ends.at(-1) ?? 0;
  if (total === 0) throw new LedgerError({ code: 'LEDGER_NO_STAKE', slot }, `no source has weight at slot ${slot}`);
  // The draw lands inside exactly one holder's stretch of the line: the first that ends beyond it.
  const point = pointOf(sha256(prefix, nonce, u64be(slot)), total);
  let [low, high] = [0, table.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle]! > point) high = middle;
    else low = middle + 1;
  }
  return table[low]!;
}

/** Where each holder's stretch ends, for tables seen before: they are never changed. */
const knownEnds = new WeakMap<readonly StakeEntry[], Float64Array>();

function endsOf(table: readonly StakeEntry[]): Float64Array {
  const known = knownEnds.get(table);
  if (known) return known;
  const ends = new Float64Array(table.length);
  // By index: an iterator over 16,000 entries takes as long as the draws of half an epoch.
  for (let i = 0, end = 0; i < ends.length; i++) ends[i] = end += table[i]!.weight;
  knownEnds.set(table, ends);
  return ends;
}
