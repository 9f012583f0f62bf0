/** Part 10 files made element by element, so that a test can break exactly one thing. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StudyFixture } from '../dist/compliance.js';
import { type Element, encodeElements, encodePart10 } from '../dist/dicomWriter.js';

export const studyUid = '1.2.3.4';
export const otherStudyUid = '1.2.3.5';
export const ctClass = '1.2.840.10008.5.1.4.1.1.2';

/** Elements of a small valid CT instance, by tag; `change` replaces or (undefined) removes some. */
export function elements(change: Record<string, Element['value'] | undefined> = {}): Element[] {
  const base: Record<string, [string, Element['value']]> = {
    '00080016': ['UI', ctClass],
    '00080018': ['UI', '1.2.3.4.1.1'],
    '00080020': ['DA', '20200102'],
    '00080030': ['TM', '030405'],
    '00080050': ['SH', 'ACC1'],
    '00080060': ['CS', 'CT'],
    '00081030': ['LO', 'Head'],
    '00100010': ['PN', 'Doe^Jane'],
    '00100020': ['LO', 'P1'],
    '0020000D': ['UI', studyUid],
    '0020000E': ['UI', '1.2.3.4.1'],
    '00200010': ['SH', 'S1'],
    '00200011': ['IS', '1'],
    '00200013': ['IS', '1'],
    '00280010': ['US', 2],
    '00280011': ['US', 2],
    '7FE00010': ['OW', Buffer.alloc(8, 1)],
  };
  const vrs: Record<string, string> = { '00080005': 'CS', '00080008': 'CS', '00291010': 'OB', '0040A730': 'SQ' };
  const all: Record<string, [string, Element['value'] | undefined]> = { ...base };
  for (const [tag, value] of Object.entries(change)) all[tag] = [base[tag]?.[0] ?? vrs[tag] ?? 'LO', value];
  return Object.entries(all)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([tag, [vr, value]]) => (value === undefined ? [] : [{ tag, vr, value }]));
}

export function instance(change: Record<string, Element['value'] | undefined> = {}): Buffer {
  const list = elements(change);
  const sop = list.find(each => each.tag === '00080018')?.value;
  return encodePart10(ctClass, typeof sop === 'string' ? sop : '1.2', encodeElements(list));
}

/** A Part 10 file with this transfer syntax around data set bytes as they are. */
export function withSyntax(transferSyntaxUID: string, dataSet: Uint8Array): Buffer {
  const meta = encodeElements([{ tag: '00020010', vr: 'UI', value: transferSyntaxUID }]);
  const length = encodeElements([{ tag: '00020000', vr: 'UL', value: meta.length }]);
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), length, meta, dataSet]);
}

/** What imageStoreSuite puts into a store. */
export function twoStudies(): { first: StudyFixture; second: StudyFixture; edited: StudyFixture['files'][number] } {
  const first = (n: number, change = {}) => instance({ '00080018': `1.2.3.4.1.${n}`, ...change });
  const second = { '0020000D': otherStudyUid, '0020000E': '1.2.3.5.9', '00080018': '1.2.3.5.1', '00080050': 'ACC2' };
  return {
    first: {
      studyInstanceUID: studyUid,
      accessionNumber: 'ACC1',
      files: [9, 1, 10].map(n => ({ sopInstanceUID: `1.2.3.4.1.${n}`, bytes: first(n) })),
    },
    second: {
      studyInstanceUID: otherStudyUid,
      accessionNumber: 'ACC2',
      files: [{ sopInstanceUID: '1.2.3.5.1', bytes: instance(second) }],
    },
    edited: { sopInstanceUID: '1.2.3.4.1.9', bytes: first(9, { '00081030': 'Head, the text corrected' }) },
  };
}

/** Runs `work` with a folder that is gone afterwards. */
export async function inFolder<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'radpass-imaging-'));
  try {
    return await work(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

export async function inFile<T>(bytes: Uint8Array, work: (path: string) => Promise<T>): Promise<T> {
  return inFolder(async dir => {
    const path = join(dir, 'file');
    await writeFile(path, bytes);
    return work(path);
  });
}
