/**
 * What a node may begin from. Voters of long ago can sell their keys and sign another past, so whoever trusts nothing
 * younger than `trustMs` follows no chain until people name a block. A running node's own final blocks count as trusted,
 * by their slots; a network that was all off for longer begins again when people name its last final block by hand.
 */
import { equalBytes } from '@radpass/core';
import type { Checkpoint } from './consensus/votes.js';
import { LedgerError } from './errors.js';
import type { Genesis } from './genesis.js';

/** A block that people named: by a file that was checked, or by hand. */
export interface NamedBlock {
  readonly slot: number;
  readonly blockId: Uint8Array;
  /** By hand: the word of whoever started the node, given now. */
  readonly byHand: boolean;
}

/**
 * @param final - the newest final checkpoint in the node's store; genesis in a new one
 * @throws LedgerError LEDGER_TRUST_OLD
 */
export function checkTrust(p: {
  genesis: Genesis;
  final: Checkpoint;
  named: readonly NamedBlock[];
  nowMs: number;
}): void {
  const { genesis, final, named, nowMs } = p;
  const { trustMs, slotMs } = genesis.params;
  const newest = Math.max(final.slot, ...named.map(({ slot }) => slot));
  const ageMs = nowMs - (genesis.genesisTimeMs + newest * slotMs);
  if (ageMs <= trustMs || named.some(({ byHand, blockId }) => byHand && equalBytes(blockId, final.id))) return;
  const days = Math.floor(ageMs / 86_400_000);
  throw new LedgerError(
    { code: 'LEDGER_TRUST_OLD', ageMs, trustMs },
    `the newest block that is trusted is ${days} days old: name a checkpoint that you trust`,
  );
}
