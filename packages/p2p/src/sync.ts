/**
 * Block sync: while some peer has more than we, ask the best of them for the blocks after ours, import them, ask again.
 * One loop at a time. A peer that lies is banned; one that stalls, truncates or brings nothing rests a while, and the
 * next best goes on from where we are, since each request starts at our own locator (THREATS 33).
 */
import { equalBytes, sha256 } from '@radpass/core';
import { BoundedMap } from './boundedMap.js';
import { type Log, type NetworkHandlers, peerLabel } from './handlers.js';
import { limits } from './limits.js';
import type { PeerStatus } from './messages.js';
import type { Fault } from './score.js';
import type { Answer } from './syncStream.js';

export interface SyncInit {
  handlers: Pick<NetworkHandlers, 'status' | 'locator' | 'importBlocks'>;
  /** The connected peers and what they last said of themselves. */
  statuses(): readonly (readonly [peer: string, status: PeerStatus])[];
  /** Ask all peers for their status anew; settles when one is ahead of us or all have answered. */
  refresh(): Promise<void>;
  /** One request to one peer; rejects only when no stream can be had. */
  ask(peer: string, locator: Uint8Array[]): Promise<Answer>;
  charge(peer: string, fault: Fault): void;
  log: Log;
  /** Monotonic milliseconds. */
  now(): number;
}

/**
 * Whether a peer has something for us: more blocks, or more final ones. With the same head there is nothing to fetch:
 * finality follows from votes that gossip brings.
 */
export function isAhead(theirs: PeerStatus, ours: PeerStatus): boolean {
  if (equalBytes(theirs.headId, ours.headId)) return false;
  return theirs.finalHeight > ours.finalHeight || theirs.height > ours.height;
}

export class Sync {
  readonly #init: SyncInit;
  /** Until when a peer is passed over, monotonic ms. */
  readonly #rests = new BoundedMap<string, number>(limits.maxScoredPeers);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #loop: Promise<void> | undefined;
  #fetching = false;
  #again = false;
  #stopped = false;

  constructor(init: SyncInit) {
    this.#init = init;
  }

  /** Whether blocks are being fetched or imported now. */
  get running(): boolean {
    return this.#fetching;
  }

  /** Look for a peer that is ahead and catch up. Calls that come together, or while the loop runs, make one more round. */
  request(): void {
    if (this.#stopped || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#start(true);
    }, limits.syncDebounceMs);
  }

  /** A peer's status has come: start at once when it is ahead. */
  consider(peer: string, status: PeerStatus): void {
    if (!this.#isResting(peer) && isAhead(status, this.#init.handlers.status())) this.#start(false);
  }

  /** A disconnected peer that returns gets a fresh chance. */
  forget(peer: string): void {
    this.#rests.delete(peer);
  }

  /** @returns when the loop has ended; no handler is called afterwards. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#loop;
  }

  #start(refresh: boolean): void {
    if (this.#stopped) return;
    if (this.#loop !== undefined) {
      this.#again = true;
      return;
    }
    this.#loop = this.#run(refresh)
      .catch((error: unknown) => {
        this.#init.log('sync-failed', { error: error instanceof Error ? error.name : 'unknown' });
      })
      .finally(() => {
        this.#loop = undefined;
        this.#fetching = false;
        if (this.#again) {
          this.#again = false;
          this.#start(false);
        }
      });
  }

  async #run(refresh: boolean): Promise<void> {
    if (refresh && this.#best() === undefined) await this.#init.refresh();
    for (let peer = this.#best(); peer !== undefined && !this.#stopped; peer = this.#best()) {
      this.#fetching = true;
      await this.#follow(peer);
    }
  }

  /** Most final blocks first, then most blocks. */
  #best(): string | undefined {
    const ours = this.#init.handlers.status();
    return this.#init
      .statuses()
      .filter(([peer, theirs]) => isAhead(theirs, ours) && !this.#isResting(peer))
      .toSorted(([, a], [, b]) => b.finalHeight - a.finalHeight || b.height - a.height)[0]?.[0];
  }

  /** Fetch from one peer until it has no more or fails; on return it rests, unless we have caught up with it. */
  async #follow(peer: string): Promise<void> {
    const { handlers, charge, log } = this.#init;
    let lastBatch: Uint8Array | undefined;
    for (;;) {
      const theirs = this.#init.statuses().find(([id]) => id === peer)?.[1];
      if (this.#stopped || theirs === undefined || !isAhead(theirs, handlers.status())) return;
      let answer: Answer;
      try {
        answer = await this.#init.ask(peer, handlers.locator());
      } catch {
        // No stream: the connection is going away, or the peer serves as many as it can.
        this.#rest(peer, limits.syncIdleRestMs);
        return;
      }
      if (this.#stopped) return;
      const { blocks, fault } = answer;
      const batch = sha256(...blocks.slice(0, 1), ...blocks.slice(-1));
      const repeated = lastBatch !== undefined && equalBytes(batch, lastBatch);
      lastBatch = batch;
      const outcome = blocks.length === 0 || repeated ? 'stop' : await handlers.importBlocks(blocks);
      log('sync-batch', { peer: peerLabel(peer), blocks: blocks.length, outcome, fault: fault ?? 'none' });
      if (outcome === 'bad') {
        this.#rest(peer, limits.syncFaultRestMs);
        charge(peer, 'blocks bad');
        return;
      }
      if (fault !== undefined) {
        this.#rest(peer, limits.syncFaultRestMs);
        charge(peer, fault);
        return;
      }
      if (blocks.length === 0 && theirs.height > handlers.status().height) {
        // Gossip has not brought its blocks meanwhile either: it said that it has them, and does not give them.
        this.#rest(peer, limits.syncFaultRestMs);
        charge(peer, 'sync empty');
        return;
      }
      if (outcome === 'stop') {
        this.#rest(peer, limits.syncIdleRestMs);
        return;
      }
    }
  }

  #rest(peer: string, ms: number): void {
    this.#rests.set(peer, this.#init.now() + ms);
  }

  #isResting(peer: string): boolean {
    return (this.#rests.get(peer) ?? 0) > this.#init.now();
  }
}
