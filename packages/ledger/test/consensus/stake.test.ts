import { describe, expect, it } from '@jest/globals';
import { stakePolicySuite } from '../../dist/compliance/stakePolicySuite.js';
import type { SuiteKit } from '../../dist/compliance/storeSuite.js';
import { accredited } from '../../dist/consensus/accredited.js';
import { fadingGenesis } from '../../dist/consensus/fadingGenesis.js';
import { growthCapped } from '../../dist/consensus/growthCapped.js';
import { matured } from '../../dist/consensus/matured.js';
import { stakePolicies, takeSnapshot } from '../../dist/consensus/stake.js';
import { withoutJailed } from '../../dist/consensus/stakeFilters.js';
import { type StakeInput, type StakePolicy, studyCount, weighted } from '../../dist/consensus/stakePolicy.js';
import { input, keyOf, next, shareAfter, source } from './stakeWorld.js';

const kit = { describe, it, expect };
stakePolicySuite(kit, 'studyCount keeps the laws of stake', studyCount);
stakePolicySuite(kit, 'matured(studyCount) keeps the laws of stake', matured(studyCount, 168));
stakePolicySuite(kit, 'growthCapped(matured(studyCount)) keeps them', growthCapped(matured(studyCount, 7)));
for (const [name, policy] of Object.entries(stakePolicies)) stakePolicySuite(kit, `${name} keeps them`, policy);

async function brokenLaws(policy: StakePolicy): Promise<string[]> {
  const laws: [string, () => Promise<void>][] = [];
  const kit: SuiteKit = { describe: (_, body) => body(), it: (name, body) => laws.push([name, body]), expect };
  stakePolicySuite(kit, 'planted', policy);
  const broken: string[] = [];
  for (const [name, body] of laws) {
    await body().catch(() => broken.push(name));
  }
  return broken;
}

describe('the suite of laws', () => {
  it('catches a concave policy, which pays for splitting keys', async () => {
    const concave: StakePolicy = ({ sources }) =>
      weighted(sources.map(({ count }) => Math.floor(1e6 * Math.sqrt(count))));
    expect(await brokenLaws(concave)).toEqual(['gives nothing for splitting a source over two keys, but for rounding']);
  });
  it('catches a policy that looks at positions, and one with fractions', async () => {
    const byPosition: StakePolicy = ({ sources }) => weighted(sources.map(({ count }, i) => count + i));
    expect(await brokenLaws(byPosition)).toContain('does not look at the order of sources and founders');
    const fractions: StakePolicy = ({ sources }) => weighted(sources.map(({ count }) => count / 3));
    expect(await brokenLaws(fractions)).toContain('gives one whole number of at least 0 for each source');
  });
  it('catches a policy that hides weight from its total, and one that remembers of some sources only', async () => {
    const hiding: StakePolicy = at => ({ ...studyCount(at), total: 0 });
    expect(await brokenLaws(hiding)).toContain('gives a total of at least all weights');
    const partial: StakePolicy = at => ({ ...studyCount(at), memory: at.sources.map((_, i) => (i === 1 ? [1] : [])) });
    expect(await brokenLaws(partial)).toContain('remembers as many whole numbers of every source, at most eight');
  });
  it('catches a cap that serves the sources in turn', async () => {
    const inTurn: StakePolicy = at => {
      let left = 1e9;
      const weights = studyCount(at).weights.map(weight => {
        const given = Math.min(weight, left);
        left -= given;
        return given;
      });
      return weighted(weights);
    };
    expect(await brokenLaws(inTurn)).toContain('does not look at the order of sources and founders');
  });
});

