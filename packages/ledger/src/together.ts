/**
 * Inputs of one kind that wait for their turn are taken in one step: what they change is one batch, synced once. Each still
 * gets a verdict of its own, after that batch.
 */
interface Waiting<T, V> {
  readonly item: T;
  readonly done: (verdict: V) => void;
  readonly failed: (error: unknown) => void;
}

/** Taken in one step. */
const maxTogether = 256;

export class Together<T, V> {
  readonly #take: (items: readonly T[]) => Promise<readonly V[]>;
  readonly #inTurn: (work: () => Promise<void>) => Promise<void>;
  #waiting: Waiting<T, V>[] = [];

  /**
   * @param take - gives the verdicts, in order
   * @param inTurn - runs work when no other does
   */
  constructor(
    take: (items: readonly T[]) => Promise<readonly V[]>,
    inTurn: (work: () => Promise<void>) => Promise<void>,
  ) {
    this.#take = take;
    this.#inTurn = inTurn;
  }

  give(item: T): Promise<V> {
    return new Promise((done, failed) => {
      if (this.#waiting.push({ item, done, failed }) === 1) void this.#inTurn(() => this.#takeAll());
    });
  }

  async #takeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const together = this.#waiting.splice(0, maxTogether);
      try {
        const verdicts = await this.#take(together.map(({ item }) => item));
        together.forEach(({ done }, i) => {
          done(verdicts[i]!);
        });
      } catch (error) {
        for (const { failed } of together) failed(error);
      }
    }
  }
}
