/**
 * One sync request and its answer on a stream: the asking and the serving side (bytes: messages.ts). An answer holds at
 * most `limits.maxSyncBlocks` blocks and `limits.maxSyncBatchBytes` bytes; every frame and the whole have a time.
 */
import type { Connection, Stream } from '@libp2p/interface';
import { P2pError } from './errors.js';
import { Frames, isProtocolBreach } from './frames.js';
import type { NetworkHandlers } from './handlers.js';
import { limits } from './limits.js';
import { decodeCount, decodeSyncRequest, encodeCount, encodeSyncRequest } from './messages.js';
import type { Fault } from './score.js';

/** What came, and what ended it early if anything did. Blocks that came whole before that are good to import. */
export interface Answer {
  blocks: Uint8Array[];
  fault?: 'sync stalled' | 'sync truncated' | 'protocol broken';
}

/** Ask for blocks. Never throws: a fault is part of the answer. */
export async function askBlocks(frames: Frames, locator: Uint8Array[]): Promise<Answer> {
  const blocks: Uint8Array[] = [];
  let bytes = 0;
  try {
    await frames.write(encodeSyncRequest({ locator, limit: limits.maxSyncBlocks }));
    await frames.end();
    for (;;) {
      const frame = await frames.read();
      const count = decodeCount(frame);
      if (count !== undefined) return count === blocks.length ? { blocks } : { blocks, fault: 'protocol broken' };
      bytes += frame.length;
      if (frame.length === 0 || blocks.length === limits.maxSyncBlocks || bytes > limits.maxSyncBatchBytes) {
        throw new P2pError({ code: 'P2P_FRAME', reason: 'too many' }, 'an answer beyond its limits');
      }
      blocks.push(frame);
    }
  } catch (error) {
    frames.abort(error instanceof Error ? error : new Error('sync failed'));
    if (!(error instanceof P2pError)) return { blocks, fault: 'protocol broken' };
    if (error.detail.code === 'P2P_TIMEOUT') return { blocks, fault: 'sync stalled' };
    const truncated = error.detail.code === 'P2P_FRAME' && error.detail.reason === 'closed early';
    return { blocks, fault: truncated ? 'sync truncated' : 'protocol broken' };
  }
}

/**
 * Answer one request. A remote that takes nothing for `limits.syncFrameTimeoutMs` is dropped.
 *
 * @returns the number of blocks sent
 * @throws P2pError P2P_FRAME, P2P_TIMEOUT; CodedError CORE_DECODE
 */
export async function serveBlocks(frames: Frames, handlers: Pick<NetworkHandlers, 'blocksAfter'>): Promise<number> {
  const { locator, limit } = decodeSyncRequest(await frames.read());
  let count = 0;
  let bytes = 0;
  for await (const block of handlers.blocksAfter(locator, limit)) {
    bytes += block.length;
    // The asking side counts in the same way; what did not fit is asked for next.
    if (count === limit || bytes > limits.maxSyncBatchBytes) break;
    await frames.write(block);
    count += 1;
  }
  await frames.write(encodeCount(count));
  await frames.end();
  return count;
}

export interface BlockExchangeInit {
  protocol: string;
  handlers: NetworkHandlers;
  charge(peer: string, fault: Fault): void;
}

/** Both sides on libp2p's streams, with the caps on how many are served at once. */
export class BlockExchange {
  readonly #init: BlockExchangeInit;
  #serving = 0;

  constructor(init: BlockExchangeInit) {
    this.#init = init;
  }

  /** One request; rejects when no stream can be had. */
  async ask(connection: Connection | undefined, locator: Uint8Array[]): Promise<Answer> {
    if (connection === undefined) throw new Error('not connected');
    const stream = await connection.newStream(this.#init.protocol, {
      signal: AbortSignal.timeout(limits.statusTimeoutMs),
    });
    const deadline = AbortSignal.timeout(limits.syncBatchTimeoutMs);
    return askBlocks(syncFrames(stream, limits.maxBlockBytes, limits.maxSyncBatchBytes, deadline), locator);
  }

  /** Serve a stream. Never throws: faults are charged. */
  async serve(stream: Stream, connection: Connection): Promise<void> {
    const frames = syncFrames(stream, limits.maxSyncRequestBytes, limits.maxSyncRequestBytes);
    if (this.#serving >= limits.maxSyncStreams) {
      frames.abort(new Error('serving as many as we can'));
      return;
    }
    this.#serving += 1;
    try {
      await serveBlocks(frames, this.#init.handlers);
    } catch (error) {
      frames.abort(error instanceof Error ? error : new Error('sync failed'));
      if (isProtocolBreach(error)) this.#init.charge(connection.remotePeer.toString(), 'protocol broken');
    } finally {
      this.#serving -= 1;
    }
  }
}

function syncFrames(stream: Stream, maxFrameBytes: number, maxUnreadBytes: number, deadline?: AbortSignal): Frames {
  const maxBufferBytes = maxUnreadBytes + 65_536;
  const timeoutMs = limits.syncFrameTimeoutMs;
  return new Frames(stream, { maxFrameBytes, maxBufferBytes, timeoutMs, what: 'frame' }, deadline);
}
