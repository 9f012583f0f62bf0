import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { dataDir, needs } from '../../../tools/needs.mjs';
import { type Element, encodeElements } from '../dist/dicomWriter.js';
import { readInstanceHeader } from '../dist/index.js';
import { elements, inFile, inFolder, instance, studyUid, withSyntax } from './dicomFixture.js';

const explicitLittle = '1.2.840.10008.1.2.1';
const implicitLittle = '1.2.840.10008.1.2';
const explicitBig = '1.2.840.10008.1.2.2';
const deflated = '1.2.840.10008.1.2.1.99';

const headerOf = (bytes: Uint8Array) => inFile(bytes, readInstanceHeader);
const codeOf = async (bytes: Uint8Array) => {
  try {
    await headerOf(bytes);
    return 'accepted';
  } catch (error) {
    return typeof error === 'object' && error !== null && 'code' in error ? error.code : String(error);
  }
};

/** Element head in explicit little endian with any length field. */
function head(tag: string, vr: string, length: number): Buffer {
  const long = ['OB', 'SQ', 'UN'].includes(vr);
  const out = Buffer.alloc(long ? 12 : 8);
  out.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
  out.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
  out.write(vr, 4);
  if (long) out.writeUInt32LE(length, 8);
  else out.writeUInt16LE(length, 6);
  return out;
}
const delimiter = (element: number, length = 0) => {
  const out = Buffer.from([0xfe, 0xff, 0, 0, 0, 0, 0, 0]);
  out.writeUInt16LE(element, 2);
  out.writeUInt32LE(length, 4);
  return out;
};
const item = (length: number) => delimiter(0xe000, length);
const undefinedLength = 0xffffffff;

/** The valid instance's elements up to `tag`, then these bytes, then the rest. */
function splice(tag: string, bytes: Uint8Array): Buffer {
  const all = elements();
  const before = all.filter(each => each.tag < tag);
  const after = all.filter(each => each.tag > tag);
  return withSyntax(explicitLittle, Buffer.concat([encodeElements(before), bytes, encodeElements(after)]));
}

function implicit(list: Element[]): Buffer {
  return Buffer.concat(
    list.map(each => {
      const explicit = encodeElements([each]);
      const value = explicit.subarray(each.vr === 'OW' ? 12 : 8);
      const out = Buffer.alloc(8);
      explicit.copy(out, 0, 0, 4);
      out.writeUInt32LE(value.length, 4);
      return Buffer.concat([out, value]);
    }),
  );
}

function bigEndian(list: Element[]): Buffer {
  return Buffer.concat(
    list.map(each => {
      const bytes = Buffer.from(encodeElements([each]));
      bytes.subarray(0, 4).swap16();
      if (each.vr === 'OW') bytes.subarray(8, 12).swap32();
      else bytes.subarray(6, 8).swap16();
      if (each.vr === 'US') bytes.subarray(8).swap16();
      return bytes;
    }),
  );
}

