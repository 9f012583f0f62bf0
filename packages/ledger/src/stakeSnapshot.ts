/**
 * Snapshots of stake: what the network's policy gives for the state as it stands, and what it remembers.
 *
 *   table 21, capped   sourceKey -> [number, …]   the policy's memory of the source (capped weight in millionths); none: no value
 *                      no key    -> [total]       all weights before filters at the last snapshot
 *
 * Both stand only under a policy that remembers something.
 */
import { list, map, tuple, uint } from '@radpass/core';
import { sleeps } from './consensus/dormancy.js';
import type { Consensus } from './consensus/index.js';
import { type StakeTable, takeSnapshot } from './consensus/stake.js';
import { maxMemory, type StakeInput } from './consensus/stakePolicy.js';
import type { Genesis } from './genesis.js';
import type { StateLayer, StateSource } from './stateView.js';
import { accreditationTable, defineTable, stakeCounts, tables } from './tables.js';

export const stakeMemoryTable = defineTable<number[], [sourceKey: Uint8Array]>(
  tables.capped,
  list(uint(), maxMemory, 1),
);
export const stakeTotalTable = defineTable<number, []>(
  tables.capped,
  map<[number], number>(
    tuple<[number]>(uint()),
    ([total]) => total,
    total => [total],
  ),
);

/** What a policy remembers of a source; empty for nothing. */
export function stakeMemory(state: StateSource, sourceKey: Uint8Array): readonly number[] {
  return stakeMemoryTable.get(state, sourceKey) ?? [];
}

/** Studies that payers vouch for at `timeMs`. Cost: one read a payer. */
function accreditedOf(state: StateSource, genesis: Genesis, sourceKey: Uint8Array, timeMs: number): number {
  return genesis.payers.reduce((sum, payer) => {
    const entry = accreditationTable.get(state, payer, sourceKey);
    return entry && entry.until > timeMs ? Math.min(sum + entry.maxStudies, Number.MAX_SAFE_INTEGER) : sum;
  }, 0);
}

/**
 * Take the snapshot that stands for the end of `epoch` and the epochs after it that pass without a block, and write down
 * what the policy remembers.
 * @param p.passed - epochs that it stands for: those since the last snapshot. 0: genesis'
 */
export function takeStakeSnapshot(
  layer: StateLayer,
  p: { genesis: Genesis; epoch: number; passed: number; rules: Consensus },
): StakeTable {
  const { genesis, epoch, passed } = p;
  const { params } = genesis;
  const timeMs = genesis.genesisTimeMs + (epoch + passed) * params.slotsPerEpoch * params.slotMs;
  // Each value is read once: a layer's memory of it would cost more than it gives.
  const state: StateSource = { get: key => layer.get(key) };
  const input: StakeInput = {
    epoch,
    sources: stakeCounts(state).map(source => ({
      ...source,
      accredited: accreditedOf(state, genesis, source.sourceKey, timeMs),
      dormant: sleeps(state, source.sourceKey, params),
      memory: stakeMemory(state, source.sourceKey),
    })),
    founders: genesis.founders,
    lastTotal: stakeTotalTable.get(layer) ?? 0,
    elapsed: Math.max(1, passed),
    params,
  };
  const { table, result } = takeSnapshot(p.rules.stake[genesis.stakePolicy], input);
  for (const [i, { sourceKey, memory }] of input.sources.entries()) {
    const next = result.memory[i]!;
    const value = next.some(number => number > 0) ? [...next] : null;
    if ((value ?? []).join() !== memory.join()) stakeMemoryTable.set(layer, value, sourceKey);
  }
  if (result.memory.some(memory => memory.length > 0)) stakeTotalTable.set(layer, result.total);
  return table;
}
