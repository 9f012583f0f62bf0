import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openLevelStore } from '../../dist/level/index.js';
import { storeKeys } from '../../dist/storeKeys.js';

describe('the memory of a store on disk', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'radpass-cache-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('keeps small records and no block: peers that ask for many would fill it', async () => {
    const store = await openLevelStore(join(folder, 'a'));
    const leaf = `L${'a'.repeat(32)}`;
    const block = storeKeys.block(new Uint8Array(32));
    await store.commit([
      [leaf, new Uint8Array(100).fill(1)],
      [block, new Uint8Array(200_000).fill(2)],
    ]);
    expect(store.get(leaf)).toBe(store.get(leaf));
    expect(store.get(block)).toEqual(new Uint8Array(200_000).fill(2));
    expect(store.get(block)).not.toBe(store.get(block));
    await store.close();
  });
});
