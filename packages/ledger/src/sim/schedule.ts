/**
 * Virtual time and what happens in it. Time moves in whole milliseconds, from event to event.
 *
 * Events of one millisecond run in the order (whom it concerns, who caused it, number within the causer). So the order
 * depends only on what each node did, not on how the promises of different nodes interleave. After the events of a
 * millisecond all promises settle before anything else happens; nothing in a world waits for real time.
 */

interface Scheduled {
  readonly to: number;
  readonly from: number;
  readonly order: number;
  run: (() => void) | null;
}

/** Lets every promise that can settle do so: a macrotask of the host. */
const settled: () => Promise<void> =
  typeof setImmediate === 'function'
    ? () => new Promise(resolve => void setImmediate(resolve))
    : () => new Promise(resolve => void setTimeout(resolve, 0));

const byPlace = (a: Scheduled, b: Scheduled): number => a.to - b.to || a.from - b.from || a.order - b.order;

export class Schedule {
  #now = 0;
  readonly #events = new Map<number, Scheduled[]>();
  /** Times that have events, as a binary heap. */
  readonly #times: number[] = [];
  /** Events caused so far, by causer. */
  readonly #orders = new Map<number, number>();

  /** Milliseconds since the world began. */
  get now(): number {
    return this.#now;
  }

  /**
   * @param to - number of the node that the event concerns; -1 for the world's own events, which run first
   * @param from - who causes it
   * @returns what cancels it
   */
  add(p: { inMs: number; to: number; from: number; run: () => void }): () => void {
    const at = this.#now + Math.max(0, Math.ceil(p.inMs));
    const order = (this.#orders.get(p.from) ?? 0) + 1;
    this.#orders.set(p.from, order);
    const event: Scheduled = { to: p.to, from: p.from, order, run: p.run };
    const events = this.#events.get(at);
    if (events) events.push(event);
    else {
      this.#events.set(at, [event]);
      this.#push(at);
    }
    return () => {
      event.run = null;
    };
  }

  /** Run everything up to and including `untilMs`; `afterStep` is called whenever a millisecond has settled. */
  async run(untilMs: number, afterStep: () => void): Promise<void> {
    // What was begun from outside, before time goes on.
    await settled();
    afterStep();
    for (let at = this.#times[0]; at !== undefined && at <= untilMs; at = this.#times[0]) {
      this.#pop();
      this.#now = at;
      const events = this.#events.get(at) ?? [];
      this.#events.delete(at);
      for (const event of events.sort(byPlace)) event.run?.();
      await settled();
      afterStep();
    }
    this.#now = untilMs;
  }

  #push(time: number): void {
    const heap = this.#times;
    let at = heap.push(time) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]! <= time) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = time;
  }

  #pop(): void {
    const heap = this.#times;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child++;
      if (heap[child]! >= last) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}
