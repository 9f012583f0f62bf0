/**
 * What happened, as one hash: two runs with the same hash went the same way, message by message. The newest lines are kept
 * for whoever looks at a failure.
 */
import { sha256, toHex, u64be, utf8 } from '@radpass/core';

const linesKept = 400;

export class Trace {
  readonly lines: string[] = [];
  #hash: Uint8Array = new Uint8Array(32);
  #waiting: string[] = [];
  /** Deliveries are too many for lines: they go into two running sums of 32 bits. */
  #a = 0x811c9dc5;
  #b = 0x9e3779b9;

  /** An event worth a line. */
  note(line: string): void {
    this.lines.push(line);
    if (this.lines.length > linesKept) this.lines.shift();
    this.#waiting.push(line);
    if (this.#waiting.length >= 256) this.#fold();
  }

  /** A message that arrives: when, whose, at whom, how long. */
  count(atMs: number, from: number, to: number, length: number): void {
    this.#add(atMs);
    this.#add(from);
    this.#add(to);
    this.#add(length);
  }

  #add(number: number): void {
    this.#a = Math.imul(this.#a ^ number, 0x01000193);
    this.#b = Math.imul(this.#b ^ (this.#a >>> 15) ^ number, 0x85ebca6b);
  }

  /** Hex. */
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
