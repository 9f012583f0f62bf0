/**
 * What happened, as one hash: two runs with the same hash went the same way, message by message. What concerns one node
 * goes into a lane of its own, for nodes may be played on several threads. The newest lines are kept for whoever looks at
 * a failure.
 */
import { sha256, toHex, u64be, utf8 } from '@radpass/core';

const linesKept = 400;

class Lane {
  #hash: Uint8Array = new Uint8Array(32);
  #waiting: string[] = [];
  /** Deliveries are too many for lines: they go into two running sums of 32 bits. */
  #a = 0x811c9dc5;
  #b = 0x9e3779b9;

  note(line: string): void {
    this.#waiting.push(line);
    if (this.#waiting.length >= 256) this.#fold();
  }

  count(number: number): void {
    this.#a = Math.imul(this.#a ^ number, 0x01000193);
    this.#b = Math.imul(this.#b ^ (this.#a >>> 15) ^ number, 0x85ebca6b);
  }

  get hash(): string {
    this.#fold();
    return toHex(sha256(this.#hash, u64be(this.#a >>> 0), u64be(this.#b >>> 0)));
  }

  #fold(): void {
    if (this.#waiting.length === 0) return;
    this.#hash = sha256(this.#hash, utf8(this.#waiting.join('\n')));
    this.#waiting = [];
  }
}

export class Trace {
  readonly lines: string[] = [];
  /** The world's own first, then the nodes'. */
  readonly #lanes: Lane[] = [new Lane()];

  /** Hex. */
  static hashOf(lanes: readonly string[]): string {
    return toHex(sha256(utf8(lanes.join('\n'))));
  }

  /** An event worth a line. @param node - whom it concerns; -1 for the world */
  note(atMs: number, node: number, what: string): void {
    const line = `${atMs} ${node} ${what}`;
    this.lines.push(line);
    if (this.lines.length > linesKept) this.lines.shift();
    this.#laneOf(node).note(line);
  }

  /** A message arrives. */
  count(atMs: number, from: number, to: number, length: number): void {
    const lane = this.#laneOf(to);
    lane.count(atMs);
    lane.count(from);
    lane.count(length);
  }

  /** Hashes of all lanes, in hex. */
  lanes(): string[] {
    return this.#lanes.map(lane => lane.hash);
  }

  get hash(): string {
    return Trace.hashOf(this.lanes());
  }

  #laneOf(node: number): Lane {
    while (this.#lanes.length <= node + 1) this.#lanes.push(new Lane());
    return this.#lanes[node + 1]!;
  }
}
