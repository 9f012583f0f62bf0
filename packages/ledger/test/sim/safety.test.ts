import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { type Action, replay, searchConflict, type VariantName, variants } from '../../dist/sim/index.js';

interface Kept {
  variant: VariantName;
  periodSlots: number;
  seed: number;
  trace: Action[];
}
const kept: Kept[] = JSON.parse(readFileSync(new URL('../../test/vectors/safety.json', import.meta.url), 'utf8'));

describe('a trace that ends in two final blocks that contradict each other', () => {
  it('is kept for every broken variant', () => {
    expect(kept.map(({ variant }) => variant).sort()).toEqual(
      Object.keys(variants)
        .filter(name => name !== 'shipped')
        .sort(),
    );
  });

  for (const { variant, periodSlots, seed, trace } of kept) {
    it(`does so when ${variants[variant].says}`, () => {
      expect(replay({ variant: variants[variant], periodSlots, seed }, trace).conflict).not.toBeNull();
    });

    it(`does not under the rules that ship and with their voters (${variant})`, () => {
      expect(replay({ variant: variants.shipped, periodSlots, seed }, trace).conflict).toBeNull();
    });

    it(`is as short as can be: without any one step nothing conflicts (${variant})`, () => {
      const setting = { variant: variants[variant], periodSlots, seed };
      const needless = trace.filter((_, i) => replay(setting, trace.toSpliced(i, 1)).conflict);
      expect(needless).toEqual([]);
    });
  }
});

describe('a random search', () => {
  it('finds no conflict under the rules that ship, while blocks become final over several eras', () => {
    const { found, finals, eras } = searchConflict({ variant: variants.shipped, runs: 40, firstSeed: 1 });
    expect(found).toBeNull();
    expect(finals).toBeGreaterThan(40);
    expect(eras).toBeGreaterThan(0);
  });

  it('comes to the same from the same seed', () => {
    const once = searchConflict({ variant: variants['half-lies'], runs: 5, firstSeed: 1 });
    expect(searchConflict({ variant: variants['half-lies'], runs: 5, firstSeed: 1 })).toEqual(once);
    expect(once.found).not.toBeNull();
  });
});
