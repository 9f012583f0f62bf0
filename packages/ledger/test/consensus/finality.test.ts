import { describe, expect, it } from '@jest/globals';
import { sha256, utf8 } from '@radpass/core';
import { applyLink, genesisFinality, isQuorum, isStalled, raises } from '../../dist/consensus/finality.js';
import { defaultParams } from '../../dist/consensus/params.js';

const id = (name: string) => sha256(utf8(name));
const chainId = id('chain');
const link = (sourceSlot: number, targetSlot: number, source = 'a', target = 'b') => ({
  rootId: chainId,
  sourceSlot,
  sourceId: id(source),
  targetSlot,
  targetId: id(target),
});

describe('isQuorum', () => {
  it('is more than two thirds: two of three are none, and neither is one unit less than enough', () => {
    expect(isQuorum(2, 3, false)).toBe(false);
    expect(isQuorum(3, 3, false)).toBe(true);
    expect(isQuorum(200, 300, false)).toBe(false);
    expect(isQuorum(201, 300, false)).toBe(true);
  });
  it('is more than three fifths when stalled', () => {
    expect(isQuorum(3, 5, true)).toBe(false);
    expect(isQuorum(4, 5, true)).toBe(true);
    expect(isQuorum(601, 1_000, true)).toBe(true);
    expect(isQuorum(601, 1_000, false)).toBe(false);
  });
  it('is exact for the greatest totals', () => {
    const third = (Number.MAX_SAFE_INTEGER - 1) / 3;
    const total = 3 * third;
    expect(isQuorum(2 * third, total, false)).toBe(false);
    expect(isQuorum(2 * third + 1, total, false)).toBe(true);
  });
  it("counts the stall in slots from the era's root to the link's target", () => {
    const { stallSlots } = defaultParams;
    expect(isStalled(10 + stallSlots - 1, 10, defaultParams)).toBe(false);
    expect(isStalled(10 + stallSlots, 10, defaultParams)).toBe(true);
  });
});

describe('applyLink', () => {
  const start = genesisFinality(chainId);

  it('justifies the target; the source is final only if the target is the next slot', () => {
    const gap = applyLink(start, link(3, 5), { source: 2, target: 4 });
    expect(gap.justified).toEqual({ slot: 5, id: id('b') });
    expect([gap.justifiedHeight, gap.finalizedHeight]).toEqual([4, 0]);
    expect(gap.finalized).toEqual(start.finalized);
    const direct = applyLink(start, link(4, 5), { source: 3, target: 4 });
    expect(direct.finalized).toEqual({ slot: 4, id: id('a') });
    expect(direct.finalizedHeight).toBe(3);
  });
  it('never lowers what is recorded, and tells beforehand whether it raises anything', () => {
    const high = applyLink(start, link(9, 10, 'x', 'y'), { source: 9, target: 10 });
    expect(applyLink(high, link(4, 5), { source: 3, target: 4 })).toEqual(high);
    expect(raises(high, link(4, 5))).toBe(false);
    expect(raises(high, link(9, 10))).toBe(false);
    expect(raises(high, link(9, 11))).toBe(true);
  });
  it('may raise the final checkpoint alone, when a later target was justified over a gap', () => {
    const gap = applyLink(start, link(3, 9, 'x', 'y'), { source: 3, target: 9 });
    expect(raises(gap, link(4, 5))).toBe(true);
    const both = applyLink(gap, link(4, 5), { source: 4, target: 5 });
    expect(both.justified).toEqual(gap.justified);
    expect(both.finalized).toEqual({ slot: 4, id: id('a') });
    expect(raises(gap, link(4, 6))).toBe(false);
  });
});
