/**
 * The blocks from the newest final one up: every branch, with the state after each block.
 *
 * State after a block = what its branch changed, over the flat state at the base. Looking a key up must stay cheap when
 * finality stalls and branches grow long, so the block at height h also holds the changes of the last lowbit(h) blocks
 * merged, and a look-up jumps from h to h - lowbit(h): about log2 of the branch's length in steps (a Fenwick tree over
 * heights). Blocks at or below the base answer from the flat state.
 */
import { toHex } from '@radpass/core';
import type { Block, Header } from './block.js';
import type { BlockTree, TreeBlock } from './consensus/forkChoice.js';
import type { Changes, StateSource } from './stateView.js';

/** A block of the tree. `parent` ids lead down to the base. */
export interface TreeNode extends TreeBlock {
  /** Null for genesis. */
  readonly header: Header | null;
  /** Of the newest block on its chain, itself included, that came without its votes' signatures; 0 = none above the base. */
  readonly unsignedHeight: number;
  /** Order of arrival in this process. */
  readonly arrival: number;
  /** What the block changed. */
  readonly changes: Changes;
  /** Ids of its transactions, hex. */
  readonly transactionIds: readonly string[];
}

interface Linked {
  readonly node: TreeNode;
  parent: Linked | null;
  readonly children: Set<Linked>;
  /** Changes of the blocks above `jump`, up to and including this one. */
  readonly merged: Changes;
  jump: Linked | null;
}

const noChanges: Changes = new Map();
/** Exact below 2^31 blocks. */
const lowBit = (height: number): number => height & -height;

export class Tree implements BlockTree {
  readonly #flat: StateSource;
  readonly #byId = new Map<string, Linked>();
  /** Blocks of the tree by the transactions in them, hex ids. */
  readonly #byTransaction = new Map<string, Set<TreeNode>>();
  #base: Linked;

  /** @param flat - state at `base`; when `moveBase` is called it must show the new base's state from then on */
  constructor(flat: StateSource, base: TreeNode) {
    this.#flat = flat;
    this.#base = { node: base, parent: null, children: new Set(), merged: noChanges, jump: null };
    this.#byId.set(toHex(base.id), this.#base);
  }

  get base(): TreeNode {
    return this.#base.node;
  }

  get size(): number {
    return this.#byId.size;
  }

  block(id: Uint8Array): TreeNode | undefined {
    return this.#byId.get(toHex(id))?.node;
  }

