/**
 * Keys of directory records (PS3.3 F.5): which values of a header stand in the DICOMDIR, and what stands there when a
 * required one is absent or malformed: StudyID "1", the date of series, acquisition or content, else 19000101, midnight,
 * numbers by order.
 */
import type { Element } from './dicomWriter.js';
import type { InstanceHeader } from './header.js';
import { conceptSequence, conceptTags, headerTags } from './tags.js';

type Field = keyof typeof headerTags;

const dates = ['studyDate', 'seriesDate', 'acquisitionDate', 'contentDate'] as const;
const times = ['studyTime', 'seriesTime', 'acquisitionTime', 'contentTime'] as const;

/** Record types by SOP class (PS3.3 Table F.4-1); a prefix ends in a dot. Images are whatever has rows. */
const typeOfClass: [string, string][] = [
  ['1.2.840.10008.5.1.4.1.1.88.59', 'KEY OBJECT DOC'],
  ['1.2.840.10008.5.1.4.1.1.88.', 'SR DOCUMENT'],
  ['1.2.840.10008.5.1.4.1.1.9.', 'WAVEFORM'],
  ['1.2.840.10008.5.1.4.1.1.11.', 'PRESENTATION'],
  ['1.2.840.10008.5.1.4.1.1.104.', 'ENCAP DOC'],
  ['1.2.840.10008.5.1.4.1.1.481.2', 'RT DOSE'],
  ['1.2.840.10008.5.1.4.1.1.481.3', 'RT STRUCTURE SET'],
  ['1.2.840.10008.5.1.4.1.1.481.5', 'RT PLAN'],
  ['1.2.840.10008.5.1.4.1.1.481.8', 'RT PLAN'],
  ['1.2.840.10008.5.1.4.1.1.481.4', 'RT TREAT RECORD'],
  ['1.2.840.10008.5.1.4.1.1.481.6', 'RT TREAT RECORD'],
  ['1.2.840.10008.5.1.4.1.1.481.7', 'RT TREAT RECORD'],
  ['1.2.840.10008.5.1.4.1.1.481.9', 'RT TREAT RECORD'],
  ['1.2.840.10008.5.1.4.1.1.66', 'RAW DATA'],
  ['1.2.840.10008.5.1.4.1.1.66.1', 'REGISTRATION'],
  ['1.2.840.10008.5.1.4.1.1.66.3', 'REGISTRATION'],
  ['1.2.840.10008.5.1.4.1.1.66.2', 'FIDUCIAL'],
  ['1.2.840.10008.5.1.4.1.1.66.5', 'SURFACE'],
  ['1.2.840.10008.5.1.4.1.1.67', 'VALUE MAP'],
];

const content: Field[] = ['contentDate', 'contentTime', 'instanceNumber'];
const identified: Field[] = [...content, 'contentLabel', 'contentDescription', 'contentCreatorName'];
const presentation: Field[] = [
  'instanceNumber',
  'contentLabel',
  'contentDescription',
  'presentationCreationDate',
  'presentationCreationTime',
  'contentCreatorName',
];

/** PS3.3 F.5.4 and after */
const fieldsOfType: Record<string, Field[]> = {
  IMAGE: ['instanceNumber'],
  'SR DOCUMENT': [...content, 'completionFlag', 'verificationFlag', 'verificationDateTime'],
  'KEY OBJECT DOC': content,
  WAVEFORM: content,
  PRESENTATION: presentation,
  'ENCAP DOC': [...content, 'documentTitle', 'mimeTypeOfEncapsulatedDocument'],
  'RT DOSE': ['instanceNumber', 'doseSummationType'],
  'RT STRUCTURE SET': ['instanceNumber', 'structureSetLabel', 'structureSetDate', 'structureSetTime'],
  'RT PLAN': ['instanceNumber', 'rtPlanLabel', 'rtPlanDate', 'rtPlanTime'],
  'RT TREAT RECORD': ['instanceNumber', 'treatmentDate', 'treatmentTime'],
  'RAW DATA': content,
  REGISTRATION: identified,
  FIDUCIAL: identified,
  SURFACE: identified,
  'VALUE MAP': identified,
};
const titled = new Set(['SR DOCUMENT', 'KEY OBJECT DOC', 'ENCAP DOC']);

/** For type 1 keys without a value in the file; fields that are not listed may stay empty. */
const madeUp: Partial<Record<Field, string>> = {
  contentLabel: 'UNLABELLED',
  completionFlag: 'PARTIAL',
  verificationFlag: 'UNVERIFIED',
  doseSummationType: 'PLAN',
  structureSetLabel: 'UNLABELLED',
  rtPlanLabel: 'UNLABELLED',
  mimeTypeOfEncapsulatedDocument: 'application/octet-stream',
};

/** PS3.5 §6.2 DA; ACR-NEMA's dots are taken out. '' if it is none. */
export function parseDate(text: string): string {
  const digits = text.replaceAll('.', '');
  return /^\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$/.test(digits) ? digits : '';
}

