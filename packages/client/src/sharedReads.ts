/**
 * Reads that many ask for at once. Whoever asks while one is under way shares the next with all who do, so that nobody
 * is given what was read before the question, and a crowd costs two reads. One that hangs holds the next up for
 * `patienceMs` at most. Kept: only what is under way or waited for.
 */
const patienceMs = 1_000;

export class SharedReads {
  readonly #running = new Map<string, Promise<unknown>>();
  readonly #next = new Map<string, Promise<unknown>>();

  /** @param name - of the question: equal names share one answer, so their `read`s must be alike */
  read<T>(name: string, read: () => Promise<T>): Promise<T> {
    const running = this.#running.get(name);
    if (!running) return this.#start(name, read);
    let next = this.#next.get(name);
    if (!next) {
      next = running.then(() => {
        this.#next.delete(name);
        return this.#start(name, read);
      });
      this.#next.set(name, next);
    }
    return next as Promise<T>;
  }

  #start<T>(name: string, read: () => Promise<T>): Promise<T> {
    const answer = read();
    const over = settled(answer).then(() => {
      if (this.#running.get(name) === over) this.#running.delete(name);
    });
    this.#running.set(name, over);
    return answer;
  }
}

/** Resolves when the read has ended, well or not, or has taken too long. */
function settled(read: Promise<unknown>): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, patienceMs);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    read.then(end, end);
  });
}
