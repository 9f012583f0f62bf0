/** Inputs of stake policies, and time passing over them. */
import type { StakeInput, StakePolicy, StakeSource } from '../../dist/consensus/stakePolicy.js';
import { seedKey } from '../testChain.js';

export const keyOf = (name: string) => seedKey(name).publicKey;

export function source(name: string, count: number, over: Partial<StakeSource> = {}): StakeSource {
  const keys = { sourceKey: keyOf(name), nodeKey: keyOf(`${name} node`) };
  return { ...keys, count, open: true, jailedUntilEpoch: 0, dormant: false, accredited: 0, memory: [], ...over };
}

export function input(sources: readonly StakeSource[], over: Partial<StakeInput> = {}): StakeInput {
  const params = { growthMillionths: 10_000, growthEpochs: 24 };
  return { epoch: 0, sources, founders: [], lastTotal: 0, elapsed: 1, params, ...over };
}

/** The input of the next snapshot, when nothing but time has passed. */
export function next(policy: StakePolicy, at: StakeInput): StakeInput {
  const { memory, total } = policy(at);
  return { ...at, lastTotal: total, sources: at.sources.map((one, i) => ({ ...one, memory: memory[i]! })) };
}

/** Share of the last source in the table of the n-th snapshot, counted from 1. */
export function shareAfter(policy: StakePolicy, start: StakeInput, snapshots: number): number {
  let at = start;
  for (let i = 1; i < snapshots; i++) at = next(policy, at);
  const { weights, total } = policy(at);
  return weights.at(-1)! / total;
}
