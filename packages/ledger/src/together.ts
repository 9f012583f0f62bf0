/**
 * Inputs of one kind that wait for their turn are taken in one step: what they change is one batch, synced once. Each still
 * gets a verdict of its own, after that batch.
 */

/** Taken in one step. */
const maxTogether = 256;

/** Inputs whose turn has not come. */
interface Waiting<T, V> {
  readonly items: T[];
  readonly verdicts: Promise<readonly V[]>;
}

export class Together<T, V> {
  readonly #take: (items: readonly T[]) => Promise<readonly V[]>;
  readonly #inTurn: (work: () => Promise<readonly V[]>) => Promise<readonly V[]>;
  #waiting: Waiting<T, V> | null = null;

  /**
   * @param take - gives the verdicts, in order
   * @param inTurn - runs work when no other does
   */
  constructor(
    take: (items: readonly T[]) => Promise<readonly V[]>,
    inTurn: (work: () => Promise<readonly V[]>) => Promise<readonly V[]>,
  ) {
    this.#take = take;
    this.#inTurn = inTurn;
  }

  async give(item: T): Promise<V> {
    return (await this.giveAll([item]))[0]!;
  }

  /** Several, in their order. */
  async giveAll(some: readonly T[]): Promise<readonly V[]> {
    const parts: Promise<readonly V[]>[] = [];
    for (let from = 0; from < some.length; ) {
      this.#waiting ??= this.#begin();
      const { items, verdicts } = this.#waiting;
      const at = items.length;
      const part = some.slice(from, from + maxTogether - at);
      items.push(...part);
      if (items.length === maxTogether) this.#waiting = null;
      parts.push(verdicts.then(all => all.slice(at, at + part.length)));
      from += part.length;
    }
    return (await Promise.all(parts)).flat();
  }

  #begin(): Waiting<T, V> {
    const items: T[] = [];
    const verdicts = this.#inTurn(() => {
      if (this.#waiting?.items === items) this.#waiting = null;
      return this.#take(items);
    });
    return { items, verdicts };
  }
}
