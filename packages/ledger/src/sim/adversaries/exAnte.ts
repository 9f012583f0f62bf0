import { parseKeptBlock } from '../../block.js';
import { Adversary } from '../adversary.js';
import type { Message } from '../network.js';
import type { SimNode } from '../simNode.js';

/**
 * Ex-ante reorganisation: its blocks and votes come one slot late, when the next leader has already built beside the block
 * that it did not show; the votes that it saved up are to carry its branch past the honest one.
 */
export class ExAnte extends Adversary {
  readonly name = 'ex-ante';

  override send(message: Message, node: SimNode): void {
    if (message.topic === 'transaction') node.broadcast(message);
    else node.later(node.p.genesis.params.slotMs, () => node.broadcast(message));
  }

  /** Who asks is not shown early what it holds back. */
  override async blocksFor(locator: readonly Uint8Array[], node: SimNode): Promise<Uint8Array[]> {
    const { genesis, schedule } = node.p;
    const slot = Math.floor(schedule.now / genesis.params.slotMs);
    return (await node.blocksAfter(locator)).filter(bytes => parseKeptBlock(bytes).header.slot < slot);
  }
}
