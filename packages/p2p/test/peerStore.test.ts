import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { PeerStore } from '../dist/peerStore.js';
import { startNode, stopAll, until } from './nodes.js';

const folders: string[] = [];
const folder = (): string => {
  folders.push(mkdtempSync(join(tmpdir(), 'radpass-peers-')));
  return folders.at(-1)!;
};
afterEach(async () => {
  await stopAll();
  for (const path of folders.splice(0)) rmSync(path, { recursive: true });
});

/** A store of which every use of the disk fails from some moment on, as on a full one. */
class FailingDisk extends PeerStore {
  readonly lost: string[];

  constructor(path: string) {
    const lost: string[] = [];
    super(path, event => lost.push(event));
    this.lost = lost;
  }

  /** What LevelDB does after a write that failed: it takes no call any more. */
  fail(): Promise<void> {
    return this.db.close();
  }
}

const key = (name: string) => ({ toString: () => name }) as Parameters<PeerStore['put']>[0];
const value = (n: number): Uint8Array => Uint8Array.of(n);
async function keysOf(store: PeerStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const entry of store.query({ prefix: '/peers' })) keys.push(entry.key.toString());
  return keys.sort();
}

describe('the store of peers', () => {
  it('keeps what it is given, and says what is absent', async () => {
    const store = new FailingDisk(folder());
    await store.open();
    await store.put(key('/peers/a'), value(1));
    expect(await store.get(key('/peers/a'))).toEqual(value(1));
    await expect(store.get(key('/peers/b'))).rejects.toMatchObject({ name: 'NotFoundError' });
    expect(await keysOf(store)).toEqual(['/peers/a']);
    await store.close();
    expect(store.lost).toEqual([]);
  });

  it('goes on in memory when the disk fails, and says so once', async () => {
    const store = new FailingDisk(folder());
    await store.open();
    await store.put(key('/peers/a'), value(1));
    await store.fail();
    await store.put(key('/peers/b'), value(2));
    await store.put(key('/peers/c'), value(3));
    await store.delete(key('/peers/c'));
    expect(await store.get(key('/peers/b'))).toEqual(value(2));
    expect([await store.has(key('/peers/b')), await store.has(key('/peers/c'))]).toEqual([true, false]);
    expect(await keysOf(store)).toEqual(['/peers/b']);
    await expect(store.get(key('/peers/a'))).rejects.toMatchObject({ name: 'NotFoundError' });
    await store.close();
    expect(store.lost).toEqual(['peer-store-lost']);
  });

  it.each(['query', 'queryKeys'] as const)('goes on in memory when %s meets the failure first', async method => {
    const store = new FailingDisk(folder());
    await store.open();
    await store.fail();
    for await (const _ of store[method]({ prefix: '/peers' })) throw new Error('nothing was put');
    await store.put(key('/peers/a'), value(1));
    expect(await keysOf(store)).toEqual(['/peers/a']);
    expect(store.lost).toEqual(['peer-store-lost']);
  });

  it('that can be neither opened nor made keeps a node from nothing', async () => {
    const [broken, sound] = [folder(), folder()];
    writeFileSync(join(broken, 'peers'), 'no folder');
    mkdirSync(join(sound, 'peers'));
    const a = await startNode(1, { init: { dataDir: broken } });
    const b = await startNode(2, { peers: a.network.addresses, init: { dataDir: sound } });
    await until(() => a.network.peerCount() === 1 && b.network.peerCount() === 1);
    expect(a.logged.filter(line => line.includes('peer-store-lost'))).toHaveLength(1);
    expect(b.logged.filter(line => line.includes('peer-store-lost'))).toHaveLength(0);
  });
});