describe('readInstanceHeader', () => {
  const expected = {
    studyInstanceUID: studyUid,
    seriesInstanceUID: '1.2.3.4.1',
    sopInstanceUID: '1.2.3.4.1.1',
    modality: 'CT',
    accessionNumber: 'ACC1',
    patientName: 'Doe^Jane',
    rows: '2',
    columns: '2',
    studyDescription: 'Head',
    patientBirthDate: '',
  };
  const encodings: [string, Buffer][] = [
    ['explicit little endian', instance()],
    ['implicit little endian', withSyntax(implicitLittle, implicit(elements()))],
    ['explicit big endian', withSyntax(explicitBig, bigEndian(elements()))],
    ['deflated', withSyntax(deflated, deflateRawSync(encodeElements(elements())))],
  ];
  it.each(encodings)('reads %s', async (_name, bytes) => {
    expect(await headerOf(bytes)).toMatchObject(expected);
  });

  const charsets: [string, string, Buffer, string][] = [
    ['Latin 1', 'ISO_IR 100', Buffer.from('M\u00fcller^J', 'latin1'), 'M\u00fcller^J'],
    ['UTF-8', 'ISO_IR 192', Buffer.from('\u738b^\u5c0f\u6771'), '\u738b^\u5c0f\u6771'],
    [
      'Japanese by code extension',
      '\\ISO 2022 IR 87',
      Buffer.from('Yamada=\x1b$B;3ED\x1b(B', 'latin1'),
      'Yamada=\u5c71\u7530',
    ],
    ['an unknown character set', 'KLINGON', Buffer.from('Doe^J'), 'Doe^J'],
  ];
  it.each(charsets)('decodes a name in %s', async (_name, charset, name, text) => {
    const header = await headerOf(instance({ '00080005': charset, '00100010': name }));
    expect(header).toMatchObject({ patientName: text, specificCharacterSet: charset });
  });

  it('reads no further than the header of a file of 200 MB', () =>
    inFolder(async dir => {
      const path = join(dir, 'x');
      const size = 200 * 1024 * 1024;
      const all = encodeElements(elements({ '7FE00010': undefined }));
      const pixels = head('7FE00010', 'OB', size);
      const bytes = withSyntax(explicitLittle, Buffer.concat([all, pixels]));
      await writeFile(path, bytes);
      await truncate(path, bytes.length + size);
      const before = process.memoryUsage();
      expect(await readInstanceHeader(path)).toMatchObject(expected);
      const after = process.memoryUsage();
      expect(after.external + after.arrayBuffers - before.external - before.arrayBuffers).toBeLessThan(4 * 1024 * 1024);
    }));

  it('skips a large private value unread', async () => {
    const bytes = instance({ '00291010': Buffer.alloc(3 * 1024 * 1024) });
    expect(await headerOf(bytes)).toMatchObject(expected);
  });

  it('walks nested sequences of undefined length', async () => {
    const deep = Buffer.concat([
      head('00081140', 'SQ', undefinedLength),
      item(undefinedLength),
      head('00081150', 'UN', undefinedLength),
      item(undefinedLength),
      delimiter(0xe00d),
      delimiter(0xe0dd),
      encodeElements([{ tag: '0020000D', vr: 'UI', value: '9.9' }]),
      delimiter(0xe00d),
      delimiter(0xe0dd),
    ]);
    expect(await headerOf(splice('00081140', deep))).toMatchObject(expected);
  });

  it("takes a report's title from its first concept item alone", async () => {
    const codes = (meaning: string): Element[] => [
      { tag: '00080100', vr: 'SH', value: '1' },
      { tag: '00080104', vr: 'LO', value: meaning },
      { tag: '0020000D', vr: 'UI', value: '9.9' },
    ];
    const bytes = encodeElements([{ tag: '0040A043', vr: 'SQ', value: [codes('Title'), codes('Other')] }]);
    expect(await headerOf(splice('0040A043', bytes))).toMatchObject({ ...expected, conceptMeaning: 'Title' });
  });

  it('does not follow a symbolic link', () =>
    inFile(instance(), path =>
      inFolder(async dir => {
        await symlink(path, join(dir, 'link'));
        await expect(readInstanceHeader(join(dir, 'link'))).rejects.toMatchObject({ code: 'ELOOP' });
      }),
    ));

  const preamble = (text: string) => {
    const bytes = instance();
    bytes.write(text, 0, 'latin1');
    return bytes;
  };
  const nested = (depth: number) =>
    Buffer.concat(
      Array.from({ length: depth }, () =>
        Buffer.concat([head('00081140', 'SQ', undefinedLength), item(undefinedLength)]),
      ),
    );
  const closed = () => Buffer.concat([delimiter(0xe00d), delimiter(0xe0dd)]);
  const bombSequence = () => {
    const items = Buffer.concat(Array.from({ length: 200_000 }, () => item(0)));
    return Buffer.concat([head('00081140', 'SQ', undefinedLength), items, delimiter(0xe0dd)]);
  };
  const bomb = () => {
    const before = encodeElements(elements().filter(each => each.tag < '00081140'));
    return Buffer.concat([before, head('00081140', 'OB', 30_000_000), Buffer.alloc(30_000_000)]);
  };
  const refused: [string, string, () => Buffer][] = [
    ['an empty file', 'IMAGING_NOT_DICOM', () => Buffer.alloc(0)],
    ['text', 'IMAGING_NOT_DICOM', () => Buffer.alloc(2000, 'x')],
    ['a Windows program', 'IMAGING_PREAMBLE', () => preamble('MZ')],
    ['a Linux program', 'IMAGING_PREAMBLE', () => preamble('\x7fELF')],
    ['a shell script', 'IMAGING_PREAMBLE', () => preamble('#!/bin/sh\n')],
    ['a file without transfer syntax', 'IMAGING_UID', () => withSyntax('', encodeElements(elements()))],
    ['a file without UIDs', 'IMAGING_NOT_DICOM', () => instance({ '0020000D': undefined, '00080018': undefined })],
    ['a missing study UID', 'IMAGING_UID', () => instance({ '0020000D': undefined })],
    ['a study UID with a leading zero', 'IMAGING_UID', () => instance({ '0020000D': '1.02.3' })],
    ['two study UIDs in one element', 'IMAGING_UID', () => instance({ '0020000D': '1.2.3\\1.2.4' })],
    ['a SOP instance UID that is a path', 'IMAGING_UID', () => instance({ '00080018': '../../x' })],
    [
      'the study UID twice',
      'IMAGING_DAMAGED',
      () => splice('0020000E', encodeElements([{ tag: '0020000D', vr: 'UI', value: '9.9' }])),
    ],
    [
      'elements out of order',
      'IMAGING_DAMAGED',
      () => splice('00200014', encodeElements([{ tag: '00100030', vr: 'DA', value: '20000101' }])),
    ],
    ['a VR that is none', 'IMAGING_DAMAGED', () => splice('00081140', Buffer.from('08004011\0\0\0\0', 'latin1'))],
    ['nesting without end', 'IMAGING_DAMAGED', () => splice('00081140', nested(40))],
    [
      'twelve sequences within each other, each with its end',
      'IMAGING_DAMAGED',
      () => splice('00081140', Buffer.concat([nested(12), ...Array.from({ length: 12 }, closed)])),
    ],
    ['a million empty items', 'IMAGING_HEADER_TOO_LARGE', () => splice('00081140', bombSequence())],
    [
      'a value behind the end of the file',
      'IMAGING_TRUNCATED',
      () => splice('00291010', head('00291010', 'OB', 0x7fffffff)),
    ],
    ['a name longer than any VR allows', 'IMAGING_DAMAGED', () => instance({ '00100010': 'x'.repeat(20_000) })],
    ['pixels cut off', 'IMAGING_TRUNCATED', () => instance().subarray(0, -1)],
    ['a deflated bomb', 'IMAGING_HEADER_TOO_LARGE', () => withSyntax(deflated, deflateRawSync(bomb()))],
    ['a deflated stream of noise', 'IMAGING_DAMAGED', () => withSyntax(deflated, Buffer.alloc(100, 0xff))],
  ];
  it.each(refused)('refuses %s with %s', async (_name, code, make) => {
    expect(await codeOf(make())).toBe(code);
  });

  it('refuses every file cut short, unless the cut falls between two elements behind the UIDs', async () => {
    const whole = instance();
    const behind = elements().filter(each => each.tag > '0020000E');
    const boundaries = behind.map((_, i) => whole.length - encodeElements(behind.slice(i)).length);
    for (let length = 0; length < whole.length; length += 1) {
      const code = await codeOf(whole.subarray(0, length));
      expect([length, code === 'accepted']).toEqual([length, boundaries.includes(length)]);
      if (code !== 'accepted') expect(code).toMatch(/^IMAGING_/);
    }
  });

  it('answers with a code or a header for any flipped byte', async () => {
    const whole = instance({ '00080005': 'ISO_IR 100' });
    for (let at = 128; at < whole.length; at += 1) {
      const bytes = Buffer.from(whole);
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (at % 8)), at);
      expect(await codeOf(bytes)).toMatch(/^(IMAGING_|accepted)/);
    }
  });

  it('refuses a folder', () =>
    inFolder(async dir => {
      await mkdir(join(dir, 'x'));
      await expect(readInstanceHeader(join(dir, 'x'))).rejects.toThrow();
    }));
});

