/** Permissioned weight: only studies that a payer vouches for count. */
import { type StakePolicy, studyWeight, sumOf } from './stakePolicy.js';

/**
 * At most so many studies of a source count as the payers of genesis vouch for, all payers together (accredit, tuple 9,
 * until its time). A fake study then needs a payer's word, so this is the answer to free studies where payers take part.
 */
export function accredited(inner: StakePolicy): StakePolicy {
  return input => {
    const below = inner(input);
    const weights = below.weights.map((weight, i) => Math.min(weight, input.sources[i]!.accredited * studyWeight));
    return { ...below, weights, total: sumOf(weights) };
  };
}