  *leaves(): Iterable<TreeNode> {
    for (const { node, children } of this.#byId.values()) if (children.size === 0) yield node;
  }

  /** Whether a block of a slot is in the tree; genesis is none. */
  hasBlockOf(slot: number): boolean {
    for (const { node } of this.#byId.values()) if (node.slot === slot && node.header) return true;
    return false;
  }

  nodes(): TreeNode[] {
    return Array.from(this.#byId.values(), linked => linked.node);
  }

  /** Blocks of the tree that hold a transaction. */
  holding(transactionId: string): readonly TreeNode[] {
    return [...(this.#byTransaction.get(transactionId) ?? [])];
  }

  /** Whether some block of the tree holds it. */
  isHeld(transactionId: string): boolean {
    return this.#byTransaction.has(transactionId);
  }

  /** Add a block whose parent is in the tree. */
  add(node: TreeNode): void {
    const parent = this.#byId.get(toHex(node.parent));
    if (!parent) throw new RangeError('the parent is not in the tree');
    const reach = Math.max(node.height - lowBit(node.height), this.base.height);
    const pieces: Changes[] = [node.changes];
    let at: Linked | null = parent;
    while (at && at.node.height > reach) {
      pieces.push(at.merged);
      at = at.jump;
    }
    const merged: Changes = pieces.length === 1 ? node.changes : new Map();
    if (pieces.length > 1)
      for (const piece of pieces.reverse()) for (const [key, value] of piece) merged.set(key, value);
    const linked: Linked = { node, parent, children: new Set(), merged, jump: at };
    parent.children.add(linked);
    this.#byId.set(toHex(node.id), linked);
    for (const id of node.transactionIds) {
      const holders = this.#byTransaction.get(id) ?? new Set();
      this.#byTransaction.set(id, holders.add(node));
    }
  }

  /** State after a block of the tree. Good until the base leaves the block's branch or passes it. */
  stateAt(id: Uint8Array): StateSource {
    const from = this.#byId.get(toHex(id));
    if (!from) throw new RangeError('the block is not in the tree');
    return {
      get: key => {
        for (let at: Linked | null = from; at && at.node.height > this.base.height; at = at.jump) {
          const value = at.merged.get(key);
          if (value !== undefined) return value ?? undefined;
        }
        return this.#flat.get(key);
      },
    };
  }

  /** Blocks above the base up to and including `id`, ascending. */
  path(id: Uint8Array): TreeNode[] {
    const path: TreeNode[] = [];
    for (let at = this.#byId.get(toHex(id)); at && at !== this.#base; at = at.parent ?? undefined) path.push(at.node);
    return path.reverse();
  }

  /** Whether the block is in the tree and stands on the chain that ends in `headId`. */
  isOn(headId: Uint8Array, id: Uint8Array): boolean {
    const wanted = this.#byId.get(toHex(id));
    let at = this.#byId.get(toHex(headId)) ?? null;
    while (at && wanted && at.node.height > wanted.node.height) at = at.parent;
    return wanted !== undefined && at === wanted;
  }

  /**
   * Make a block of the tree the base. Returns the blocks that became final, ascending, and those on branches that end
   * with it.
   */
  moveBase(id: Uint8Array): { final: TreeNode[]; stale: TreeNode[] } {
    const base = this.#byId.get(toHex(id));
    if (!base) throw new RangeError('the block is not in the tree');
    const final = this.path(id);
    const kept = new Set<Linked>([base]);
    for (const linked of kept) for (const child of linked.children) kept.add(child);
    const gone = [...this.#byId.values()].filter(linked => !kept.has(linked) && linked !== this.#base);
    const finalIds = new Set(final);
    for (const linked of [...gone, this.#base, base]) this.#forgetTransactions(linked.node);
    this.#byId.clear();
    this.#base = { node: base.node, parent: null, children: base.children, merged: noChanges, jump: null };
    for (const linked of kept) {
      const entry = linked === base ? this.#base : linked;
      this.#byId.set(toHex(entry.node.id), entry);
      // What lies below the base is let go.
      if (linked.jump && linked.jump.node.height <= base.node.height) linked.jump = null;
    }
    for (const child of base.children) child.parent = this.#base;
    return { final, stale: gone.map(linked => linked.node).filter(node => !finalIds.has(node)) };
  }

  #forgetTransactions(node: TreeNode): void {
    for (const id of node.transactionIds) {
      const holders = this.#byTransaction.get(id);
      holders?.delete(node);
      if (holders?.size === 0) this.#byTransaction.delete(id);
    }
  }
}

/** The tree without what a view leaves out; blocks below an admitted one must be admitted. */
export function viewOf(tree: Tree, admits: (node: TreeNode) => boolean): BlockTree {
  const admitted = tree.nodes().filter(admits);
  const ids = new Set(admitted.map(node => toHex(node.id)));
  const parents = new Set(admitted.map(node => toHex(node.parent)));
  return {
    block: id => (ids.has(toHex(id)) ? tree.block(id) : undefined),
    leaves: () => admitted.filter(node => !parents.has(toHex(node.id))),
  };
}

/** The node of an applied block. */
export function treeNode(p: {
  block: Block;
  parent: TreeNode;
  vrfOutput: Uint8Array;
  arrival: number;
  changes: Changes;
  transactionIds: readonly string[];
}): TreeNode {
  const { id, header, pruned } = p.block;
  const { parent, slot, height } = header;
  const { vrfOutput, arrival, changes, transactionIds } = p;
  const unsignedHeight = pruned ? height : p.parent.unsignedHeight;
  return { id, parent, slot, height, vrfOutput, header, unsignedHeight, arrival, changes, transactionIds };
}
