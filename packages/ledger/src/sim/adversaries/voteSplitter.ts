import { Adversary } from '../adversary.js';
import type { Message } from '../network.js';
import type { SimNode } from '../simNode.js';

/** Shows its block to half of the peers in time and to the others just when they have given up waiting; never votes. */
export class VoteSplitter extends Adversary {
  readonly name = 'vote splitter';

  override send(message: Message, node: SimNode): void {
    const { network, genesis } = node.p;
    if (message.topic === 'vote') return;
    const lateMs = message.topic === 'block' ? Math.floor(genesis.params.slotMs / 2) : 0;
    for (let to = 0; to < network.size; to++) {
      if (to !== node.index) network.send(node.index, to, message, to % 2 === 0 ? 0 : lateMs);
    }
  }
}
