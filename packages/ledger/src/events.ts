/**
 * What watchers hear, with cursors, so that a watcher that comes back misses nothing or is told that it did.
 *
 * cursor = number of this start × 2^32 + number of the event since the start: it only grows, over restarts too. The last
 * events are kept in memory. A cursor that they don't reach (too old, from an earlier start, or 0) gets
 * 'reset' first: ask for the facts again, then follow. Nothing is lost by that, for facts count every revocation ever seen.
 */

export type ChainEvent =
  | { kind: 'final'; slot: number; timeMs: number; height: number; id: Uint8Array } // a checkpoint became final
  | { kind: 'revocation'; transaction: Uint8Array } // a valid revocation was seen, final or not
  | { kind: 'change' } // transactions became final
  | { kind: 'head'; slot: number; height: number; id: Uint8Array } // another block is the head
  | { kind: 'transaction'; id: Uint8Array } // a transaction came to wait for its block
  | { kind: 'upgrade'; rulesVersion: number } // the network goes by rules that this release doesn't know
  | { kind: 'reset' }; // events were missed

export type Delivered = ChainEvent & { readonly cursor: number };

const keptEvents = 4_096;
/** Starts of the store times this, and what is counted since the start: a number that only grows. */
export const startFactor = 2 ** 32;

export class EventLog {
  readonly #listeners = new Set<(event: Delivered) => void>();
  readonly #kept: Delivered[] = [];
  #cursor: number;

  /** @param start - number of this start of the store, larger than any before */
  constructor(start: number) {
    this.#cursor = start * startFactor;
  }

  /** Cursor of the newest event. */
  get cursor(): number {
    return this.#cursor;
  }

  emit(event: ChainEvent): void {
    this.#cursor++;
    const delivered: Delivered = { ...event, cursor: this.#cursor };
    this.#kept.push(delivered);
    if (this.#kept.length > keptEvents) this.#kept.shift();
    for (const listener of this.#listeners) listener(delivered);
  }

  /** Events after `cursor`, those kept at once and the rest as they come. Returns what ends it. */
  follow(cursor: number, listener: (event: Delivered) => void): () => void {
    const oldest = this.#kept[0]?.cursor ?? this.#cursor + 1;
    if (cursor < oldest - 1 || cursor > this.#cursor) listener({ kind: 'reset', cursor: this.#cursor });
    else for (const event of [...this.#kept]) if (event.cursor > cursor) listener(event);
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}
