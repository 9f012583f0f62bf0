/** The laws that every StakePolicy must keep (consensus/stake.ts), as tests for any runner with describe, it and expect. */
import { type PublicKey, parsePublicKey, sha256, u64be } from '@radpass/core';
import type { Notional, StakeInput, StakePolicy, StakeSource } from '../consensus/stake.js';
import type { SuiteKit } from './storeSuite.js';

/** Numbers that look random and are the same in every run. */
function draws(seed: number): (below: number) => number {
  let n = 0;
  return below => {
    const hash = sha256(u64be(seed), u64be(n++));
    return ((hash[0]! << 16) | (hash[1]! << 8) | hash[2]!) % below;
  };
}

/** A key that names somebody: the hash with its top byte lowered stays below p. */
function keyOf(n: number): PublicKey {
  const key = sha256(u64be(n));
  key[31] = key[31]! & 0x3f;
  return parsePublicKey(key);
}

/** Some networks: empty, tiny, founders only, many sources, founders overtaken by their own and by others' studies. */
function inputs(): StakeInput[] {
  return Array.from({ length: 40 }, (_, seed): StakeInput => {
    const below = draws(seed);
    const sources = Array.from(
      { length: seed % 14 },
      (_, i): StakeSource => ({
        sourceKey: keyOf(1_000 * seed + i),
        nodeKey: keyOf(1_000_000 + 1_000 * seed + i),
        count: below(4) === 0 ? 0 : below(below(2) === 0 ? 5 : 4_000),
        open: below(5) > 0,
        jailedUntilEpoch: 0,
      }),
    );
    const founders = sources
      .slice(0, below(6))
      .map((source): Notional => ({ sourceKey: source.sourceKey, weight: below(1_000) }));
    return { epoch: seed, sources, founders };
  });
}

const sum = (weights: readonly number[]): number => weights.reduce((total, weight) => total + weight, 0);

/** Register the suite under `name`. */
export function stakePolicySuite(kit: SuiteKit, name: string, policy: StakePolicy): void {
  const law = (title: string, broken: (input: StakeInput) => boolean): void =>
    kit.it(title, async () => {
      const offenders = inputs().flatMap((input, i) => (broken(input) ? [i] : []));
      kit.expect(offenders).toEqual([]);
    });

  kit.describe(name, () => {
    law('gives one whole number of at least 0 for each source', input => {
      const weights = policy(input);
      return weights.length !== input.sources.length || !weights.every(w => Number.isSafeInteger(w) && w >= 0);
    });
    law('gives the same for the same, and changes nothing', input => {
      const before = JSON.stringify(input);
      const first = policy(input).join();
      const second = policy(input).join();
      return first !== second || JSON.stringify(input) !== before;
    });
    law('does not look at the order of sources and founders', input => {
      const sources = [...input.sources].reverse();
      const weights = policy({ ...input, sources, founders: [...input.founders].reverse() });
      return [...weights].reverse().join() !== policy(input).join();
    });
    law('gives nothing for splitting a source over two keys, but for rounding', input => {
      const [first, ...rest] = input.sources;
      if (!first) return false;
      const part = Math.floor(first.count / 3);
      const second = { ...first, sourceKey: keyOf(7), nodeKey: keyOf(8), count: part };
      const split = policy({ ...input, sources: [{ ...first, count: first.count - part }, ...rest, second] });
      const whole = policy(input);
      const gain = split[0]! + split[split.length - 1]! - whole[0]!;
      return Math.abs(gain) > 2 || Math.abs(sum(split) - sum(whole)) > split.length;
    });
    law('gives no source less for one study more, but for a founder that fades', input => {
      const at = input.sources.findIndex(s => !input.founders.some(f => f.sourceKey.join() === s.sourceKey.join()));
      if (at < 0) return false;
      const sources = input.sources.map((source, i) => (i === at ? { ...source, count: source.count + 1 } : source));
      return policy({ ...input, sources })[at]! < policy(input)[at]!;
    });
  });
}
