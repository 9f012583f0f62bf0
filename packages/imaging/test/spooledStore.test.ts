/** Copies of a remote archive's instances: made once, sealed, bounded, replaced when their time is over. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { SecretKey } from '@radpass/core';
import {
  folderStore,
  type ImageStore,
  type Instance,
  packageStudy,
  type RemoteArchive,
  Spool,
  spooledStore,
} from '../dist/index.js';
import { inFolder, instance, studyUid } from './dicomFixture.js';

/** An archive in memory, whose files a test changes; counts what it is asked. */
class Archive implements RemoteArchive {
  readonly files = new Map<string, { version: string; bytes: Buffer }>();
  reads = 0;
  open = 0;
  most = 0;
  before: () => Promise<void> = async () => {};

  put(n: number, version: string, change: Parameters<typeof instance>[0] = {}): void {
    this.files.set(`1.2.3.4.1.${n}`, { version, bytes: instance({ '00080018': `1.2.3.4.1.${n}`, ...change }) });
  }
  studies = async () => [];
  findByUid = async () => null;
  findByAccession = async () => [];
  async instances() {
    const listed = [...this.files].sort(([a], [b]) => (a < b ? -1 : 1));
    return listed.map(([uid, { version }]) => ({ sopInstanceUID: uid, seriesInstanceUID: '1.2.3.4.1', version }));
  }
  async *read(_study: string, { sopInstanceUID }: { sopInstanceUID: string }) {
    this.reads += 1;
    this.open += 1;
    this.most = Math.max(this.most, this.open);
    try {
      await this.before();
      const bytes = this.files.get(sopInstanceUID)?.bytes ?? Buffer.alloc(0);
      for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
    } finally {
      this.open -= 1;
    }
  }
}

interface Given {
  archive: Archive;
  store: ImageStore;
  spool: Spool;
  path: string;
  clock: { now: number };
}

async function withStore(work: (given: Given) => Promise<void>, maxBytes = 10_000_000): Promise<void> {
  await inFolder(async path => {
    const archive = new Archive();
    const clock = { now: 1_000_000 };
    const spool = await Spool.open({ path, maxBytes });
    const store = spooledStore({ archive, spool, ttlMs: 3_600_000, now: () => clock.now });
    try {
      await work({ archive, store, spool, path, clock });
    } finally {
      await store.close();
    }
    expect(await readdir(path)).toEqual([]);
    expect(spool.used).toBe(0);
  });
}

async function bytesOf(store: ImageStore, uid = studyUid): Promise<Buffer[]> {
  const all: Buffer[] = [];
  for (const each of await store.instances(uid)) {
    const parts: Uint8Array[] = [];
    for await (const part of store.read(uid, each)) parts.push(part);
    all.push(Buffer.concat(parts));
  }
  return all;
}

