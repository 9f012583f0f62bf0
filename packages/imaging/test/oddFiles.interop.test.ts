/**
 * Odd but legal files, made by dcmtk and by hand: each is served byte for byte as it is, or left out with a code. dcmtk
 * reads what comes out: the files and the DICOMDIR.
 */
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { hashStudy, SecretKey } from '@radpass/core';
import { dataDir, needs } from '../../../tools/needs.mjs';
import { encodeElements } from '../dist/dicomWriter.js';
import { checkOneStudy, folderStore, packageStudy, readInstanceHeader, type SkippedFile } from '../dist/index.js';
import { unpackInto } from '../dist/unpackJob.js';
import { inFolder, instance, withSyntax } from './dicomFixture.js';

const sourceKey = SecretKey.fromSeed(new Uint8Array(32).fill(1)).publicKey;
const salt = new Uint8Array(32).fill(2);
const samples = ['ct-small/CT_small.dcm', 'report-sr/test-SR.dcm'];

/** name: [command, options] */
const forms: Record<string, [string, string[]]> = {
  'explicit little endian': ['dcmconv', ['+te']],
  'big endian': ['dcmconv', ['+tb']],
  'implicit little endian': ['dcmconv', ['+ti']],
  deflated: ['dcmconv', ['+td']],
  'lengths undefined': ['dcmconv', ['-e']],
  'group lengths': ['dcmconv', ['+g', '-e', '+ti']],
  'padded at its end': ['dcmconv', ['+p', '4096', '256']],
  'GE implicit with big endian pixels': ['dcmconv', ['+tg']],
};
const compressed: Record<string, [string, string[]]> = {
  RLE: ['dcmcrle', []],
  'lossless JPEG': ['dcmcjpeg', []],
};

/** Packages the only study of `dir`, unpacks it, and gives the bytes by SOP Instance UID, and what was left out. */
async function throughDocument(dir: string, work: string) {
  const skipped: SkippedFile[] = [];
  const store = await folderStore({ path: dir, onSkipped: each => skipped.push(each) });
  const { studyInstanceUID } = await checkOneStudy(store);
  const document = await packageStudy({ store, studyInstanceUID, salt, sourceKey });
  await writeFile(join(work, 'study.zip'), document.stream());
  const studyHash = hashStudy({ sourceKey, salt, studyInstanceUid: studyInstanceUID });
  const out = join(work, 'out');
  await mkdir(out);
  const { instances } = await unpackInto(join(work, 'study.zip'), out, { sourceKey, studyHash });
  return { instances, out, skipped };
}

const dump = (path: string, ...tags: string[]): string =>
  execFileSync('dcmdump', ['-q', '-M', ...tags.flatMap(tag => ['+P', tag]), path], { encoding: 'latin1' });

needs('dcmtk', needs('dicom', describe) as typeof describe)('odd files by dcmtk', () => {
  async function passes(sample: string, [command, options]: [string, string[]]): Promise<void> {
    await inFolder(work =>
      inFolder(async dir => {
        const original = join(dataDir, 'dicom', sample);
        execFileSync(command, ['-q', ...options, original, join(dir, 'x')]);
        const bytes = await readFile(join(dir, 'x'));
        const { instances, out, skipped } = await throughDocument(dir, work);
        expect(skipped).toEqual([]);
        expect(instances).toHaveLength(1);
        const served = join(out, instances[0]?.path ?? '');
        expect((await readFile(served)).equals(bytes)).toBe(true);
        const given = await readInstanceHeader(original);
        const made = await readInstanceHeader(served);
        // compression makes another instance of another transfer syntax; dcmtk may add a character set
        const ours = { transferSyntaxUID: '', sopInstanceUID: '', specificCharacterSet: '' };
        expect({ ...made, ...ours }).toEqual({ ...given, ...ours });
        const told = dump(served, '0020,000d', '0008,0018');
        for (const uid of [made.studyInstanceUID, made.sopInstanceUID]) expect(told).toContain(`[${uid}]`);
        const directory = dump(join(out, 'DICOMDIR'), '0004,1511', '0004,1512');
        expect(directory).toContain(made.sopInstanceUID);
      }),
    );
  }

  it.each(Object.keys(forms))('%s: served as they are', async name => {
    for (const sample of samples) await passes(sample, forms[name]!);
  });

  it.each(Object.keys(compressed))('%s: served as they are', async name => {
    for (const sample of samples.filter(each => each.includes('small'))) await passes(sample, compressed[name]!);
  });

  it('without file meta information are left out with a reason: they are no Part 10 files', () =>
    inFolder(work =>
      inFolder(async dir => {
        const original = join(dataDir, 'dicom', 'ct-small/CT_small.dcm');
        for (const syntax of ['+te', '+ti', '+tb']) {
          execFileSync('dcmconv', ['-q', '-F', syntax, original, join(dir, `bare${syntax}`)]);
        }
        execFileSync('dcmconv', ['-q', '+te', original, join(dir, 'whole')]);
        const { instances, skipped } = await throughDocument(dir, work);
        expect(instances).toHaveLength(1);
        expect(skipped.map(({ code }) => code)).toEqual(Array(3).fill('IMAGING_NOT_DICOM'));
      }),
    ));
});

