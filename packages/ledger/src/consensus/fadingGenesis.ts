/** Founders carry a young network and fade as it fills. */
import { toHex } from '@radpass/core';
import { type StakePolicy, studyWeight, sumOf } from './stakePolicy.js';

/**
 * A founder's weight is its studies' weight plus ⌊notional × max(0, F - C) / F⌋ with F = all notional weight and C = the
 * weight of all studies by `inner`. Around growthCapped C is the capped weight: counted raw, a flood of fake studies would
 * end the founders' weight at once and leave the flooder alone on the table.
 */
export function fadingGenesis(inner: StakePolicy): StakePolicy {
  return input => {
    const studies = inner(input);
    const notional = new Map(input.founders.map(({ sourceKey, weight }) => [toHex(sourceKey), weight * studyWeight]));
    const all = BigInt(sumOf([...notional.values()]));
    const left = all - BigInt(studies.total);
    if (left <= 0n) return studies;
    const weights = studies.weights.map((weight, i) => {
      const own = BigInt(notional.get(toHex(input.sources[i]!.sourceKey)) ?? 0);
      return weight + Number((own * left) / all);
    });
    return { ...studies, weights, total: sumOf(weights) };
  };
}
