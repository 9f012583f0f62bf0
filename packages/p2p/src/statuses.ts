/**
 * What the connected peers last said of themselves. Each side may open a status stream: it sends its own status and gets
 * the other's. A peer of another chain is refused: by the protocol's name, which carries half of the chain id, and by
 * the chain id itself.
 */
import type { Connection, Stream } from '@libp2p/interface';
import { equalBytes } from '@radpass/core';
import { BoundedMap } from './boundedMap.js';
import { P2pError } from './errors.js';
import { Frames, isProtocolBreach } from './frames.js';
import { limits } from './limits.js';
import { decodeStatus, encodeStatus, type PeerStatus } from './messages.js';
import type { Fault } from './score.js';

export interface StatusesInit {
  protocol: string;
  chainId: Uint8Array;
  own(): PeerStatus;
  charge(peer: string, fault: Fault): void;
  /** A status has come; `isNew` when it is the peer's first since it connected. */
  onStatus(peer: string, status: PeerStatus, isNew: boolean): void;
  /** Monotonic milliseconds. */
  now(): number;
}

export class Statuses {
  readonly #init: StatusesInit;
  readonly #known = new BoundedMap<string, PeerStatus>(limits.maxConnections * 2);
  /** Until when each of them needs no asking, monotonic ms. */
  readonly #freshUntil = new BoundedMap<string, number>(limits.maxConnections * 2);
  readonly #asking = new BoundedMap<string, Promise<void>>(limits.maxConnections * 2);

  constructor(init: StatusesInit) {
    this.#init = init;
  }

  get count(): number {
    return this.#known.size;
  }

  all(): [string, PeerStatus][] {
    return this.#known.entries();
  }

  get(peer: string): PeerStatus | undefined {
    return this.#known.get(peer);
  }

  forget(peer: string): void {
    this.#known.delete(peer);
    this.#freshUntil.delete(peer);
  }

  /**
   * Whether the peer told its status just now, or not long ago and then had our head: an exchange serves both sides, so one
   * of the two asking is enough.
   */
  isFresh(peer: string): boolean {
    return this.#init.now() < (this.#freshUntil.get(peer) ?? 0);
  }

  /** Exchange status with a peer; calls that overlap share one exchange. Never throws: faults are charged. */
  async ask(connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString();
    const running = this.#asking.get(peer);
    if (running !== undefined) return running;
    const asking = this.#exchange(connection, peer).finally(() => this.#asking.delete(peer));
    this.#asking.set(peer, asking);
    return asking;
  }

  /** Serve a status stream. */
  async serve(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString();
    const frames = this.#frames(stream);
    try {
      const theirs = decodeStatus(await frames.read());
      await frames.write(encodeStatus(this.#init.own()));
      await frames.end();
      this.#accept(peer, theirs, connection);
    } catch (error) {
      this.#fail(frames, peer, error);
    }
  }

  async #exchange(connection: Connection, peer: string): Promise<void> {
    let frames: Frames | undefined;
    try {
      const stream = await connection.newStream(this.#init.protocol, {
        signal: AbortSignal.timeout(limits.statusTimeoutMs),
      });
      frames = this.#frames(stream);
      await frames.write(encodeStatus(this.#init.own()));
      const theirs = decodeStatus(await frames.read());
      await frames.end();
      this.#accept(peer, theirs, connection);
    } catch (error) {
      this.#fail(frames, peer, error);
    }
  }

  #frames(stream: Stream): Frames {
    return new Frames(stream, {
      maxFrameBytes: limits.maxStatusBytes,
      maxBufferBytes: limits.maxStatusBytes * 2,
      timeoutMs: limits.statusTimeoutMs,
      what: 'status',
    });
  }

  #accept(peer: string, status: PeerStatus, connection: Connection): void {
    if (!equalBytes(status.chainId, this.#init.chainId)) {
      throw new P2pError({ code: 'P2P_CHAIN_MISMATCH' }, 'the peer serves another chain');
    }
    // A status that arrives as its connection closes would never be forgotten.
    if (connection.status !== 'open') return;
    const isNew = !this.#known.has(peer);
    this.#known.set(peer, status);
    const isInStep = equalBytes(status.headId, this.#init.own().headId);
    this.#freshUntil.set(peer, this.#init.now() + (isInStep ? limits.statusInStepMs : limits.statusFreshMs));
    this.#init.onStatus(peer, status, isNew);
  }

  #fail(frames: Frames | undefined, peer: string, error: unknown): void {
    frames?.abort(error instanceof Error ? error : new Error('status failed'));
    const isOtherChain =
      (error instanceof P2pError && error.detail.code === 'P2P_CHAIN_MISMATCH') ||
      (error instanceof Error && error.name === 'UnsupportedProtocolError');
    if (isOtherChain) this.#init.charge(peer, 'other chain');
    else if (isProtocolBreach(error)) this.#init.charge(peer, 'protocol broken');
    // Else the connection is going away or slow; libp2p's pings decide on that.
  }
}
