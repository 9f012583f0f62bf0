import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { hashStudy, SecretKey, toHex } from '@radpass/core';
import { dataDir, needs } from '../../../tools/needs.mjs';
import { checkOneStudy, folderStore, packageStudy, readInstanceHeader, unpackStudy } from '../dist/index.js';
import { encodeManifest, type Manifest } from '../dist/manifest.js';
import { unpackInto } from '../dist/unpackJob.js';
import { centralDirectory, localHeader } from '../dist/zipWriter.js';
import { inFolder, instance, otherStudyUid, studyUid } from './dicomFixture.js';

const sourceKey = SecretKey.fromSeed(new Uint8Array(32).fill(1)).publicKey;
const salt = new Uint8Array(32).fill(2);
const expectFor = (studyInstanceUid: string) => ({
  sourceKey,
  studyHash: hashStudy({ sourceKey, salt, studyInstanceUid }),
});
const hex = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

interface Entry {
  name: string;
  content: Uint8Array;
}

/** A valid document's entries; each case changes one thing. */
function validEntries(change: { manifest?: (m: Manifest) => unknown; files?: Buffer[] } = {}): Entry[] {
  const files = change.files ?? [1, 2].map(n => instance({ '00080018': `1.2.3.4.1.${n}` }));
  const manifest: Manifest = {
    formatVersion: 1,
    studyInstanceUID: studyUid,
    salt: toHex(salt),
    sourceKey: toHex(sourceKey),
    snapshotTime: '2020-01-02T03:04:05.000Z',
    instances: files.map((file, i) => ({
      sopInstanceUID: `1.2.3.4.1.${i + 1}`,
      path: `IMAGES/I000000${i + 1}`,
      size: file.length,
      sha256: hex(file),
    })),
  };
  const changed = change.manifest === undefined ? manifest : change.manifest(manifest);
  return [
    { name: 'DICOMDIR', content: Buffer.from('whatever a stranger wrote') },
    ...files.map((content, i) => ({ name: `IMAGES/I000000${i + 1}`, content })),
    { name: 'RADPASS/MANIFEST.JSON', content: Buffer.from(JSON.stringify(changed)) },
  ];
}

function zip(entries: Entry[]): Buffer {
  const listed = entries.map(({ name, content }) => ({ name, size: content.length, crc32: crc32(content), content }));
  const parts = listed.flatMap(entry => [localHeader(entry), entry.content]);
  return Buffer.concat([...parts, centralDirectory(listed)]);
}

/** The same archive with every entry deflated; `claim` changes the stated size of one entry. */
function deflatedZip(entries: Entry[], claim: (entry: Entry) => number = entry => entry.content.length): Buffer {
  const parts: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const packed = deflateRawSync(entry.content);
    const local = localHeader({ name: entry.name, size: claim(entry), crc32: crc32(entry.content) });
    const directory = centralDirectory([{ name: entry.name, size: claim(entry), crc32: crc32(entry.content) }]);
    const record = directory.subarray(0, directory.length - 22);
    for (const [bytes, at] of [
      [local, 8],
      [record, 10],
    ] as const) {
      bytes.writeUInt16LE(8, at);
      bytes.writeUInt32LE(packed.length, at + 10);
    }
    record.writeUInt32LE(offset, 42);
    parts.push(local, packed);
    central.push(record);
    offset += local.length + packed.length;
  }
  const end = centralDirectory([]);
  const size = central.reduce((sum, each) => sum + each.length, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...central, end]);
}

/** Offset of the n-th central directory record. */
function centralAt(bytes: Buffer, n: number): number {
  let at = bytes.readUInt32LE(bytes.length - 6);
  for (let i = 0; i < n; i += 1) at += 46 + bytes.readUInt16LE(at + 28) + bytes.readUInt16LE(at + 30);
  return at;
}

function patched(n: number, patch: (bytes: Buffer, at: number) => void): Buffer {
  const bytes = zip(validEntries());
  patch(bytes, centralAt(bytes, n));
  return bytes;
}

/** Code of the refusal; asserts that nothing is left on disk. */
async function refusal(bytes: Uint8Array, expected = expectFor(studyUid)): Promise<unknown> {
  return inFolder(async dir => {
    const zipPath = join(dir, 'in.zip');
    await writeFile(zipPath, bytes);
    const outcome = await unpackStudy({ zipPath, outDir: join(dir, 'out'), expect: expected }).catch(error => error);
    expect(await readdir(dir)).toEqual(outcome.code === undefined ? ['in.zip', 'out'] : ['in.zip']);
    return outcome.code;
  });
}

