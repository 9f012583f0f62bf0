/**
 * Which branch is the chain: never leave a final block; among the descendants of the highest justified checkpoint take
 * the greatest height; ties go to the smaller VRF output, then to the smaller id.
 *
 * Rules over a tree of blocks that the caller keeps; nothing here remembers.
 */
import { compareBytes, equalBytes, toHex } from '@radpass/core';

/** What the rules need of a block. Genesis has height 0, slot 0 and an empty VRF output. */
export interface TreeBlock {
  readonly id: Uint8Array;
  readonly parent: Uint8Array;
  readonly slot: number;
  readonly height: number;
  /** 64 bytes */
  readonly vrfOutput: Uint8Array;
}

/** Blocks from the newest final one up. */
export interface BlockTree {
  block(id: Uint8Array): TreeBlock | undefined;
  /** Blocks without a child. */
  leaves(): Iterable<TreeBlock>;
}

/** Negative when `a` is the better head. */
export function compareHeads(a: TreeBlock, b: TreeBlock): number {
  return b.height - a.height || compareBytes(a.vrfOutput, b.vrfOutput) || compareBytes(a.id, b.id);
}

/** Whether `ancestor` is `block` or one of its ancestors. Costs the difference of their heights. */
export function isAncestor(tree: BlockTree, ancestor: Uint8Array, block: Uint8Array): boolean {
  const height = tree.block(ancestor)?.height;
  if (height === undefined) return false;
  let at = tree.block(block);
  while (at && at.height > height) at = tree.block(at.parent);
  return at !== undefined && equalBytes(at.id, ancestor);
}

/**
 * The best head among the justified block and its descendants.
 * @param justifiedId - block of the highest justified checkpoint known; descends from the newest final block
 * @returns undefined when the tree doesn't hold that block
 */
export function selectHead(tree: BlockTree, justifiedId: Uint8Array): TreeBlock | undefined {
  let best = tree.block(justifiedId);
  for (const leaf of tree.leaves()) {
    if (best && compareHeads(leaf, best) < 0 && isAncestor(tree, justifiedId, leaf.id)) best = leaf;
  }
  return best;
}

/**
 * Look-up of the blocks on the chain that ends in `headId`, for ParentView.
 * @param minHeight - older blocks are not looked up: the height of the final block that the head's chain records
 */
export function ancestorsOf(
  tree: BlockTree,
  headId: Uint8Array,
  minHeight: number,
): (id: Uint8Array) => { slot: number; height: number } | undefined {
  const seen = new Map<string, TreeBlock>();
  let next = tree.block(headId);
  return id => {
    const wanted = toHex(id);
    // Walk only as deep as somebody asks; `seen` is bounded by the stretch that is not final.
    while (!seen.has(wanted) && next && next.height >= minHeight) {
      seen.set(toHex(next.id), next);
      next = tree.block(next.parent);
    }
    return seen.get(wanted);
  };
}
