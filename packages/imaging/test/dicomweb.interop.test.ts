/** The DICOMweb store against a real Orthanc. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { dataDir, needs } from '../../../tools/needs.mjs';
import { type Orthanc, startOrthanc } from '../../../tools/orthanc.mjs';
import { imageStoreSuite } from '../dist/compliance.js';
import { type ArchiveFetch, dicomwebArchive, folderStore, Spool, spooledStore } from '../dist/index.js';
import { twoStudies } from './dicomFixture.js';

/** The platform's fetch, as an archive's; `asked` gets every path. */
function fetchInto(asked: string[]): ArchiveFetch {
  return async (url, init) => {
    asked.push(new URL(url).pathname);
    const { status, headers, body } = await fetch(url, { ...init, redirect: 'error' });
    return { status, headers, body };
  };
}

needs('orthanc', describe)('the DICOMweb store on Orthanc', () => {
  let orthanc: Orthanc;
  const asked: string[] = [];

  beforeAll(async () => {
    orthanc = await startOrthanc();
  });
  afterAll(() => orthanc?.stop());
  beforeEach(() => orthanc.clear());

  async function open() {
    const path = await mkdtemp(join(tmpdir(), 'radpass-spool-'));
    const archive = dicomwebArchive({ url: orthanc.dicomweb, fetch: fetchInto(asked) });
    const spool = await Spool.open({ path, maxBytes: 64 * 1024 * 1024 });
    const store = spooledStore({ archive, spool, ttlMs: 3_600_000 });
    const dispose = async () => {
      await store.close();
      expect(await readdir(path)).toEqual([]);
      await rm(path, { recursive: true });
    };
    return { store, put: orthanc.put, remove: orthanc.remove, dispose };
  }

  imageStoreSuite({ describe, it, expect }, open, async () => twoStudies());

  it('reads each instance once, however often the study is asked for', async () => {
    const { first } = twoStudies();
    for (const { bytes } of first.files) await orthanc.put(bytes);
    const { store, dispose } = await open();
    asked.length = 0;
    await Promise.all(Array.from({ length: 20 }, () => store.instances(first.studyInstanceUID)));
    for (const each of await store.instances(first.studyInstanceUID)) {
      for await (const chunk of store.read(first.studyInstanceUID, each)) expect(chunk.length).toBeGreaterThan(0);
    }
    expect(asked.filter(path => path.includes('/instances/'))).toHaveLength(first.files.length);
    await dispose();
  });

  needs('dicom', describe)('with real files', () => {
    it('serves every byte of every file, compressed ones too', async () => {
      const folder = await folderStore({ path: join(dataDir, 'dicom') });
      const { store, dispose } = await open();
      const bytesOf = async (from: typeof store, uid: string, sop: string) => {
        const found = (await from.instances(uid)).find(each => each.sopInstanceUID === sop);
        const parts: Uint8Array[] = [];
        for await (const part of from.read(uid, found!)) parts.push(part);
        return Buffer.concat(parts);
      };
      let files = 0;
      for (const { studyInstanceUID } of await folder.studies()) {
        for (const { sopInstanceUID } of await folder.instances(studyInstanceUID)) {
          const bytes = await bytesOf(folder, studyInstanceUID, sopInstanceUID);
          await orthanc.put(bytes);
          expect((await bytesOf(store, studyInstanceUID, sopInstanceUID)).equals(bytes)).toBe(true);
          files += 1;
        }
        const summary = await folder.findByUid(studyInstanceUID);
        expect(await store.findByUid(studyInstanceUID)).toEqual({ ...summary, bytes: null });
      }
      expect(files).toBe(14);
      await dispose();
    });
  });
});