needs('dicom', describe)('headers of real files', () => {
  const cases: [string, object][] = [
    ['ct-ankle/CT-MONO2-16-ankle.dcm', { transferSyntaxUID: implicitLittle, patientName: 'Anonymized', rows: '512' }],
    ['ct-small/CT_small.dcm', { patientName: 'CompressedSamples^CT1', modality: 'CT', rows: '128' }],
    ['ecg-waveform/waveform_ecg.dcm', { accessionNumber: '03028041970546', modality: 'ECG', rows: '' }],
    ['jpeg2000/JPEG2000.dcm', { transferSyntaxUID: '1.2.840.10008.1.2.4.91', modality: 'NM' }],
    ['mr-small/MR_small.dcm', { patientId: '4MR1', modality: 'MR' }],
    ['multi-series-77654033/CR2/6247', { patientId: '77654033', accessionNumber: '2' }],
    ['report-sr/test-SR.dcm', { conceptMeaning: 'Diagnosis', completionFlag: 'COMPLETE', modality: 'SR' }],
    ['rle/SC_rgb_rle_16bit_2frame.dcm', { numberOfFrames: '2', specificCharacterSet: 'ISO_IR 192' }],
  ];
  it.each(cases)('%s', async (path, expected) => {
    expect(await readInstanceHeader(join(dataDir, 'dicom', path))).toMatchObject(expected);
  });
});
