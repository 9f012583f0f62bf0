import { parseTransaction } from '@radpass/core';
import { Adversary } from '../adversary.js';
import type { Message } from '../network.js';
import type { SimNode } from '../simNode.js';

/** Keeps the rules but takes in no revocation, so its blocks hold none and it passes none on. */
export class Censor extends Adversary {
  readonly name = 'censor';
  censored = 0;

  override receive(message: Message, _from: number, node: SimNode): void {
    if (message.topic === 'transaction' && parseTransaction(message.bytes).tuple.type === 4) this.censored++;
    else node.take(message);
  }
}