/** PS3.5 §6.2 TM; ACR-NEMA's colons are taken out. '' if it is none. */
export function parseTime(text: string): string {
  const digits = text.replaceAll(':', '');
  return /^([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?$/.test(digits) ? digits : '';
}

const firstOf = (texts: readonly string[]) => texts.find(text => text !== '') ?? '';
const parseNumber = (text: string) => (/^[+-]?\d{1,11}$/.test(text) ? text : '');

const maxChars: Record<string, number> = { CS: 16, SH: 16, LO: 64, PN: 324, ST: 1024 };

function element(field: Field, text: string): Element {
  const [tag, vr] = headerTags[field];
  return { tag, vr, value: text.slice(0, maxChars[vr] ?? text.length) };
}

/** In tag order, led by the character set where the text is more than ASCII. */
function toKeys(elements: Element[]): Element[] {
  const sorted = elements.sort((a, b) => (a.tag < b.tag ? -1 : 1));
  const plain = !/[\u0080-\uffff]/.test(JSON.stringify(sorted));
  const [tag, vr] = headerTags.specificCharacterSet;
  return plain ? sorted : [{ tag, vr, value: 'ISO_IR 192' }, ...sorted];
}

/** PS3.3 F.5.1 */
export function patientKeys(headers: readonly InstanceHeader[], madeUpPatientId: string): Element[] {
  const patientId = firstOf(headers.map(header => header.patientId)) || madeUpPatientId;
  const patientName = firstOf(headers.map(header => header.patientName));
  return toKeys([element('patientName', patientName), element('patientId', patientId)]);
}

/** PS3.3 F.5.2 */
export function studyKeys(headers: readonly InstanceHeader[]): Element[] {
  const all = (field: Field) => headers.map(header => header[field]);
  const date = firstOf(dates.map(field => firstOf(all(field).map(parseDate)))) || '19000101';
  const time = firstOf(times.map(field => firstOf(all(field).map(parseTime)))) || '000000';
  return toKeys([
    element('studyDate', date),
    element('studyTime', time),
    element('accessionNumber', firstOf(all('accessionNumber'))),
    element('studyDescription', firstOf(all('studyDescription'))),
    element('studyInstanceUID', firstOf(all('studyInstanceUID'))),
    element('studyId', firstOf(all('studyId')) || '1'),
  ]);
}

/** PS3.3 F.5.3; `number` stands in for an absent SeriesNumber. */
export function seriesKeys(headers: readonly InstanceHeader[], number: number): Element[] {
  const all = (field: Field) => headers.map(header => header[field]);
  return toKeys([
    element('modality', firstOf(all('modality')) || 'OT'),
    element('seriesInstanceUID', firstOf(all('seriesInstanceUID'))),
    element('seriesNumber', firstOf(all('seriesNumber').map(parseNumber)) || String(number)),
  ]);
}

function typeOf(header: InstanceHeader): string {
  const { sopClassUID } = header;
  const exact = typeOfClass.find(([uid]) => uid === sopClassUID);
  const family = typeOfClass.find(([uid]) => uid.endsWith('.') && sopClassUID.startsWith(uid));
  const known = (exact ?? family)?.[1];
  return known ?? (header.rows === '' ? 'PRIVATE' : 'IMAGE');
}

function textOf(header: InstanceHeader, field: Field, number: number): string {
  const [, vr] = headerTags[field];
  if (vr === 'IS') return parseNumber(header[field]) || String(number);
  if (vr === 'DA') return parseDate(header[field]) || firstOf(dates.map(each => parseDate(header[each]))) || '19000101';
  if (vr === 'TM') return parseTime(header[field]) || firstOf(times.map(each => parseTime(header[each]))) || '000000';
  if (vr === 'DT') return header[field] || `${textOf(header, 'contentDate', 0)}${textOf(header, 'contentTime', 0)}`;
  return header[field] || (madeUp[field] ?? '');
}

function titleOf(header: InstanceHeader): Element {
  const item = (Object.keys(conceptTags) as (keyof typeof conceptTags)[]).map(field => {
    const [tag, vr] = conceptTags[field];
    return { tag, vr, value: header[field].slice(0, maxChars[vr]) };
  });
  return { tag: conceptSequence, vr: 'SQ', value: item.every(({ value }) => value === '') ? [] : [item] };
}

/** Type and keys of the record of one instance; `number` stands in for an absent InstanceNumber. */
export function recordOf(header: InstanceHeader, number: number): { type: string; keys: Element[] } {
  const type = typeOf(header);
  const fields = fieldsOfType[type];
  if (fields === undefined) return { type, keys: [{ tag: '00041432', vr: 'UI', value: header.sopClassUID }] };
  const keys = fields
    .filter(field => field !== 'verificationDateTime' || header.verificationFlag === 'VERIFIED')
    .map(field => element(field, textOf(header, field, number)));
  return { type, keys: toKeys(titled.has(type) ? [...keys, titleOf(header)] : keys) };
}
