/**
 * Proofs that the state with a given root holds a value, or holds none, at a key of a table. Browser-safe.
 *
 *   proof = canonical [siblings, other]
 *     siblings  from the root down to where the path of the key ends: 32 bytes, or empty for a subtree without leaves
 *     other     [] when the path ends at the value's own leaf or, with no value, at a subtree without leaves;
 *               [key, SHA-256(value)] of the one leaf that stands there instead: then the state holds no value
 *
 * About 32 bytes for each doubling of the state: at 10 million values 0.9 KB. See docs/protocol-state.md, Proofs.
 */
import {
  bytes,
  concatBytes,
  decodeCanonical,
  encodeCanonical,
  equalBytes,
  list,
  type Schema,
  sha256,
  tuple,
} from '@radpass/core';
import { bitAt, childrenOf, emptyRoot, hashLeaf, hashNode, rootNode, treeKey } from './stateTree.js';
import type { StateSource } from './stateView.js';

const schema: Schema<readonly [Uint8Array[], Uint8Array[]]> = tuple(list(bytes([0, 32]), 256), list(bytes(32), 2));
/** 256 siblings of 34 bytes and another leaf. */
const maxProofBytes = 256 * 34 + 80;
const nothing = new Uint8Array();

/** Proof for whatever `source` holds at `tableKey`; its tree must be up to date (StateLayer.commitRoot). */
export function proveState(source: StateSource, table: number, tableKey: Uint8Array): Uint8Array {
  const key = treeKey(sha256, concatBytes(Uint8Array.of(table), tableKey));
  const siblings: Uint8Array[] = [];
  let node = rootNode(source);
  while (node?.kind === 'inner') {
    const depth = siblings.length;
    const children = childrenOf(source, node, key, depth);
    const side = bitAt(key, depth);
    siblings.push(children[1 - side]?.hash ?? nothing);
    node = children[side]!;
  }
  return encodeCanonical([siblings, node && !equalBytes(node.key, key) ? [node.key, node.valueHash] : []]);
}

function decodeProof(proof: Uint8Array): readonly [Uint8Array[], Uint8Array[]] | null {
  try {
    return decodeCanonical(proof, schema, maxProofBytes);
  } catch {
    return null; // Bytes that are no proof prove nothing: a boolean is all that the caller asks for.
  }
}

/** Whether the state with this root holds `value` at `tableKey`; with value null, whether it holds none there. */
export function verifyStateProof(p: {
  root: Uint8Array;
  table: number;
  tableKey: Uint8Array;
  value: Uint8Array | null;
  proof: Uint8Array;
}): boolean {
  const decoded = decodeProof(p.proof);
  if (!decoded) return false;
  const [siblings, other] = decoded;
  const key = treeKey(sha256, concatBytes(Uint8Array.of(p.table), p.tableKey));
  let hash = emptyRoot;
  if (p.value) {
    if (other.length !== 0) return false;
    hash = hashLeaf(sha256, key, sha256(p.value));
  } else if (other.length !== 0) {
    const [otherKey, otherValueHash] = other;
    if (!otherKey || !otherValueHash || equalBytes(otherKey, key)) return false;
    // That it lies on the path of `key` shows below: its hash is folded up by the bits of `key`.
    hash = hashLeaf(sha256, otherKey, otherValueHash);
  }
  for (let depth = siblings.length - 1; depth >= 0; depth--) {
    const sibling = siblings[depth]!;
    // One spelling of each proof: a subtree without leaves is written as no bytes.
    if (sibling.length === 32 && equalBytes(sibling, emptyRoot)) return false;
    const there = sibling.length === 0 ? emptyRoot : sibling;
    hash = bitAt(key, depth) === 0 ? hashNode(sha256, hash, there) : hashNode(sha256, there, hash);
  }
  return equalBytes(hash, p.root);
}
