/** Studies gain weight with age. */
import { remembering, type StakePolicy } from './stakePolicy.js';

/**
 * The weight moves towards that of `inner` by 1/epochs of the gap an epoch, so that a study has 63 % of its weight after so
 * many epochs, and 95 % after three times as many; a withdrawal lowers at once. Each source by itself: unlike a cap on all,
 * a flood of others' studies slows nobody down, and a flooder only waits.
 * @param epochs - at least 1
 */
export function matured(inner: StakePolicy, epochs: number): StakePolicy {
  return remembering(inner, (wanted, last, input) =>
    wanted.map((weight, i) => {
      const standing = Math.min(weight, last[i]!);
      const gained = BigInt(weight - standing) * BigInt(Math.min(input.elapsed, epochs));
      return standing + Number(gained / BigInt(epochs));
    }),
  );
}
