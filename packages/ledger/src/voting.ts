/**
 * Which vote an honest voter casts in a slot.
 *
 * View: what stood frozen at three quarters of the slot before, and this slot's block with its ancestors. Source = the
 * highest justified checkpoint of the era in that view, or the era's root; the head is chosen in the same view; target =
 * (slot, head), an older block if the slot is empty, and never beyond a block that opens the next era: there the era's
 * votes stop until it is final. A target that doesn't descend from the source gets no vote. Freezing makes the voters of
 * a slot see the same votes, so that late ones can't split them.
 */
import { equalBytes } from '@radpass/core';
import { type Tree, type TreeNode, viewOf } from './blockTree.js';
import { type Consensus, consensus } from './consensus/index.js';
import type { Checkpoint, VoteMessage } from './consensus/votes.js';

/** What was known at three quarters of a slot. */
export interface FrozenView {
  /** Order of the last block that had arrived. */
  readonly arrivals: number;
  /** Root of the era that `justified` is of. */
  readonly rootId: Uint8Array;
  readonly justified: Checkpoint;
}

/**
 * @param p.root - the era's root
 * @param p.openingOn - the block above the final one that opens the next era on the chain of a head, if one does
 * @returns null when there is nothing to vote for
 */
export function chooseVote(p: {
  tree: Tree;
  slot: number;
  frozen: FrozenView;
  root: Checkpoint;
  openingOn: (headId: Uint8Array) => TreeNode | null;
  rules?: Consensus | undefined;
}): VoteMessage | null {
  const { tree, slot, frozen, root, rules = consensus } = p;
  const fresh = tree.nodes().filter(node => node.slot === slot);
  const admitted = new Set<TreeNode>(fresh.flatMap(node => tree.path(node.id)));
  const view = viewOf(tree, node => node === tree.base || node.arrival <= frozen.arrivals || admitted.has(node));
  let source = equalBytes(frozen.rootId, root.id) ? frozen.justified : root;
  for (const { header } of fresh) {
    const isOfEra = header && equalBytes(header.root.id, root.id);
    if (isOfEra && header.justified.slot > source.slot) source = header.justified;
  }
  if (source.slot >= slot) return null;
  // A source below the base is an ancestor of the final block, which every head descends from.
  const from = tree.block(source.id) ? source.id : tree.base.id;
  const head = rules.forkChoice.selectHead(view, from);
  if (!head || head.slot > slot) return null;
  const target = p.openingOn(head.id) ?? head;
  if (!tree.isOn(target.id, from)) return null;
  return {
    rootId: root.id,
    sourceSlot: source.slot,
    sourceId: source.id,
    targetSlot: slot,
    targetId: target.id,
  };
}

/** Whether two voters' messages are one. */
export function isSameMessage(a: VoteMessage, b: VoteMessage): boolean {
  if (a === b) return true;
  return (
    a.sourceSlot === b.sourceSlot &&
    a.targetSlot === b.targetSlot &&
    equalBytes(a.rootId, b.rootId) &&
    equalBytes(a.sourceId, b.sourceId) &&
    equalBytes(a.targetId, b.targetId)
  );
}
