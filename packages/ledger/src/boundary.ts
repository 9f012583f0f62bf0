/**
 * The work at the end of an epoch, done by the first block of a later one, before its own content, for every epoch
 * passed, in order. Entering epoch m:
 *
 *   1. the snapshot at the end of m-1: weights by the network's policy from the state as it stands, one for all epochs
 *      passed at once, which is told how many they are
 *   2. nonce m+1, from nonce m and the VRF outputs of epoch m-1 (consensus/beacon.ts)
 *   3. the stake table of m+1 = the snapshot at the end of m-2 if the chain records its block final by now, the end
 *      of m-1, and somebody has weight in it; otherwise the table of m stays. Tables 0 to 2 are genesis' own.
 *      A recovery puts its voters' table in the place of table m+1 and of the snapshot (standing.ts)
 *   4. the audit of m-1 opens, and the one that no vote can reach any more closes (epochAudit.ts)
 *   5. what no later block reads is dropped
 *
 * So leaders are known one epoch ahead, and nobody gains by timing a study: three epochs lie in between.
 * A skipped epoch has the state of the last block before it; only the first one passed can have had VRF outputs.
 */
import { latin1, type Verifier } from '@radpass/core';
import {
  addStakeTable,
  dropBefore,
  finalityOf,
  lastEpoch,
  nonceOf,
  setLastEpoch,
  setNonce,
  setSnapshot,
  setTableOf,
  snapshotOf,
  snapshotTotal,
  stakeTable,
  tableIdOf,
  takeVrfOutputs,
  weightOf,
} from './consensus/chainTables.js';
import { type Consensus, consensus } from './consensus/index.js';
import type { StakeEntry } from './consensus/leader.js';
import { epochOf } from './consensus/params.js';
import { closeAudit } from './epochAudit.js';
import type { Genesis } from './genesis.js';
import { closingLag, openAudit } from './openEpochs.js';
import { takeStakeSnapshot } from './stakeSnapshot.js';
import { StateLayer, type StateSource } from './stateView.js';
import type { TransactionContext } from './transactionContext.js';

/** Tables of the epochs up to this one are the founders' weights. */
export const lastFoundersEpoch = 2;

/**
 * Bring `layer`, the state after the parent, to the start of `epoch`.
 * @param p.parentHeight - height of the parent: the newest block of the epochs passed
 * @param p.foresees - only leaders and nonces are asked for: audits stay open. Snapshots come first and see nothing of them
 */
export function applyBoundary(
  layer: StateLayer,
  p: {
    genesis: Genesis;
    parentHeight: number;
    epoch: number;
    rules?: Consensus | undefined;
    foresees?: boolean;
  },
): void {
  const last = lastEpoch(layer);
  if (p.epoch <= last) return;
  const rules = p.rules ?? consensus;
  const { beacon } = rules;
  const { genesis } = p;
  const snapshotTable = takeStakeSnapshot(layer, { genesis, epoch: last, passed: p.epoch - last, rules });
  const tableId = addStakeTable(layer, snapshotTable);
  const { slotsPerEpoch } = genesis.params;
  const blocks = takeVrfOutputs(layer, last * slotsPerEpoch, (last + 1) * slotsPerEpoch);
  const outputs = blocks.map(({ output }) => output);
  const slots = blocks.map(({ slot }) => slot);
  openAudit(layer, last, slots, genesis.params);
  const lag = closingLag(genesis.params);
  const { finalizedHeight } = finalityOf(layer);
  for (let epoch = last + 1; epoch <= p.epoch; epoch++) {
    setSnapshot(layer, epoch - 1, { height: p.parentHeight, tableId });
    setNonce(layer, epoch + 1, beacon.nextNonce(nonceOf(layer, epoch), epoch + 1, epoch === last + 1 ? outputs : []));
    if (epoch + 1 > lastFoundersEpoch) {
      const snapshot = snapshotOf(layer, epoch - 2);
      const taken = snapshot.height <= finalizedHeight && snapshotTotal(layer, snapshot) > 0;
      setTableOf(layer, epoch + 1, taken ? snapshot.tableId : tableIdOf(layer, epoch));
    }
    if (!p.foresees) closeAudit(layer, epoch - lag, { genesis, rules });
    dropBefore(layer, epoch, lag - 1);
  }
  setLastEpoch(layer, p.epoch);
}

/** What decides a slot: who leads it, and the nonce of its epoch. */
export interface SlotDuty {
  readonly leader: StakeEntry;
  readonly nonce: Uint8Array;
}

/**
 * A state from which the nonce and the stake table of the slot's epoch can be read: the one given, or a layer over it.
 * @param p.state - of the newest block before `slot`. For a slot beyond the next epoch the answer is that for a chain
 *   that stays without blocks until then
 */
function stateForSlot(p: { genesis: Genesis; state: StateSource; slot: number; rules: Consensus }): StateSource {
  const { genesis, state, rules } = p;
  const epoch = epochOf(p.slot, genesis.params);
  if (epoch <= lastEpoch(state) + 1) return state;
  const layer = new StateLayer(state);
  // The parent's height is not at hand and not needed: no block after genesis is final by its own record, and at
  // genesis the snapshot is the founders' table.
  applyBoundary(layer, { genesis, parentHeight: Number.MAX_SAFE_INTEGER, epoch, rules, foresees: true });
  return layer;
}

/** Who leads `slot`, and the nonce of its epoch; `p` as in stateForSlot. */
export function dutyOfSlot(p: {
  genesis: Genesis;
  state: StateSource;
  slot: number;
  rules?: Consensus | undefined;
}): SlotDuty {
  const { genesis, slot, rules = consensus } = p;
  const epoch = epochOf(slot, genesis.params);
  const state = stateForSlot({ genesis, state: p.state, slot, rules });
  const nonce = nonceOf(state, epoch);
  return { leader: rules.election.selectLeader(stakeTable(state, epoch).entries, nonce, slot), nonce };
}

/** The source that may make the block of `slot`, on the chain that `parentState` ends. */
export function leaderOfSlot(
  genesis: Genesis,
  parentState: StateSource,
  slot: number,
  rules: Consensus = consensus,
): StakeEntry {
  return dutyOfSlot({ genesis, state: parentState, slot, rules }).leader;
}

/** What transactions of a block at `slot` are judged by; `p` as in stateForSlot. */
export function transactionContext(p: {
  genesis: Genesis;
  state: StateSource;
  slot: number;
  verifier: Verifier;
  skipSignatures?: boolean | undefined;
  rules?: Consensus | undefined;
}): TransactionContext {
  const { genesis, slot, verifier, skipSignatures = false, rules = consensus } = p;
  const { chainId, params, payers, allowList } = genesis;
  const epoch = epochOf(slot, params);
  const state = stateForSlot({ genesis, state: p.state, slot, rules });
  const weighing = new Map<string, boolean>();
  return {
    chainId,
    slot,
    slotTimeMs: genesis.genesisTimeMs + slot * params.slotMs,
    epoch,
    params,
    verifier,
    skipSignatures,
    payers,
    allowList,
    weighs: sourceKey => {
      // Most of a block's studies are of few sources.
      const name = latin1(sourceKey);
      const known = weighing.get(name) ?? weightOf(state, epoch, sourceKey) > 0;
      weighing.set(name, known);
      return known;
    },
  };
}
