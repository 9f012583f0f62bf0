import { describe, expect, it } from '@jest/globals';
import { stakePolicySuite } from '../../dist/compliance/stakePolicySuite.js';
import type { SuiteKit } from '../../dist/compliance/storeSuite.js';
import {
  fadingGenesis,
  type StakePolicy,
  stakePolicies,
  studyCount,
  takeSnapshot,
} from '../../dist/consensus/stake.js';
import { seedKey } from '../testChain.js';

stakePolicySuite({ describe, it, expect }, 'studyCount keeps the laws of stake', studyCount);
stakePolicySuite({ describe, it, expect }, 'fadingGenesis(studyCount) keeps the laws of stake', stakePolicies.open);

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
    const concave: StakePolicy = input => input.sources.map(source => Math.floor(1e6 * Math.sqrt(source.count)));
    expect(await brokenLaws(concave)).toContain('gives nothing for splitting a source over two keys, but for rounding');
  });
  it('catches a policy that looks at positions, and one with fractions', async () => {
    const byPosition: StakePolicy = input => input.sources.map((source, i) => source.count + i);
    expect(await brokenLaws(byPosition)).toContain('does not look at the order of sources and founders');
    const fractions: StakePolicy = input => input.sources.map(source => source.count / 3);
    expect(await brokenLaws(fractions)).toContain('gives one whole number of at least 0 for each source');
  });
});

describe('fadingGenesis', () => {
  const key = (name: string) => seedKey(name).publicKey;
  const source = (name: string, count: number, open = true, jailedUntilEpoch = 0) => ({
    sourceKey: key(name),
    nodeKey: key(`${name} node`),
    count,
    open,
    jailedUntilEpoch,
  });
  const founders = [
    { sourceKey: key('a'), weight: 30 },
    { sourceKey: key('b'), weight: 60 },
  ];
  const weights = (a: number, b: number, c: number) =>
    fadingGenesis(studyCount)({ epoch: 0, sources: [source('a', a), source('b', b), source('c', c)], founders });

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
    const thirds = fadingGenesis(studyCount)({
      epoch: 0,
      sources: [source('a', 0), source('b', 0), source('c', 1)],
      founders: [
        { sourceKey: key('a'), weight: 1 },
        { sourceKey: key('b'), weight: 2 },
      ],
    });
    // 1 × (3 - 1) / 3 and 2 × (3 - 1) / 3
    expect(thirds).toEqual([666_666, 1_333_333, 1_000_000]);
  });
  it('is exact where products pass 2^53', () => {
    const big = { sourceKey: key('a'), weight: 999_999 };
    const [weight] = fadingGenesis(studyCount)({
      epoch: 0,
      sources: [source('a', 0), source('c', 1)],
      founders: [big],
    });
    expect(weight).toBe(999_998_000_000);
  });

  it('a closed source has no weight in a snapshot, but its studies count against the founders', () => {
    const table = takeSnapshot(stakePolicies.open, {
      epoch: 0,
      sources: [source('a', 0), source('b', 0, false), source('c', 45, false)],
      founders,
    });
    expect(table.entries.map(entry => [entry.sourceKey, entry.weight])).toEqual([[key('a'), 15_000_000]]);
    expect(table.total).toBe(15_000_000);
  });

  it('a source in jail has no weight up to the end of the epoch before its release', () => {
    const total = (epoch: number) =>
      takeSnapshot(studyCount, { epoch, sources: [source('a', 3), source('b', 4, true, 7)], founders: [] }).total;
    expect([5, 6, 7].map(total)).toEqual([3_000_000, 3_000_000, 7_000_000]);
  });
});
