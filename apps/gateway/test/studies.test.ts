import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SecretKey } from '@radpass/core';
import { folderStore, type ImageStore, type Instance, readInstanceHeader, writePhantomStudy } from '@radpass/imaging';
import { Records } from '../dist/records.js';
import { Studies } from '../dist/studies.js';

describe('the documents of studies', () => {
  let folder: string;
  let records: Records;
  let store: ImageStore;
  let files: string[];
  let opened: number;
  /** Called before each list of instances; a test may hold it up. */
  let beforeList: (uid: string) => Promise<void>;
  let studies: Studies;
  const uids: string[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'radpass-studies-'));
    records = await Records.open(join(folder, 'records'));
    uids.length = 0;
    for (const name of ['a', 'b', 'c', 'd']) {
      const study = await writePhantomStudy(join(folder, 'images', name), { slices: 2, size: 16 });
      uids.push(study.studyInstanceUID);
      files = study.files;
    }
    const inner = await folderStore({ path: join(folder, 'images') });
    opened = 0;
    beforeList = async () => undefined;
    store = {
      studies: () => inner.studies(),
      findByUid: uid => inner.findByUid(uid),
      findByAccession: number => inner.findByAccession(number),
      instances: async uid => {
        await beforeList(uid);
        return inner.instances(uid);
      },
      header: (uid, sop) => inner.header(uid, sop),
      close: () => inner.close(),
      async *read(uid, instance) {
        opened++;
        yield* inner.read(uid, instance);
      },
    };
    const sourceKey = SecretKey.fromSeed(new Uint8Array(32).fill(1)).publicKey;
    studies = new Studies({ store, records, sourceKey, saltKey: new Uint8Array(32).fill(3) });
  });

  afterEach(async () => {
    await records.close();
    await store.close();
    rmSync(folder, { recursive: true });
  });

  it('are made once for all who ask at the same time, and not again while the store stays as it is', async () => {
    const { record } = await studies.recordOf(uids[0]!);
    const made = await Promise.all([studies.document(record), studies.document(record), studies.document(record)]);
    expect(made[1]).toBe(made[0]);
    expect(await studies.document(record)).toBe(made[0]);
    expect(opened).toBe(2);
  });

  it('are made again when an instance was touched', async () => {
    const { record } = await studies.recordOf(uids[3]!);
    const first = await studies.document(record);
    utimesSync(files[0]!, new Date(1_000_000), new Date(1_000_000));
    expect(await studies.document(record)).not.toBe(first);
  });

  it('have what arrived later, of another series too, and what is gone no more', async () => {
    const { record } = await studies.recordOf(uids[3]!);
    expect((await studies.document(record)).instances).toHaveLength(2);
    const { seriesInstanceUID, sopInstanceUID } = await readInstanceHeader(files[1]!);
    const late = readFileSync(files[1]!);
    for (const uid of [seriesInstanceUID, sopInstanceUID]) {
      const other = String((Number(uid.at(-1)) % 9) + 1);
      // The file names its instance twice: in its meta information, too.
      for (let at = late.indexOf(uid); at >= 0; at = late.indexOf(uid, at + 1)) late.write(other, at + uid.length - 1);
    }
    writeFileSync(join(folder, 'images', 'd', 'late.dcm'), late);
    const withLate = await studies.document(record);
    expect(withLate.instances).toHaveLength(3);
    expect(new Set(withLate.instances.map(each => each.seriesInstanceUID)).size).toBe(2);
    rmSync(files[0]!);
    expect((await studies.document(record)).instances).toHaveLength(2);
  });

  it('are read two at a time at most', async () => {
    // A study is listed when it is asked for, and again when its turn to be packaged has come: there it is held.
    const asked = new Set<string>();
    const inTurn: (() => void)[] = [];
    beforeList = async uid => {
      if (!asked.has(uid)) return void asked.add(uid);
      await new Promise<void>(goOn => inTurn.push(goOn));
    };
    const named = await Promise.all(uids.map(uid => studies.recordOf(uid)));
    const documents = named.map(({ record }) => studies.document(record));
    const turns: number[] = [];
    for (let left = 4; left > 0; left--) {
      while (asked.size < 4 || inTurn.length < Math.min(2, left)) await new Promise(setImmediate);
      // One more would have come as far by now: all that it does on its way is to look for its seal.
      for (let i = 0; i < 20; i++) await records.get('seals', 'none');
      turns.push(inTurn.length);
      inTurn.shift()?.();
    }
    await Promise.all(documents);
    expect(turns).toEqual([2, 2, 2, 1]);
    expect(opened).toBe(8);
  });

  it('that could not be made do not stand in the way of the next attempt', async () => {
    const { record } = await studies.recordOf(uids[0]!);
    const { read } = store;
    Object.assign(store, {
      read() {
        throw new Error('EIO');
      },
    });
    const failed = await Promise.allSettled([studies.document(record), studies.document(record)]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    Object.assign(store, { read });
    expect((await studies.document(record)).instances).toHaveLength(2);
  });

  it('have a card, but no offer, while more of the study arrives', async () => {
    const { record } = await studies.recordOf(uids[0]!);
    expect(await studies.find({ studyInstanceUID: uids[0]! })).toMatchObject({ instances: 2 });
    const { findByUid } = store;
    Object.assign(store, { findByUid: async (uid: string) => ({ ...(await findByUid(uid)), stable: false }) });
    await expect(studies.find({ studyInstanceUID: uids[0]! })).rejects.toMatchObject({ code: 'GATEWAY_STUDY_UNKNOWN' });
    expect(await studies.card(record)).toMatchObject({ instances: 2 });
    Object.assign(store, { findByUid: async () => null });
    await expect(studies.card(record)).rejects.toMatchObject({ code: 'GATEWAY_STUDY_UNKNOWN' });
  });

  it('are not read again after a restart, but for what was touched meanwhile', async () => {
    const { record } = await studies.recordOf(uids[3]!);
    const { size, sha256 } = await studies.document(record);
    const sourceKey = SecretKey.fromSeed(new Uint8Array(32).fill(1)).publicKey;
    const restarted = (): Studies => new Studies({ store, records, sourceKey, saltKey: new Uint8Array(32).fill(3) });
    opened = 0;
    expect(await restarted().document(record)).toMatchObject({ size, sha256 });
    expect(opened).toBe(0);
    utimesSync(files[0]!, new Date(1_000_000), new Date(1_000_000));
    expect(await restarted().document(record)).toMatchObject({ size, sha256 });
    expect(opened).toBe(2);
    expect(await restarted().document(record)).toMatchObject({ size, sha256 });
    expect(opened).toBe(2);
  });

  it('are begun anew when their study changes under way, three times at most', async () => {
    const { record } = await studies.recordOf(uids[3]!);
    const { read } = store;
    let changes = 0;
    Object.assign(store, {
      read(uid: string, instance: Instance) {
        if (changes-- > 0) utimesSync(files[0]!, new Date(changes * 1000), new Date(changes * 1000));
        return read.call(store, uid, instance);
      },
    });
    changes = 2;
    expect((await studies.document(record)).instances).toHaveLength(2);
    utimesSync(files[0]!, new Date(5_000_000), new Date(5_000_000));
    changes = 100;
    await expect(studies.document(record)).rejects.toMatchObject({ code: 'IMAGING_CHANGED' });
    expect(changes).toBeGreaterThan(90);
  });
});
