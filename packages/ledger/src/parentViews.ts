/**
 * Blocks as parents: what a block, or the evidence in it, is judged on. A parent stands in the tree, or is a final block that
 * evidence of the window goes back to; its state is then the newest final one with the blocks above it undone.
 */
import { equalBytes } from '@radpass/core';
import type { Tree, TreeNode } from './blockTree.js';
import { finalityOf } from './consensus/chainTables.js';
import type { FinalRecords } from './finalRecords.js';
import type { ParentView } from './genesisState.js';
import type { Hash } from './stateTree.js';
import { undoneState } from './undoneState.js';

interface Place {
  readonly slot: number;
  readonly height: number;
}

export interface ParentViewsInit {
  readonly tree: Tree;
  readonly records: FinalRecords;
  /** Reads a record of the store. */
  readonly get: (key: string) => Uint8Array | undefined;
  readonly evidenceWindowSlots: number;
  readonly hash: Hash | undefined;
}

export class ParentViews {
  readonly #p: ParentViewsInit;

  constructor(p: ParentViewsInit) {
    this.#p = p;
  }

  /** A block of the tree. */
  of(node: TreeNode): ParentView {
    const { slot, height, id } = node;
    return {
      header: { slot, height },
      id,
      state: this.#p.tree.stateAt(id),
      ancestor: wanted => this.#ancestor(node, wanted),
      at: wanted => this.#on(node, wanted),
    };
  }

  /** A block of the node's chain, also one that final blocks have passed. */
  #on(node: TreeNode, id: Uint8Array): ParentView | undefined {
    const { tree, records, evidenceWindowSlots } = this.#p;
    const inTree = tree.block(id);
    if (inTree) return tree.isOn(node.id, id) ? this.of(inTree) : undefined;
    const oldest = tree.base.slot - evidenceWindowSlots;
    for (let height = tree.base.height - 1; height >= 0; height--) {
      const record = records.at(height);
      if (record.slot < oldest) return undefined;
      if (equalBytes(record.id, id)) return this.#final(height);
    }
    return undefined;
  }

  #final(height: number): ParentView {
    const { tree, records, get, hash } = this.#p;
    const { id, slot } = records.at(height);
    const state = undoneState({ get, height, finalHeight: tree.base.height, hash });
    return {
      header: { slot, height },
      id,
      state,
      ancestor: wanted => this.#finalAncestor(wanted, height, finalityOf(state).finalizedHeight),
      // Nothing that is judged on this view asks further back: evidence does not nest.
      at: wanted => (equalBytes(wanted, id) ? this.#final(height) : undefined),
    };
  }

  #ancestor(node: TreeNode, id: Uint8Array): Place | undefined {
    const { tree } = this.#p;
    const inTree = tree.block(id);
    if (inTree) return tree.isOn(node.id, id) ? { slot: inTree.slot, height: inTree.height } : undefined;
    // Below the base: asked for no further than the final block that the node's chain records.
    return this.#finalAncestor(id, tree.base.height - 1, finalityOf(tree.stateAt(node.id)).finalizedHeight);
  }

  /** A final block between two heights, if it is the one that is wanted. */
  #finalAncestor(wanted: Uint8Array, highest: number, lowest: number): Place | undefined {
    for (let height = highest; height >= lowest; height--) {
      const { id, slot } = this.#p.records.at(height);
      if (equalBytes(id, wanted)) return { slot, height };
    }
    return undefined;
  }
}
