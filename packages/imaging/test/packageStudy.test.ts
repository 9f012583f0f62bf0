import { createHash } from 'node:crypto';
import { appendFile, cp, mkdir, readFile, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { SecretKey, toHex } from '@radpass/core';
import { dataDir, needs } from '../../../tools/needs.mjs';
import { checkOneStudy, type DocumentSeal, folderStore, type ImageStore, packageStudy } from '../dist/index.js';
import { inFolder, instance, otherStudyUid, studyUid } from './dicomFixture.js';

const sourceKey = SecretKey.fromSeed(new Uint8Array(32).fill(1)).publicKey;
const salt = new Uint8Array(32).fill(2);

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
  return Buffer.concat(parts);
}

async function documentOf(path: string) {
  const store = await folderStore({ path });
  const { studyInstanceUID } = await checkOneStudy(store);
  return packageStudy({ store, studyInstanceUID, salt, sourceKey });
}

const put = (dir: string, n: number, change = {}) =>
  writeFile(join(dir, `f${n}`), instance({ '00080018': `1.2.3.4.1.${n}`, ...change }));

/** A store whose headers and bytes name another study while `lies`; sizes and versions stay. */
function lyingStore(inner: ImageStore, lies: () => boolean): ImageStore {
  return {
    studies: () => inner.studies(),
    findByUid: uid => inner.findByUid(uid),
    findByAccession: text => inner.findByAccession(text),
    instances: uid => inner.instances(uid),
    header: async (study, sop) => {
      const header = await inner.header(study, sop);
      return lies() ? { ...header, studyInstanceUID: otherStudyUid } : header;
    },
    async *read(uid, each) {
      for await (const chunk of inner.read(uid, each)) {
        const at = Buffer.from(chunk).indexOf(`${studyUid}\0`);
        if (lies() && at >= 0) chunk.set(Buffer.from(otherStudyUid), at);
        yield chunk;
      }
    },
    close: () => inner.close(),
  };
}

describe('packageStudy', () => {
  it('knows size and digest of what it streams, each time', () =>
    inFolder(async dir => {
      await put(dir, 1);
      await put(dir, 2);
      const document = await documentOf(dir);
      for (const bytes of [await collect(document.stream()), await collect(document.stream())]) {
        expect(bytes).toHaveLength(document.size);
        expect(toHex(document.sha256)).toBe(createHash('sha256').update(bytes).digest('hex'));
      }
    }));

  it('reads no file again that a seal of the same versions knows, unless the document is laid out otherwise', () =>
    inFolder(async dir => {
      await put(dir, 1);
      await put(dir, 2);
      const inner = await folderStore({ path: dir });
      let reads = 0;
      const store: ImageStore = {
        ...lyingStore(inner, () => false),
        read(uid, each) {
          reads += 1;
          return inner.read(uid, each);
        },
      };
      const make = (sealed?: DocumentSeal) =>
        packageStudy({ store, studyInstanceUID: studyUid, salt, sourceKey, sealed: async () => sealed ?? null });
      const first = await make();
      expect(reads).toBe(2);
      const again = await make(first.seal);
      expect(reads).toBe(2);
      expect([again.size, toHex(again.sha256), again.seal]).toEqual([first.size, toHex(first.sha256), first.seal]);
      expect(await collect(again.stream())).toEqual(await collect(first.stream()));
      reads = 0;
      for (const stale of [
        { ...first.seal, frame: '0'.repeat(64), sha256: '0'.repeat(64) },
        { ...first.seal, digests: first.seal.digests.slice(1) },
        { ...first.seal, digests: [...first.seal.digests].reverse() },
      ]) {
        expect(toHex((await make(stale)).sha256)).toBe(toHex(first.sha256));
      }
      expect(reads).toBe(6);
    }));

  it('ends what it had begun to open when its reader goes', () =>
    inFolder(async dir => {
      for (const n of [1, 2, 3, 4]) await put(dir, n, { '7FE00010': Buffer.alloc(400_000, n) });
      const inner = await folderStore({ path: dir });
      const open = new Set<string>();
      const store: ImageStore = {
        ...lyingStore(inner, () => false),
        read(uid, each, room) {
          open.add(each.sopInstanceUID);
          const chunks = inner.read(uid, each, room)[Symbol.asyncIterator]();
          return {
            [Symbol.asyncIterator]: () => ({
              next: async () => {
                const next = await chunks.next();
                if (next.done) open.delete(each.sopInstanceUID);
                return next;
              },
              return: async () => {
                open.delete(each.sopInstanceUID);
                return (await chunks.return?.()) ?? { done: true, value: undefined };
              },
            }),
          };
        },
      };
      const document = await packageStudy({ store, studyInstanceUID: studyUid, salt, sourceKey });
      expect(open.size).toBe(0);
      const stream = document.stream()[Symbol.asyncIterator]();
      await stream.next();
      expect(open.size).toBeGreaterThan(0);
      await stream.return?.();
      expect(open.size).toBe(0);
    }));

  it('gives the same bytes from another folder, other names, another order and other times', () =>
    inFolder(one =>
      inFolder(async two => {
        for (const n of [1, 2, 10]) await put(one, n);
        await mkdir(join(two, 'deep'));
        for (const [name, n] of [
          ['z', 1],
          ['deep/a', 10],
          ['deep/b', 2],
        ] as const) {
          await cp(join(one, `f${n}`), join(two, name));
          await utimes(join(two, name), n, n);
        }
        const [a, b] = [await documentOf(one), await documentOf(two)];
        expect(toHex(a.sha256)).toBe(toHex(b.sha256));
      }),
    ));

  it('gives other bytes for another salt, another source and another instance', () =>
    inFolder(async dir => {
      await put(dir, 1);
      const store = await folderStore({ path: dir });
      const digest = async (p: { salt: Uint8Array; sourceKey: Uint8Array }) =>
        toHex((await packageStudy({ store, studyInstanceUID: studyUid, ...p })).sha256);
      const base = await digest({ salt, sourceKey });
      const otherKey = SecretKey.fromSeed(new Uint8Array(32).fill(3)).publicKey;
      expect(await digest({ salt: new Uint8Array(0), sourceKey })).not.toBe(base);
      expect(await digest({ salt, sourceKey: otherKey })).not.toBe(base);
      await put(dir, 2);
      expect(await digest({ salt, sourceKey })).not.toBe(base);
    }));

  it('says in the manifest what stands where', () =>
    inFolder(async dir => {
      await put(dir, 9);
      await put(dir, 10);
      const { manifest } = await documentOf(dir);
      expect(manifest).toMatchObject({
        formatVersion: 1,
        studyInstanceUID: studyUid,
        salt: toHex(salt),
        sourceKey: toHex(sourceKey),
        snapshotTime: '2020-01-02T03:04:05.000Z',
      });
      const file = await readFile(join(dir, 'f10'));
      expect(manifest.instances[0]).toEqual({
        sopInstanceUID: '1.2.3.4.1.10',
        path: 'IMAGES/I0000001',
        size: file.length,
        sha256: createHash('sha256').update(file).digest('hex'),
      });
      expect(manifest.instances.map(each => each.path)).toEqual(['IMAGES/I0000001', 'IMAGES/I0000002']);
    }));

  it('holds files above the size that is kept in memory', () =>
    inFolder(async dir => {
      await put(dir, 1, { '7FE00010': Buffer.alloc(9 * 1024 * 1024, 5) });
      const document = await documentOf(dir);
      const hash = createHash('sha256');
      for await (const chunk of document.stream()) {
        expect(chunk.length).toBeLessThanOrEqual(512 * 1024);
        hash.update(chunk);
      }
      expect(toHex(document.sha256)).toBe(hash.digest('hex'));
    }));

  it('refuses a study that the store does not hold', () =>
    inFolder(async dir => {
      await put(dir, 1);
      const store = await folderStore({ path: dir });
      const packaging = packageStudy({ store, studyInstanceUID: otherStudyUid, salt, sourceKey });
      await expect(packaging).rejects.toMatchObject({ code: 'IMAGING_STUDY_UNKNOWN' });
    }));

  it('refuses an instance whose own header names another study', () =>
    inFolder(async dir => {
      await put(dir, 1);
      const store = lyingStore(await folderStore({ path: dir }), () => true);
      const packaging = packageStudy({ store, studyInstanceUID: studyUid, salt, sourceKey });
      await expect(packaging).rejects.toMatchObject({ code: 'IMAGING_TWO_STUDIES' });
    }));
});