/** The same without the worker: quick enough for thousands. */
async function refusalInside(bytes: Uint8Array): Promise<unknown> {
  return inFolder(async dir => {
    await writeFile(join(dir, 'in.zip'), bytes);
    await mkdir(join(dir, 'out'));
    const job = unpackInto(join(dir, 'in.zip'), join(dir, 'out'), expectFor(studyUid));
    return job.then(
      () => 'accepted',
      error => error.code,
    );
  });
}

describe('unpackStudy', () => {
  it('gives back what was packaged, with a DICOMDIR of its own', () =>
    inFolder(async dir => {
      const zipPath = join(dir, 'in.zip');
      await writeFile(zipPath, zip(validEntries()));
      const outDir = join(dir, 'out');
      const study = await unpackStudy({ zipPath, outDir, expect: expectFor(studyUid) });
      expect(study.studyInstanceUID).toBe(studyUid);
      expect(study.salt).toEqual(salt);
      expect(study.files.map(file => file.path)).toEqual(
        ['I0000001', 'I0000002'].map(name => join(outDir, 'IMAGES', name)),
      );
      expect(await readFile(study.files[1]!.path)).toEqual(instance({ '00080018': '1.2.3.4.1.2' }));
      expect(await readdir(outDir)).toEqual(['DICOMDIR', 'IMAGES']);
      expect((await readFile(join(outDir, 'DICOMDIR'))).toString('latin1', 128, 132)).toBe('DICM');
    }));

  it('unpacks deflated entries', async () => {
    expect(await refusal(deflatedZip(validEntries()))).toBeUndefined();
  });

  it('unpacks into an empty folder and leaves a full one alone', () =>
    inFolder(async dir => {
      const zipPath = join(dir, 'in.zip');
      await writeFile(zipPath, zip(validEntries()));
      const p = { zipPath, outDir: join(dir, 'out'), expect: expectFor(studyUid) };
      await mkdir(p.outDir);
      await unpackStudy(p);
      await expect(unpackStudy(p)).rejects.toMatchObject({ code: 'IMAGING_OUT_DIR' });
      expect(await readdir(dir)).toEqual(['in.zip', 'out']);
      expect(await readdir(p.outDir)).toEqual(['DICOMDIR', 'IMAGES']);
    }));

  it('leaves nothing behind when it refuses', async () => {
    expect(await refusal(zip(validEntries({ manifest: m => ({ ...m, formatVersion: 2 }) })))).toBe('IMAGING_MANIFEST');
  });

  it('refuses another study, another source and another salt than the grant names', async () => {
    const bytes = zip(validEntries());
    expect(await refusal(bytes, expectFor(otherStudyUid))).toBe('IMAGING_HASH');
    const other = SecretKey.fromSeed(new Uint8Array(32).fill(9)).publicKey;
    expect(await refusal(bytes, { ...expectFor(studyUid), sourceKey: other })).toBe('IMAGING_HASH');
    const unsalted = validEntries({ manifest: m => ({ ...m, salt: '' }) });
    expect(await refusal(zip(unsalted))).toBe('IMAGING_HASH');
  });
});

