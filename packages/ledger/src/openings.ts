/** The blocks above the final one that open the next era, each on its branch: at most one on a chain. */
import type { Tree, TreeNode } from './blockTree.js';
import { eraKey, eraOf } from './consensus/chainTables.js';
import { type Era, nextEra, type Rulebook } from './standing.js';

export class Openings {
  readonly #tree: Tree;
  readonly #book: Rulebook;
  #blocks: TreeNode[] = [];

  constructor(tree: Tree, book: Rulebook) {
    this.#tree = tree;
    this.#book = book;
  }

  /** A block was added to the tree. */
  consider(node: TreeNode): void {
    if (!node.changes.has(eraKey)) return;
    if (eraOf(this.#tree.stateAt(node.id)).opening?.height === node.height) this.#blocks.push(node);
  }

  /** The base of the tree moved. */
  prune(): void {
    this.#blocks = this.#blocks.filter(({ id, height }) => height > this.#tree.base.height && this.#tree.block(id));
  }

  /** The one on the chain that ends in `headId`. */
  on(headId: Uint8Array): TreeNode | null {
    return this.#blocks.find(node => this.#tree.isOn(headId, node.id)) ?? null;
  }

  /** The eras that they open, should they become final: all, or those on the chain that ends in `headId`. */
  eras(headId?: Uint8Array): Era[] {
    const blocks = headId ? this.#blocks.filter(node => this.#tree.isOn(headId, node.id)) : this.#blocks;
    return blocks.map(node => nextEra(this.#tree.stateAt(node.id), node.id, this.#book));
  }
}
