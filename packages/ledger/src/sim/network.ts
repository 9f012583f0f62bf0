/**
 * The network between nodes: every message to every peer on a line of its own, with latency, jitter, loss, duplicates and
 * so reordering; partitions cut it. What is lost stays lost, as on a bad line: certificates in blocks, syncs and repeated
 * transactions have to make up for it. Whoever was sent something that not everybody was sent passes it on, as gossip does.
 * In a world on several threads what goes to a node of another part is a letter (part.ts).
 */
import { type Answer, type Letter, lagTurns, type Part, type Question } from './part.js';
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
  /** Blocks that follow what a peer says it has. */
  answerSync(locator: readonly Uint8Array[]): Promise<readonly Uint8Array[]>;
}

/** A message on its way from one node. */
interface Parcel {
  readonly from: number;
  readonly message: Message;
  readonly arrive: Happening;
}

/** A node's last question. */
interface Asked {
  readonly number: number;
  readonly answer: (blocks: readonly Uint8Array[]) => void;
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
  /** By the node that asked. */
  readonly #asked = new Map<number, Asked>();
  readonly #part: Part | undefined;
  /** By the part that they go to. */
  #letters: Letter[][] = [];

  constructor(p: {
    schedule: Schedule;
    trace: Trace;
    random: Random;
    conditions: NetworkConditions;
    part?: Part | undefined;
  }) {
    this.#schedule = p.schedule;
    this.#trace = p.trace;
    this.#seed = p.random;
    this.conditions = p.conditions;
    this.#part = p.part;
    this.#letters = Array.from({ length: p.part?.of ?? 0 }, () => []);
  }

  /** Whether a node is played on this thread. */
  isHere(index: number): boolean {
    return !this.#part || index % this.#part.of === this.#part.index;
  }

  /** How long a turn is, in ms; part.ts. */
  get turnMs(): number {
    const { latencyMs, jitter } = this.conditions;
    const shortestMs = Math.round(latencyMs * (1 - jitter));
    return Math.floor((shortestMs - 1) / lagTurns);
  }

  /** Hand over what was sent across in this turn, and take in what may arrive in the next one. */
  async exchange(part: Part): Promise<void> {
    const letters = this.#letters;
    this.#letters = letters.map(() => []);
    for (const letter of await part.exchange(letters)) this.#open(letter);
  }

  /** @returns the node's number */
  join(endpoint: Endpoint): number {
    const index = this.#endpoints.push(endpoint) - 1;
    this.#randoms.push(this.#seed.fork(`${index}`));
    this.#sides.push(0);
    return index;
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

  /** Whom a node can reach. */
  reachableFrom(from: number): number[] {
    const found: number[] = [];
    for (let to = 0; to < this.#endpoints.length; to++) if (this.isReachable(from, to)) found.push(to);
    return found;
  }

  /** To all peers. */
  broadcast(from: number, message: Message): void {
    this.#due.delete(message);
    const parcel = this.#parcel(from, message);
    for (let to = 0; to < this.#endpoints.length; to++) if (to !== from) this.#send(to, parcel, 0);
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
    const arrives = this.#send(to, this.#parcel(from, message), extraMs);
    due.set(to, Math.min(arrives, due.get(to) ?? arrives));
  }

  /** Whether a message was sent to some alone, so that they pass it on. */
  isRelayed(message: Message): boolean {
    return this.#due.has(message);
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
  #send(to: number, parcel: Parcel, extraMs: number): number {
    const { loss, duplicates } = this.conditions;
    const { from, arrive } = parcel;
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
      const atMs = this.#schedule.now + inMs;
      first = Math.min(first, atMs);
      if (this.isHere(to)) this.#schedule.add({ inMs, to, from, run: arrive });
      else this.#post(to, atMs, parcel);
    }
    return first;
  }

  /** Into a letter: one for all whom a message goes to in a part. */
  #post(to: number, atMs: number, { from, message }: Parcel): void {
    const letters = this.#lettersTo(to);
    const last = letters.at(-1);
    if (last?.kind === 'message' && last.message === message && last.from === from) {
      last.to.push(to);
      last.atMs.push(atMs);
    } else letters.push({ kind: 'message', from, message, to: [to], atMs: [atMs] });
  }

  #lettersTo(to: number): Letter[] {
    return this.#letters[to % this.#letters.length]!;
  }

  #open(letter: Letter): void {
    if (letter.kind === 'question') this.#question(letter);
    else if (letter.kind === 'answer') this.#answer(letter);
    else {
      const { from, message } = letter;
      const { arrive } = this.#parcel(from, message);
      for (const [i, to] of letter.to.entries())
        this.#schedule.add({ inMs: letter.atMs[i]! - this.#schedule.now, to, from, run: arrive });
    }
  }

  /**
   * A question for blocks to a peer and what comes of it: two ways on the line, or nothing when it is cut or lossy. A node
   * that asks anew gets no answer to what it asked before.
   */
  ask(from: number, to: number, locator: readonly Uint8Array[], answer: Asked['answer']): void {
    const random = this.#randoms[from]!;
    const lost = this.conditions.loss > 0 && random.chance(2 * this.conditions.loss);
    const [there, backMs] = [this.#latency(random), this.#latency(random)];
    if (lost || !this.isReachable(from, to)) return;
    const number = (this.#asked.get(from)?.number ?? 0) + 1;
    this.#asked.set(from, { number, answer });
    const question = { from, to, number, atMs: this.#schedule.now + there, backMs, locator };
    if (this.isHere(to)) this.#question(question);
    else this.#lettersTo(to).push({ kind: 'question', ...question });
  }

  #question({ from, to, number, atMs, backMs, locator }: Question): void {
    const answered = (blocks: readonly Uint8Array[]): void => {
      const answer = { from: to, to: from, number, atMs: this.#schedule.now + backMs, blocks };
      if (this.isHere(from)) this.#answer(answer);
      else this.#lettersTo(from).push({ kind: 'answer', ...answer });
    };
    this.#schedule.add({
      inMs: atMs - this.#schedule.now,
      to,
      from,
      run: () => {
        if (this.isReachable(from, to)) void this.#endpoints[to]!.answerSync(locator).then(answered);
      },
    });
  }

  #answer({ from, to, number, atMs, blocks }: Answer): void {
    this.#schedule.add({
      inMs: atMs - this.#schedule.now,
      to,
      from,
      run: () => {
        const asked = this.#asked.get(to);
        if (asked?.number === number && this.isReachable(from, to)) asked.answer(blocks);
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

  #parcel(from: number, message: Message): Parcel {
    const arrive = (to: number): void => {
      if (this.#sides[from] !== this.#sides[to]) return;
      const endpoint = this.#endpoints[to]!;
      if (!endpoint.isUp) return;
      this.delivered++;
      this.#trace.count(this.#schedule.now, from, to, message.bytes.length);
      endpoint.deliver(message, from);
    };
    return { from, message, arrive };
  }
}
