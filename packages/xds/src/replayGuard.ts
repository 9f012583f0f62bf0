/**
 * Replays: a request that was served once is never served again. A request's identity is its signer and
 * its MessageID, both covered by its signature. It is looked up after the signature was verified, and
 * inserted when `decide` says serve, before the first byte; so an entry costs a standing grant, and a
 * refused request may be sent again as it is.
 *
 * A store is bounded: `maxEntriesPerSigner` of one signer, `maxEntries` in all. When full it refuses the
 * newcomer and never forgets an entry before its time.
 */
import type { PublicKey } from '@radpass/core';
import { publicKeyHex } from '@radpass/core';

export interface ReplayStore {
  /** Whether this message was inserted before and not swept since. */
  has(signer: PublicKey, messageId: string): Promise<boolean>;
  /**
   * Remember a message until `expires` (Unix ms). Atomic: of any number of concurrent calls with the same
   * message one answers 'new'. Durable when it resolves: neither a crash nor a restart forgets. When it
   * rejects, the message counts as seen.
   */
  insert(signer: PublicKey, messageId: string, expires: number): Promise<'new' | 'seen' | 'full'>;
  /** Forget what expired before `now` (Unix ms). */
  sweep(now: number): Promise<void>;
}

export const maxEntriesPerSigner = 256;
export const maxEntries = 65_536;

/** The bounded index that every store keeps in memory: who sent what, until when. */
export class ReplayIndex {
  readonly #signers = new Map<string, Map<string, number>>();
  #size = 0;

  has(signer: PublicKey, messageId: string): boolean {
    return this.#signers.get(publicKeyHex(signer))?.has(messageId) ?? false;
  }

  insert(signer: PublicKey, messageId: string, expires: number): 'new' | 'seen' | 'full' {
    const key = publicKeyHex(signer);
    const messages = this.#signers.get(key) ?? new Map<string, number>();
    if (messages.has(messageId)) return 'seen';
    if (messages.size >= maxEntriesPerSigner || this.#size >= maxEntries) return 'full';
    messages.set(messageId, expires);
    this.#signers.set(key, messages);
    this.#size += 1;
    return 'new';
  }

  /** Remove and return what expired before `now`. */
  sweep(now: number): { signer: string; messageId: string }[] {
    const gone: { signer: string; messageId: string }[] = [];
    for (const [signer, messages] of this.#signers) {
      for (const [messageId, expires] of messages) {
        if (expires >= now) continue;
        messages.delete(messageId);
        this.#size -= 1;
        gone.push({ signer, messageId });
      }
      if (messages.size === 0) this.#signers.delete(signer);
    }
    return gone;
  }
}

/** A store that forgets everything when the process ends: for tests and for embedding in a simulator. */
export function memoryReplayStore(): ReplayStore {
  const index = new ReplayIndex();
  return {
    async has(signer, messageId) {
      return index.has(signer, messageId);
    },
    async insert(signer, messageId, expires) {
      return index.insert(signer, messageId, expires);
    },
    async sweep(now) {
      index.sweep(now);
    },
  };
}
