import { describe, expect, it } from '@jest/globals';
import { firstTogether } from '../dist/firstTogether.js';

const blocks = (...lengths: number[]) => lengths.map(length => new Uint8Array(length));
const kib = 1024;

describe('blocks of a sync that are taken together', () => {
  it.each([
    ['none', blocks(), 0],
    ['all, if few and short', blocks(1, 2, 3), 3],
    ['sixteen at most', blocks(...Array(17).fill(1)), 16],
    ['256 KiB at most', blocks(128 * kib, 128 * kib, 1), 2],
    ['one at least', blocks(700 * kib, 1), 1],
  ])('are %s', (_, row, count) => {
    expect(firstTogether(row)).toEqual(row.slice(0, count));
  });
});
