/** What a run is measured by: time to finality, slots without a block, reorganisations, lost blocks, stake. */

import { toHex } from '@radpass/core';
import type { Delivered } from '../events.js';
import type { Genesis } from '../genesis.js';
import type { Invariants, KnownBlock } from './invariants.js';
import type { SimNode } from './simNode.js';

/** Times in whole ms, by how often each was seen. */
export class Histogram {
  readonly counts = new Map<number, number>();
  total = 0;

  /** One whose counts came from another thread. */
  static from({ counts }: Pick<Histogram, 'counts'>): Histogram {
    const histogram = new Histogram();
    for (const [value, count] of counts) histogram.add(value, count);
    return histogram;
  }

  add(value: number, count = 1): void {
    this.counts.set(value, (this.counts.get(value) ?? 0) + count);
    this.total += count;
  }

  merge(other: Histogram): void {
    for (const [value, count] of other.counts) this.add(value, count);
  }

  /** The value that `share` (0 to 1) of all don't exceed; 0 when there is none. */
  quantile(share: number): number {
    const values = [...this.counts.keys()].sort((a, b) => a - b);
    let left = Math.ceil(share * this.total);
    for (const value of values) {
      left -= this.counts.get(value)!;
      if (left <= 0) return value;
    }
    return values.at(-1) ?? 0;
  }
}

export class Measures {
  /** From a block's slot to the moment when a node had it final: one sample a node and block. */
  readonly finality = new Histogram();
  /** Depth of a reorganisation: blocks of a node's chain that a new head left. */
  readonly reorganised = new Histogram();
  /** For the plot: by height, when the first node had it final. */
  readonly firstFinal: { slot: number; ms: number }[] = [];
  readonly #genesis: Genesis;
  readonly #invariants: Invariants;
  readonly #now: () => number;
  readonly #finalOf = new Map<SimNode, number>();
  readonly #headOf = new Map<SimNode, string>();
  /** Blocks younger than this slot are not sampled. */
  fromSlot = 0;

  constructor(p: { genesis: Genesis; invariants: Invariants; now: () => number }) {
    this.#genesis = p.genesis;
    this.#invariants = p.invariants;
    this.#now = p.now;
  }

  /** A node that was away: what became final meanwhile says nothing about the network. */
  skip(node: SimNode): void {
    this.#finalOf.set(node, node.chain?.peerStatus().finalHeight ?? 0);
    this.#headOf.delete(node);
  }

  event(node: SimNode, event: Delivered): void {
    if (!node.isHonest) return;
    if (event.kind === 'final') this.#final(node, event.height);
    if (event.kind === 'head') this.#head(node, toHex(event.id));
  }

  #final(node: SimNode, height: number): void {
    const { slotMs } = this.#genesis.params;
    for (let at = (this.#finalOf.get(node) ?? 0) + 1; at <= height; at++) {
      const block = this.#invariants.blocks.get(this.#invariants.final[at] ?? '');
      if (!block || block.slot < this.fromSlot) continue;
      const ms = this.#now() - block.slot * slotMs;
      this.finality.add(ms);
      if (this.firstFinal.length < at) this.firstFinal[at - 1] = { slot: block.slot, ms };
    }
    this.#finalOf.set(node, Math.max(height, this.#finalOf.get(node) ?? 0));
  }

  #head(node: SimNode, id: string): void {
    const { blocks } = this.#invariants;
    const before = blocks.get(this.#headOf.get(node) ?? '');
    this.#headOf.set(node, id);
    if (!before) return;
    const parentOf = (block: KnownBlock | undefined) => blocks.get(block?.parent ?? '');
    let left = 0;
    let [on, off]: [KnownBlock | undefined, KnownBlock | undefined] = [blocks.get(id), before];
    while (on && on.height > before.height) on = parentOf(on);
    for (; off && off.id !== on?.id; left++) {
      if (on && on.height >= off.height) on = parentOf(on);
      off = parentOf(off);
    }
    if (left > 0) this.reorganised.add(left);
  }

  /** Slots up to the newest final block's, and those of them without a block in the final chain. */
  missedSlots(): { slots: number; missed: number } {
    const { final, blocks } = this.#invariants;
    const last = blocks.get(final.at(-1) ?? '');
    const slots = last?.slot ?? 0;
    return { slots, missed: slots - (final.length - 1) };
  }
}
