import { describe, expect, it } from '@jest/globals';
import { utf8 } from '@radpass/core';
import { changesRecord } from '../dist/records.js';
import { storedRoot } from '../dist/stateTree.js';
import { type Changes, emptyState, isPage, leafKey, StateLayer } from '../dist/stateView.js';
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
  it('has the tree of its time, though undo records hold no pages', () => {
    const store = new Map<string, Uint8Array>();
    const roots: Uint8Array[] = [];
    for (let height = 1; height <= 4; height++) {
      const layer = new StateLayer({ get: key => store.get(key) });
      // 200 values come, 50 of the block before change, and the last block takes most of them away.
      for (let i = 0; i < 200; i++) layer.set(leafKey(200, Uint8Array.of(height, i)), Uint8Array.of(i));
      for (let i = 0; i < 50; i++) layer.set(leafKey(200, Uint8Array.of(height - 1, i)), Uint8Array.of(height, i));
      for (let i = 0; height === 4 && i < 190; i++) layer.set(leafKey(200, Uint8Array.of(2, i)), null);
      roots[height] = layer.commitRoot();
      const old: Changes = new Map([...layer.changes.keys()].map(key => [key, store.get(key) ?? null]));
      for (const [key, value] of layer.changes) value ? store.set(key, value) : store.delete(key);
      const record = changesRecord.encode(old);
      expect([...changesRecord.decode(record).keys()].some(isPage)).toBe(false);
      store.set(storeKeys.undo(height), record);
    }
    for (const height of [1, 2, 3, 4]) {
      const state = undoneState({ get: key => store.get(key), height, finalHeight: 4 });
      expect(storedRoot(state)).toEqual(roots[height]);
      // Another block on it leads where it would have led then.
      const next = new StateLayer(state);
      next.set(leafKey(200, Uint8Array.of(height, 3)), Uint8Array.of(77));
      const then = new StateLayer(emptyState);
      for (let of = 0; of <= height; of++) {
        for (let i = 0; i < 200; i++) {
          const key = leafKey(200, Uint8Array.of(of, i));
          const value = next.get(key);
          if (value) then.set(key, value);
        }
      }
      expect(next.commitRoot()).toEqual(then.commitRoot());
    }
  });
});
