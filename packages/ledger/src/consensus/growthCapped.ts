/**
 * All weights together grow by at most growthMillionths of the total in growthEpochs epochs (1 % a day), whatever is
 * published: studies are free, so a flooder could otherwise own the network within minutes (10,000 defineStudy fit an
 * epoch). What it does not prevent is said in docs/consensus.md.
 */
import { remembering, type StakePolicy, sumOf } from './stakePolicy.js';

/**
 * With W the last total before filters, founders included, and e epochs since the last snapshot:
 *
 *   allowance A = ⌊W × growthMillionths × min(e, growthEpochs) / (1,000,000 × growthEpochs)⌋, for all sources together
 *   want        = the weight that `inner` gives, less the capped weight, which a withdrawal lowers at once
 *   capped     += want if the wants sum to at most A, else ⌊A × want / sum⌋
 *
 * A network that was off for a month grows by one day's share, not by thirty. Sources that wait share the room by what they
 * want, so splitting a key gains nothing.
 */
export function growthCapped(inner: StakePolicy): StakePolicy {
  return remembering(inner, (wanted, last, input) => {
    const { growthMillionths, growthEpochs } = input.params;
    const epochs = Math.min(input.elapsed, growthEpochs);
    const share = BigInt(input.lastTotal) * BigInt(growthMillionths) * BigInt(epochs);
    const allowance = share / (1_000_000n * BigInt(growthEpochs));
    const standing = wanted.map((weight, i) => Math.min(weight, last[i]!));
    const wants = wanted.map((weight, i) => weight - standing[i]!);
    const all = BigInt(sumOf(wants));
    if (all <= allowance) return wanted;
    return standing.map((weight, i) => weight + Number((allowance * BigInt(wants[i]!)) / all));
  });
}