describe('fadingGenesis', () => {
  const founders = [
    { sourceKey: keyOf('a'), weight: 30 },
    { sourceKey: keyOf('b'), weight: 60 },
  ];
  const weights = (a: number, b: number, c: number) =>
    fadingGenesis(studyCount)(input([source('a', a), source('b', b), source('c', c)], { founders })).weights;

  it('begins with the notional weights, in millionths', () => {
    expect(weights(0, 0, 0)).toEqual([30_000_000, 60_000_000, 0]);
  });
  it("fades every founder by all studies, its own too, and adds its own studies' weight", () => {
    // F = 90, C = 30: two thirds of the notional weight are left.
    expect(weights(10, 0, 20)).toEqual([30_000_000, 40_000_000, 20_000_000]);
  });
  it('is the plain count once the studies reach the notional weight', () => {
    expect(weights(0, 50, 40)).toEqual([0, 50_000_000, 40_000_000]);
    expect(weights(1, 2, 1_000)).toEqual([1_000_000, 2_000_000, 1_000_000_000]);
  });
  it('rounds down to the millionth', () => {
    const thirds = fadingGenesis(studyCount)(
      input([source('a', 0), source('b', 0), source('c', 1)], {
        founders: [
          { sourceKey: keyOf('a'), weight: 1 },
          { sourceKey: keyOf('b'), weight: 2 },
        ],
      }),
    );
    // 1 × (3 - 1) / 3 and 2 × (3 - 1) / 3
    expect(thirds.weights).toEqual([666_666, 1_333_333, 1_000_000]);
  });
  it('is exact where products pass 2^53', () => {
    const big = { sourceKey: keyOf('a'), weight: 999_999 };
    const { weights: got } = fadingGenesis(studyCount)(input([source('a', 0), source('c', 1)], { founders: [big] }));
    expect(got[0]).toBe(999_998_000_000);
  });

  it('a closed source has no weight in a snapshot, but its studies count against the founders', () => {
    const { table, result } = takeSnapshot(
      stakePolicies.open,
      input([source('a', 0), source('b', 0, { open: false }), source('c', 45, { open: false })], { founders }),
    );
    expect(table.entries.map(entry => [entry.sourceKey, entry.weight])).toEqual([[keyOf('a'), 15_000_000]]);
    expect([table.total, result.total]).toEqual([15_000_000, 90_000_000]);
  });
});

describe('withoutJailed', () => {
  it('leaves a source out up to the end of the epoch before its release, and keeps it in total and memory', () => {
    const policy = withoutJailed(growthCapped(studyCount));
    const at = (epoch: number) => {
      const sources = [source('a', 3, { memory: [3e6] }), source('b', 4, { memory: [4e6], jailedUntilEpoch: 7 })];
      return policy(input(sources, { epoch }));
    };
    expect([5, 6, 7].map(epoch => at(epoch).weights[1])).toEqual([0, 0, 4e6]);
    expect(at(5)).toMatchObject({ total: 7e6, memory: [[3e6], [4e6]] });
  });
});

describe('growthCapped', () => {
  const capped = growthCapped(studyCount);
  const at = (counts: number[], memory: number[], over: object = {}) =>
    capped(
      input(
        counts.map((count, i) => source(`s${i}`, count, { memory: [memory[i]!] })),
        over,
      ),
    ).weights;

  it('lets all weights together grow by 1 % a day, shared by what the sources want', () => {
    // W = 2,400 studies: 24 a day, 1 an epoch. The wants are 300 and 100.
    expect(at([1_500, 1_300], [1_200e6, 1_200e6], { lastTotal: 2_400e6 })).toEqual([1_200_750_000, 1_200_250_000]);
    expect(at([1_500, 1_300], [1_200e6, 1_200e6], { lastTotal: 2_400e6, elapsed: 24 })).toEqual([1_218e6, 1_206e6]);
  });
  it('counts at most one day however long nothing happened', () => {
    const month = { lastTotal: 2_400e6, elapsed: 720 };
    expect(at([1_500, 1_300], [1_200e6, 1_200e6], month)).toEqual([1_218e6, 1_206e6]);
  });
  it('gives what is wanted when that is no more than the allowance, to the millionth', () => {
    expect(at([1_001, 0], [1_000e6, 0], { lastTotal: 2_400e6 })).toEqual([1_001e6, 0]);
    expect(at([1_001, 0], [1_000e6, 0], { lastTotal: 2_400e6 - 2_400 })).toEqual([1_000_999_999, 0]);
  });
  it('lowers at once by a withdrawal, which makes no room for others', () => {
    expect(at([200, 1_500], [1_000e6, 1_000e6], { lastTotal: 2_400e6 })).toEqual([200e6, 1_001e6]);
  });
  it('grows from founders alone, whose weight is in the total', () => {
    const policy = stakePolicies.capped;
    const founders = [{ sourceKey: keyOf('a'), weight: 2_400 }];
    const start = next(policy, input([source('a', 0), source('b', 50)], { founders }));
    expect(policy(start).weights).toEqual([2_399e6, 1e6]);
    expect(policy(next(policy, start)).weights).toEqual([2_398e6, 2e6]);
  });
  it('never grows where everything has gone: then founders return', () => {
    const policy = stakePolicies.capped;
    const founders = [{ sourceKey: keyOf('a'), weight: 10 }];
    expect(policy(input([source('a', 0), source('b', 0, { memory: [50e6] })], { founders })).weights).toEqual([
      10e6, 0,
    ]);
  });
  it('is exact where products pass 2^53', () => {
    expect(at([9_000_000_000], [0], { lastTotal: 9_007_199_254_740_991, elapsed: 24 })).toEqual([90_071_992_547_409]);
  });
});