describe('spooledStore', () => {
  const pixels = (size: number, value = 1) => ({ '7FE00010': Buffer.alloc(size, value) });

  it('gives the bytes of the archive, whatever their length', () =>
    withStore(async ({ archive, store }) => {
      for (const [n, size] of [0, 261_000, 262_144, 600_000].entries()) archive.put(n, 'v', pixels(size));
      const wanted = [...archive.files.values()].map(({ bytes }) => bytes);
      const given = await bytesOf(store);
      expect(given.map((bytes, n) => bytes.equals(wanted[n] ?? Buffer.alloc(0)))).toEqual([true, true, true, true]);
      expect((await store.instances(studyUid)).map(({ size }) => size)).toEqual(wanted.map(({ length }) => length));
      expect(archive.reads).toBe(4);
    }));

  it('leaves nothing on disk that can be read, and nothing for others', () =>
    withStore(async ({ archive, store, path }) => {
      archive.put(1, 'v', { '00100010': 'Canary^Name' });
      await bytesOf(store);
      const [name] = await readdir(path);
      const file = join(path, name ?? '');
      expect((await readFile(file)).includes('Canary')).toBe(false);
      expect((await stat(file)).mode & 0o077).toBe(0);
    }));

  it('removes copies that an earlier process left, and nothing else', () =>
    inFolder(async dir => {
      const path = join(dir, 'spool');
      await mkdir(path);
      await writeFile(join(path, `${'0'.repeat(32)}.spool`), 'noise');
      await writeFile(join(path, 'mine.txt'), 'kept');
      await Spool.open({ path, maxBytes: 1000 });
      expect(await readdir(path)).toEqual(['mine.txt']);
    }));

  it.each([
    [
      'a flipped bit',
      async (file: string) => {
        const bytes = await readFile(file);
        bytes[70] = (bytes[70] ?? 0) ^ 1;
        await writeFile(file, bytes);
      },
    ],
    ['a lost end', (file: string) => truncate(file, 300)],
  ])('notices %s in a copy', (_what, harm) =>
    withStore(async ({ archive, store, path }) => {
      archive.put(1, 'v');
      await store.instances(studyUid);
      await harm(join(path, (await readdir(path))[0] ?? ''));
      await expect(bytesOf(store)).rejects.toMatchObject({ detail: { code: 'IMAGING_SPOOL', reason: 'damaged' } });
    }),
  );

  it('reads the archive twice at a time at most', () =>
    withStore(async ({ archive, store }) => {
      for (let n = 0; n < 4; n += 1) archive.put(n, 'v');
      archive.before = () => new Promise(resolve => setTimeout(resolve, 5));
      await Promise.all(['1.1', '1.2', '1.3', '1.4'].map(uid => store.instances(uid)));
      expect([archive.reads, archive.most]).toEqual([16, 2]);
    }));

  it('makes a copy again when its time is over, and the version follows the bytes', () =>
    withStore(async ({ archive, store, clock }) => {
      archive.put(1, 'v', pixels(8, 1));
      const first = await store.instances(studyUid);
      clock.now += 3_599_999;
      expect(await store.instances(studyUid)).toEqual(first);
      expect(archive.reads).toBe(1);
      clock.now += 1;
      expect(await store.instances(studyUid)).toEqual(first);
      expect(archive.reads).toBe(2);
      archive.put(1, 'v', pixels(8, 2)); // pixels alone: the archive's version stays
      expect(await store.instances(studyUid)).toEqual(first);
      clock.now += 3_600_000;
      expect((await store.instances(studyUid))[0]?.version).not.toBe(first[0]?.version);
    }));

  it('makes a copy again as soon as the archive names another version, and of that instance alone', () =>
    withStore(async ({ archive, store }) => {
      for (const n of [1, 2]) archive.put(n, 'v', pixels(8, n));
      const [first, second] = await store.instances(studyUid);
      archive.put(2, 'w', pixels(8, 3));
      const [same, other] = await store.instances(studyUid);
      expect([same, archive.reads]).toEqual([first, 3]);
      expect(other?.version).not.toBe(second?.version);
      expect((await bytesOf(store))[1]?.equals(archive.files.get('1.2.3.4.1.2')!.bytes)).toBe(true);
      archive.files.delete('1.2.3.4.1.1');
      expect(await store.instances(studyUid)).toEqual([other]);
    }));

  it('lets a reader finish whose copy is renewed with the same bytes, and stops one whose bytes are others', () =>
    withStore(async ({ archive, store, clock }) => {
      archive.put(1, 'v', pixels(600_000, 1));
      const [listed] = await store.instances(studyUid);
      const readAcross = async (between: () => void): Promise<number> => {
        let length = 0;
        for await (const chunk of store.read(studyUid, listed!)) {
          if (length === 0) {
            clock.now += 3_600_000;
            between();
            await store.instances(studyUid);
          }
          length += chunk.length;
        }
        return length;
      };
      expect(await readAcross(() => {})).toBe(listed?.size);
      await expect(readAcross(() => archive.put(1, 'v', pixels(600_000, 2)))).rejects.toMatchObject({
        code: 'IMAGING_CHANGED',
      });
    }));

  it('gives up the study that rested the longest when it is full, and none that is in use', () =>
    withStore(async ({ archive, store, clock }) => {
      archive.put(1, 'v', pixels(250_000));
      await store.instances('1.1');
      clock.now += 1000;
      await store.instances('1.2');
      clock.now += 58_999;
      await expect(store.instances('1.3')).rejects.toMatchObject({
        detail: { code: 'IMAGING_SPOOL', reason: 'full' },
      });
      clock.now += 1;
      await store.instances('1.3');
      expect(archive.reads).toBe(4);
      await store.instances('1.2');
      expect(archive.reads).toBe(4);
      clock.now += 60_000;
      await store.instances('1.1');
      expect(archive.reads).toBe(5);
    }, 2 * 251_000));

  it('refuses a study that never fits', () =>
    withStore(async ({ archive, store }) => {
      archive.put(1, 'v', pixels(250_000));
      await expect(store.instances(studyUid)).rejects.toMatchObject({ detail: { reason: 'full' } });
    }, 100_000));

  it('tries again after the archive failed in the middle of an instance', () =>
    withStore(async ({ archive, store }) => {
      archive.put(1, 'v');
      archive.put(2, 'v');
      archive.before = async () => {
        if (archive.reads === 2) throw new Error('ECONNRESET');
      };
      const asked = await Promise.allSettled([store.instances(studyUid), store.instances(studyUid)]);
      expect(asked.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
      expect(archive.reads).toBe(3);
    }));

  it('packages no instance whose bytes are of another study than the archive said', () =>
    withStore(async ({ archive, store }) => {
      archive.put(1, 'v', { '0020000D': '1.2.9.9' });
      const sourceKey = SecretKey.fromSeed(new Uint8Array(32).fill(1)).publicKey;
      const packaging = packageStudy({ store, studyInstanceUID: studyUid, salt: new Uint8Array(32), sourceKey });
      await expect(packaging).rejects.toMatchObject({ code: 'IMAGING_TWO_STUDIES' });
    }));

  it('makes the very document that a folder makes, and reads each copy once for it', () =>
    withStore(async ({ archive, store }) => {
      for (const n of [1, 2]) archive.put(n, 'v', pixels(n * 5_000_000, n));
      const sourceKey = SecretKey.fromSeed(new Uint8Array(32).fill(1)).publicKey;
      const given = { studyInstanceUID: studyUid, salt: new Uint8Array(32), sourceKey };
      let read = 0;
      const counting = Object.create(store, {
        read: {
          value: async function* (uid: string, each: Instance) {
            for await (const chunk of store.read(uid, each)) {
              read += chunk.length;
              yield chunk;
            }
          },
        },
        instances: { value: (uid: string) => store.instances(uid) },
        header: { value: (uid: string, sop: string) => store.header(uid, sop) },
      }) as ImageStore;
      const document = await packageStudy({ store: counting, ...given });
      expect(read).toBe(document.instances.reduce((sum, each) => sum + each.size, 0));
      await inFolder(async dir => {
        for (const [uid, { bytes }] of archive.files) await writeFile(join(dir, uid), bytes);
        const folder = await folderStore({ path: dir });
        const same = await packageStudy({ store: folder, ...given });
        expect([document.size, Buffer.from(document.sha256)]).toEqual([same.size, Buffer.from(same.sha256)]);
      });
      const hash = createHash('sha256');
      for await (const chunk of document.stream()) hash.update(chunk);
      expect(hash.digest().equals(document.sha256)).toBe(true);
    }, 20_000_000));

  it('is a folder that can be used, or says so', () =>
    inFolder(async dir => {
      await writeFile(join(dir, 'file'), '');
      await expect(Spool.open({ path: join(dir, 'file'), maxBytes: 1 })).rejects.toMatchObject({
        detail: { code: 'IMAGING_SPOOL', reason: 'unusable' },
      });
    }));
});
