/**
 * Records of a store that were read last, in memory: the upper pages of the state tree, hot values, and absences, which a
 * duplicate check asks for. Bounded by bytes. Two generations instead of an order of use: what is asked for in the older
 * one moves to the younger, and when that is full the older is let go.
 */
const generationBytes = 8 * 1024 * 1024;
/** Longer records, blocks above all, are read again each time: peers that ask for many would fill the memory. */
const recordBytes = 4_096;
/** What an entry costs beside its key's and value's bytes, about: a text, a place in a map, an array over memory of its own. */
const entryBytes = 256;

export class RecordCache {
  #young = new Map<string, Uint8Array | null>();
  #old = new Map<string, Uint8Array | null>();
  /** Of the younger generation. */
  #bytes = 0;

  /** The record; null: it is known that there is none; undefined: nothing is known. */
  get(key: string): Uint8Array | null | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.#add(key, old);
    return old;
  }

  set(key: string, record: Uint8Array | null): void {
    if (record !== null && record.length > recordBytes) this.delete(key);
    else this.#add(key, record);
  }

  /** A record changed: what was known of it is replaced, and nothing is learnt of others. */
  update(key: string, record: Uint8Array | null): void {
    if (this.#young.has(key) || this.#old.has(key)) this.set(key, record);
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
    this.#bytes = 0;
  }

  #add(key: string, record: Uint8Array | null): void {
    // The older one's entry is hidden from now on. One that is replaced counts twice: the bound holds all the same.
    this.#young.set(key, record);
    this.#bytes += key.length + (record?.length ?? 0) + entryBytes;
    if (this.#bytes < generationBytes) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#bytes = 0;
  }
}
