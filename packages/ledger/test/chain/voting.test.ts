import { describe, expect, it } from '@jest/globals';
import { sha256, u64be } from '@radpass/core';
import type { Header } from '../../dist/block.js';
import { Tree, type TreeNode } from '../../dist/blockTree.js';
import { chooseVote } from '../../dist/voting.js';

const idOf = (n: number): Uint8Array => sha256(u64be(n));
const none = { unsignedHeight: 0, changes: new Map(), transactionIds: [], vrfOutput: new Uint8Array(0) };
const genesis: TreeNode = { ...none, id: idOf(0), parent: idOf(99), slot: 0, height: 0, header: null, arrival: 0 };
const root = { slot: 0, id: genesis.id };

/** A block of `slot` whose chain records `justified`. */
function block(slot: number, parent: TreeNode, arrival: number, justified = root): TreeNode {
  const header = { root, justified } as Header;
  return {
    ...none,
    id: idOf(slot * 100 + arrival),
    parent: parent.id,
    slot,
    height: parent.height + 1,
    header,
    arrival,
  };
}

function treeOf(...nodes: TreeNode[]): Tree {
  const tree = new Tree({ get: () => undefined }, genesis);
  for (const node of nodes) tree.add(node);
  return tree;
}

const voteOf = (p: Omit<Parameters<typeof chooseVote>[0], 'root' | 'openingOn'> & { opening?: TreeNode }) =>
  chooseVote({ root, openingOn: () => p.opening ?? null, ...p });

describe('the vote of a slot', () => {
  it("goes to this slot's block, from what was justified before", () => {
    const one = block(1, genesis, 1);
    const two = block(2, one, 2);
    const vote = voteOf({
      tree: treeOf(one, two),
      slot: 2,
      frozen: { arrivals: 1, rootId: root.id, justified: { slot: 1, id: one.id } },
    });
    expect(vote).toMatchObject({ sourceSlot: 1, sourceId: one.id, targetSlot: 2, targetId: two.id, rootId: root.id });
  });

  it('goes to an older block when the slot is empty', () => {
    const one = block(1, genesis, 1);
    const vote = voteOf({ tree: treeOf(one), slot: 3, frozen: { arrivals: 1, rootId: root.id, justified: root } });
    expect(vote).toMatchObject({ sourceSlot: 0, targetSlot: 3, targetId: one.id });
  });

  it('leaves out what came after the freeze, but for the block of the slot and its ancestors', () => {
    const one = block(1, genesis, 1);
    const late = block(2, one, 2);
    const frozen = { arrivals: 1, rootId: root.id, justified: root };
    expect(voteOf({ tree: treeOf(one, late), slot: 3, frozen })).toMatchObject({ targetId: one.id });
    const three = block(3, late, 3);
    expect(voteOf({ tree: treeOf(one, late, three), slot: 3, frozen })).toMatchObject({ targetId: three.id });
  });

  it("takes the source that this slot's block shows, if it is higher", () => {
    const one = block(1, genesis, 1);
    const two = block(2, one, 2);
    const three = block(3, two, 3, { slot: 2, id: two.id });
    const vote = voteOf({
      tree: treeOf(one, two, three),
      slot: 3,
      frozen: { arrivals: 2, rootId: root.id, justified: root },
    });
    expect(vote).toMatchObject({ sourceSlot: 2, sourceId: two.id, targetId: three.id });
  });

  it('stays with the justified branch, however long another is', () => {
    const one = block(1, genesis, 1);
    const fork = block(2, genesis, 2);
    const longer = block(3, fork, 3);
    const tree = treeOf(one, fork, longer);
    const vote = voteOf({
      tree,
      slot: 4,
      frozen: { arrivals: 3, rootId: root.id, justified: { slot: 2, id: one.id } },
    });
    expect(vote).toMatchObject({ targetId: one.id, sourceSlot: 2 });
  });

  it('stops at a block that opens the next era, as long as the head lies beyond it', () => {
    const one = block(1, genesis, 1);
    const opens = block(2, one, 2);
    const three = block(3, opens, 3);
    const tree = treeOf(one, opens, three);
    const frozen = { arrivals: 2, rootId: root.id, justified: { slot: 1, id: one.id } };
    expect(voteOf({ tree, slot: 3, frozen, opening: opens })).toMatchObject({ targetSlot: 3, targetId: opens.id });
    // A source beyond it could only come of dishonest votes; what stands before it does not descend from that.
    const beyond = { ...frozen, justified: { slot: 3, id: three.id } };
    expect(voteOf({ tree, slot: 4, frozen: beyond, opening: opens })).toBeNull();
  });

  it("comes from the era's root when what was justified is of an era before", () => {
    const one = block(1, genesis, 1);
    const two = block(2, one, 2);
    const frozen = { arrivals: 1, rootId: idOf(77), justified: { slot: 1, id: one.id } };
    const vote = voteOf({ tree: treeOf(one, two), slot: 2, frozen });
    expect(vote).toMatchObject({ rootId: root.id, sourceSlot: 0, sourceId: root.id, targetId: two.id });
  });

  it('is none when nothing lies behind the source', () => {
    const one = block(1, genesis, 1);
    const frozen = { arrivals: 1, rootId: root.id, justified: { slot: 1, id: one.id } };
    expect(voteOf({ tree: treeOf(one), slot: 1, frozen })).toBeNull();
  });
});
