/**
 * The state as nested views: a source of values by key, and layers of changes over it.
 *
 * A key is a string of one-byte characters (latin1): 'L' ‖ table byte ‖ table key for a value, 'N' ‖ path for a page of
 * the state tree (stateTree.ts), 'A' ‖ epoch for rows whose root is a value (audit.ts). Tables and their values: tables.ts. The pages can be rebuilt from the values.
 */
import { sha256 } from '@radpass/core';
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

/** Key of the value that stands at `tableKey` of a table (0 to 255). */
export function leafKey(table: number, tableKey: Uint8Array): StateKey {
  let key = `L${String.fromCharCode(table)}`;
  for (let i = 0; i < tableKey.length; i++) key += String.fromCharCode(tableKey[i]!);
  return key;
}

/** Table byte ‖ table key of a value's key: what the state tree hashes to place the leaf. */
function leafName(key: StateKey): Uint8Array {
  const name = new Uint8Array(key.length - 1);
  for (let i = 0; i < name.length; i++) name[i] = key.charCodeAt(i + 1);
  return name;
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

/** Changes over another state; reads fall through to it. The parent must not change while a layer stands on it. */
export class StateLayer implements StateSource {
  /** All that differs from the parent, pages of the tree included. Readers only; written by `set` and `commitRoot`. */
  readonly changes: Changes = new Map();
  /** Values set since the last commitRoot. */
  readonly #unhashed = new Set<StateKey>();
  readonly #parent: StateSource;
  readonly #hash: Hash;

  /** @param hash - SHA-256; a platform's faster one may stand in for the default and gives the same state */
  constructor(parent: StateSource, hash: Hash = sha256) {
    this.#parent = parent;
    this.#hash = hash;
  }

  get(key: StateKey): Uint8Array | undefined {
    const own = this.changes.get(key);
    return own === undefined ? this.#parent.get(key) : (own ?? undefined);
  }

  set(key: StateKey, value: Uint8Array | null): void {
    this.changes.set(key, value);
    if (key.startsWith('L')) this.#unhashed.add(key);
  }

  /** A layer over this one. */
  fork(): StateLayer {
    return new StateLayer(this, this.#hash);
  }

  /**
   * Bring the tree up to date with the values set in this layer since the last call, in one pass, and return the state
   * root (32 bytes). The parent's tree must be up to date. Cost: about one page read and 12 hashes a changed value in
   * a state of a million.
   */
  commitRoot(): Uint8Array {
    const leaves: LeafChange[] = [];
    for (const key of this.#unhashed) {
      const value = this.changes.get(key);
      leaves.push({
        key: treeKey(this.#hash, leafName(key)),
        valueHash: value ? this.#hash(value) : null,
      });
    }
    this.#unhashed.clear();
    return changeTree(this, leaves, this.#hash);
  }
}
