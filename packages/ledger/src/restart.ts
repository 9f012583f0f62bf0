/**
 * Recovery: people name a block from which finality starts anew, because the voters of the standing era can't finalise
 * any more: more than 40 % of their weight is gone for good. It is an amendment of the rules (`withRecoveries`), and every
 * node of the network, and whoever verifies its folders later, needs the same one.
 *
 * The block is final by people's word and roots the next era. Its voters come from its own chain's state alone: the
 * weights that the network's policy gives right after the block, for the stake tables have stood still since the stall
 * began, and the nonce of the block's epoch. Blocks that were built on it before are of the era that ended; they are not
 * part of the chain any more, and their transactions wait again. The same weights stand for the epochs to come until a
 * snapshot that was taken later can (standing.ts).
 */
import { equalBytes, toHex } from '@radpass/core';
import type { CheckpointStatement } from './checkpoint.js';
import { eraOf, finalityOf, lastEpoch, nonceOf, stakeTable } from './consensus/chainTables.js';
import type { Committee } from './consensus/committee.js';
import type { FinalityRecord } from './consensus/finality.js';
import type { Consensus } from './consensus/index.js';
import type { StakeTable } from './consensus/stake.js';
import { LedgerError } from './errors.js';
import type { Genesis } from './genesis.js';
import { takeStakeSnapshot } from './stakeSnapshot.js';
import { storedRoot } from './stateTree.js';
import { StateLayer, type StateSource } from './stateView.js';

/** What of a recovery the rules need. */
export type Recovery = Pick<CheckpointStatement, 'slot' | 'blockId' | 'committeeRoot' | 'replaces'>;

/** Rules under which finality also starts anew from the blocks that these recoveries name. */
export function withRecoveries(rules: Consensus, recoveries: readonly Recovery[]): Consensus {
  if (recoveries.length === 0) return rules;
  const byId = new Map(recoveries.map(recovery => [toHex(recovery.blockId), recovery]));
  return { ...rules, finality: { ...rules.finality, recoveries: id => byId.get(toHex(id)) } };
}

/** A new beginning. */
export interface Restart {
  readonly record: FinalityRecord;
  readonly table: StakeTable;
  readonly nonce: Uint8Array;
  readonly committee: Committee;
}

/** A block, as a chain's state stands after it. */
export interface RestartPoint {
  readonly id: Uint8Array;
  readonly slot: number;
  readonly height: number;
  readonly state: StateSource;
}

/** What would follow if people named this block. */
export function restartFrom(at: RestartPoint, { genesis, rules }: { genesis: Genesis; rules: Consensus }): Restart {
  const { state, height } = at;
  const before = finalityOf(state);
  const root = { slot: at.slot, id: at.id };
  const epoch = lastEpoch(state);
  // Over a layer that is dropped: what a policy remembers is written by the work between epochs alone.
  const now = takeStakeSnapshot(new StateLayer(state), { genesis, epoch, passed: 0, rules });
  const table = now.total > 0 ? now : stakeTable(state, epoch);
  const nonce = nonceOf(state, epoch);
  return {
    record: {
      // Deeper than any era in which somebody can have voted on this chain.
      depth: before.depth + (eraOf(state).opening ? 2 : 1),
      root,
      justified: root,
      justifiedHeight: height,
      finalized: { slot: Math.max(at.slot, before.finalized.slot), id: at.id },
      finalizedHeight: height,
      finalOfEra: false,
    },
    table,
    nonce,
    committee: rules.committee.selectCommittee(table, nonce, genesis.params.seats),
  };
}

/** What people would sign to let finality start anew from a block, and who would vote then. */
export function describeRecovery(
  at: RestartPoint,
  p: { genesis: Genesis; rules: Consensus; reason: string },
): { statement: CheckpointStatement; committee: Committee } {
  const { committee } = restartFrom(at, p);
  const statement = {
    chainId: p.genesis.chainId,
    kind: 'recovery',
    slot: at.slot,
    blockId: at.id,
    stateRoot: storedRoot(at.state),
    committeeRoot: committee.root,
    replaces: finalityOf(at.state).root.id,
    reason: p.reason,
  } as const;
  return { statement, committee };
}

/**
 * The new beginning right after a block, if a recovery names it.
 * @throws LedgerError LEDGER_CHECKPOINT when the recovery says other things of the block than its chain
 */
export function restartAt(at: RestartPoint, book: { genesis: Genesis; rules: Consensus }): Restart | null {
  const recovery = book.rules.finality.recoveries(at.id);
  if (!recovery) return null;
  const restart = restartFrom(at, book);
  const root = finalityOf(at.state).root.id;
  if (!equalBytes(recovery.replaces, root)) contradiction('the era that it replaces is not the one that stood there');
  if (!equalBytes(recovery.committeeRoot, restart.committee.root)) contradiction('the voters would be others');
  return restart;
}

/** @throws LedgerError LEDGER_CHECKPOINT */
export function contradiction(reason: string): never {
  throw new LedgerError({ code: 'LEDGER_CHECKPOINT', reason }, `the recovery doesn't fit its block: ${reason}`);
}
