import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { dataDir, needs } from '../../../tools/needs.mjs';
import { encodeDicomdir } from '../dist/dicomdir.js';
import { parseDate, parseTime } from '../dist/directoryRecords.js';
import { checkOneStudy, folderStore, type InstanceHeader, readInstanceHeader } from '../dist/index.js';
import { inFile, inFolder, instance } from './dicomFixture.js';

interface Read {
  Value: (string | number | Record<string, Read>)[];
}
interface Dcmjs {
  log: { setLevel(level: 'silent', persist: false): void };
  data: {
    DicomMessage: { readFile(bytes: ArrayBufferLike): { meta: Record<string, Read>; dict: Record<string, Read> } };
  };
}
const dcmjs: Dcmjs = createRequire(import.meta.url)('dcmjs');
dcmjs.log.setLevel('silent', false);
const studyHash = new Uint8Array(32).fill(0xab);

/** The records as another library reads them, each with the offset of its item as we find it in the bytes. */
function parse(bytes: Buffer) {
  const { dict } = dcmjs.data.DicomMessage.readFile(
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
  );
  const text = (record: Record<string, Read>, tag: string) => {
    const value = record[tag]?.Value ?? [];
    const parts = value.map(each => (typeof each === 'object' && 'Alphabetic' in each ? each.Alphabetic : each));
    return parts.join('\\');
  };
  let at = bytes.indexOf(Buffer.from('04002012', 'hex')) + 12;
  return {
    first: Number(dict['00041200']?.Value[0]),
    records: (dict['00041220']?.Value ?? []).map(each => {
      if (typeof each !== 'object') throw new Error('no record');
      const offset = at;
      expect(bytes.readUInt32LE(at)).toBe(0xe000fffe);
      at += 8 + bytes.readUInt32LE(at + 4);
      const get = (tag: string) => text(each, tag);
      return { offset, type: get('00041430'), next: Number(get('00041400')), lower: Number(get('00041420')), get };
    }),
  };
}

/** Follows the offsets, as a reader does: types and file IDs by depth. */
function tree(bytes: Buffer): string[] {
  const { first, records } = parse(bytes);
  const lines: string[] = [];
  const follow = (offset: number, depth: number): void => {
    for (let at = offset; at !== 0; ) {
      const record = records.find(each => each.offset === at);
      if (record === undefined) throw new Error(`no record at ${at}`);
      lines.push(`${' '.repeat(depth)}${record.type}${record.get('00041500') && ` ${record.get('00041500')}`}`);
      if (record.lower !== 0) follow(record.lower, depth + 1);
      at = record.next;
    }
  };
  follow(first, 0);
  return lines;
}

async function headers(changes: Record<string, string | Uint8Array | number | undefined>[]) {
  const made: { header: InstanceHeader; path: string }[] = [];
  for (const [i, change] of changes.entries()) {
    const header = await inFile(instance({ '00080018': `1.2.3.4.1.${i + 1}`, ...change }), readInstanceHeader);
    made.push({ header, path: `IMAGES/I000000${i + 1}` });
  }
  return made;
}

