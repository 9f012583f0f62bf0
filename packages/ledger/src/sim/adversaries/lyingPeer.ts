import { Adversary } from '../adversary.js';
import type { Random } from '../random.js';
import type { SimNode } from '../simNode.js';

/** Answers syncs with lies: nothing, a gap, the wrong order, a changed byte, a block cut short. */
export class LyingPeer extends Adversary {
  readonly name = 'lying peer';
  readonly #random: Random;
  lies = 0;

  constructor(random: Random) {
    super();
    this.#random = random;
  }

  override async blocksFor(locator: readonly Uint8Array[], node: SimNode): Promise<Uint8Array[]> {
    const blocks = await node.blocksAfter(locator);
    this.lies++;
    const at = this.#random.below(Math.max(1, blocks.length));
    const block = blocks[at];
    switch (this.#random.below(5)) {
      case 0:
        return [];
      case 1:
        return blocks.filter((_, i) => i !== at);
      case 2:
        return blocks.reverse();
      case 3:
        return block ? blocks.with(at, this.#altered(block)) : blocks;
      default:
        return block ? blocks.with(at, block.slice(0, this.#random.below(block.length))) : blocks;
    }
  }

  #altered(block: Uint8Array): Uint8Array {
    const altered = new Uint8Array(block);
    altered[this.#random.below(altered.length)]! ^= 1 << this.#random.below(8);
    return altered;
  }
}
