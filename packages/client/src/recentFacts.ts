/**
 * What the nodes said a moment ago, for those who ask the same while it still stands: until any node tells of anything
 * new, and for `reuseMs` at most, so that a stream of events which has silently gone away costs no more than that. An
 * answer tells its age, which counts wherever the age of a decision does.
 */
import type { AccessFacts } from '@radpass/core';

export const reuseMs = 500;
const maxKept = 256;

export class RecentFacts {
  readonly #monotonic: () => number;
  readonly #kept = new Map<string, { facts: AccessFacts; readAt: number }>();
  #events = 0;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Something happened on the ledger: nothing of before is given out again, nor what is being read now. */
  forget(): void {
    this.#events += 1;
    this.#kept.clear();
  }

  find(name: string): AccessFacts | undefined {
    const known = this.#kept.get(name);
    const ageMs = known === undefined ? Number.POSITIVE_INFINITY : this.#monotonic() - known.readAt;
    return known !== undefined && ageMs <= reuseMs ? { ...known.facts, ageMs } : undefined;
  }

  /** Read now, and keep the answer if nothing happened meanwhile. */
  async read(name: string, read: () => Promise<AccessFacts>): Promise<AccessFacts> {
    const [readAt, events] = [this.#monotonic(), this.#events];
    const facts = await read();
    if (events === this.#events) {
      if (this.#kept.size >= maxKept) this.#kept.clear();
      this.#kept.set(name, { facts, readAt });
    }
    return facts;
  }
}
