import { describe, expect, it } from '@jest/globals';
import { concatBytes, sha256, toHex } from '@radpass/core';
import fc from 'fast-check';
import { proveState, verifyStateProof } from '../dist/stateProof.js';
import { storedRoot } from '../dist/stateTree.js';
import { type Changes, emptyState, leafKey, StateLayer, type StateSource } from '../dist/stateView.js';

type Values = ReadonlyMap<number, number>;
const table = 3;
// Few keys, so that runs hit, replace and remove each other's values.
const tableKey = (n: number) => Uint8Array.of(n >> 8, n & 255);
const value = (n: number) => Uint8Array.of(n);

/** The definition of the state root (docs/protocol-state.md), with no tree kept: what the fast one must equal. */
function naiveRoot(values: Values): Uint8Array {
  const leaves = [...values].map(([key, v]) => ({
    key: sha256(Uint8Array.of(table), tableKey(key)),
    valueHash: sha256(value(v)),
  }));
  const bit = (key: Uint8Array, depth: number) => (key[depth >> 3]! >> (7 - (depth % 8))) & 1;
  const root = (some: typeof leaves, depth: number): Uint8Array => {
    if (some.length === 0) return new Uint8Array(32);
    if (some.length === 1) return sha256(Uint8Array.of(0), some[0]!.key, some[0]!.valueHash);
    return sha256(
      Uint8Array.of(1),
      root(
        some.filter(leaf => bit(leaf.key, depth) === 0),
        depth + 1,
      ),
      root(
        some.filter(leaf => bit(leaf.key, depth) === 1),
        depth + 1,
      ),
    );
  };
  return root(leaves, 0);
}

function layerOf(values: Values, parent: StateSource = emptyState): StateLayer {
  const layer = new StateLayer(parent);
  for (const [key, v] of values) layer.set(leafKey(table, tableKey(key)), value(v));
  return layer;
}

function pagesOf(layer: StateLayer): string[] {
  return [...(layer.changes as Changes)]
    .filter(([key, page]) => key.startsWith('N') && page)
    .map(([key, page]) => `${key} ${toHex(page!)}`)
    .sort();
}

const keys = fc.integer({ min: 0, max: 300 });
const values = fc
  .array(fc.tuple(keys, fc.integer({ min: 0, max: 5 })), { maxLength: 200 })
  .map(pairs => new Map(pairs));

describe('the state tree', () => {
  it('has the root of its definition', () => {
    fc.assert(fc.property(values, v => expect(layerOf(v).commitRoot()).toEqual(naiveRoot(v))));
  });

  it('has the same root and pages in whatever order and batches the values came', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 7 }), (v, batch) => {
        const pieces = new StateLayer(emptyState);
        for (const [i, [key, n]] of [...v].reverse().entries()) {
          pieces.set(leafKey(table, tableKey(key)), value(n));
          if (i % batch === 0) pieces.commitRoot();
        }
        const whole = layerOf(v);
        expect(pieces.commitRoot()).toEqual(whole.commitRoot());
        expect(pagesOf(pieces)).toEqual(pagesOf(whole));
      }),
    );
  });

  it('forgets a removed value as if it had never been there', () => {
    fc.assert(
      fc.property(values, fc.uniqueArray(keys, { maxLength: 150 }), (v, removed) => {
        const base = layerOf(v);
        base.commitRoot();
        const layer = new StateLayer(base);
        for (const key of removed) layer.set(leafKey(table, tableKey(key)), null);
        const left = new Map([...v].filter(([key]) => !removed.includes(key)));
        const never = layerOf(left);
        expect(layer.commitRoot()).toEqual(never.commitRoot());
        for (const [key, n] of layer.changes) base.set(key, n);
        expect(pagesOf(base)).toEqual(pagesOf(never));
        expect(storedRoot(base)).toEqual(storedRoot(never));
      }),
    );
  });

  it('leaves the parent as it was', () => {
    const base = layerOf(new Map([[1, 1]]));
    const root = base.commitRoot();
    const layer = layerOf(new Map([[2, 2]]), base);
    expect(layer.commitRoot()).not.toEqual(root);
    expect(storedRoot(base)).toEqual(root);
    expect(base.get(leafKey(table, tableKey(2)))).toBeUndefined();
  });

  it('writes no page when no value changed', () => {
    const base = layerOf(new Map(Array.from({ length: 50 }, (_, i) => [i, i])));
    const root = base.commitRoot();
    const layer = layerOf(new Map([[7, 7]]), base);
    expect(layer.commitRoot()).toEqual(root);
    expect([...layer.changes.keys()].filter(key => key.startsWith('N'))).toEqual([]);
  });

  it('says so when a page is missing or damaged', () => {
    const base = layerOf(new Map(Array.from({ length: 200 }, (_, i) => [i, 1])));
    base.commitRoot();
    const pages = [...base.changes.keys()].filter(key => key.startsWith('N') && key.length === 2);
    const without = new StateLayer(base);
    for (const page of pages) without.set(page, null);
    without.set(leafKey(table, tableKey(1)), value(9));
    expect(() => without.commitRoot()).toThrow(/lacks its page at depth 4/);
    const damaged = new StateLayer(base);
    damaged.set('N', Uint8Array.of(9));
    expect(() => storedRoot(damaged)).toThrow(/damaged/);
  });
});

