import { describe, expect, it } from '@jest/globals';
import { searchAll, type VariantName, variants } from '../../dist/sim/index.js';

const periodSlots = 3;

describe('every behaviour of four voters, one of whom lies', () => {
  it('shows no conflict in seven slots, with final blocks in two eras', () => {
    const { conflict, states, isFinalInBoth, rootSlots } = searchAll({
      ...{ variant: variants.shipped, slots: 7, firstEraSlots: 4, periodSlots },
    });
    expect(conflict).toBeNull();
    expect(rootSlots).toEqual([3]);
    expect(isFinalInBoth).toBe(true);
    // Changes with the world that is tried, and with nothing else.
    expect(states).toBe(791);
  });

  const worlds: [VariantName, { slots: number; firstEraSlots?: number }, number][] = [
    ['committee-by-target', { slots: 4 }, 4],
    ['unclamped', { slots: 5 }, 7],
    ['slot-alone', { slots: 7, firstEraSlots: 4 }, 8],
    ['last-block', { slots: 4 }, 6],
    ['half-lies', { slots: 2 }, 4],
    ['three-fifths', { slots: 2 }, 4],
  ];
  for (const [name, size, links] of worlds) {
    it(`shows a conflict when ${variants[name].says}`, () => {
      expect(searchAll({ variant: variants[name], ...size, periodSlots }).conflict).toHaveLength(links);
    });
  }

  it('shows none in fewer slots than a conflict takes, for there is none', () => {
    expect(searchAll({ variant: variants.unclamped, slots: 4, periodSlots }).conflict).toBeNull();
    expect(searchAll({ variant: variants['half-lies'], slots: 1, periodSlots }).conflict).toBeNull();
  });
});
