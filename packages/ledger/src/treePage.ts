/**
 * How nodes of the state tree are stored: pages of four levels, each headed by an inner node at a depth divisible by
 * four, under the key 'N' ‖ one byte for every four bits of the path. The top page alone may hold a single leaf.
 *
 *   page = node, its subtree in preorder:
 *     00                                     no leaf here
 *     01 ‖ key (32) ‖ value hash (32) ‖ hash (32)   one leaf
 *     02 ‖ hash (32) ‖ left ‖ right          inner node
 *     03 ‖ hash (32)                         inner node that heads a page of its own
 *
 * Pages are this node's own arrangement, not part of the protocol: no other node reads them, and they can be rebuilt.
 * Trust: a page that lies shows at the next root that doesn't match its block.
 */
import type { StateKey } from './stateView.js';

const levels = 4;
const tag = { none: 0, leaf: 1, inner: 2, below: 3 } as const;
/** 16 leaves at the bottom and 15 inner nodes above them. */
const maxPageBytes = 16 * 97 + 15 * 33;

/** One value's place in the tree. */
export interface Leaf {
  readonly kind: 'leaf';
  readonly key: Uint8Array;
  readonly valueHash: Uint8Array;
  readonly hash: Uint8Array;
}
/** Two or more values. */
export interface Inner {
  readonly kind: 'inner';
  readonly hash: Uint8Array;
  /** null: they stand in a page of their own. */
  readonly children: readonly [TreeNode, TreeNode] | null;
}
/** null = no leaf in this subtree. */
export type TreeNode = Leaf | Inner | null;

/** Whether an inner node at this depth heads a page. */
export function isPageDepth(depth: number): boolean {
  return depth % levels === 0;
}

/** Key of the page whose head stands at `depth` (divisible by four) on the path of `key`. */
export function pageKey(key: Uint8Array, depth: number): StateKey {
  let name = 'N';
  for (let nibble = 0; nibble < depth / levels; nibble++) {
    const byte = key[nibble >> 1]!;
    name += String.fromCharCode(nibble % 2 === 0 ? byte >> 4 : byte & 15);
  }
  return name;
}

/** Where the subtree that begins at `at` ends. */
function endOf(page: Uint8Array, at: number): number {
  let end = at;
  for (let open = 1; open > 0; ) {
    switch (page[end]) {
      case tag.none:
        end += 1;
        open -= 1;
        break;
      case tag.leaf:
        end += 97;
        open -= 1;
        break;
      case tag.inner:
        end += 33;
        open += 1;
        break;
      case tag.below:
        end += 33;
        open -= 1;
        break;
      default:
        throw new RangeError(`a page of the state tree is damaged at byte ${end}: rebuild the pages`);
    }
  }
  return end;
}

/** A node as it stands in a page, read when asked for: most of a page is only copied into its successor. */
class StoredLeaf implements Leaf {
  readonly kind = 'leaf';
  constructor(
    readonly page: Uint8Array,
    readonly at: number,
  ) {}
  get key(): Uint8Array {
    return this.page.subarray(this.at + 1, this.at + 33);
  }
  get valueHash(): Uint8Array {
    return this.page.subarray(this.at + 33, this.at + 65);
  }
  get hash(): Uint8Array {
    return this.page.subarray(this.at + 65, this.at + 97);
  }
}

class StoredInner implements Inner {
  readonly kind = 'inner';
  constructor(
    readonly page: Uint8Array,
    readonly at: number,
  ) {}
  get hash(): Uint8Array {
    return this.page.subarray(this.at + 1, this.at + 33);
  }
  get children(): readonly [TreeNode, TreeNode] | null {
    if (this.page[this.at] === tag.below) return null;
    const left = this.at + 33;
    return [nodeAt(this.page, left), nodeAt(this.page, endOf(this.page, left))];
  }
}

function nodeAt(page: Uint8Array, at: number): TreeNode {
  switch (page[at]) {
    case tag.none:
      return null;
    case tag.leaf:
      return new StoredLeaf(page, at);
    case tag.inner:
    case tag.below:
      return new StoredInner(page, at);
    default:
      throw new RangeError(`a page of the state tree is damaged at byte ${at}: rebuild the pages`);
  }
}

/** The head of a stored page; its nodes are views on the page. */
export function parsePage(page: Uint8Array): TreeNode {
  return nodeAt(page, 0);
}

const scratch = new Uint8Array(maxPageBytes);

function put(part: Uint8Array, at: number): number {
  scratch.set(part, at);
  return at + part.length;
}

/** Write a subtree whose top stands `level` levels below the page's head; returns where it ends. */
function write(node: TreeNode, level: number, at: number): number {
  if (node === null) {
    scratch[at] = tag.none;
    return at + 1;
  }
  if (node instanceof StoredLeaf || node instanceof StoredInner) {
    return put(node.page.subarray(node.at, endOf(node.page, node.at)), at);
  }
  if (node.kind === 'leaf') {
    scratch[at] = tag.leaf;
    return put(node.hash, put(node.valueHash, put(node.key, at + 1)));
  }
  if (level === levels || !node.children) {
    scratch[at] = tag.below;
    return put(node.hash, at + 1);
  }
  scratch[at] = tag.inner;
  const [left, right] = node.children;
  return write(right, level + 1, write(left, level + 1, put(node.hash, at + 1)));
}

/** The bytes of the page that `head` heads. */
export function writePage(head: Leaf | Inner): Uint8Array {
  return scratch.slice(0, write(head, 0, 0));
}
