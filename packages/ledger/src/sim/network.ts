/**
 * The network between nodes: every message to every peer on a line of its own, with latency, jitter, loss, duplicates and
 * so reordering; partitions cut it. What is lost stays lost, as on a bad line: certificates in blocks, syncs and repeated
 * transactions have to make up for it. Whoever was sent something that not everybody was sent passes it on, as gossip does.
 */
import type { Random } from './random.js';
import type { Happening, Schedule } from './schedule.js';
import type { Trace } from './trace.js';

export type Topic = 'block' | 'vote' | 'transaction';

export interface NetworkConditions {
  readonly latencyMs: number;
  /** Each message takes latencyMs times a factor drawn evenly from 1 - jitter to 1 + jitter; 0 to 1. */
  readonly jitter: number;
  /** Chances in millionths, for each message on each line. */
  readonly loss: number;
  readonly duplicates: number;
  /** Messages arrive at whole multiples of so many ms: what reaches a node in between reaches it together. */
  readonly grainMs: number;
}

export interface Message {
  readonly topic: Topic;
  readonly bytes: Uint8Array;
}

/** What is at the end of a line. */
export interface Endpoint {
  readonly isUp: boolean;
  deliver(message: Message, from: number): void;
}

export class Network {
  conditions: NetworkConditions;
  readonly #schedule: Schedule;
  readonly #trace: Trace;
  readonly #endpoints: Endpoint[] = [];
  readonly #randoms: Random[] = [];
  readonly #seed: Random;
  /** Nodes with the same side hear each other. */
  readonly #sides: number[] = [];
  delivered = 0;
  lost = 0;
  doubled = 0;
  relayed = 0;
  /** When the first copy arrives at whom, of messages that were sent to some alone. */
  readonly #due = new WeakMap<Message, Map<number, number>>();

  constructor(p: { schedule: Schedule; trace: Trace; random: Random; conditions: NetworkConditions }) {
    this.#schedule = p.schedule;
    this.#trace = p.trace;
    this.#seed = p.random;
    this.conditions = p.conditions;
  }

  /** @returns the node's number */
  join(endpoint: Endpoint): number {
    const index = this.#endpoints.push(endpoint) - 1;
    this.#randoms.push(this.#seed.fork(`${index}`));
    this.#sides.push(0);
    return index;
  }

  endpoint(index: number): Endpoint | undefined {
    return this.#endpoints[index];
  }

  get size(): number {
    return this.#endpoints.length;
  }

  /** Cut the network into groups; who is in none is alone. */
  partition(...groups: readonly (readonly number[])[]): void {
    this.#sides.forEach((_, index) => {
      const side = groups.findIndex(group => group.includes(index));
      this.#sides[index] = side < 0 ? -1 - index : side;
    });
  }

  heal(): void {
    this.#sides.fill(0);
  }

  sideOf(index: number): number {
    return this.#sides[index] ?? 0;
  }

  isReachable(from: number, to: number): boolean {
    return from !== to && this.#sides[from] === this.#sides[to] && (this.#endpoints[to]?.isUp ?? false);
  }

  /** To all peers. */
  broadcast(from: number, message: Message): void {
    this.#due.delete(message);
    const arrive = this.#arrival(from, message);
    for (let to = 0; to < this.#endpoints.length; to++) if (to !== from) this.#send(from, to, arrive, 0);
  }

  /**
   * To one peer, which passes it on.
   * @param extraMs - how much later than a prompt sender
   */
  send(from: number, to: number, message: Message, extraMs = 0): void {
    let due = this.#due.get(message);
    if (!due) {
      due = new Map([[from, this.#schedule.now]]);
      this.#due.set(message, due);
    }
    const arrives = this.#send(from, to, this.#arrival(from, message), extraMs);
    due.set(to, Math.min(arrives, due.get(to) ?? arrives));
  }

  /** An honest node accepted a message: to all whom no copy is about to reach. */
  relay(from: number, message: Message): void {
    const due = this.#due.get(message);
    if (!due) return;
    const soon = this.#schedule.now + 2 * this.conditions.latencyMs;
    for (let to = 0; to < this.#endpoints.length; to++) {
      if (to === from || (due.get(to) ?? Number.POSITIVE_INFINITY) <= soon) continue;
      this.relayed++;
      this.send(from, to, message);
    }
  }

  /** @returns when the first copy arrives; infinite when all are lost */
  #send(from: number, to: number, arrive: Happening, extraMs: number): number {
    const { loss, duplicates } = this.conditions;
    const random = this.#randoms[from]!;
    const copies = 1 + (duplicates > 0 && random.chance(duplicates) ? 1 : 0);
    this.doubled += copies - 1;
    let first = Number.POSITIVE_INFINITY;
    for (let copy = 0; copy < copies; copy++) {
      if (loss > 0 && random.chance(loss)) {
        this.lost++;
        continue;
      }
      const inMs = this.#whole(extraMs + this.#latency(random));
      first = Math.min(first, this.#schedule.now + inMs);
      this.#schedule.add({ inMs, to, from, run: arrive });
    }
    return first;
  }

  /** A question to a peer and what comes of it: two ways on the line, or nothing when it is cut or lossy. */
  ask<T>(from: number, to: number, question: () => Promise<T>, answer: (result: T) => void): void {
    const random = this.#randoms[from]!;
    const lost = this.conditions.loss > 0 && random.chance(2 * this.conditions.loss);
    const [there, back] = [this.#latency(random), this.#latency(random)];
    if (lost || !this.isReachable(from, to)) return;
    this.#schedule.add({
      inMs: there,
      to,
      from,
      run: () => {
        if (!this.isReachable(from, to)) return;
        void question().then(result => {
          this.#schedule.add({
            inMs: back,
            to: from,
            from: to,
            run: () => {
              if (this.isReachable(to, from)) answer(result);
            },
          });
        });
      },
    });
  }

  #latency(random: Random): number {
    const { latencyMs, jitter } = this.conditions;
    return Math.max(1, Math.round(latencyMs * (1 - jitter + (2 * jitter * random.next()) / 4_294_967_296)));
  }

  /** Time from now to the end of the grain in which something arrives. */
  #whole(inMs: number): number {
    const { grainMs } = this.conditions;
    const { now } = this.#schedule;
    return Math.ceil((now + inMs) / grainMs) * grainMs - now;
  }

  #arrival(from: number, message: Message): Happening {
    return to => {
      if (this.#sides[from] !== this.#sides[to]) return;
      const endpoint = this.#endpoints[to]!;
      if (!endpoint.isUp) return;
      this.delivered++;
      this.#trace.count(this.#schedule.now, from, to, message.bytes.length);
      endpoint.deliver(message, from);
    };
  }
}
