/**
 * Filters: sources that a snapshot leaves out. Their weight stays in the total and in the memory, so that leaving out makes
 * no room for others to grow into, and coming back is no growth.
 */
import type { StakeInput, StakePolicy, StakeSource } from './stakePolicy.js';

function without(inner: StakePolicy, isOut: (source: StakeSource, input: StakeInput) => boolean): StakePolicy {
  return input => {
    const result = inner(input);
    return { ...result, weights: result.weights.map((weight, i) => (isOut(input.sources[i]!, input) ? 0 : weight)) };
  };
}

/** A source that slept through its duties has no weight until it publishes defineSource again (dormancy.ts). */
export function withoutDormant(inner: StakePolicy): StakePolicy {
  return without(inner, source => source.dormant);
}

/** A source that voted or produced twice has no weight until its release. */
export function withoutJailed(inner: StakePolicy): StakePolicy {
  return without(inner, (source, { epoch }) => epoch < source.jailedUntilEpoch);
}
