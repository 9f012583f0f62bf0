/** The recent messages (recent.ts) on the wire: told to a peer that has just subscribed, heard from others. */
import type { Connection, Stream } from '@libp2p/interface';
import { Frames, isProtocolBreach } from './frames.js';
import { type Log, peerLabel, type Verdict } from './handlers.js';
import { limits } from './limits.js';
import { hearRecent, type RecentMessages, tellRecent } from './recent.js';
import type { Fault } from './score.js';
import type { Kind } from './topics.js';

export interface RecentExchangeInit {
  protocol: string;
  recent: RecentMessages;
  connection(peer: string): Connection | undefined;
  judge(kind: Kind, bytes: Uint8Array, peer: string): Promise<Verdict>;
  /** Gossip what was accepted: other peers may have missed it too. */
  passOn(kind: Kind, bytes: Uint8Array): Promise<void>;
  charge(peer: string, fault: Fault): void;
  isBanned(peer: string): boolean;
  log: Log;
}

export class RecentExchange {
  readonly #init: RecentExchangeInit;

  constructor(init: RecentExchangeInit) {
    this.#init = init;
  }

  /**
   * Tell a peer what was kept at `since` (monotonic ms) or later.
   *
   * @returns whether the peer has read all of it; never throws
   */
  async tell(peer: string, since: number): Promise<boolean> {
    const { recent, connection, protocol, log } = this.#init;
    const messages = recent.since(since);
    if (messages.length === 0) return true;
    const open = connection(peer);
    if (open === undefined) return false;
    let frames: Frames | undefined;
    try {
      const stream = await open.newStream(protocol, { signal: AbortSignal.timeout(limits.recentTimeoutMs) });
      frames = recentFrames(stream);
      await tellRecent(frames, messages);
      return true;
    } catch (error) {
      frames?.abort(error instanceof Error ? error : new Error('recent failed'));
      log('recent-not-told', { peer: peerLabel(peer), error: error instanceof Error ? error.name : 'unknown' });
      return false;
    }
  }

  /** Serve a stream on which a peer tells. Never throws: faults are charged. */
  async hear(stream: Stream, connection: Connection): Promise<void> {
    const { judge, passOn, charge, isBanned } = this.#init;
    const peer = connection.remotePeer.toString();
    const frames = recentFrames(stream);
    try {
      const messages = await hearRecent(frames);
      await frames.end();
      for (const { kind, bytes } of messages) {
        const verdict = await judge(kind, bytes, peer);
        if (verdict === 'accept') await passOn(kind, bytes);
        if (isBanned(peer)) return;
      }
    } catch (error) {
      frames.abort(error instanceof Error ? error : new Error('recent failed'));
      if (isProtocolBreach(error)) charge(peer, 'protocol broken');
    }
  }
}

function recentFrames(stream: Stream): Frames {
  return new Frames(stream, {
    maxFrameBytes: limits.maxTransactionBytes + 16,
    maxBufferBytes: limits.maxRecentBytes * 2,
    timeoutMs: limits.recentTimeoutMs,
    what: 'recent',
  });
}
