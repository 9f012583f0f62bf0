import { Adversary } from '../adversary.js';
import type { Message } from '../network.js';
import type { SimNode } from '../simNode.js';

/** Says everything, so many milliseconds late. */
export class Late extends Adversary {
  readonly name = 'late';
  readonly #lateMs: number;

  constructor(lateMs: number) {
    super();
    this.#lateMs = lateMs;
  }

  override send(message: Message, node: SimNode): void {
    node.later(this.#lateMs, () => node.broadcast(message));
  }
}
