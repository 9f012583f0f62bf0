/**
 * A speed-up of the simulator and of nothing else: what all nodes of a world judge alike is judged once. A block's changes
 * depend on the block and on its parent's id, which fixes the state before it. Whoever
 * doubts it runs the world without (`shareWork: false`) and gets the same trace.
 */
import type { ApplyBlockInput } from '../applyBlock.js';
import type { Block } from '../block.js';
import { type Judging, judging } from '../judging.js';
import type { Changes } from '../stateView.js';

export class SharedWork implements Judging {
  /** By the received bytes themselves: the network hands all nodes the same object. */
  readonly #blocks = new WeakMap<Uint8Array, Block>();
  /** Of blocks whose signatures were checked, or were made by this world's own nodes. */
  readonly #changes = new WeakMap<Block, Changes>();

  parseBlock(received: Uint8Array): Block {
    const known = this.#blocks.get(received);
    if (known) return known;
    const block = judging.parseBlock(received);
    this.#blocks.set(received, block);
    // What a node stores and hands on are these bytes.
    this.#blocks.set(block.bytes, block);
    return block;
  }

  changesOf(p: ApplyBlockInput): Changes {
    const known = this.#changes.get(p.block);
    if (known) return known;
    const changes = judging.changesOf(p);
    if (!p.skipSignatures) this.#changes.set(p.block, changes);
    return changes;
  }
}
