/** Blocks of the model (model.ts): a chain without bodies, named by numbers in the order of making; genesis is 0. */
import type { TreeNode } from '../../blockTree.js';
import type { Standing } from '../../standing.js';

export interface Block {
  readonly number: number;
  readonly id: Uint8Array;
  readonly parent: Block | null;
  readonly slot: number;
  readonly height: number;
  standing: Standing;
  readonly links: readonly string[];
  /** The block of its chain that waits to open the next era. */
  opening: Block | null;
  /** As voters' trees hold it. */
  readonly node: TreeNode;
}

export function idOf(number: number): Uint8Array {
  const id = new Uint8Array(32);
  new DataView(id.buffer).setUint32(28, number);
  return id;
}

export function numberOf(id: Uint8Array): number {
  return new DataView(id.buffer).getUint32(28);
}

/** Pseudo-random and other for each block, so that ties go either way. */
function outputOf(number: number): Uint8Array {
  const output = new Uint8Array(64);
  new DataView(output.buffer).setUint32(0, Math.imul(number + 1, 0x9e37_79b1));
  return output;
}

export function nodeOf(number: number, parent: Uint8Array, slot: number, height: number): TreeNode {
  const none = { header: null, unsignedHeight: 0, arrival: 0, changes: new Map(), transactionIds: [] };
  return { id: idOf(number), parent, slot, height, vrfOutput: outputOf(number), ...none };
}

/** The block and what it stands on, down to but without `end`. */
export function* ancestors(block: Block, end: Block | null = null): Generator<Block> {
  for (let at: Block | null = block; at && at !== end; at = at.parent) yield at;
}

export function isOn(head: Block, block: Block): boolean {
  let at: Block | null = head;
  while (at && at.height > block.height) at = at.parent;
  return at === block;
}
