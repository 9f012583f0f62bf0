/**
 * Merkle trees over lists, RFC 6962 section 2.1: the roots in a header and proofs that an element stands in its list.
 *
 *   leaf = SHA-256(0x00 ‖ element)     node = SHA-256(0x01 ‖ left ‖ right)     root of no elements = SHA-256()
 *
 * A node over n > 1 elements has the largest power of two below n on its left.
 */
import { equalBytes, sha256 } from '@radpass/core';

const leafPrefix = Uint8Array.of(0);
const nodePrefix = Uint8Array.of(1);
const hashBytes = 32;

/** Hash of one element as it stands in the tree; 32 bytes. */
export function merkleLeaf(element: Uint8Array): Uint8Array {
  return sha256(leafPrefix, element);
}

function merkleNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(nodePrefix, left, right);
}

/** Elements in the left part of a tree over `size` > 1 elements. */
function leftSize(size: number): number {
  let k = 1;
  while (k * 2 < size) k *= 2;
  return k;
}

function rootOf(leaves: readonly Uint8Array[], from: number, to: number): Uint8Array {
  if (to - from === 1) return leaves[from]!;
  const middle = from + leftSize(to - from);
  return merkleNode(rootOf(leaves, from, middle), rootOf(leaves, middle, to));
}

/** Root of a list; 32 bytes. */
export function merkleRoot(elements: readonly Uint8Array[]): Uint8Array {
  return elements.length === 0 ? sha256() : rootOf(elements.map(merkleLeaf), 0, elements.length);
}

/**
 * Audit path of element `index`, the sibling nearest to the leaf first.
 * @throws RangeError when the list has no such element
 */
export function inclusionProof(elements: readonly Uint8Array[], index: number): Uint8Array[] {
  if (!Number.isSafeInteger(index) || index < 0 || index >= elements.length) {
    throw new RangeError(`a list of ${elements.length} has no element ${index}`);
  }
  const leaves = elements.map(merkleLeaf);
  const path: Uint8Array[] = [];
  let from = 0;
  let to = leaves.length;
  while (to - from > 1) {
    const middle = from + leftSize(to - from);
    if (index < middle) {
      path.push(rootOf(leaves, middle, to));
      to = middle;
    } else {
      path.push(rootOf(leaves, from, middle));
      from = middle;
    }
  }
  return path.reverse();
}

/** Whether `leafHash` (merkleLeaf of an element) stands at `index` of the list of `size` elements with this root. */
export function verifyInclusion(p: {
  root: Uint8Array;
  leafHash: Uint8Array;
  index: number;
  size: number;
  proof: readonly Uint8Array[];
}): boolean {
  if (!Number.isSafeInteger(p.size) || !Number.isSafeInteger(p.index) || p.index < 0 || p.index >= p.size) return false;
  if (p.leafHash.length !== hashBytes || p.proof.some(part => part.length !== hashBytes)) return false;
  // Which side the sibling is on, from the leaf up: walk down first, then fold the path back.
  const siblingsLeft: boolean[] = [];
  let index = p.index;
  let size = p.size;
  while (size > 1) {
    const left = leftSize(size);
    const right = index >= left;
    siblingsLeft.push(right);
    index = right ? index - left : index;
    size = right ? size - left : left;
  }
  if (p.proof.length !== siblingsLeft.length) return false;
  let hash = p.leafHash;
  for (const sibling of p.proof) hash = siblingsLeft.pop() ? merkleNode(sibling, hash) : merkleNode(hash, sibling);
  return equalBytes(hash, p.root);
}
