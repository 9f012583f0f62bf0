/** The laws that every StakePolicy must keep (consensus/stakePolicy.ts), as tests for any runner with describe, it and expect. */
import { type PublicKey, parsePublicKey, sha256, u64be } from '@radpass/core';
import {
  maxMemory,
  type Notional,
  type StakeInput,
  type StakePolicy,
  type StakeSource,
  sumOf,
} from '../consensus/stakePolicy.js';
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

/**
 * Some networks: empty, tiny, founders only, many sources, founders overtaken by their own and by others' studies, payers
 * that vouch for all, some or none; growing from nothing, after a while, and after a pause.
 */
function makeInputs(): StakeInput[] {
  return Array.from({ length: 40 }, (_, seed): StakeInput => {
    const below = draws(seed);
    const sources = Array.from(
      { length: seed % 14 },
      (_, i): StakeSource => ({
        sourceKey: keyOf(1_000 * seed + i),
        nodeKey: keyOf(1_000_000 + 1_000 * seed + i),
        count: below(4) === 0 ? 0 : below(below(2) === 0 ? 5 : 4_000),
        open: below(5) > 0,
        jailedUntilEpoch: below(4) === 0 ? seed + 1 : 0,
        dormant: below(6) === 0,
        accredited: below(3) === 0 ? 0 : below(6_000),
        memory: [],
      }),
    );
    const founders = sources
      .slice(0, below(6))
      .map((source): Notional => ({ sourceKey: source.sourceKey, weight: below(1_000) }));
    const lastTotal = below(2) === 0 ? sumOf(founders.map(({ weight }) => weight)) * 1e6 : below(20_000) * 1e6;
    const params = { growthMillionths: 1 + below(50_000), growthEpochs: 1 + below(30) };
    return { epoch: seed, sources, founders, lastTotal, elapsed: 1 + below(60), params };
  });
}

let made: StakeInput[] | null = null;
const inputs = (): StakeInput[] => (made ??= makeInputs());

/** The same networks a few snapshots on, with what the policy remembers; counts rise and fall between. */
function later(policy: StakePolicy, input: StakeInput, seed: number): StakeInput {
  const below = draws(1_000 + seed);
  let at = input;
  for (let step = below(4); step > 0; step--) {
    const { memory, total } = policy(at);
    const sources = at.sources.map((source, i) => ({
      ...source,
      count: Math.max(0, source.count + below(400) - 200),
      memory: memory[i] ?? [],
    }));
    at = { ...at, sources, lastTotal: total };
  }
  return at;
}

/** Register the suite under `name`. */
export function stakePolicySuite(kit: SuiteKit, name: string, policy: StakePolicy): void {
  const law = (title: string, broken: (input: StakeInput) => boolean): void =>
    kit.it(title, async () => {
      const offenders = inputs().flatMap((input, i) => (broken(later(policy, input, i)) ? [i] : []));
      kit.expect(offenders).toEqual([]);
    });
  const weightsOf = (input: StakeInput): readonly number[] => policy(input).weights;

  kit.describe(name, () => {
    law('gives one whole number of at least 0 for each source', input => {
      const weights = weightsOf(input);
      return weights.length !== input.sources.length || !weights.every(w => Number.isSafeInteger(w) && w >= 0);
    });
    law('gives a total of at least all weights', input => {
      const { weights, total } = policy(input);
      return !Number.isSafeInteger(total) || total < sumOf(weights);
    });
    law('remembers as many whole numbers of every source, at most eight', input => {
      const { memory } = policy(input);
      const length = memory[0]?.length ?? 0;
      if (memory.length !== input.sources.length || length > maxMemory) return true;
      return memory.some(
        kept => kept.length !== length || !kept.every(number => Number.isSafeInteger(number) && number >= 0),
      );
    });
    law('gives the same for the same, and changes nothing', input => {
      const before = JSON.stringify(input);
      const first = JSON.stringify(policy(input));
      const second = JSON.stringify(policy(input));
      return first !== second || JSON.stringify(input) !== before;
    });
    law('does not look at the order of sources and founders', input => {
      const sources = [...input.sources].reverse();
      const weights = weightsOf({ ...input, sources, founders: [...input.founders].reverse() });
      return [...weights].reverse().join() !== weightsOf(input).join();
    });
    law('gives nothing for splitting a source over two keys, but for rounding', input => {
      const [first, ...rest] = input.sources;
      if (!first) return false;
      // Its studies, what payers vouch for and what is remembered are split alike, in thirds that lose nothing.
      const third = (n: number): number => Math.floor(n / 3);
      const times = (n: number) => ({
        ...first,
        count: n * third(first.count),
        accredited: n * third(first.accredited),
        memory: first.memory.map(number => n * third(number)),
      });
      const second = { ...times(1), sourceKey: keyOf(7), nodeKey: keyOf(8) };
      const split = weightsOf({ ...input, sources: [times(2), ...rest, second] });
      const whole = weightsOf({ ...input, sources: [times(3), ...rest] });
      const gain = split[0]! + split[split.length - 1]! - whole[0]!;
      return Math.abs(gain) > 2 || Math.abs(sumOf(split) - sumOf(whole)) > split.length;
    });
    law('gives no source less for one study more, but for a founder that fades', input => {
      const at = input.sources.findIndex(s => !input.founders.some(f => f.sourceKey.join() === s.sourceKey.join()));
      if (at < 0) return false;
      const sources = input.sources.map((source, i) => (i === at ? { ...source, count: source.count + 1 } : source));
      return weightsOf({ ...input, sources })[at]! < weightsOf(input)[at]!;
    });
  });
}