describe('encodeDicomdir', () => {
  it('leads from patient to study, series and images by offsets', async () => {
    const entries = await headers([{}, { '0020000E': '1.2.3.4.2' }, {}, { '0020000E': '1.2.3.4.2' }]);
    expect(tree(encodeDicomdir(entries, studyHash))).toEqual([
      'PATIENT',
      ' STUDY',
      '  SERIES',
      '   IMAGE IMAGES\\I0000001',
      '   IMAGE IMAGES\\I0000003',
      '  SERIES',
      '   IMAGE IMAGES\\I0000002',
      '   IMAGE IMAGES\\I0000004',
    ]);
  });

  it('makes up what it requires and a file lacks', async () => {
    const lacking = { '00080020': undefined, '00080030': undefined, '00100020': undefined, '00200010': undefined };
    const entries = await headers([{ ...lacking, '00200011': undefined, '00200013': 'x' }]);
    const [patient, study, series, image] = parse(encodeDicomdir(entries, studyHash)).records;
    expect(patient?.get('00100020')).toBe('RADPASS-ABABABABABABABAB');
    expect([study?.get('00080020'), study?.get('00080030'), study?.get('00200010')]).toEqual([
      '19000101',
      '000000',
      '1',
    ]);
    expect(series?.get('00200011')).toBe('1');
    expect(image?.get('00200013')).toBe('1');
  });

  it('takes an absent study date from the series', async () => {
    const entries = await headers([{ '00080020': undefined, '00080021': '20190304' }]);
    expect(parse(encodeDicomdir(entries, studyHash)).records[1]?.get('00080020')).toBe('20190304');
  });

  it('is in UTF-8 where names need it, and says so there', async () => {
    const entries = await headers([{ '00080005': 'ISO_IR 100', '00100010': Buffer.from('M\u00fcller^J', 'latin1') }]);
    const bytes = encodeDicomdir(entries, studyHash);
    const [patient, study] = parse(bytes).records;
    expect(patient?.get('00100010')).toBe('M\u00fcller^J');
    expect(bytes.includes('ISO_IR 192')).toBe(true);
    expect(study?.get('00080005')).toBe('');
    expect(encodeDicomdir(await headers([{}]), studyHash).includes('ISO_IR')).toBe(false);
  });

  const kinds: [string, string, Record<string, string | undefined>][] = [
    ['SR DOCUMENT', '1.2.840.10008.5.1.4.1.1.88.33', {}],
    ['KEY OBJECT DOC', '1.2.840.10008.5.1.4.1.1.88.59', {}],
    ['PRESENTATION', '1.2.840.10008.5.1.4.1.1.11.1', {}],
    ['ENCAP DOC', '1.2.840.10008.5.1.4.1.1.104.1', {}],
    ['RT PLAN', '1.2.840.10008.5.1.4.1.1.481.5', {}],
    ['IMAGE', '1.2.840.10008.5.1.4.1.1.12.1', {}],
    ['PRIVATE', '1.2.3.9', { '00280010': undefined }],
  ];
  it.each(kinds)('has a %s record for SOP class %s', async (type, sopClass, change) => {
    const entries = await headers([{ '00080016': sopClass, ...change }]);
    expect(parse(encodeDicomdir(entries, studyHash)).records[3]?.type).toBe(type);
  });

  it('depends on nothing but headers and study hash', async () => {
    const entries = await headers([{}]);
    expect(encodeDicomdir(entries, studyHash)).toEqual(encodeDicomdir(entries, studyHash));
    expect(encodeDicomdir(entries, studyHash)).not.toEqual(encodeDicomdir(entries, new Uint8Array(32)));
  });

  it('is left out of a folder store under any name', () =>
    inFolder(async dir => {
      await mkdir(join(dir, 'a'));
      await writeFile(join(dir, 'a', 'renamed.dcm'), encodeDicomdir(await headers([{}]), studyHash));
      await writeFile(join(dir, 'x'), instance());
      expect(await checkOneStudy(await folderStore({ path: dir }))).toMatchObject({ instances: 1 });
    }));
});

describe('parseDate and parseTime', () => {
  it('take what PS3.5 and ACR-NEMA wrote, and nothing else', () => {
    expect(['20200131', '2020.01.31', '20201301', '2020', ''].map(parseDate)).toEqual([
      '20200131',
      '20200131',
      '',
      '',
      '',
    ]);
    expect(['0304', '03:04:05', '030405.123456', '24', ''].map(parseTime)).toEqual([
      '0304',
      '030405',
      '030405.123456',
      '',
      '',
    ]);
  });
});

needs('dicom', describe)('DICOMDIR of real studies', () => {
  const cases: [string, string][] = [
    ['report-sr', 'SR DOCUMENT'],
    ['ecg-waveform', 'WAVEFORM'],
    ['jpeg2000', 'IMAGE'],
  ];
  it.each(cases)('%s has a record of type %s', async (folder, type) => {
    const store = await folderStore({ path: join(dataDir, 'dicom', folder) });
    const { studyInstanceUID } = await checkOneStudy(store);
    const [only] = await store.instances(studyInstanceUID);
    const header = await store.header(studyInstanceUID, only!.sopInstanceUID);
    const lines = tree(encodeDicomdir([{ header, path: 'IMAGES/I0000001' }], studyHash));
    expect(lines).toEqual(['PATIENT', ' STUDY', '  SERIES', `   ${type} IMAGES\\I0000001`]);
  });
});
