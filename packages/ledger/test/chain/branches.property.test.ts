import { describe, expect, it } from '@jest/globals';
import { sha256, toHex, u64be } from '@radpass/core';
import fc from 'fast-check';
import { Tree, type TreeNode } from '../../dist/blockTree.js';
import type { Changes } from '../../dist/stateView.js';

const idOf = (n: number): Uint8Array => sha256(u64be(n));
const keys = ['La', 'Lb', 'Lc', 'Ld'];

function node(n: number, parent: TreeNode, changes: Changes, transactionIds: string[] = []): TreeNode {
  const height = parent.height + 1;
  const common = { header: null, unsignedHeight: 0, vrfOutput: new Uint8Array(0), arrival: n, changes, transactionIds };
  return { id: idOf(n), parent: parent.id, slot: height, height, ...common };
}

const base: TreeNode = node(0, { height: -1, id: idOf(999) } as TreeNode, new Map());

describe('the tree of branches', () => {
  it('shows after each block what its branch wrote last, also after blocks became final', () => {
    const step = fc.record({
      parent: fc.nat(),
      writes: fc.array(fc.tuple(fc.constantFrom(...keys), fc.option(fc.nat(255))), { maxLength: 3 }),
      final: fc.option(fc.nat(), { freq: 4 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), steps => {
        const flat = new Map<string, Uint8Array>([['La', Uint8Array.of(7)]]);
        const tree = new Tree({ get: key => flat.get(key) }, base);
        const naive = new Map<TreeNode, Map<string, number | undefined>>([[base, new Map([['La', 7]])]]);
        steps.forEach(({ parent, writes, final }, i) => {
          const alive = tree.nodes();
          const under = alive[parent % alive.length]!;
          const changes: Changes = new Map(writes.map(([key, n]) => [key, n === null ? null : Uint8Array.of(n)]));
          const added = node(i + 1, under, changes);
          tree.add(added);
          const state = new Map(naive.get(under));
          for (const [key, n] of writes) state.set(key, n ?? undefined);
          naive.set(added, state);
          if (final !== null) {
            const chosen = tree.nodes()[final % tree.nodes().length]!;
            const moved = tree.moveBase(chosen.id);
            for (const done of moved.final) {
              for (const [key, value] of done.changes) value === null ? flat.delete(key) : flat.set(key, value);
            }
            expect(tree.base.id).toEqual(chosen.id);
          }
          for (const present of tree.nodes()) {
            const view = tree.stateAt(present.id);
            const seen = keys.map(key => view.get(key)?.[0]);
            expect(seen).toEqual(keys.map(key => naive.get(present)!.get(key)));
          }
        });
      }),
      { numRuns: 150 },
    );
  });

  it('tells final blocks from those on branches that end', () => {
    const tree = new Tree({ get: () => undefined }, base);
    const a = node(1, base, new Map(), ['t1']);
    const b = node(2, a, new Map(), ['t2']);
    const side = node(3, a, new Map(), ['t2']);
    const above = node(4, b, new Map());
    for (const added of [a, b, side, above]) tree.add(added);
    expect(tree.holding('t2').map(({ id }) => toHex(id))).toEqual([b, side].map(({ id }) => toHex(id)));
    const { final, stale } = tree.moveBase(b.id);
    expect([final, stale]).toEqual([[a, b], [side]]);
    expect(tree.nodes()).toEqual([b, above]);
    expect(tree.holding('t2')).toEqual([]);
    expect([...tree.leaves()]).toEqual([above]);
    expect([tree.isOn(above.id, b.id), tree.isOn(above.id, side.id)]).toEqual([true, false]);
    expect(tree.path(above.id)).toEqual([above]);
  });
});
