import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { inBlocks } from '../dist/blocks.js';

const blockBytes = 512 * 1024;
const sizes = [40, 300_000, 700_000, 1, 600_000, 17];
const size = sizes.reduce((sum, each) => sum + each, 0);
const content = Buffer.alloc(size, createHash('shake256', { outputLength: 997 }).update('content').digest());

/** The content in chunks of these sizes, or of what there is room for; put in place for every other one. */
async function* write(room: () => Uint8Array): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const [index, length] of sizes.entries()) {
    for (const end = at + length; at < end; ) {
      const place = room();
      const chunk = content.subarray(at, index % 2 === 0 ? end : Math.min(end, at + place.length));
      if (index % 2 === 1) place.set(chunk);
      at += chunk.length;
      yield index % 2 === 1 ? place.subarray(0, chunk.length) : chunk;
    }
  }
}

describe('inBlocks', () => {
  it('gives every byte in its place, in blocks that are full but for the last, whoever put them there', async () => {
    const blocks: Buffer[] = [];
    for await (const block of inBlocks(size, write)) {
      // Whoever holds a block while the next is filled finds it as it was.
      await new Promise(resolve => setTimeout(resolve, 2));
      blocks.push(Buffer.from(block));
    }
    expect(blocks.map(block => block.length)).toEqual([blockBytes, blockBytes, blockBytes, size - 3 * blockBytes]);
    expect(Buffer.concat(blocks).equals(content)).toBe(true);
  });

  it('uses two blocks, however many go out', async () => {
    const memory = new Set<ArrayBufferLike>();
    for await (const block of inBlocks(size, write)) memory.add(block.buffer);
    expect(memory.size).toBe(2);
  });
});