describe('StudyDocument.stream', () => {
  const changes: [string, (dir: string) => Promise<void>][] = [
    ['edited', dir => put(dir, 2, { '00100020': 'P9' })],
    ['grown', dir => appendFile(join(dir, 'f2'), 'x')],
    ['cut', dir => truncate(join(dir, 'f2'), 900)],
    ['removed', dir => rm(join(dir, 'f2'))],
    ['moved to another study', dir => put(dir, 2, { '0020000D': otherStudyUid })],
    [
      'replaced by a copy with its time kept',
      async dir => {
        await cp(join(dir, 'f2'), join(dir, '.new'), { preserveTimestamps: true });
        await rename(join(dir, '.new'), join(dir, 'f2'));
      },
    ],
  ];
  it.each(changes)('breaks off before the bytes of an instance that was %s', (_name, change) =>
    inFolder(async dir => {
      await put(dir, 1);
      await put(dir, 2);
      const document = await documentOf(dir);
      await change(dir);
      let sent = 0;
      const stream = async () => {
        for await (const chunk of document.stream()) sent += chunk.length;
      };
      await expect(stream()).rejects.toMatchObject({
        detail: { code: 'IMAGING_CHANGED', sopInstanceUID: '1.2.3.4.1.2' },
      });
      expect(sent).toBeLessThan(document.size - document.instances[1]!.size);
    }),
  );
});

describe('an instance that names another study by the time it is sent', () => {
  it('does not leave', () =>
    inFolder(async dir => {
      await put(dir, 1);
      let lies = false;
      const store = lyingStore(await folderStore({ path: dir }), () => lies);
      const document = await packageStudy({ store, studyInstanceUID: studyUid, salt, sourceKey });
      lies = true;
      let sent = 0;
      const stream = async () => {
        for await (const chunk of document.stream()) sent += chunk.length;
      };
      await expect(stream()).rejects.toMatchObject({ code: 'IMAGING_CHANGED' });
      expect(sent).toBeLessThan(document.size - document.instances[0]!.size);
    }));
});

needs('dicom', describe)('real studies', () => {
  const folders = 'ct-ankle ct-small ecg-waveform jpeg2000 mr-small multi-series-77654033/CT2 report-sr rle'.split(' ');
  it.each(folders)('%s gives the same bytes twice', async folder => {
    const path = join(dataDir, 'dicom', folder);
    const [a, b] = [await documentOf(path), await documentOf(path)];
    expect(toHex(a.sha256)).toBe(toHex(b.sha256));
    expect(
      createHash('sha256')
        .update(await collect(a.stream()))
        .digest('hex'),
    ).toBe(toHex(b.sha256));
  });
});
