/** The stake policies that a genesis can name, and the table of weights that one gives. */
import { compareBytes } from '@radpass/core';
import { accredited } from './accredited.js';
import { fadingGenesis } from './fadingGenesis.js';
import { growthCapped } from './growthCapped.js';
import type { StakeEntry } from './leader.js';
import { withoutDormant, withoutJailed } from './stakeFilters.js';
import { type StakeInput, type StakePolicy, type StakeResult, studyCount, sumOf } from './stakePolicy.js';

/** Weights of an epoch: entries sorted by sourceKey, each weight > 0. */
export interface StakeTable {
  readonly entries: readonly StakeEntry[];
  readonly total: number;
}

/** Around every named policy. */
const present = (policy: StakePolicy): StakePolicy => withoutJailed(withoutDormant(policy));

/** Policies by the name that genesis carries. */
export const stakePolicies = Object.freeze({
  /** For tests, demonstrations and closed groups: whoever publishes fake studies gains weight as fast as quotas allow. */
  open: present(fadingGenesis(studyCount)),
  capped: present(fadingGenesis(growthCapped(studyCount))),
  /** Only accredited studies count; founders carry the network until there are some. */
  accredited: present(fadingGenesis(growthCapped(accredited(studyCount)))),
}) satisfies Readonly<Record<string, StakePolicy>>;
export type StakePolicyName = keyof typeof stakePolicies;

/**
 * The table that a policy gives, and the policy's whole result. A closed source has no weight, whatever the policy says;
 * its studies count as studies of the network all the same.
 * @throws RangeError beyond 2^53 - 1 millionths in total (nine thousand million studies)
 */
export function takeSnapshot(policy: StakePolicy, input: StakeInput): { table: StakeTable; result: StakeResult } {
  const result = policy(input);
  const entries = input.sources
    .map(({ sourceKey, nodeKey, open }, i) => ({ sourceKey, nodeKey, weight: open ? result.weights[i]! : 0 }))
    .filter(entry => entry.weight > 0)
    .sort((a, b) => compareBytes(a.sourceKey, b.sourceKey));
  if (!Number.isSafeInteger(result.total)) {
    throw new RangeError(`weights of ${result.total} in total can't be counted exactly`);
  }
  return { table: { entries, total: sumOf(entries.map(entry => entry.weight)) }, result };
}
