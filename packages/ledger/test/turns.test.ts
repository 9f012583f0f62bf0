/** Who tells a quorum, and when. */
import { describe, expect, it } from '@jest/globals';
import { sha256, utf8 } from '@radpass/core';
import { Turns, turnMs } from '../dist/turns.js';
import { seedKey } from './testChain.js';

const id = (name: string) => sha256(utf8(name));
const link = (targetSlot: number) => ({
  rootId: id('root'),
  sourceSlot: 0,
  sourceId: id('source'),
  targetSlot,
  targetId: id(`block ${targetSlot}`),
});
const keys = Array.from({ length: 100 }, (_, i) => seedKey(`voter ${i}`).publicKey);
const turnsOf = (slot: number, voters: number) =>
  keys.slice(0, voters).map(key => turnMs(link(slot), key, { voters, slotMs: 4_000 }));
const slots = Array.from({ length: 50 }, (_, slot) => slot + 1);

describe('the turns of a quorum', () => {
  it.each([10, 100])('begin within 50 ms on average, whatever the number of voters: %d', voters => {
    const firsts = slots.map(slot => Math.min(...turnsOf(slot, voters)));
    const mean = firsts.reduce((sum, first) => sum + first, 0) / slots.length;
    expect(mean).toBeGreaterThan(20);
    expect(mean).toBeLessThan(90);
  });

  it('come to few in the time that the first one needs to be heard', () => {
    const spoken = slots.map(slot => {
      const turns = turnsOf(slot, 100);
      return turns.filter(turn => turn < Math.min(...turns) + 200).length;
    });
    const mean = spoken.reduce((sum, count) => sum + count, 0) / slots.length;
    expect(mean).toBeGreaterThan(2);
    expect(mean).toBeLessThan(8);
  });

  it('are over after a quarter of the slot, and begin with another voter for another link', () => {
    expect(Math.max(...slots.flatMap(slot => turnsOf(slot, 100)))).toBe(1_000);
    const first = slots.map(slot => {
      const turns = turnsOf(slot, 100);
      return turns.indexOf(Math.min(...turns));
    });
    expect(new Set(first).size).toBeGreaterThan(20);
  });

  it('are taken once, when they are due', () => {
    const turns = new Turns();
    expect(turns.nextMs).toBe(Number.POSITIVE_INFINITY);
    turns.add(link(1), 30);
    turns.add(link(2), 10);
    expect(turns.nextMs).toBe(10);
    expect(turns.take(9)).toEqual([]);
    expect(turns.take(10)).toEqual([link(2)]);
    expect(turns.nextMs).toBe(30);
    expect(turns.take(40)).toEqual([link(1)]);
    expect(turns.take(40)).toEqual([]);
  });
});
