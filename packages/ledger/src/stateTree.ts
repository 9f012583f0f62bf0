/**
 * The state tree: a compact sparse Merkle tree over all values of the state; its root stands in every header.
 *
 *   key  = SHA-256(table byte ‖ table key)            the path from the root: bit 0 of depth 0 is the highest of byte 0
 *   leaf = SHA-256(0x00 ‖ key ‖ SHA-256(value))       node = SHA-256(0x01 ‖ left ‖ right)
 *   a subtree without leaves = 32 zero bytes          a subtree with one leaf is that leaf
 *
 * The root depends on the values alone, not on their history. Nodes are kept in pages of four levels, so that a changed
 * value costs about log16 of the state's size in reads (treePage.ts). See docs/protocol-state.md, State tree.
 */
import { compareBytes, equalBytes } from '@radpass/core';
import type { StateKey, StateSource } from './stateView.js';
import { type Inner, isPageDepth, type Leaf, pageKey, parsePage, type TreeNode, writePage } from './treePage.js';

/** SHA-256 of one byte string. */
export type Hash = (bytes: Uint8Array) => Uint8Array;

/** A value that was set (SHA-256 of it) or removed (null). */
export interface LeafChange {
  readonly key: Uint8Array;
  readonly valueHash: Uint8Array | null;
}

/** Where pages are read from and written to. */
interface PageStore extends StateSource {
  set(key: StateKey, value: Uint8Array | null): void;
}

/** Root of a state without values. */
export const emptyRoot: Uint8Array = new Uint8Array(32);

/** Path of the leaf whose table byte ‖ table key is `name`. */
export function treeKey(hash: Hash, name: Uint8Array): Uint8Array {
  return hash(name);
}

export function bitAt(key: Uint8Array, depth: number): number {
  return (key[depth >> 3]! >> (7 - (depth & 7))) & 1;
}

// What is hashed is put together here: it is read before the next one is, and no hash function keeps it.
const preimage = new Uint8Array(65);

export function hashLeaf(hash: Hash, key: Uint8Array, valueHash: Uint8Array): Uint8Array {
  preimage[0] = 0;
  preimage.set(key, 1);
  preimage.set(valueHash, 33);
  return hash(preimage);
}

export function hashNode(hash: Hash, left: Uint8Array, right: Uint8Array): Uint8Array {
  preimage[0] = 1;
  preimage.set(left, 1);
  preimage.set(right, 33);
  return hash(preimage);
}

/** The node at the top of a stored tree. */
export function rootNode(source: StateSource): TreeNode {
  const page = source.get(pageKey(emptyRoot, 0));
  return page ? parsePage(page) : null;
}

/** The two nodes below an inner node at `depth` on the path of `key`, from its page if they stand in the next one. */
export function childrenOf(
  source: StateSource,
  node: Inner,
  key: Uint8Array,
  depth: number,
): readonly [TreeNode, TreeNode] {
  const here = node.children;
  if (here) return here;
  const page = source.get(pageKey(key, depth));
  const head = page ? parsePage(page) : null;
  const below = head?.kind === 'inner' ? head.children : null;
  if (!below) {
    throw new RangeError(`the state tree lacks its page at depth ${depth}: rebuild the pages from the values`);
  }
  return below;
}

/** Root of the tree as its pages stand; equal to commitRoot's when nothing was set since. */
export function storedRoot(source: StateSource): Uint8Array {
  return rootNode(source)?.hash ?? emptyRoot;
}

/** One pass over a stored tree that applies sorted changes and rewrites the pages on their way. */
class TreeChange {
  constructor(
    private readonly store: PageStore,
    private readonly changes: readonly LeafChange[],
    private readonly hash: Hash,
  ) {}

  /** The subtree at `depth` after the changes [from, to), all of which lie in it; `node` itself when none alters it. */
  apply(node: TreeNode, from: number, to: number, depth: number): TreeNode {
    if (from === to) return node;
    if (node?.kind !== 'inner') return this.build(this.leavesOver(node, from, to), depth);
    const path = this.changes[from]!.key;
    const [left, right] = childrenOf(this.store, node, path, depth);
    let middle = from;
    while (middle < to && bitAt(this.changes[middle]!.key, depth) === 0) middle++;
    const newLeft = this.apply(left, from, middle, depth + 1);
    const newRight = this.apply(right, middle, to, depth + 1);
    if (newLeft === left && newRight === right) return node;
    const joined = this.join(newLeft, newRight);
    // An inner node that shrank to one leaf or none leaves no page behind; the pages below it went the same way.
    if (isPageDepth(depth) && joined?.kind !== 'inner') this.store.set(pageKey(path, depth), null);
    return this.place(joined, path, depth);
  }

  /** Leaves that stand after the changes [from, to) where `leaf` or nothing stood, sorted by key. */
  private leavesOver(leaf: Leaf | null, from: number, to: number): Leaf[] {
    const leaves: Leaf[] = [];
    let pending = leaf;
    for (let i = from; i < to; i++) {
      const { key, valueHash } = this.changes[i]!;
      const order = pending ? compareBytes(pending.key, key) : 1;
      if (pending && order < 0) leaves.push(pending);
      const same = order === 0 && pending && valueHash && equalBytes(pending.valueHash, valueHash) ? pending : null;
      if (order <= 0) pending = null;
      if (valueHash) leaves.push(same ?? { kind: 'leaf', key, valueHash, hash: hashLeaf(this.hash, key, valueHash) });
    }
    if (pending) leaves.push(pending);
    return leaves;
  }

  /** A new subtree over sorted leaves. */
  private build(leaves: readonly Leaf[], depth: number): TreeNode {
    if (leaves.length < 2) return leaves[0] ?? null;
    let middle = 0;
    while (middle < leaves.length && bitAt(leaves[middle]!.key, depth) === 0) middle++;
    const left = this.build(leaves.slice(0, middle), depth + 1);
    const right = this.build(leaves.slice(middle), depth + 1);
    return this.place(this.join(left, right), leaves[0]!.key, depth);
  }

  private join(left: TreeNode, right: TreeNode): TreeNode {
    if (!left && right?.kind !== 'inner') return right;
    if (!right && left?.kind !== 'inner') return left;
    const hash = hashNode(this.hash, left?.hash ?? emptyRoot, right?.hash ?? emptyRoot);
    return { kind: 'inner', hash, children: [left, right] };
  }

  /** Write an inner node that heads a page; above it only its hash is needed. */
  private place(node: TreeNode, path: Uint8Array, depth: number): TreeNode {
    if (!isPageDepth(depth) || node?.kind !== 'inner') return node;
    this.store.set(pageKey(path, depth), writePage(node));
    return depth === 0 ? node : { kind: 'inner', hash: node.hash, children: null };
  }
}

/**
 * Apply changes to the tree whose pages `store` holds, write the changed pages to it, and return the new root.
 * At most one change a key; any order.
 */
export function changeTree(store: PageStore, changes: readonly LeafChange[], hash: Hash): Uint8Array {
  const sorted = changes.toSorted((a, b) => compareBytes(a.key, b.key));
  const before = rootNode(store);
  const after = new TreeChange(store, sorted, hash).apply(before, 0, sorted.length, 0);
  // A tree of one leaf or none has no inner node that would head its page.
  if (after !== before && after?.kind !== 'inner') {
    store.set(pageKey(emptyRoot, 0), after ? writePage(after) : null);
  }
  return after?.hash ?? emptyRoot;
}