describe('a flood of a million fake studies', () => {
  const days = 30;
  const founders = Array.from({ length: 4 }, (_, i) => ({ sourceKey: keyOf(`h${i}`), weight: 1_000 }));
  const hospitals = (count: number) => founders.map((_, i) => source(`h${i}`, count, { memory: [count * 1e6] }));
  const flooded = (count: number) =>
    input([...hospitals(count), source('flooder', 1_000_000)], {
      founders,
      lastTotal: 4e9 + (count > 1_000 ? (count - 1_000) * 4e6 : 0),
    });

  it('has at most 26 % after 30 days where founders have faded, 30 % where they have not', () => {
    const faded = shareAfter(stakePolicies.capped, flooded(2_500), 24 * days);
    const young = shareAfter(stakePolicies.capped, flooded(0), 24 * days);
    expect([faded, young].map(share => Math.round(share * 1e4) / 1e4)).toEqual([0.2591, 0.3]);
    expect(faded).toBeLessThanOrEqual(0.26);
    expect(young).toBeLessThanOrEqual(0.3);
  });
  it('needs 40 days to a third, 33 while founders fade; uncapped, one snapshot', () => {
    const daysToThird = (start: ReturnType<typeof flooded>) => {
      let day = 0;
      for (let at = start; ; day++) {
        const { weights, total } = stakePolicies.capped(at);
        if (3 * weights.at(-1)! >= total) return day;
        for (let epoch = 0; epoch < 24; epoch++) at = next(stakePolicies.capped, at);
      }
    };
    expect([daysToThird(flooded(2_500)), daysToThird(flooded(0))]).toEqual([41, 34]);
    expect(shareAfter(stakePolicies.open, flooded(2_500), 1)).toBeGreaterThan(0.98);
  });
  it('gains nothing by being spread over a hundred keys', () => {
    const spread = Array.from({ length: 100 }, (_, i) => source(`f${i}`, 10_000));
    const one = flooded(2_500);
    let at: StakeInput = { ...one, sources: [...one.sources.slice(0, 4), ...spread] };
    for (let i = 1; i < 24 * days; i++) at = next(stakePolicies.capped, at);
    const { weights, total } = stakePolicies.capped(at);
    const share = weights.slice(4).reduce((sum, weight) => sum + weight, 0) / total;
    expect(share).toBeLessThanOrEqual(0.2592);
  });
  it('without a cap on the founders fading by the raw count it would be alone at once', () => {
    const byRawCount: StakePolicy = at => {
      const raw = fadingGenesis(studyCount)(at).weights;
      const slow = growthCapped(studyCount)(at).weights;
      return weighted(raw.map((weight, i) => weight - at.sources[i]!.count * 1e6 + slow[i]!));
    };
    expect(shareAfter(byRawCount, flooded(0), 2)).toBe(1);
  });
});

describe('matured', () => {
  it('brings a study to 63 % of its weight in so many epochs, and takes a withdrawn one off at once', () => {
    const policy = matured(studyCount, 168);
    expect(shareAfter(policy, input([source('a', 0), source('b', 100)]), 1)).toBe(1);
    let at = input([source('b', 100)]);
    for (let epoch = 0; epoch < 168; epoch++) at = next(policy, at);
    expect(policy(at).memory[0]![0]! / 100e6).toBeCloseTo(0.634, 2);
    expect(policy({ ...at, sources: [{ ...at.sources[0]!, count: 10 }] }).weights).toEqual([10e6]);
  });
});

describe('accredited', () => {
  it('counts at most as many studies as payers vouch for', () => {
    const sources = [source('a', 10, { accredited: 4 }), source('b', 3, { accredited: 9 }), source('c', 1_000)];
    expect(accredited(studyCount)(input(sources)).weights).toEqual([4e6, 3e6, 0]);
  });
});
