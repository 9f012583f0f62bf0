import { describe, expect, it } from '@jest/globals';
import { Histogram, plotSvg, type SeedOutcome } from '../../dist/sim/index.js';

const outcomeOf = (seed: number, points: SeedOutcome['points']): SeedOutcome => ({
  ...{ seed, points, violations: [], traceHash: '', trace: [], numbers: {} },
  ...{ finality: new Histogram(), reorganised: new Histogram() },
  shares: [{ member: 0, stake: 100, blocks: 100 }],
});
const marksOf = (svg: string): string[] =>
  [...svg.matchAll(/dy="4" text-anchor="end">(\d+)</g)].map(([, mark]) => mark!);

describe('the plot of a run', () => {
  it('has round numbers on its axes', () => {
    const svg = plotSvg({ scenario: 'healthy', seeds: [1, 1] }, [outcomeOf(1, [{ slot: 14, ms: 4_442 }])]);
    expect(marksOf(svg).slice(0, 6)).toEqual(['0', '1000', '2000', '3000', '4000', '5000']);
  });

  it('of very many blocks shows some of them', () => {
    const points = Array.from({ length: 150_000 }, (_, i) => ({ slot: i + 1, ms: 4_000 }));
    const svg = plotSvg({ scenario: 'healthy', seeds: [1, 2] }, [outcomeOf(1, points), outcomeOf(2, points)]);
    const circles = svg.match(/<circle/g)?.length ?? 0;
    expect(circles).toBeGreaterThan(3_900);
    expect(circles).toBeLessThanOrEqual(4_000);
  });
});
