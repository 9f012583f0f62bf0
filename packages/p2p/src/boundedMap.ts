/** The only Map that may be keyed by something a remote chooses: it has a cap, and the cheapest entry makes room. */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #max: number;
  readonly #worth: ((value: V) => number) | undefined;

  /**
   * @param max - entries held at most
   * @param worth - the entry of least worth goes first; without it, the oldest
   */
  constructor(max: number, worth?: (value: V) => number) {
    this.#max = max;
    this.#worth = worth;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** Put an entry; a new one may push out another. Linear in the size only when full and ordered by worth. */
  set(key: K, value: V): void {
    if (!this.#entries.has(key) && this.#entries.size >= this.#max) this.#evict();
    this.#entries.set(key, value);
  }

  delete(key: K): boolean {
    return this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  /** A copy of the entries, oldest first: safe to change the map while walking it. */
  entries(): [K, V][] {
    return [...this.#entries];
  }

  #evict(): void {
    let least: K | undefined;
    let leastWorth = Number.POSITIVE_INFINITY;
    for (const [key, value] of this.#entries) {
      const worth = this.#worth?.(value) ?? Number.NEGATIVE_INFINITY;
      if (worth < leastWorth) {
        least = key;
        leastWorth = worth;
      }
      if (this.#worth === undefined) break;
    }
    if (least !== undefined) this.#entries.delete(least);
  }
}
