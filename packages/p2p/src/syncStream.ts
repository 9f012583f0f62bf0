/**
 * One sync request and its answer on a stream: the asking and the serving side (bytes: messages.ts). An answer holds at
 * most `limits.maxSyncBlocks` blocks and `limits.maxSyncBatchBytes` bytes; every frame and the whole have a time.
 */
import { P2pError } from './errors.js';
import type { Frames } from './frames.js';
import type { NetworkHandlers } from './handlers.js';
import { limits } from './limits.js';
import { decodeCount, decodeSyncRequest, encodeCount, encodeSyncRequest } from './messages.js';

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
export async function serveBlocks(frames: Frames, handlers: NetworkHandlers): Promise<number> {
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
