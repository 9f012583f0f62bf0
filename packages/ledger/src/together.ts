/**
 * Inputs of one kind that wait for their turn are taken in one step: what they change is one batch, synced once. Each still
 * gets a verdict of its own, after that batch.
 */

/** Taken in one step, and what was given together with the last of them. */
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

  give(item: T): Promise<V> {
    this.#waiting ??= this.#begin();
    const { items, verdicts } = this.#waiting;
    const at = items.push(item) - 1;
    if (items.length >= maxTogether) this.#waiting = null;
    return verdicts.then(all => all[at]!);
  }

  /** Several, in their order. */
  giveAll(some: readonly T[]): Promise<readonly V[]> {
    this.#waiting ??= this.#begin();
    const { items, verdicts } = this.#waiting;
    const at = items.push(...some) - some.length;
    if (items.length >= maxTogether) this.#waiting = null;
    return verdicts.then(all => all.slice(at, at + some.length));
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