describe('a document', () => {
  const renamed = (from: string, to: string) =>
    validEntries().map(entry => (entry.name === from ? { ...entry, name: to } : entry));
  const withManifest = (manifest: (m: Manifest) => unknown) => zip(validEntries({ manifest }));
  const firstInstance = (change: object) =>
    withManifest(m => ({ ...m, instances: m.instances.map((each, i) => (i === 0 ? { ...each, ...change } : each)) }));
  const bomb = Buffer.alloc(100 * 1024 * 1024);

  /** The image lies inside the DICOMDIR, header and all, and the central directory points there. */
  const overlapping = () => {
    const [, image, ...rest] = validEntries();
    const { name, content } = image!;
    const inner = Buffer.concat([localHeader({ name, size: content.length, crc32: crc32(content) }), content]);
    const bytes = zip([{ name: 'DICOMDIR', content: inner }, { name, content }, ...rest]);
    bytes.writeUInt32LE(30 + 'DICOMDIR'.length, centralAt(bytes, 1) + 42);
    return bytes;
  };
  const refused: [string, string, () => Buffer][] = [
    ['nothing', 'IMAGING_ZIP', () => Buffer.alloc(0)],
    ['noise', 'IMAGING_ZIP', () => Buffer.alloc(5000, 7)],
    ['no entries', 'IMAGING_MANIFEST', () => zip([])],
    ['a cut', 'IMAGING_ZIP', () => zip(validEntries()).subarray(0, -1)],
    ['bytes before the archive', 'IMAGING_ZIP', () => Buffer.concat([Buffer.from('MZ'), zip(validEntries())])],
    ['bytes behind the archive', 'IMAGING_ZIP', () => Buffer.concat([zip(validEntries()), Buffer.from('x')])],
    ['a path that climbs', 'IMAGING_ZIP', () => zip(renamed('IMAGES/I0000001', '../../I0000001'))],
    ['an absolute path', 'IMAGING_ZIP', () => zip(renamed('IMAGES/I0000001', '/tmp/I0000001'))],
    ['a backslash path', 'IMAGING_ZIP', () => zip(renamed('IMAGES/I0000001', 'IMAGES\\I0000001'))],
    ['a NUL in a name', 'IMAGING_ZIP', () => zip(renamed('IMAGES/I0000001', 'IMAGES/I0000001\0'))],
    [
      'a further entry',
      'IMAGING_ZIP',
      () => zip([...validEntries(), { name: 'autorun.inf', content: bomb.subarray(0, 9) }]),
    ],
    [
      'an image that the manifest does not name',
      'IMAGING_MANIFEST',
      () => zip([...validEntries(), { name: 'IMAGES/I0000003', content: instance() }]),
    ],
    ['an entry twice', 'IMAGING_ZIP', () => zip([...validEntries(), ...validEntries().slice(1, 2)])],
    ['an absent image', 'IMAGING_MANIFEST', () => zip(validEntries().filter(each => !each.name.endsWith('2')))],
    ['no manifest', 'IMAGING_MANIFEST', () => zip(validEntries().slice(0, -1))],
    ['no DICOMDIR', 'IMAGING_ZIP', () => zip(validEntries().slice(1))],
    ['an encrypted entry', 'IMAGING_ZIP', () => patched(1, (b, at) => b.writeUInt16LE(1, at + 8))],
    ['an unknown method', 'IMAGING_ZIP', () => patched(1, (b, at) => b.writeUInt16LE(12, at + 10))],
    ['a symbolic link', 'IMAGING_ZIP', () => patched(1, (b, at) => b.writeUInt32LE(0xa1ff0000, at + 38))],
    ['an entry inside another', 'IMAGING_ZIP', overlapping],
    ['an entry behind the end', 'IMAGING_ZIP', () => patched(1, (b, at) => b.writeUInt32LE(b.length, at + 42))],
    [
      'a name that differs in the local header',
      'IMAGING_ZIP',
      () => patched(1, (b, at) => b.write('X', b.readUInt32LE(at + 42) + 30)),
    ],
    ['a size that the entry lacks', 'IMAGING_ZIP', () => patched(1, (b, at) => b.writeUInt32LE(5, at + 24))],
    ['a second disk', 'IMAGING_ZIP', () => patched(0, b => b.writeUInt16LE(1, b.length - 18))],
    [
      'fewer entries than the directory has',
      'IMAGING_ZIP',
      () => patched(0, b => b.writeUInt32LE(0x00030003, b.length - 14)),
    ],
    ['zip64 marks without zip64', 'IMAGING_ZIP', () => patched(0, b => b.writeUInt32LE(0xffffffff, b.length - 6))],
    [
      'a deflate bomb',
      'IMAGING_ZIP',
      () => deflatedZip([...validEntries().slice(0, 3), { name: 'RADPASS/MANIFEST.JSON', content: bomb }]),
    ],
    [
      'a deflate bomb that states a small size',
      'IMAGING_ZIP',
      () =>
        deflatedZip([...validEntries().slice(0, 3), { name: 'RADPASS/MANIFEST.JSON', content: bomb }], each =>
          Math.min(each.content.length, 1000),
        ),
    ],
    [
      'a deflated entry shorter than stated',
      'IMAGING_ZIP',
      () => deflatedZip(validEntries(), each => each.content.length + 1),
    ],
    [
      'a manifest that is no JSON',
      'IMAGING_MANIFEST',
      () => zip([...validEntries().slice(0, 3), { name: 'RADPASS/MANIFEST.JSON', content: Buffer.from('{') }]),
    ],
    ['a manifest with a further key', 'IMAGING_MANIFEST', () => withManifest(m => ({ ...m, extra: 1 }))],
    ['a manifest without instances', 'IMAGING_MANIFEST', () => withManifest(m => ({ ...m, instances: [] }))],
    [
      'a manifest that repeats an instance',
      'IMAGING_MANIFEST',
      () => withManifest(m => ({ ...m, instances: [m.instances[0], m.instances[0]] })),
    ],
    ['a manifest with a path of its own', 'IMAGING_MANIFEST', () => firstInstance({ path: '../x' })],
    ['a manifest with another size', 'IMAGING_MANIFEST', () => firstInstance({ size: 1 })],
    ['a manifest with a UID that is a path', 'IMAGING_MANIFEST', () => firstInstance({ sopInstanceUID: '../x' })],
    [
      'a manifest with another instance UID',
      'IMAGING_MANIFEST',
      () => firstInstance({ sopInstanceUID: '1.2.3.4.1.0' }),
    ],
    ['a manifest with another digest', 'IMAGING_HASH', () => firstInstance({ sha256: hex(Buffer.from('x')) })],
    [
      'an image of another study',
      'IMAGING_TWO_STUDIES',
      () => zip(validEntries({ files: [instance({ '0020000D': otherStudyUid })] })),
    ],
    ['an image that is no DICOM', 'IMAGING_NOT_DICOM', () => zip(validEntries({ files: [Buffer.alloc(500, 1)] }))],
    [
      'an image that is a program',
      'IMAGING_PREAMBLE',
      () => zip(validEntries({ files: [Buffer.concat([Buffer.from('MZ'), instance().subarray(2)])] })),
    ],
  ];
  it('is accepted as it should be', async () => {
    expect(await refusalInside(zip(validEntries()))).toBe('accepted');
  });
  it.each(refused)('with %s is refused with %s', async (_name, code, make) => {
    expect(await refusalInside(make())).toBe(code);
  });

  it('gives a code for any flipped byte, or the very same files', async () => {
    const whole = zip(validEntries({ files: [instance()] }));
    const codes = new Map<string, number>();
    for (let at = 0; at < whole.length; at += 11) {
      const bytes = Buffer.from(whole);
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (at % 8)), at);
      const code = String(await refusalInside(bytes));
      codes.set(code, (codes.get(code) ?? 0) + 1);
      expect(code).toMatch(/^(IMAGING_|accepted)/);
    }
    expect(codes.get('IMAGING_HASH')).toBeGreaterThan(30);
  });
});

