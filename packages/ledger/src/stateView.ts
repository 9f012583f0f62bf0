/**
 * The state as nested views: a source of values by key, and layers of changes over it.
 *
 * A key is a string of one-byte characters (latin1): 'L' ‖ table byte ‖ table key for a value, 'N' ‖ path for a page of
 * the state tree (stateTree.ts), 'A' ‖ epoch for rows whose root is a value (audit.ts). Tables and their values: tables.ts. The pages can be rebuilt from the values.
 */
import { latin1, latin1Bytes, sha256 } from '@radpass/core';
import { changeTree, type Hash, type LeafChange, treeKey } from './stateTree.js';

/** 'L', 'N' or 'A' and what follows, each character one byte. */
export type StateKey = string;

/** New values by key; null removes. */
export type Changes = Map<StateKey, Uint8Array | null>;

/** Reads the state as of one block. Values must not be written to. */
export interface StateSource {
  get(key: StateKey): Uint8Array | undefined;
}

/** A state without any value. */
export const emptyState: StateSource = { get: () => undefined };

/** Key of the value of a table (0 to 255) that stands at the parts of its key, one after the other. */
export function leafKey(table: number, ...parts: Uint8Array[]): StateKey {
  return `L${String.fromCharCode(table)}${latin1(...parts)}`;
}

/** Table byte ‖ table key of a value's key: what the state tree hashes to place the leaf. */
function leafName(key: StateKey): Uint8Array {
  return latin1Bytes(key.slice(1));
}

/** Whether what stands at a key is a page of the tree, which follows from the values. */
export function isPage(key: StateKey): boolean {
  return key.startsWith('N');
}

/** A state with changes that nobody adds to. */
export function over(state: StateSource, changes: Changes): StateSource {
  return {
    get: key => {
      const own = changes.get(key);
      return own === undefined ? state.get(key) : (own ?? undefined);
    },
  };
}

/** How values of one kind stand in bytes. */
export interface ValueForm<T> {
  decode(bytes: Uint8Array): T;
  encode(value: T): Uint8Array;
}

/** Changes of values with those of the pages over them, and the root that they lead to. */
export function withPages(
  parent: StateSource,
  values: Changes,
  hash: Hash = sha256,
): { changes: Changes; root: Uint8Array } {
  const layer = new StateLayer(parent, hash);
  for (const [key, value] of values) layer.set(key, value);
  const root = layer.commitRoot();
  return { changes: layer.changes, root };
}

/** Holds the place of a change that stands in `#values` alone so far. */
const unencoded = new Uint8Array(0);

/** What stood at a key before a change that may be taken back. */
interface Before {
  readonly key: StateKey;
  readonly change: Uint8Array | null | undefined;
  readonly value: unknown;
  readonly form: ValueForm<unknown> | undefined;
  readonly isHashed: boolean;
}

/**
 * Changes over another state; reads fall through to it. The parent must not change while a layer stands on it, nor does
 * anybody change a value that a layer gave or was given: it keeps them as the rules see them, so that a value that a block
 * reads and sets a hundred times is decoded once and encoded once.
 */
export class StateLayer implements StateSource {
  /** In the order in which keys were first set. */
  readonly #changes: Changes = new Map();
  /** Values read or set; null: there is none. */
  readonly #values = new Map<StateKey, unknown>();
  /** How to encode what #changes only holds a place for. */
  readonly #forms = new Map<StateKey, ValueForm<unknown>>();
  /** Values set since the last commitRoot. */
  readonly #unhashed = new Set<StateKey>();
  readonly #parent: StateSource;
  readonly #hash: Hash;
  /** What changed since `attempt` began, if it is under way. */
  #journal: Before[] | null = null;

  /** @param hash - SHA-256; a platform's faster one may stand in for the default and gives the same state */
  constructor(parent: StateSource, hash: Hash = sha256) {
    this.#parent = parent;
    this.#hash = hash;
  }

  /** All that differs from the parent, pages of the tree included. Readers only; written by `set`, `setValue` and `commitRoot`. */
  get changes(): Changes {
    for (const key of this.#forms.keys()) this.#encode(key);
    return this.#changes;
  }

  get(key: StateKey): Uint8Array | undefined {
    const own = this.#changes.get(key);
    if (own === undefined) return this.#parent.get(key);
    return own === unencoded ? this.#encode(key) : (own ?? undefined);
  }

  /** The value at a key, decoded once. */
  value<T>(key: StateKey, form: ValueForm<T>): T | undefined {
    const known = this.#values.get(key);
    if (known !== undefined) return (known as T | null) ?? undefined;
    const value = this.#look(key, form);
    this.#values.set(key, value ?? null);
    return value;
  }

  set(key: StateKey, value: Uint8Array | null): void {
    this.#note(key);
    this.#changes.set(key, value);
    this.#values.delete(key);
    this.#forms.delete(key);
    if (key.startsWith('L')) this.#unhashed.add(key);
  }

  /** Set the value at a key; it is encoded when its bytes are asked for. */
  setValue<T>(key: StateKey, value: T, form: ValueForm<T>): void {
    this.#note(key);
    this.#changes.set(key, unencoded);
    this.#values.set(key, value);
    this.#forms.set(key, form as ValueForm<unknown>);
    this.#unhashed.add(key);
  }

  /** Do what may throw in the midst of its changes: then the layer is as it was. */
  attempt(run: () => void): void {
    const around = this.#journal;
    const journal: Before[] = [];
    this.#journal = journal;
    try {
      run();
      around?.push(...journal);
    } catch (error) {
      for (const before of journal.reverse()) this.#restore(before);
      throw error;
    } finally {
      this.#journal = around;
    }
  }

  /**
   * Bring the tree up to date with the values set in this layer since the last call, in one pass, and return the state
   * root (32 bytes). The parent's tree must be up to date. Cost: about one page read and 12 hashes a changed value in
   * a state of a million.
   */
  commitRoot(): Uint8Array {
    const leaves: LeafChange[] = [];
    for (const key of this.#unhashed) {
      const value = this.get(key);
      leaves.push({
        key: treeKey(this.#hash, leafName(key)),
        valueHash: value ? this.#hash(value) : null,
      });
    }
    this.#unhashed.clear();
    return changeTree(this, leaves, this.#hash);
  }

  /** As `value`, without remembering: a layer that many stand on does not grow with what they read. */
  #look<T>(key: StateKey, form: ValueForm<T>): T | undefined {
    const known = this.#values.get(key);
    if (known !== undefined) return (known as T | null) ?? undefined;
    const own = this.#changes.get(key);
    if (own === undefined && this.#parent instanceof StateLayer) return this.#parent.#look(key, form);
    const bytes = own === undefined ? this.#parent.get(key) : own;
    return bytes ? form.decode(bytes) : undefined;
  }

  #encode(key: StateKey): Uint8Array {
    const bytes = this.#forms.get(key)!.encode(this.#values.get(key));
    this.#changes.set(key, bytes);
    this.#forms.delete(key);
    return bytes;
  }

  #note(key: StateKey): void {
    this.#journal?.push({
      key,
      change: this.#changes.get(key),
      value: this.#values.get(key),
      form: this.#forms.get(key),
      isHashed: !this.#unhashed.has(key),
    });
  }

  #restore({ key, change, value, form, isHashed }: Before): void {
    if (change === undefined) this.#changes.delete(key);
    else this.#changes.set(key, change);
    if (value === undefined) this.#values.delete(key);
    else this.#values.set(key, value);
    if (form) this.#forms.set(key, form);
    else this.#forms.delete(key);
    if (isHashed) this.#unhashed.delete(key);
  }
}
