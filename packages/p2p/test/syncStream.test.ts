import { describe, expect, it } from '@jest/globals';
import type { Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import { limits, type NetworkHandlers } from '@radpass/p2p';
import { Frames } from '../dist/frames.js';
import { encodeCount } from '../dist/messages.js';
import { type Answer, askBlocks, serveBlocks } from '../dist/syncStream.js';
import { block, pause, TestChain } from './nodes.js';

const timeoutMs = 150;
const frames = (stream: Stream, maxFrameBytes = 10_000, signal?: AbortSignal) =>
  new Frames(stream, { maxFrameBytes, maxBufferBytes: 100_000, timeoutMs, what: 'frame' }, signal);

/** Ask a remote that answers by `serve`; its frames are sent as they are. */
async function ask(serve: (remote: Frames, stream: Stream) => Promise<void>, signal?: AbortSignal): Promise<Answer> {
  const [near, far] = await streamPair();
  const remote = frames(far);
  const served = remote.read().then(() => serve(remote, far));
  const answer = await askBlocks(frames(near, 10_000, signal), new TestChain(0).locator());
  await served.catch(() => undefined);
  return answer;
}

const three = [1, 2, 3].map(height => block(height));
const sendThree = async (remote: Frames) => {
  for (const next of three) await remote.write(next);
};

describe('askBlocks', () => {
  it('takes an answer that ends with its count', async () => {
    const answer = await ask(async remote => {
      await sendThree(remote);
      await remote.write(encodeCount(3));
      await remote.end();
    });
    expect(answer).toEqual({ blocks: three });
  });

  it('keeps what came before a stall', async () => {
    const start = performance.now();
    const answer = await ask(sendThree);
    expect(answer).toEqual({ blocks: three, fault: 'sync stalled' });
    expect(performance.now() - start).toBeLessThan(timeoutMs * 4);
  });

  it('ends a drip of frames that never stops at the deadline of the whole', async () => {
    const answer = await ask(
      async remote => {
        for (let height = 1; height < 100; height++) {
          await remote.write(block(height));
          await pause(timeoutMs / 3);
        }
      },
      AbortSignal.timeout(2 * timeoutMs),
    );
    expect(answer.fault).toBe('sync stalled');
    expect(answer.blocks.length).toBeGreaterThan(2);
    expect(answer.blocks.length).toBeLessThan(12);
  });

  it('keeps what came before the end of a truncated answer', async () => {
    const answer = await ask(async (remote, stream) => {
      await sendThree(remote);
      // A frame of 40 bytes is announced, five come.
      stream.send(new Uint8Array([40, 1, 2, 3, 4, 5]));
      await remote.end();
    });
    expect(answer).toEqual({ blocks: three, fault: 'sync truncated' });
  });

  it.each<[string, (remote: Frames, stream: Stream) => Promise<void>]>([
    ['a wrong count', async remote => remote.write(encodeCount(4))],
    ['an empty block', async (_, stream) => void stream.send(new Uint8Array([0]))],
    ['a frame above the cap', async (_, stream) => void stream.send(new Uint8Array([0xff, 0xff, 0x7f]))],
  ])('calls %s a broken protocol', async (_, then) => {
    const answer = await ask(async (remote, stream) => {
      await sendThree(remote);
      await then(remote, stream);
    });
    expect(answer).toEqual({ blocks: three, fault: 'protocol broken' });
  });

  it('takes no more blocks than it asked for', async () => {
    const answer = await ask(async remote => {
      for (let height = 1; height <= limits.maxSyncBlocks + 1; height++) await remote.write(block(height));
    });
    expect(answer.blocks).toHaveLength(limits.maxSyncBlocks);
    expect(answer.fault).toBe('protocol broken');
  });
});

describe('serveBlocks', () => {
  it('gives up on a reader that takes nothing, and lets go of the chain', async () => {
    const [near, far] = await streamPair({ delay: 1, outbound: { maxReadBufferLength: 1e9 } });
    let released = false;
    const heavy = block(1, 1, 9_000);
    const handlers: Pick<NetworkHandlers, 'blocksAfter'> = {
      async *blocksAfter() {
        try {
          for (;;) yield heavy;
        } finally {
          released = true;
        }
      },
    };
    near.pause();
    const asking = frames(near);
    await asking.write(new Uint8Array([0x92, 0x91, 0xc4, 32, ...new Uint8Array(32), 0xcc, 128]));
    expect(await serveBlocks(frames(far), handlers)).toBe(128);
    expect(released).toBe(true);
  });

  it('refuses a request that is not canonical', async () => {
    const [near, far] = await streamPair();
    await frames(near).write(new Uint8Array([0x92, 0x90, 1]));
    await expect(
      serveBlocks(frames(far), {
        async *blocksAfter() {
          yield* three;
        },
      }),
    ).rejects.toMatchObject({
      code: 'CORE_DECODE',
    });
  });
});
