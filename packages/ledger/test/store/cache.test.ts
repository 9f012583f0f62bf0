import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openLevelStore } from '../../dist/level/index.js';
import { RecordCache } from '../../dist/level/recordCache.js';
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

  it('follows what is written: a record that came, changed and went', async () => {
    const store = await openLevelStore(join(folder, 'b'));
    expect(store.get('La')).toBeUndefined();
    for (const value of [Uint8Array.of(1), Uint8Array.of(2), null, Uint8Array.of(3)]) {
      await store.commit([['La', value]]);
      expect(store.get('La')).toEqual(value ?? undefined);
    }
    await store.commit([['La', new Uint8Array(9_000).fill(7)]]);
    expect(store.get('La')).toEqual(new Uint8Array(9_000).fill(7));
    await store.close();
  });
});

describe('a cache of records', () => {
  const record = new Uint8Array(3_000);
  const fill = (cache: RecordCache, from: number, to: number): void => {
    for (let i = from; i < to; i++) cache.set(`r${i}`, record);
  };

  it('holds no more than two generations of 8 MiB, and what is asked for longest', () => {
    const cache = new RecordCache();
    cache.set('hot', Uint8Array.of(1));
    const perGeneration = Math.ceil((8 * 1024 * 1024) / record.length);
    for (let i = 0; i < 4 * perGeneration; i++) {
      fill(cache, i, i + 1);
      expect(cache.get('hot')).toEqual(Uint8Array.of(1));
    }
    const known = Array.from({ length: 4 * perGeneration }, (_, i) => i).filter(i => cache.get(`r${i}`) === record);
    expect(known.length).toBeLessThanOrEqual(2 * perGeneration);
    expect(known.length).toBeGreaterThan(perGeneration / 2);
    expect(cache.get('r0')).toBeUndefined();
  });

  it('knows an absence from not knowing, and updates only what it knows', () => {
    const cache = new RecordCache();
    cache.update('a', record);
    expect(cache.get('a')).toBeUndefined();
    cache.set('a', null);
    expect(cache.get('a')).toBeNull();
    cache.update('a', record);
    expect(cache.get('a')).toBe(record);
    cache.update('a', new Uint8Array(5_000));
    expect(cache.get('a')).toBeUndefined();
  });
});