describe('a state proof', () => {
  const proofOf = (layer: StateLayer, key: number) => proveState(layer, table, tableKey(key));

  it('shows what the state holds and what it lacks', () => {
    fc.assert(
      fc.property(values, keys, (v, key) => {
        const layer = layerOf(v);
        const root = layer.commitRoot();
        const held = v.get(key);
        const p = { root, table, tableKey: tableKey(key), proof: proofOf(layer, key) };
        expect(verifyStateProof({ ...p, value: held === undefined ? null : value(held) })).toBe(true);
        expect(verifyStateProof({ ...p, value: held === undefined ? value(0) : null })).toBe(false);
        expect(verifyStateProof({ ...p, value: value(200) })).toBe(false);
      }),
    );
  });

  it('holds for no other key, table or root', () => {
    fc.assert(
      fc.property(values, keys, keys, (v, key, other) => {
        fc.pre(key !== other && v.has(key));
        const layer = layerOf(v);
        const p = {
          root: layer.commitRoot(),
          table,
          tableKey: tableKey(key),
          value: value(v.get(key)!),
          proof: proofOf(layer, key),
        };
        expect(verifyStateProof(p)).toBe(true);
        expect(verifyStateProof({ ...p, tableKey: tableKey(other) })).toBe(false);
        expect(verifyStateProof({ ...p, table: table + 1 })).toBe(false);
        expect(verifyStateProof({ ...p, root: sha256(p.root) })).toBe(false);
      }),
    );
  });

  it('fails when any bit of it is turned, or bytes are added or cut', () => {
    fc.assert(
      fc.property(values, keys, fc.nat(), (v, key, at) => {
        const layer = layerOf(v);
        const root = layer.commitRoot();
        const proof = proofOf(layer, key);
        const held = v.get(key);
        const check = (bytes: Uint8Array) =>
          verifyStateProof({
            root,
            table,
            tableKey: tableKey(key),
            value: held === undefined ? null : value(held),
            proof: bytes,
          });
        const bit = at % (proof.length * 8);
        const turned = proof.slice();
        turned[bit >> 3]! ^= 1 << (bit & 7);
        expect(check(turned)).toBe(false);
        expect(check(proof.subarray(0, at % proof.length))).toBe(false);
        expect(check(concatBytes(proof, Uint8Array.of(at & 255)))).toBe(false);
      }),
    );
  });

  it('shows no absence by a leaf from another part of the tree', () => {
    const v = new Map(Array.from({ length: 40 }, (_, i) => [i, i]));
    const layer = layerOf(v);
    const root = layer.commitRoot();
    // A true absence proof that ends at another leaf must not be taken for a key that it doesn't lie beside.
    for (let absent = 100; absent < 140; absent++) {
      const proof = proofOf(layer, absent);
      for (const present of v.keys()) {
        expect(verifyStateProof({ root, table, tableKey: tableKey(present), value: null, proof })).toBe(false);
      }
    }
  });

  it('takes at most 1.5 KB in a state of ten million', () => {
    // A state of 2^24 values has paths of 24 bits on average; 40 are met once in 2^16 keys. Build one path that deep.
    const layer = new StateLayer(emptyState);
    for (let i = 0; i < 20_000; i++) layer.set(leafKey(table, Uint8Array.of(i >> 8, i & 255)), value(i & 255));
    layer.commitRoot();
    const longest = Math.max(...Array.from({ length: 300 }, (_, i) => proofOf(layer, i).length));
    // log2(10^7 / 20000) = 9 levels more, 34 bytes each.
    expect(longest + 9 * 34).toBeLessThan(1_536);
    expect(longest).toBeGreaterThan(14 * 32);
  });
});
