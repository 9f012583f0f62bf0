/**
 * Another stake policy: founders keep their genesis weight for ever, beside what their studies weigh. A network of known
 * hospitals that nobody shall flood out; but it never becomes its users' own.
 *
 *   node run-healthy.mjs ./lasting-founders.mjs
 */
import { consensus, studyWeight } from '@radpass/ledger';

const name = key => Buffer.from(key).toString('hex');

/** Weights in millionths of a study, one for each source, in their order; nothing to remember until the next epoch. */
function lastingFounders({ sources, founders }) {
  const notional = new Map(founders.map(({ sourceKey, weight }) => [name(sourceKey), weight]));
  const weights = sources.map(({ sourceKey, count }) => (count + (notional.get(name(sourceKey)) ?? 0)) * studyWeight);
  return { weights, total: weights.reduce((sum, weight) => sum + weight, 0), memory: weights.map(() => []) };
}

export const rules = { ...consensus, stake: { ...consensus.stake, open: lastingFounders } };
