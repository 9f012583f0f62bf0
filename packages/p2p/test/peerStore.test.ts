import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { LevelDatastore } from 'datastore-level';
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

function openStore(path: string): { store: PeerStore; lost: string[] } {
  const lost: string[] = [];
  return { store: new PeerStore(path, event => lost.push(event)), lost };
}

const key = (name: string) => ({ toString: () => name }) as Parameters<PeerStore['put']>[0];
const value = (n: number): Uint8Array => Uint8Array.of(n);
async function keysOf(store: PeerStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const entry of store.query({ prefix: '/peers' })) keys.push(entry.key.toString());
  return keys.sort();
}

describe('the store of peers', () => {
  it('keeps what it is given, also over a restart, and says what is absent', async () => {
    const path = folder();
    const { store, lost } = openStore(path);
    await store.open();
    for (const name of ['/peers/a', '/peers/b', '/peers/c']) await store.put(key(name), value(1));
    await store.delete(key('/peers/c'));
    await store.write();
    await store.put(key('/peers/a'), value(2));
    await store.delete(key('/peers/b'));
    expect(await store.get(key('/peers/a'))).toEqual(value(2));
    expect(() => store.get(key('/peers/b'))).toThrow(expect.objectContaining({ name: 'NotFoundError' }));
    await store.close();
    const again = openStore(path);
    await again.store.open();
    expect(await keysOf(again.store)).toEqual(['/peers/a']);
    expect(await again.store.get(key('/peers/a'))).toEqual(value(2));
    await again.store.close();
    expect([...lost, ...again.lost]).toEqual([]);
  });

  it('has on disk what was written before a stop without an end', async () => {
    const path = folder();
    const { store } = openStore(path);
    await store.open();
    await store.put(key('/peers/a'), value(1));
    await store.write();
    await store.put(key('/peers/b'), value(1));
    const copy = join(folder(), 'copy');
    cpSync(path, copy, { recursive: true });
    const again = openStore(copy);
    await again.store.open();
    expect(await keysOf(again.store)).toEqual(['/peers/a']);
    await again.store.close();
    await store.close();
  });

  it('goes on in memory when the disk fails, and says so once', async () => {
    const failing = jest.spyOn(LevelDatastore.prototype, 'batch').mockImplementation(() => {
      throw new Error('no space');
    });
    const { store, lost } = openStore(folder());
    await store.open();
    await store.put(key('/peers/a'), value(1));
    await store.write();
    await store.put(key('/peers/b'), value(2));
    await store.delete(key('/peers/a'));
    await store.write();
    failing.mockRestore();
    expect(await store.get(key('/peers/b'))).toEqual(value(2));
    expect(await keysOf(store)).toEqual(['/peers/b']);
    await store.close();
    expect(lost).toEqual(['peer-store-lost']);
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
