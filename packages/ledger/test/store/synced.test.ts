/** That what is promised was synced: a lost fsync shows in no test that only kills processes, so the calls are counted. */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SecretKey } from '@radpass/core';
import { ClassicLevel } from 'classic-level';
import { createSigningRecord, openLevelStore, openNodeSigner } from '../../dist/level/index.js';

let dir: string;
let undo: () => void = () => undefined;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'radpass-synced-'));
});
afterEach(async () => {
  undo();
  await rm(dir, { recursive: true });
});

/** Note each call of a method in `calls`, and do it. */
function watch<K extends string>(
  on: Record<K, (...args: never[]) => unknown>,
  method: K,
  note: (args: unknown[]) => void,
) {
  const original = on[method];
  on[method] = function (this: unknown, ...args: never[]) {
    note(args);
    return original.apply(this, args);
  } as typeof original;
  undo = () => {
    on[method] = original;
  };
}

describe('a promise', () => {
  it('of the store is a batch that LevelDB was told to sync', async () => {
    const options: unknown[] = [];
    const probe = new ClassicLevel(join(dir, 'probe'));
    await probe.open();
    watch(Object.getPrototypeOf(probe.batch()), 'write', ([given]) => options.push(given));
    await probe.close();
    const store = await openLevelStore(join(dir, 'chain'));
    await store.commit([['Mhead', new Uint8Array([1])]]);
    await store.close();
    expect(options).toEqual([{ sync: true }]);
  });

  it('of a signature is a record whose file and folder were synced before it', async () => {
    const key = SecretKey.fromSeed(new Uint8Array(32).fill(9), 'node');
    const recordPath = join(dir, 'record');
    await createSigningRecord(recordPath, key.publicKey);
    const signer = await openNodeSigner({ key, recordPath, chainId: new Uint8Array(32).fill(1) });
    const probe = await open(join(dir, 'probe'), 'w');
    let syncs = 0;
    watch(Object.getPrototypeOf(probe), 'sync', () => syncs++);
    const signed = signer.signBlock(4, new Uint8Array(32).fill(5)).then(() => syncs);
    expect(await signed).toBe(process.platform === 'win32' ? 1 : 2);
    await probe.close();
    await signer.close();
  });
});
