/**
 * DICOMDIR: the directory of a file-set (PS3.3 Annex F, PS3.10 §8), for one study, made from the instances' headers.
 *
 * Layout: file meta information; (0004,1130) file-set ID; (0004,1200) and (0004,1202) offsets of the first and last
 * record of the root; (0004,1212) consistency flag 0; (0004,1220) sequence of records. Offsets count from the first byte
 * of the file to the item tag of a record. Order of records: PATIENT, STUDY, then each SERIES followed by its instances.
 * Offsets have a fixed width, so records are encoded once with zeros, placed, and encoded again.
 *
 * What the directory requires and a file lacks is made up here alone. Text is UTF-8.
 */
import { createHash } from 'node:crypto';
import { type Element, encodeElements, encodePart10, uidFromBytes } from './dicomWriter.js';
import { patientKeys, recordOf, seriesKeys, studyKeys } from './directoryRecords.js';
import type { InstanceHeader } from './header.js';

/** One instance: its header and its place in the file-set, such as "IMAGES/I0000001". */
export interface DirectoryEntry {
  header: InstanceHeader;
  path: string;
}

interface DirectoryRecord {
  type: string;
  keys: Element[];
  file?: DirectoryEntry;
  /** indices into the list of records */
  next?: number;
  lower?: number;
}

const mediaStorageDirectory = '1.2.840.10008.1.3.10';
const itemHeadBytes = 8;
const sequenceHeadBytes = 12;

function encodeRecord(record: DirectoryRecord, offsetOf: (index: number | undefined) => number): Element[] {
  const { file } = record;
  const reference: Element[] =
    file === undefined
      ? []
      : [
          { tag: '00041500', vr: 'CS', value: file.path.replaceAll('/', '\\') },
          { tag: '00041510', vr: 'UI', value: file.header.sopClassUID },
          { tag: '00041511', vr: 'UI', value: file.header.sopInstanceUID },
          { tag: '00041512', vr: 'UI', value: file.header.transferSyntaxUID },
        ];
  return [
    { tag: '00041400', vr: 'UL', value: offsetOf(record.next) },
    { tag: '00041410', vr: 'US', value: 0xffff },
    { tag: '00041420', vr: 'UL', value: offsetOf(record.lower) },
    { tag: '00041430', vr: 'CS', value: record.type },
    ...reference,
    ...record.keys,
  ];
}

function buildRecords(entries: readonly DirectoryEntry[], madeUpPatientId: string): DirectoryRecord[] {
  const series = new Map<string, DirectoryEntry[]>();
  for (const entry of entries) {
    const group = series.get(entry.header.seriesInstanceUID);
    if (group === undefined) series.set(entry.header.seriesInstanceUID, [entry]);
    else group.push(entry);
  }
  const headers = entries.map(entry => entry.header);
  const records: DirectoryRecord[] = [
    { type: 'PATIENT', keys: patientKeys(headers, madeUpPatientId), lower: 1 },
    { type: 'STUDY', keys: studyKeys(headers), lower: 2 },
  ];
  let number = 0;
  for (const group of series.values()) {
    number += 1;
    const at = records.length;
    const after = at + 1 + group.length;
    const last = number === series.size;
    const keys = seriesKeys(
      group.map(entry => entry.header),
      number,
    );
    records.push({ type: 'SERIES', keys, lower: at + 1, ...(last ? {} : { next: after }) });
    for (const [index, file] of group.entries()) {
      const isLast = index === group.length - 1;
      records.push({ ...recordOf(file.header, index + 1), file, ...(isLast ? {} : { next: at + 2 + index }) });
    }
  }
  return records;
}

/**
 * The DICOMDIR of one study. `entries` are in the order of the file-set; `studyHash` (32 bytes) names the directory and
 * stands in for an absent patient's ID. The same input gives the same bytes.
 */
export function encodeDicomdir(entries: readonly DirectoryEntry[], studyHash: Uint8Array): Buffer {
  const madeUpPatientId = `RADPASS-${Buffer.from(studyHash).toString('hex', 0, 8).toUpperCase()}`;
  const records = buildRecords(entries, madeUpPatientId);
  const frame = (first: number): Element[] => [
    { tag: '00041130', vr: 'CS', value: 'RADPASS' },
    { tag: '00041200', vr: 'UL', value: first },
    { tag: '00041202', vr: 'UL', value: first },
    { tag: '00041212', vr: 'US', value: 0 },
  ];
  const uid = uidFromBytes(createHash('sha256').update('radpass/dicomdir/1\0').update(studyHash).digest(), 8);
  const part10 = (dataSet: Uint8Array) => encodePart10(mediaStorageDirectory, uid, dataSet);
  const offsets: number[] = [];
  let offset = part10(encodeElements(frame(0))).length + sequenceHeadBytes;
  for (const record of records) {
    offsets.push(offset);
    offset += itemHeadBytes + encodeElements(encodeRecord(record, () => 0)).length;
  }
  const offsetOf = (index: number | undefined) => (index === undefined ? 0 : (offsets[index] ?? 0));
  const items = records.map(record => encodeRecord(record, offsetOf));
  return part10(encodeElements([...frame(offsetOf(0)), { tag: '00041220', vr: 'SQ', value: items }]));
}
