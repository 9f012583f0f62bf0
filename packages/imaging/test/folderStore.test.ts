import { mkdir, mkdtemp, readdir, readlink, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { dataDir, needs } from '../../../tools/needs.mjs';
import { imageStoreSuite } from '../dist/compliance.js';
import { checkOneStudy, folderStore, type ImageStore } from '../dist/index.js';
import { inFolder, instance, otherStudyUid, studyUid, twoStudies } from './dicomFixture.js';

const first = (n: number, change = {}) => instance({ '00080018': `1.2.3.4.1.${n}`, ...change });

imageStoreSuite(
  { describe, it, expect },
  async () => {
    const path = await mkdtemp(join(tmpdir(), 'radpass-imaging-'));
    return {
      store: await folderStore({ path }),
      put: (bytes, uid) => writeFile(join(path, uid), bytes),
      remove: uid => rm(join(path, uid)),
      dispose: () => rm(path, { recursive: true }),
    };
  },
  async () => twoStudies(),
);

describe('folderStore', () => {
  it('is refused where there is no folder', () =>
    inFolder(async dir => {
      await expect(folderStore({ path: join(dir, 'none') })).rejects.toMatchObject({ code: 'IMAGING_FOLDER' });
    }));

  it('finds files at any depth and leaves out hidden ones, links, DICOMDIR and what is no DICOM', () =>
    inFolder(dir =>
      inFolder(async outside => {
        await mkdir(join(dir, 'a', 'b'), { recursive: true });
        await mkdir(join(dir, '.trash'));
        await writeFile(join(dir, 'a', 'b', 'no extension'), first(1));
        await writeFile(join(dir, '.trash', 'x.dcm'), first(2));
        await writeFile(join(dir, 'DICOMDIR'), first(3));
        await writeFile(join(dir, 'readme.txt'), 'hello');
        await writeFile(join(outside, 'x.dcm'), first(4));
        await symlink(join(outside, 'x.dcm'), join(dir, 'link.dcm'));
        await symlink(outside, join(dir, 'linked folder'));
        const skipped: unknown[] = [];
        const store = await folderStore({ path: dir, onSkipped: each => skipped.push(each) });
        expect((await store.instances(studyUid)).map(each => each.sopInstanceUID)).toEqual(['1.2.3.4.1.1']);
        await store.studies();
        expect(skipped).toEqual([{ path: 'readme.txt', code: 'IMAGING_NOT_DICOM' }]);
      }),
    ));

  it('lists a half-copied file only when it is whole', () =>
    inFolder(async dir => {
      const store = await folderStore({ path: dir });
      await writeFile(join(dir, 'x'), first(1).subarray(0, -2));
      expect(await store.studies()).toEqual([]);
      await writeFile(join(dir, 'x'), first(1));
      expect(await store.studies()).toHaveLength(1);
    }));

  it('lists a study only when it was quiet for stableMs', () =>
    inFolder(async dir => {
      let now = 1_000_000_000_000;
      const store = await folderStore({ path: dir, stableMs: 5000, now: () => now });
      await writeFile(join(dir, 'x'), first(1));
      await utimes(join(dir, 'x'), now / 1000, now / 1000);
      now += 4999;
      expect(await store.studies()).toEqual([]);
      expect(await store.findByAccession('ACC1')).toEqual([]);
      expect(await store.findByUid(studyUid)).toMatchObject({ stable: false });
      now += 1;
      expect(await store.studies()).toHaveLength(1);
      expect(await store.findByAccession('ACC1')).toHaveLength(1);
      expect(await store.findByUid(studyUid)).toMatchObject({ stable: true });
    }));

  describe('asked for one study in a folder at rest', () => {
    const longAgo = new Date(Date.now() - 3_600_000);
    /** Folders deep/a and deep/b with an instance each, whose times are old, after a full walk and a quick one. */
    async function atRest(work: (store: ImageStore, dir: string, clock: { now: number }) => Promise<void>) {
      await inFolder(async dir => {
        const clock = { now: Date.now() };
        for (const [name, n] of [
          ['a', 1],
          ['b', 2],
        ] as const) {
          await mkdir(join(dir, 'deep', name), { recursive: true });
          const change = name === 'b' ? { '0020000D': otherStudyUid } : {};
          await writeFile(join(dir, 'deep', name, 'x'), first(n, change));
          await utimes(join(dir, 'deep', name), longAgo, longAgo);
        }
        await utimes(join(dir, 'deep'), longAgo, longAgo);
        await utimes(dir, longAgo, longAgo);
        const store = await folderStore({ path: dir, now: () => clock.now });
        await store.studies();
        expect(await store.instances(studyUid)).toHaveLength(1);
        await work(store, dir, clock);
      });
    }

    it('sees at once what came, went, was renamed or edited', () =>
      atRest(async (store, dir) => {
        await writeFile(join(dir, 'deep', 'b', 'new'), first(3));
        expect(await store.instances(studyUid)).toHaveLength(2);
        await mkdir(join(dir, 'deep', 'c', 'd'), { recursive: true });
        await writeFile(join(dir, 'deep', 'c', 'd', 'new'), first(4));
        expect(await store.instances(studyUid)).toHaveLength(3);
        await rename(join(dir, 'deep', 'a', 'x'), join(dir, 'deep', 'a', 'y'));
        const renamed = await store.instances(studyUid);
        expect(renamed).toHaveLength(3);
        await writeFile(join(dir, 'deep', 'a', 'y'), first(1, { '00100020': 'P2' }));
        expect((await store.instances(studyUid))[0]?.version).not.toBe(renamed[0]?.version);
        await rm(join(dir, 'deep', 'a', 'y'));
        expect(await store.instances(studyUid)).toHaveLength(2);
      }));

    it('sees a file that was half copied when it is whole', () =>
      atRest(async (store, dir) => {
        await writeFile(join(dir, 'deep', 'b', 'new'), first(3).subarray(0, -2));
        expect(await store.instances(studyUid)).toHaveLength(1);
        await utimes(join(dir, 'deep', 'b'), longAgo, longAgo);
        expect(await store.instances(studyUid)).toHaveLength(1);
        await writeFile(join(dir, 'deep', 'b', 'new'), first(3));
        await utimes(join(dir, 'deep', 'b'), longAgo, longAgo);
        expect(await store.instances(studyUid)).toHaveLength(2);
      }));

    it("looks at other studies' files within a minute", () =>
      atRest(async (store, dir, clock) => {
        await writeFile(join(dir, 'deep', 'b', 'x'), first(2)); // in place, from the other study to this one
        expect(await store.instances(studyUid)).toHaveLength(1);
        clock.now += 60_000;
        expect(await store.instances(studyUid)).toHaveLength(2);
      }));
  });

  it('takes two copies of one instance as one', () =>
    inFolder(async dir => {
      await writeFile(join(dir, 'x'), first(1));
      await writeFile(join(dir, 'y'), first(1));
      const store = await folderStore({ path: dir });
      expect(await store.instances(studyUid)).toHaveLength(1);
      expect((await store.studies())[0]).toMatchObject({ instances: 1, bytes: first(1).length });
    }));

  it('refuses two different files of one instance', () =>
    inFolder(async dir => {
      await writeFile(join(dir, 'x'), first(1));
      await writeFile(join(dir, 'y'), first(1, { '00100020': 'P2' }));
      const store = await folderStore({ path: dir });
      await expect(store.instances(studyUid)).rejects.toMatchObject({
        code: 'IMAGING_DUPLICATE_INSTANCE',
        detail: { sopInstanceUID: '1.2.3.4.1.1' },
      });
    }));

  it('stops a read when the file changes under way', () =>
    inFolder(async dir => {
      await writeFile(join(dir, 'x'), first(1, { '7FE00010': Buffer.alloc(600_000, 1) }));
      const store = await folderStore({ path: dir });
      const [listed] = await store.instances(studyUid);
      let seen = 0;
      const read = async () => {
        for await (const chunk of store.read(studyUid, listed!)) {
          if (seen === 0) await writeFile(join(dir, 'x'), first(1, { '7FE00010': Buffer.alloc(600_000, 2) }));
          seen += chunk.length;
        }
      };
      await expect(read()).rejects.toMatchObject({ code: 'IMAGING_CHANGED' });
      expect(seen).toBeLessThan(listed!.size);
    }));

  // What a process holds open can be read on Linux.
  const itHolds = process.platform === 'linux' ? it : it.skip;

  itHolds('closes what it opened, read to its end or not, begun or not', () =>
    inFolder(async dir => {
      await writeFile(join(dir, 'x'), first(1, { '7FE00010': Buffer.alloc(600_000, 1) }));
      const store = await folderStore({ path: dir });
      const [listed] = await store.instances(studyUid);
      const begin = () => store.read(studyUid, listed!)[Symbol.asyncIterator]();
      const [whole, half, none] = [begin(), begin(), begin()];
      while (!(await whole.next()).done);
      await half.next();
      expect(await openIn(dir)).toBe(2);
      await half.return?.();
      await none.return?.();
      for (let tries = 0; (await openIn(dir)) > 0 && tries < 100; tries++) await new Promise(setImmediate);
      expect(await openIn(dir)).toBe(0);
    }),
  );
});

/** Files of a folder that this process holds open. */
async function openIn(dir: string): Promise<number> {
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map(fd => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return links.filter(link => link.startsWith(dir)).length;
}

describe('checkOneStudy', () => {
  it('gives the only study', () =>
    inFolder(async dir => {
      await writeFile(join(dir, 'x'), first(1));
      expect(await checkOneStudy(await folderStore({ path: dir }))).toMatchObject({
        studyInstanceUID: studyUid,
        accessionNumber: 'ACC1',
        description: 'Head',
        modality: 'CT',
        date: '20200102',
      });
    }));

  it('refuses a folder without a study', () =>
    inFolder(async dir => {
      await expect(checkOneStudy(await folderStore({ path: dir }))).rejects.toMatchObject({ code: 'IMAGING_NO_STUDY' });
    }));
});

needs('dicom', describe)('a folder of real files', () => {
  it('is refused when it holds two studies and one was expected', async () => {
    const store = await folderStore({ path: join(dataDir, 'dicom', 'multi-series-77654033') });
    await expect(checkOneStudy(store)).rejects.toMatchObject({ detail: { code: 'IMAGING_TWO_STUDIES', studies: 2 } });
    expect(await store.findByAccession('2')).toHaveLength(2);
  });
});
