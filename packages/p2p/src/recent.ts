/**
 * What was said while a peer was away. Gossip reaches only who listens at that moment; a peer that restarts, reconnects
 * or subscribes a moment late would miss transactions and votes for good. So each node keeps its own and accepted ones
 * for a minute and tells them to a peer once its subscription has come. Blocks are not kept: sync brings them.
 */
import { P2pError } from './errors.js';
import type { Frames } from './frames.js';
import { limits } from './limits.js';
import { decodeCount, decodeRecent, encodeCount, encodeRecent, type RecentMessage } from './messages.js';
import type { Kind } from './topics.js';

interface Kept extends RecentMessage {
  id: string;
  at: number;
}

export class RecentMessages {
  readonly #now: () => number;
  readonly #kept: Kept[] = [];
  #bytes = 0;

  /** @param now - monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Keep a message; one that is kept already counts as fresh again. */
  add(kind: Kind, bytes: Uint8Array, id: string): void {
    if (kind === 'blocks') return;
    const known = this.#kept.findIndex(kept => kept.id === id);
    if (known >= 0) this.#drop(known);
    this.#kept.push({ kind, bytes: bytes.slice(), id, at: this.#now() });
    this.#bytes += bytes.length;
    while (this.#kept.length > limits.maxRecentMessages || this.#bytes > limits.maxRecentBytes) this.#drop();
  }

  /** Messages kept at `since` (monotonic ms) or later, oldest first. */
  since(since: number): RecentMessage[] {
    while (this.#kept[0] !== undefined && this.#kept[0].at < this.#now() - limits.recentAgeMs) this.#drop();
    return this.#kept.filter(kept => kept.at >= since);
  }

  #drop(index = 0): void {
    this.#bytes -= this.#kept.splice(index, 1)[0]?.bytes.length ?? 0;
  }
}

/**
 * Send the messages, then their number; done when the peer has ended its half too, as who has read all does.
 *
 * @throws P2pError P2P_FRAME, P2P_TIMEOUT
 */
export async function tellRecent(frames: Frames, messages: readonly RecentMessage[]): Promise<void> {
  for (const message of messages) await frames.write(encodeRecent(message));
  await frames.write(encodeCount(messages.length));
  await frames.end();
  await frames.remoteEnd();
}

/**
 * Read all that a peer tells before judging any of it.
 *
 * @throws P2pError P2P_FRAME, P2P_TIMEOUT; CodedError CORE_DECODE
 */
export async function hearRecent(frames: Frames): Promise<RecentMessage[]> {
  const messages: RecentMessage[] = [];
  let bytes = 0;
  for (;;) {
    const frame = await frames.read();
    const count = decodeCount(frame);
    if (count !== undefined) {
      if (count !== messages.length) throw new P2pError({ code: 'P2P_FRAME', reason: 'wrong count' }, 'wrong count');
      return messages;
    }
    const message = decodeRecent(frame);
    if (message === undefined || message.kind === 'blocks') {
      throw new P2pError({ code: 'P2P_FRAME', reason: 'undecodable' }, 'no message of a kind that is told');
    }
    bytes += message.bytes.length;
    messages.push(message);
    if (messages.length > limits.maxRecentMessages || bytes > limits.maxRecentBytes) {
      throw new P2pError({ code: 'P2P_FRAME', reason: 'too many' }, 'more messages than a node keeps');
    }
  }
}
