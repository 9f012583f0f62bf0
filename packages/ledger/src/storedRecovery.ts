/** Recoveries (restart.ts) and what a node's store holds: what people would name in it, and what of theirs it still lacks. */
import { toHex } from '@radpass/core';
import type { Branches } from './branches.js';
import type { CheckpointStatement } from './checkpoint.js';
import type { Committee } from './consensus/committee.js';
import { consensus } from './consensus/index.js';
import { checkIdentity } from './identity.js';
import { loadBranches, type OpenInit } from './recovery.js';
import { contradiction, describeRecovery, type Recovery } from './restart.js';

/**
 * Ids of the blocks named by recoveries that are not yet final here.
 * @throws LedgerError LEDGER_CHECKPOINT when a block that is final here excludes one
 */
export function awaitedRecoveries(branches: Branches, recoveries: readonly Recovery[]): Uint8Array[] {
  const awaited = recoveries.filter(({ blockId }) => branches.records.votersOf(blockId).length === 0);
  if (awaited.some(({ slot }) => slot <= branches.final.slot)) contradiction('a block that is final here excludes it');
  return awaited.map(({ blockId }) => blockId);
}

/**
 * What people would sign to let finality start anew from a block above the final one of a store that nobody writes to, and
 * who would vote then: more than 2/3 of that weight has to be there, or people name a later block.
 * @param at.blockId - none: the head
 * @throws LedgerError LEDGER_CHECKPOINT when the store has no such block there; LEDGER_STORE_…
 */
export async function describeStored(
  p: OpenInit,
  at: { blockId?: Uint8Array | undefined; reason: string },
): Promise<{ statement: CheckpointStatement; committee: Committee }> {
  checkIdentity(p.store, p.genesis);
  const branches = await loadBranches(p);
  const node = at.blockId ? branches.tree.block(at.blockId) : branches.head;
  if (!node || node.height === branches.final.height)
    return contradiction(`no block ${at.blockId ? toHex(at.blockId) : ''} waits above the final one`);
  const { id, slot, height } = node;
  const state = branches.stateAt(id);
  return describeRecovery({ id, slot, height, state }, { ...p, rules: p.rules ?? consensus, reason: at.reason });
}
