/**
 * A document's bytes in blocks that are used again: two of them serve a transfer of any length, where a buffer for each
 * chunk made the collector work as long as everything else. What is small (the headers between files) goes out with what
 * stands beside it.
 */
import { readAhead } from './readAhead.js';

const blockBytes = 512 * 1024;

/**
 * What `write` yields, in blocks of 512 KiB of which the last is shorter; `size` is the length of the whole. `write` is
 * given where its next bytes will stand, and may have put them there itself. One block is filled ahead, while the caller
 * has the one before: a block stays as it is until the next one is asked for.
 */
export function inBlocks(
  size: number,
  write: (room: () => Uint8Array) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  return readAhead(fillInTurn(size, write));
}

async function* fillInTurn(
  size: number,
  write: (room: () => Uint8Array) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const empty = (): Buffer => Buffer.allocUnsafeSlow(Math.min(blockBytes, size));
  let block = empty();
  let other: Buffer | undefined;
  let filled = 0;
  for await (const chunk of write(() => block.subarray(filled))) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + block.length - filled);
      const stands = part.buffer === block.buffer && part.byteOffset === block.byteOffset + filled;
      if (!stands) block.set(part, filled);
      at += part.length;
      filled += part.length;
      if (filled < block.length) continue;
      yield block;
      [block, other, filled] = [other ?? empty(), block, 0];
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}
