/** What the reader sees: numbered blocks, what happened in the paper's words, how long it took. */

export class Narrator {
  readonly #out: NodeJS.WritableStream;
  readonly #startedAt = performance.now();

  constructor(out: NodeJS.WritableStream) {
    this.#out = out;
  }

  /** ms since the demo began. */
  elapsed(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  title(text: string): void {
    this.#out.write(`\n${text}\n`);
  }

  /** One line under a title, with the time since the demo began. */
  say(text: string): void {
    this.#out.write(`${(this.elapsed() / 1000).toFixed(1).padStart(6)} s  ${text}\n`);
  }

  /** A line that explains the one above. */
  note(text: string): void {
    this.#out.write(`          ${text}\n`);
  }
}
