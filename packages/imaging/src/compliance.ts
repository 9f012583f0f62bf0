/**
 * What every ImageStore must do, as a suite that an implementation runs against itself. Free of a test library: it takes
 * `describe`, `it` and `expect` of jest's kind as arguments.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ImageStore, Instance } from './imageStore.js';

interface Matchers {
  toBe(expected: unknown): void;
  toEqual(expected: unknown): void;
  toMatchObject(expected: object): void;
}
export interface TestLibrary {
  describe(name: string, body: () => void): void;
  it(name: string, body: () => Promise<void>): void;
  expect(actual: unknown): Matchers;
}

/** What the suite puts into a store: Part 10 files by SOP Instance UID, in one study. */
export interface StudyFixture {
  studyInstanceUID: string;
  accessionNumber: string;
  files: { sopInstanceUID: string; bytes: Uint8Array }[];
}

/** A store under test. `put` adds or replaces an instance, `remove` takes one away, as the archive behind it would. */
export interface StoreUnderTest {
  store: ImageStore;
  put(bytes: Uint8Array, sopInstanceUID: string): Promise<void>;
  remove(sopInstanceUID: string): Promise<void>;
  dispose(): Promise<void>;
}

async function failure(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  return new Error('nothing was thrown');
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

/**
 * `factory` makes an empty store; `fixtures` gives two studies with different accession numbers, the first with at least
 * two instances in any order, and `edited`, an instance of the first study with the same UIDs and other bytes.
 */
export function imageStoreSuite(
  { describe, it, expect }: TestLibrary,
  factory: () => Promise<StoreUnderTest>,
  fixtures: () => Promise<{ first: StudyFixture; second: StudyFixture; edited: StudyFixture['files'][number] }>,
): void {
  async function withStore(
    work: (under: StoreUnderTest, given: Awaited<ReturnType<typeof fixtures>>) => Promise<void>,
  ) {
    const under = await factory();
    try {
      await work(under, await fixtures());
    } finally {
      await under.dispose();
    }
  }
  const fill = async ({ put }: StoreUnderTest, ...studies: StudyFixture[]) => {
    for (const file of studies.flatMap(study => study.files)) await put(file.bytes, file.sopInstanceUID);
  };
  const find = (instances: Instance[], uid: string): Instance => {
    const found = instances.find(instance => instance.sopInstanceUID === uid);
    if (found === undefined) throw new Error('the instance is not listed');
    return found;
  };

  const expectOldOrNone = async (store: ImageStore, study: StudyFixture, old: Instance) => {
    const was = study.files.find(file => file.sopInstanceUID === old.sopInstanceUID)?.bytes ?? new Uint8Array();
    const outcome = await collect(store.read(study.studyInstanceUID, old)).catch((error: unknown) => error);
    if (outcome instanceof Buffer) expect(outcome.equals(was)).toBe(true);
    else expect(outcome).toMatchObject({ code: 'IMAGING_CHANGED' });
  };

  describe('ImageStore', () => {
    it('is empty at first', () =>
      withStore(async ({ store }, { first }) => {
        expect(await store.studies()).toEqual([]);
        expect(await failure(() => store.instances(first.studyInstanceUID))).toMatchObject({
          code: 'IMAGING_STUDY_UNKNOWN',
        });
      }));

    it('lists studies that arrive later, sorted, with their sizes', () =>
      withStore(async (under, { first, second }) => {
        await fill(under, first);
        expect((await under.store.studies()).length).toBe(1);
        await fill(under, second);
        const uids = (await under.store.studies()).map(study => study.studyInstanceUID);
        expect(uids).toEqual([first.studyInstanceUID, second.studyInstanceUID].sort());
        const summary = (await under.store.studies()).find(each => each.studyInstanceUID === first.studyInstanceUID);
        expect(summary?.instances).toBe(first.files.length);
        // null: the archive doesn't tell sizes
        const bytes = first.files.reduce((sum, file) => sum + file.bytes.length, 0);
        expect(summary?.bytes === null ? bytes : summary?.bytes).toBe(bytes);
      }));

    it('finds a study by its UID', () =>
      withStore(async (under, { first, second }) => {
        await fill(under, first);
        expect(await under.store.findByUid(first.studyInstanceUID)).toEqual((await under.store.studies())[0]);
        expect(await under.store.findByUid(second.studyInstanceUID)).toBe(null);
      }));

    it('finds studies by accession number and none by an empty one', () =>
      withStore(async (under, { first, second }) => {
        await fill(under, first, second);
        const found = await under.store.findByAccession(first.accessionNumber);
        expect(found.map(study => study.studyInstanceUID)).toEqual([first.studyInstanceUID]);
        expect(await under.store.findByAccession('')).toEqual([]);
      }));

    it('lists instances by SOP Instance UID', () =>
      withStore(async (under, { first, second }) => {
        await fill(under, first, second);
        const uids = (await under.store.instances(first.studyInstanceUID)).map(each => each.sopInstanceUID);
        expect(uids).toEqual(first.files.map(file => file.sopInstanceUID).sort());
      }));

    it('gives every byte as stored, and true digests if any', () =>
      withStore(async (under, { first }) => {
        await fill(under, first);
        const instances = await under.store.instances(first.studyInstanceUID);
        for (const file of first.files) {
          const instance = find(instances, file.sopInstanceUID);
          const bytes = await collect(under.store.read(first.studyInstanceUID, instance));
          expect(bytes.equals(file.bytes)).toBe(true);
          expect(instance.size).toBe(file.bytes.length);
          if (instance.digests === undefined) continue;
          const sha256 = createHash('sha256').update(file.bytes).digest('hex');
          expect(instance.digests).toEqual({ sha256, crc32: crc32(file.bytes) });
        }
      }));

    it('reads the header of an instance', () =>
      withStore(async (under, { first }) => {
        await fill(under, first);
        const uid = first.files[0]?.sopInstanceUID ?? '';
        expect(await under.store.header(first.studyInstanceUID, uid)).toMatchObject({
          sopInstanceUID: uid,
          studyInstanceUID: first.studyInstanceUID,
          accessionNumber: first.accessionNumber,
        });
      }));

    it('keeps the version of what did not change', () =>
      withStore(async (under, { first, second }) => {
        await fill(under, first);
        const before = await under.store.instances(first.studyInstanceUID);
        await fill(under, second);
        expect(await under.store.instances(first.studyInstanceUID)).toEqual(before);
      }));

    it('gives under an old version the old bytes or none, and a new version when asked again', () =>
      withStore(async (under, { first, edited }) => {
        await fill(under, first);
        const old = find(await under.store.instances(first.studyInstanceUID), edited.sopInstanceUID);
        await under.put(edited.bytes, edited.sopInstanceUID);
        await expectOldOrNone(under.store, first, old);
        const fresh = find(await under.store.instances(first.studyInstanceUID), edited.sopInstanceUID);
        expect(fresh.version === old.version).toBe(false);
        const bytes = await collect(under.store.read(first.studyInstanceUID, fresh));
        expect(bytes.equals(edited.bytes)).toBe(true);
        expect(await failure(() => collect(under.store.read(first.studyInstanceUID, old)))).toMatchObject({
          code: 'IMAGING_CHANGED',
        });
      }));

    it('gives of what was removed the old bytes or none, and lists it no more', () =>
      withStore(async (under, { first }) => {
        await fill(under, first);
        const [gone] = await under.store.instances(first.studyInstanceUID);
        if (gone === undefined) throw new Error('the instance is not listed');
        await under.remove(gone.sopInstanceUID);
        await expectOldOrNone(under.store, first, gone);
        const left = await under.store.instances(first.studyInstanceUID);
        expect(left.length).toBe(first.files.length - 1);
        expect(await failure(() => collect(under.store.read(first.studyInstanceUID, gone)))).toMatchObject({
          code: 'IMAGING_CHANGED',
        });
      }));

    it('lists an instance that was added', () =>
      withStore(async (under, { first }) => {
        const [late, ...early] = first.files;
        if (late === undefined) throw new Error('the first study has two instances at least');
        await fill(under, { ...first, files: early });
        expect((await under.store.instances(first.studyInstanceUID)).length).toBe(early.length);
        await under.put(late.bytes, late.sopInstanceUID);
        const listed = find(await under.store.instances(first.studyInstanceUID), late.sopInstanceUID);
        const bytes = await collect(under.store.read(first.studyInstanceUID, listed));
        expect(bytes.equals(late.bytes)).toBe(true);
      }));

    it('answers concurrent questions', () =>
      withStore(async (under, { first, second }) => {
        await fill(under, first, second);
        const answers = await Promise.all([1, 2, 3, 4].map(() => under.store.studies()));
        expect(answers.map(studies => studies.length)).toEqual([2, 2, 2, 2]);
      }));

    it('is of no use once closed', () =>
      withStore(async ({ store }) => {
        await store.close();
        expect(await failure(() => store.studies())).toMatchObject({ code: 'IMAGING_CLOSED' });
      }));
  });
}
