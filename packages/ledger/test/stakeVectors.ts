/** Snapshots of each named stake policy over some epochs: what test/vectors/stake.json holds. */
import { fromHex, parsePublicKey, toHex } from '@radpass/core';
import { stakePolicies, takeSnapshot } from '../dist/consensus/stake.js';
import type { StakeInput } from '../dist/consensus/stakePolicy.js';
import { input, keyOf, source } from './consensus/stakeWorld.js';

type Row = readonly [name: string, count: number, over?: Parameters<typeof source>[2]];

/** What each snapshot finds, and how many epochs after the last. */
const course: readonly { elapsed: number; sources: readonly Row[] }[] = [
  {
    elapsed: 1,
    sources: [
      ['a', 0],
      ['b', 0],
      ['c', 0],
    ],
  },
  {
    elapsed: 1,
    sources: [
      ['a', 40],
      ['b', 3],
      ['c', 0],
      ['d', 900, { accredited: 10 }],
    ],
  },
  {
    elapsed: 5,
    sources: [
      ['a', 40],
      ['b', 30, { jailedUntilEpoch: 9 }],
      ['c', 1],
      ['d', 900, { accredited: 10 }],
    ],
  },
  {
    elapsed: 24,
    sources: [
      ['a', 10],
      ['b', 30, { accredited: 30 }],
      ['c', 100, { open: false }],
      ['d', 901, { accredited: 10 }],
    ],
  },
  {
    elapsed: 30,
    sources: [
      ['a', 12],
      ['b', 31, { dormant: true }],
      ['c', 100],
      ['d', 1_000_000, { accredited: 1_000_000 }],
    ],
  },
  {
    elapsed: 1,
    sources: [
      ['a', 12, { open: false }],
      ['b', 0, { dormant: true }],
      ['c', 0, { jailedUntilEpoch: 900 }],
      ['d', 0],
    ],
  },
];

const founders = [
  ['a', 100],
  ['b', 50],
  ['c', 1],
] as const;

export interface StakeSnapshot {
  epoch: number;
  elapsed: number;
  /** [sourceKey, count, open, jailedUntilEpoch, dormant, accredited] */
  sources: (readonly [string, number, boolean, number, boolean, number])[];
}

export interface StakeOutcome {
  weights: readonly number[];
  total: number;
  /** [sourceKey, weight] */
  table: (readonly [string, number])[];
}

/** What a policy gives at each snapshot, one after the other. */
export function runStake(
  policy: keyof typeof stakePolicies,
  found: readonly (readonly [string, number])[],
  snapshots: readonly StakeSnapshot[],
): StakeOutcome[] {
  let memory = new Map<string, readonly number[]>();
  let lastTotal = 0;
  return snapshots.map(({ epoch, elapsed, sources }): StakeOutcome => {
    const at: StakeInput = input(
      sources.map(([key, count, open, jailedUntilEpoch, dormant, accredited]) => ({
        ...{ sourceKey: parsePublicKey(fromHex(key)), nodeKey: parsePublicKey(fromHex(key)) },
        ...{ count, open, jailedUntilEpoch, dormant, accredited, memory: memory.get(key) ?? [] },
      })),
      {
        ...{ epoch, elapsed, lastTotal },
        founders: found.map(([key, weight]) => ({ sourceKey: parsePublicKey(fromHex(key)), weight })),
      },
    );
    const { table, result } = takeSnapshot(stakePolicies[policy], at);
    memory = new Map(sources.map(([key], i) => [key, result.memory[i]!]));
    lastTotal = result.total;
    const entries = table.entries.map(({ sourceKey, weight }) => [toHex(sourceKey), weight] as const);
    return { weights: result.weights, total: result.total, table: entries };
  });
}

export function stakeVectors() {
  let epoch = -1;
  const snapshots = course.map(({ elapsed, sources }): StakeSnapshot => {
    epoch += elapsed;
    return {
      ...{ epoch, elapsed },
      sources: sources.map(([name, count, over]) => {
        const { sourceKey, open, jailedUntilEpoch, dormant, accredited } = source(name, count, over);
        return [toHex(sourceKey), count, open, jailedUntilEpoch, dormant, accredited];
      }),
    };
  });
  const found = founders.map(([name, weight]) => [toHex(keyOf(name)), weight] as const);
  const policies = Object.keys(stakePolicies) as (keyof typeof stakePolicies)[];
  return {
    ...{ growthMillionths: 10_000, growthEpochs: 24, founders: found, snapshots },
    outcomes: policies.map(policy => ({ policy, snapshots: runStake(policy, found, snapshots) })),
  };
}
