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

export interface Leaf {
  readonly key: Uint8Array;
  readonly valueHash: Uint8Array;
  readonly hash: Uint8Array;
}
export interface Inner {
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

const scratch = new Uint8Array(maxPageBytes);

/** The bytes of the page that `head` heads. */
export function writePage(head: Leaf | Inner): Uint8Array {
  let at = 0;
  const put = (part: Uint8Array) => {
    scratch.set(part, at);
    at += part.length;
  };
  const write = (node: TreeNode, level: number): void => {
    if (!node) {
      scratch[at++] = tag.none;
    } else if (!('children' in node)) {
      scratch[at++] = tag.leaf;
      put(node.key);
      put(node.valueHash);
      put(node.hash);
    } else if (level === levels || !node.children) {
      scratch[at++] = tag.below;
      put(node.hash);
    } else {
      scratch[at++] = tag.inner;
      put(node.hash);
      write(node.children[0], level + 1);
      write(node.children[1], level + 1);
    }
  };
  write(head, 0);
  return scratch.slice(0, at);
}

/** The head of a stored page; its nodes are views on the page. */
export function parsePage(page: Uint8Array): TreeNode {
  let at = 0;
  const take = () => {
    at += 32;
    return page.subarray(at - 32, at);
  };
  const parse = (): TreeNode => {
    switch (page[at++]) {
      case tag.none:
        return null;
      case tag.leaf:
        return { key: take(), valueHash: take(), hash: take() };
      case tag.inner:
        return { hash: take(), children: [parse(), parse()] };
      case tag.below:
        return { hash: take(), children: null };
      default:
        throw new RangeError(`a page of the state tree is damaged at byte ${at - 1}: rebuild the pages`);
    }
  };
  return parse();
}