describe('encodeManifest', () => {
  it('gives the bytes of the worked example', () => {
    const [, image] = validEntries({ files: [Buffer.from('x')] });
    const example = encodeManifest({
      formatVersion: 1,
      studyInstanceUID: '1.2.3',
      salt: '',
      sourceKey: 'ab'.repeat(32),
      snapshotTime: '2026-11-24T09:30:00.000Z',
      instances: [{ sopInstanceUID: '1.2.3.1', path: image!.name, size: 1, sha256: hex(image!.content) }],
    });
    expect(example.toString()).toBe(
      `{"formatVersion":1,"studyInstanceUID":"1.2.3","salt":"","sourceKey":"${'ab'.repeat(32)}",` +
        '"snapshotTime":"2026-11-24T09:30:00.000Z","instances":[{"sopInstanceUID":"1.2.3.1","path":"IMAGES/I0000001",' +
        `"size":1,"sha256":"${hex(Buffer.from('x'))}"}]}`,
    );
  });
});

needs('dicom', describe)('real studies', () => {
  const folders =
    'ct-ankle ct-small ecg-waveform jpeg2000 mr-small multi-series-77654033/CT2 multi-series-77654033/CR1 report-sr rle';
  it.each(folders.split(' '))('%s comes back byte for byte', folder =>
    inFolder(async dir => {
      const path = join(dataDir, 'dicom', folder);
      const store = await folderStore({ path });
      const { studyInstanceUID } = await checkOneStudy(store);
      const document = await packageStudy({ store, studyInstanceUID, salt, sourceKey });
      const zipPath = join(dir, 'in.zip');
      await writeFile(zipPath, document.stream());
      const study = await unpackStudy({ zipPath, outDir: join(dir, 'out'), expect: expectFor(studyInstanceUID) });
      const originals = new Map<string, Buffer>();
      for (const name of await readdir(path)) {
        const { sopInstanceUID } = await readInstanceHeader(join(path, name));
        originals.set(sopInstanceUID, await readFile(join(path, name)));
      }
      expect(study.files).toHaveLength(originals.size);
      for (const file of study.files) {
        expect((await readFile(file.path)).equals(originals.get(file.sopInstanceUID) ?? Buffer.alloc(0))).toBe(true);
      }
    }),
  );
});
