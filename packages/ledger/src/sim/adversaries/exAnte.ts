import { parseKeptBlock } from '../../block.js';
import { kindOfRecord } from '../../consensus/evidence.js';
import { Adversary } from '../adversary.js';
import type { Message } from '../network.js';
import type { SimNode } from '../simNode.js';

/**
 * Ex-ante reorganisation: its blocks and votes come one slot late, when the next leader has already built beside the block
 * that it did not show; the votes that it saved up are to carry its branch past the honest one. A block may be shown to one
 * honest voter just before that one's view freezes, so that it is in few views. Gossip then brings it to the next leader in
 * time, which builds on it or passes it over by the same rule as those voters.
 */
export class ExAnte extends Adversary {
  readonly name = 'ex-ante';
  readonly #confidant: (() => number) | null;

  /** @param confidant - gives the node that a withheld block is shown to; none, if not given */
  constructor(confidant: (() => number) | null = null) {
    super();
    this.#confidant = confidant;
  }

  override send(message: Message, node: SimNode): void {
    if (message.topic === 'transaction') {
      node.broadcast(message);
      return;
    }
    const { genesis, network } = node.p;
    const { slotMs } = genesis.params;
    node.later(slotMs, () => node.broadcast(message));
    const confidant = message.topic === 'block' && kindOfRecord(message.bytes) === undefined && this.#confidant?.();
    if (typeof confidant !== 'number') return;
    const { latencyMs, jitter } = network.conditions;
    const inMs = Math.floor(0.75 * slotMs - latencyMs * (1 + jitter)) - 10;
    node.later(Math.max(0, inMs), () => network.send(node.index, confidant, message));
  }

  /** Who asks is not shown early what it holds back. */
  override async blocksFor(locator: readonly Uint8Array[], node: SimNode): Promise<Uint8Array[]> {
    const { genesis, schedule } = node.p;
    const slot = Math.floor(schedule.now / genesis.params.slotMs);
    return (await node.blocksAfter(locator)).filter(bytes => parseKeptBlock(bytes).header.slot < slot);
  }
}