describe('odd files by hand', () => {
  const undefinedLength = Buffer.from('ffffffff', 'hex');
  const unknownSequence = Buffer.concat([
    Buffer.from('29000110', 'hex'), // (0029,1001)
    Buffer.from('UN\0\0', 'latin1'),
    undefinedLength,
    Buffer.from('feff00e0', 'hex'),
    undefinedLength,
    Buffer.from('10001000', 'hex'), // a patient's name within, in implicit little endian
    Buffer.from([8, 0, 0, 0]),
    Buffer.from('Not^Them', 'latin1'),
    Buffer.from('feff0de000000000feffdde000000000', 'hex'),
  ]);
  const withUnknown = (): Buffer => {
    const whole = instance();
    const at = whole.indexOf(Buffer.from('e07f1000', 'hex'));
    return Buffer.concat([whole.subarray(0, at), unknownSequence, whole.subarray(at)]);
  };
  const odd: [string, () => Buffer][] = [
    ['a private sequence of VR UN and undefined length', withUnknown],
    [
      'private elements with and without creator',
      () => instance({ '00291010': Buffer.alloc(100_000, 7), '00310010': 'NOBODY' }),
    ],
    [
      'an unknown character set',
      () => instance({ '00080005': 'KLINGON', '00100010': Buffer.from([0xe9, 0xff, 0x41]) }),
    ],
    [
      'Japanese by code extension',
      () => instance({ '00080005': '\\ISO 2022 IR 87', '00100010': Buffer.from('Yamada=\x1b$B;3ED\x1b(B', 'latin1') }),
    ],
    [
      'bytes that are no UTF-8 though it says so',
      () => instance({ '00080005': 'ISO_IR 192', '00100010': Buffer.from([0xc3, 0x28]) }),
    ],
    [
      'a private transfer syntax in explicit little endian',
      () => {
        const whole = instance();
        return withSyntax('1.2.3.4.5.6', whole.subarray(whole.indexOf(Buffer.from('08001600', 'hex'))));
      },
    ],
    [
      'a preamble of TIFF',
      () => {
        const whole = instance();
        whole.write('II*\0', 0, 'latin1');
        return whole;
      },
    ],
    ['no pixels at all', () => instance({ '7FE00010': undefined, '00280010': undefined, '00280011': undefined })],
    [
      'padding behind its data set',
      () => Buffer.concat([instance(), encodeElements([{ tag: 'FFFCFFFC', vr: 'OB', value: Buffer.alloc(500) }])]),
    ],
  ];

  it.each(odd)('%s: served as it is', async (_name, make) => {
    await inFolder(work =>
      inFolder(async dir => {
        await writeFile(join(dir, 'x'), make());
        const { instances, out } = await throughDocument(dir, work);
        expect((await readFile(join(out, instances[0]?.path ?? ''))).equals(make())).toBe(true);
      }),
    );
  });
});
