/**
 * Randomness from a seed: sfc32 (Chris Doty-Humphrey's small fast counter generator), started from the SHA-256 of a
 * label. Whole numbers of 32 bits only, so that a seed gives the same run on any machine.
 *
 * Every node, link and adversary forks a generator of its own: what one draws never shifts what another gets.
 */
import { sha256, utf8 } from '@radpass/core';

export class Random {
  readonly #label: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(label: string) {
    this.#label = label;
    const seed = new DataView(sha256(utf8(label)).buffer);
    this.#a = seed.getInt32(0);
    this.#b = seed.getInt32(4);
    this.#c = seed.getInt32(8);
    for (let i = 0; i < 12; i++) this.next();
  }

  /** A generator that depends on this one's label alone, not on what it has drawn. */
  fork(label: string): Random {
    return new Random(`${this.#label}/${label}`);
  }

  /** 0 to 2^32 - 1. */
  next(): number {
    const result = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result >>> 0;
  }

  /** 0 to limit - 1; `limit` at most 2^20. */
  below(limit: number): number {
    return Math.floor((this.next() / 4_294_967_296) * limit);
  }

  /** Both ends included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True `millionths` times in a million. */
  chance(millionths: number): boolean {
    return this.next() < millionths * 4_294.967296;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }

  shuffled<T>(items: readonly T[]): T[] {
    const order = [...items];
    for (let i = order.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  }
}
