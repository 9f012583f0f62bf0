import { describe, expect, it } from '@jest/globals';
import { utf8 } from '@radpass/core';
import { changesRecord } from '../dist/records.js';
import { storeKeys } from '../dist/storeKeys.js';
import { undoneState } from '../dist/undoneState.js';

// Blocks 1 to 3 set La to 1, 2, 3; block 3 added Lb and took Lc away.
const flat = new Map([
  ['La', utf8('3')],
  ['Lb', utf8('new')],
]);
const undo = (height: number, ...old: [string, string | null][]) =>
  [
    storeKeys.undo(height),
    changesRecord.encode(new Map(old.map(([key, v]) => [key, v === null ? null : utf8(v)]))),
  ] as const;
const records = new Map<string, Uint8Array>([
  ...flat,
  undo(2, ['La', '1']),
  undo(3, ['La', '2'], ['Lb', null], ['Lc', 'old']),
]);
const at = (height: number) => {
  const state = undoneState({ get: key => records.get(key), height, finalHeight: 3 });
  return ['La', 'Lb', 'Lc'].map(key => {
    const value = state.get(key);
    return value && new TextDecoder().decode(value);
  });
};

describe('the state after a block that final ones have passed', () => {
  it('is the newest with what they changed undone, the oldest value last', () => {
    expect(at(3)).toEqual(['3', 'new', undefined]);
    expect(at(2)).toEqual(['2', undefined, 'old']);
    expect(at(1)).toEqual(['1', undefined, 'old']);
  });
  it('is not to be had without every undo record in between', () => {
    expect(() => at(0)).toThrow(expect.objectContaining({ code: 'LEDGER_STORE_DAMAGED' }));
  });
});
