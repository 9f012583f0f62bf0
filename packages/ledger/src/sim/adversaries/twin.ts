import { Adversary } from '../adversary.js';
import type { Message } from '../network.js';
import type { SimNode } from '../simNode.js';

/**
 * One of two nodes with one key (World.addTwin). Each speaks to its own audience and hears only it, so the key signs two
 * blocks for the slots that it leads and two votes for a slot: an equivocator made of two nodes that keep the rules.
 */
export class Twin extends Adversary {
  readonly name = 'twin';
  readonly #isMine: (peer: number) => boolean;

  /** @param isMine - whether a node is of this twin's audience */
  constructor(isMine: (peer: number) => boolean) {
    super();
    this.#isMine = isMine;
  }

  override send(message: Message, node: SimNode): void {
    const { network } = node.p;
    for (let to = 0; to < network.size; to++)
      if (to !== node.index && this.#isMine(to)) network.send(node.index, to, message);
  }

  override receive(message: Message, from: number, node: SimNode): void {
    // Blocks of the other side come by syncs; votes and transactions make the two blocks differ.
    if (message.topic === 'block' || this.#isMine(from)) node.take(message);
  }
}
