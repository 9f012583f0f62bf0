/**
 * What a stake policy is: from what the state says about sources to weights. Patel 2018: stake is the number of Define
 * Study transactions that name the source, literally and linear, for any concave rule is gamed by splitting keys.
 *
 * A policy is a pure function; combinators wrap one another, the paper's count innermost, filters outermost:
 * withoutJailed(fadingGenesis(growthCapped(studyCount))). Weights are whole millionths of a study under every policy, so
 * that a policy with fractions changes no format. Exact: products are taken in bigint, then floored.
 * A policy that must know the past asks for it: what it gives as `memory` stands in the state (table 21) and comes back at
 * the next snapshot. Laws for every policy: compliance/stakePolicySuite.ts.
 */
import type { PublicKey } from '@radpass/core';
import type { Params } from './params.js';

/** Weight of one study. */
export const studyWeight = 1_000_000;

/** A source as the state has it when a snapshot is taken. */
export interface StakeSource {
  readonly sourceKey: PublicKey;
  readonly nodeKey: PublicKey;
  /** Studies published and not withdrawn. */
  readonly count: number;
  /** Its url is not empty. */
  readonly open: boolean;
  /** It voted or produced twice: no weight in snapshots at the end of earlier epochs than this one; 0 for who never did. */
  readonly jailedUntilEpoch: number;
  /** It missed its duties until it counts as gone (dormancy.ts). */
  readonly dormant: boolean;
  /** Studies that the payers of genesis vouch for at this time, all together. */
  readonly accredited: number;
  /** What the policy remembered of it at the last snapshot; empty for a source that is new. */
  readonly memory: readonly number[];
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
  /** `total` of the last snapshot. */
  readonly lastTotal: number;
  /** Epochs since the last snapshot, at least 1. */
  readonly elapsed: number;
  readonly params: Pick<Params, 'growthMillionths' | 'growthEpochs'>;
}

export interface StakeResult {
  /** One weight for each of the input's sources, in their order, in millionths of a study. */
  readonly weights: readonly number[];
  /** All weights together before any filter: a source that a filter leaves out is no room for others to grow into. */
  readonly total: number;
  /** For each source what the policy wants to know next time: whole numbers, one for each combinator that remembers. */
  readonly memory: readonly (readonly number[])[];
}

export type StakePolicy = (input: StakeInput) => StakeResult;

/** Numbers that a source's memory may hold. */
export const maxMemory = 8;

export const sumOf = (weights: readonly number[]): number => weights.reduce((total, weight) => total + weight, 0);

/** The result of a policy that remembers nothing. */
export function weighted(weights: readonly number[]): StakeResult {
  return { weights, total: sumOf(weights), memory: weights.map(() => []) };
}

/** The paper's rule. */
export const studyCount: StakePolicy = input => weighted(input.sources.map(source => source.count * studyWeight));

/**
 * A policy whose weights follow those of `inner` with a memory of one number a source: the weight that it gave last.
 * @param follow - from the weights that `inner` gives and those given last, the weights now
 */
export function remembering(
  inner: StakePolicy,
  follow: (wanted: readonly number[], last: readonly number[], input: StakeInput) => readonly number[],
): StakePolicy {
  return input => {
    const last = input.sources.map(source => source.memory[0] ?? 0);
    const sources = input.sources.map(source => ({ ...source, memory: source.memory.slice(1) }));
    const below = inner({ ...input, sources });
    const weights = follow(below.weights, last, input);
    return { weights, total: sumOf(weights), memory: weights.map((weight, i) => [weight, ...below.memory[i]!]) };
  };
}
