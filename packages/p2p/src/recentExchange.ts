/**
 * The recent messages (recent.ts) on the wire: told to a peer that has just subscribed, heard from others. A peer is told
 * twice: what was published before its gossip stream was open falls between. It counts as told when it has read all; else it
 * is told again, for a connection may close while its twin stays.
 */
import type { Connection, Stream } from '@libp2p/interface';
import { BoundedMap } from './boundedMap.js';
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
  /** Monotonic milliseconds. */
  now(): number;
  after(delayMs: number, task: () => Promise<void>): void;
}

/** What a connected peer has: the messages that were kept before `before`, monotonic ms. */
interface Told {
  before: number;
}

export class RecentExchange {
  readonly #init: RecentExchangeInit;
  readonly #told = new BoundedMap<string, Told>(limits.maxConnections * 2);

  constructor(init: RecentExchangeInit) {
    this.#init = init;
  }

  /** A peer has subscribed: it will be told. @returns false if it did so before, and is not gone since */
  begin(peer: string): boolean {
    if (this.#told.has(peer)) return false;
    const told = { before: 0 };
    this.#told.set(peer, told);
    for (const delayMs of [limits.recentFirstMs, limits.recentSecondMs]) this.#tellIn(delayMs, peer, told);
    return true;
  }

  /** The peer is gone. */
  forget(peer: string): void {
    this.#told.delete(peer);
  }

  #tellIn(delayMs: number, peer: string, told: Told, tries: number = limits.recentTries): void {
    this.#init.after(delayMs, async () => {
      if (this.#told.get(peer) !== told) return;
      const now = this.#init.now();
      if (await this.#tell(peer, told.before)) told.before = now;
      else if (tries > 1) this.#tellIn(limits.recentSecondMs, peer, told, tries - 1);
    });
  }

  /** @returns whether the peer has read all that was kept at `since` or later; never throws */
  async #tell(peer: string, since: number): Promise<boolean> {
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
