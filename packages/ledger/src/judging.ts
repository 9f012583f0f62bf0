/**
 * The costly questions that a chain asks about what it received. All are pure: the same answer for the same bytes,
 * whichever node asks. They are one object so that a simulator of many nodes in one process can answer each once.
 */

import { type ApplyBlockInput, applyBlock } from './applyBlock.js';
import { type Block, parseBlock } from './block.js';
import type { Changes } from './stateView.js';

export interface Judging {
  parseBlock(received: Uint8Array): Block;
  /** Judge a block, and what it changes; throws as applyBlock does. */
  changesOf(p: ApplyBlockInput): Changes;
}

export const judging: Judging = Object.freeze({
  parseBlock,
  changesOf: (p: ApplyBlockInput) => applyBlock(p).layer.changes,
});
