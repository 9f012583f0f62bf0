/**
 * Stake policies: from what the state says about sources to weights. Patel 2018: stake is the number of Define Study
 * transactions that name the source, literally and linear, for any concave rule is gamed by splitting keys.
 *
 * A policy is a pure function; combinators wrap one another. Weights are whole millionths of a study under every
 * policy, so that a policy with fractions changes no format. Exact: products are taken in bigint, then floored.
 * Laws for every policy: compliance/stakePolicySuite.ts.
 */
import { compareBytes, type PublicKey } from '@radpass/core';
import type { StakeEntry } from './leader.js';

/** Weight of one study. */
export const studyWeight = 1_000_000;

/** A source as the state has it at the end of an epoch. */
export interface StakeSource {
  readonly sourceKey: PublicKey;
  readonly nodeKey: PublicKey;
  /** Studies published and not withdrawn. */
  readonly count: number;
  /** Its url is not empty. */
  readonly open: boolean;
  /** It voted or produced twice: no weight in snapshots at the end of earlier epochs than this one; 0 for who never did. */
  readonly jailedUntilEpoch: number;
}

/** A founder's weight in genesis, in studies: it stands for studies not yet published. */
export interface Notional {
  readonly sourceKey: PublicKey;
  readonly weight: number;
}

export interface StakeInput {
  /** The snapshot stands for the end of this epoch. */
  readonly epoch: number;
  readonly sources: readonly StakeSource[];
  readonly founders: readonly Notional[];
}

/** One weight for each of `input.sources`, in their order, in millionths of a study. */
export type StakePolicy = (input: StakeInput) => readonly number[];

/** Weights of an epoch: entries sorted by sourceKey, each weight > 0. */
export interface StakeTable {
  readonly entries: readonly StakeEntry[];
  readonly total: number;
}

const sum = (weights: readonly number[]): number => weights.reduce((total, weight) => total + weight, 0);

/** The paper's rule. */
export const studyCount: StakePolicy = input => input.sources.map(source => source.count * studyWeight);

/**
 * Founders carry a young network and fade as it fills: a founder's weight is its studies' weight plus
 * ⌊notional × max(0, F - C) / F⌋ with F = all notional weight and C = the weight of all studies by `inner`.
 */
export function fadingGenesis(inner: StakePolicy): StakePolicy {
  return input => {
    const weights = inner(input);
    const notional = new Map(input.founders.map(founder => [founder.sourceKey.join(), founder.weight * studyWeight]));
    const all = BigInt(sum([...notional.values()]));
    const studies = BigInt(sum(weights));
    if (studies >= all) return weights;
    return weights.map((weight, i) => {
      const own = BigInt(notional.get(input.sources[i]!.sourceKey.join()) ?? 0);
      return weight + Number((own * (all - studies)) / all);
    });
  };
}

/** Policies by the name that genesis carries. */
export const stakePolicies: Readonly<Record<'open', StakePolicy>> = Object.freeze({ open: fadingGenesis(studyCount) });
export type StakePolicyName = keyof typeof stakePolicies;

/**
 * The table that a policy gives. A source that is closed or in jail has no weight, whatever the policy says; its studies
 * count as studies of the network all the same.
 * @throws RangeError beyond 2^53 - 1 millionths in total (nine thousand million studies)
 */
export function takeSnapshot(policy: StakePolicy, input: StakeInput): StakeTable {
  const weights = policy(input);
  const entries = input.sources
    .map(({ sourceKey, nodeKey, open, jailedUntilEpoch }, i) => {
      const weighs = open && jailedUntilEpoch <= input.epoch;
      return { sourceKey, nodeKey, weight: weighs ? weights[i]! : 0 };
    })
    .filter(entry => entry.weight > 0)
    .sort((a, b) => compareBytes(a.sourceKey, b.sourceKey));
  const total = sum(entries.map(entry => entry.weight));
  if (!Number.isSafeInteger(total)) throw new RangeError(`weights of ${total} in total can't be counted exactly`);
  return { entries, total };
}
