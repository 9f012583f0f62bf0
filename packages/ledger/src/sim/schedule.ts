/**
 * Virtual time and what happens in it. Time moves in whole milliseconds, from event to event.
 *
 * Events of one millisecond run in the order (whom it concerns, who caused it, number within the causer). So the order
 * depends only on what each node did, not on how the promises of different nodes interleave. After the events of a
 * millisecond all promises settle before anything else happens; nothing in a world waits for real time.
 */

/** What happens; told whom it concerns, so that one function may serve all whom a message reaches. */
export type Happening = (to: number) => void;

interface Event {
  readonly inMs: number;
  /** Number of the node that the event concerns; -1 for the world's own events, which run first. */
  readonly to: number;
  /** Who causes it. */
  readonly from: number;
  readonly run: Happening;
}

/** Nodes that a place has room for, and events of a millisecond. */
const maxNodes = 2 ** 12;
const maxEvents = 2 ** 28;

/** The events of one millisecond: places are sorted as numbers, for a world of many nodes has millions of messages. */
class Moment {
  readonly #places: number[] = [];
  readonly #runs: (Happening | null)[] = [];

  add({ to, from, run }: Event): number {
    // A causer's events come in the order of their numbers.
    const index = this.#runs.push(run) - 1;
    if (to + 1 >= maxNodes || from + 1 >= maxNodes || index >= maxEvents)
      throw new RangeError('more than a world holds');
    this.#places.push(((to + 1) * maxNodes + from + 1) * maxEvents + index);
    return index;
  }

  cancel(index: number): void {
    this.#runs[index] = null;
  }

  runAll(): void {
    for (const place of Float64Array.from(this.#places).sort()) {
      const to = Math.floor(place / (maxNodes * maxEvents)) - 1;
      this.#runs[place % maxEvents]?.(to);
    }
  }
}

/** Lets every promise that can settle do so: a macrotask of the host. */
const settled: () => Promise<void> =
  typeof setImmediate === 'function'
    ? () => new Promise(resolve => void setImmediate(resolve))
    : () => new Promise(resolve => void setTimeout(resolve, 0));

export class Schedule {
  #now = 0;
  readonly #moments = new Map<number, Moment>();
  /** Times that have events, as a binary heap. */
  readonly #times: number[] = [];

  /** Milliseconds since the world began. */
  get now(): number {
    return this.#now;
  }

  add(event: Event): void {
    this.#momentOf(event).add(event);
  }

  /** The same. Returns what cancels it. */
  addTimer(event: Event): () => void {
    const moment = this.#momentOf(event);
    const index = moment.add(event);
    return () => moment.cancel(index);
  }

  /** What was begun from outside settles before time goes on. */
  async settle(afterStep: () => void): Promise<void> {
    await settled();
    afterStep();
  }

  /** Run everything up to and including `untilMs`; `afterStep` is called whenever a millisecond has settled. */
  async run(untilMs: number, afterStep: () => void): Promise<void> {
    for (let at = this.#times[0]; at !== undefined && at <= untilMs; at = this.#times[0]) {
      this.#pop();
      this.#now = at;
      const moment = this.#moments.get(at);
      this.#moments.delete(at);
      moment?.runAll();
      await this.settle(afterStep);
    }
    this.#now = untilMs;
  }

  #momentOf({ inMs }: Event): Moment {
    const at = this.#now + Math.max(0, Math.ceil(inMs));
    let moment = this.#moments.get(at);
    if (!moment) {
      moment = new Moment();
      this.#moments.set(at, moment);
      this.#push(at);
    }
    return moment;
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
