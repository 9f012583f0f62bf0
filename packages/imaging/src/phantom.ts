/** A study of nobody: a CT series of the Shepp-Logan head, for trying things out, demonstrations and tests. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RandomBytes, randomBytes } from '@radpass/core';
import { type Element, encodeElements, encodePart10, uidFromBytes } from './dicomWriter.js';
import { sheppLoganSlice } from './sheppLogan.js';

const ctImageStorage = '1.2.840.10008.5.1.4.1.1.2';
const fieldOfViewMm = 240;
const coveredZ = 1.5; // of the head's 1.62 head units; with 12 slices, those at 0 and 0.25 show the small lesions
const intercept = -1024;

/** DS (PS3.5 §6.2): at most 16 characters */
const decimal = (value: number) => String(Number(value.toFixed(4)));

/**
 * Writes `slices` files (default 12) of `size` × `size` pixels (default 256, 8 to 1024) into `dir`, which is made if
 * absent. UIDs and the accession number come from `random`, dates from `now` (Unix ms). Files are never overwritten.
 */
export async function writePhantomStudy(
  dir: string,
  p: { slices?: number; size?: number; random?: RandomBytes; now?: () => number } = {},
): Promise<{ studyInstanceUID: string; accessionNumber: string; files: string[] }> {
  const { slices = 12, size = 256, random = randomBytes, now = Date.now } = p;
  if (!Number.isInteger(slices) || slices < 1 || slices > 9999) throw new RangeError('slices: 1 to 9999');
  if (!Number.isInteger(size) || size < 8 || size > 1024) throw new RangeError('size: 8 to 1024');
  const newUid = () => uidFromBytes(random(16), 4);
  const number = Buffer.from(random(4)).readUInt32BE() % 100_000_000;
  const accessionNumber = `RP${String(number).padStart(8, '0')}`;
  const iso = new Date(now()).toISOString();
  const study = {
    studyInstanceUID: newUid(),
    seriesInstanceUID: newUid(),
    frameOfReferenceUID: newUid(),
    accessionNumber,
    date: iso.slice(0, 10).replaceAll('-', ''),
    time: iso.slice(11, 19).replaceAll(':', ''),
    slices,
    size,
  };
  await mkdir(dir, { recursive: true });
  const files: string[] = [];
  for (let slice = 0; slice < slices; slice += 1) {
    const sopInstanceUID = newUid();
    const path = join(dir, `${accessionNumber}-${String(slice + 1).padStart(4, '0')}.dcm`);
    const dataSet = encodeElements(sliceElements(study, slice, sopInstanceUID));
    await writeFile(path, encodePart10(ctImageStorage, sopInstanceUID, dataSet), { flag: 'wx' });
    files.push(path);
  }
  return { studyInstanceUID: study.studyInstanceUID, accessionNumber, files };
}

interface PhantomStudy {
  studyInstanceUID: string;
  seriesInstanceUID: string;
  frameOfReferenceUID: string;
  accessionNumber: string;
  date: string;
  time: string;
  slices: number;
  size: number;
}

/** CT Image IOD (PS3.3 A.3) with all elements of type 1 and 2, ascending. `slice` counts from 0 at the lowest. */
function sliceElements(study: PhantomStudy, slice: number, sopInstanceUID: string): Element[] {
  const { date, time, size, slices } = study;
  const z = ((slice - Math.floor(slices / 2)) * coveredZ) / slices;
  const spacing = slices === 1 ? 5 : ((coveredZ / slices) * fieldOfViewMm) / 2;
  const pixel = fieldOfViewMm / size;
  const corner = decimal((-(size - 1) / 2) * pixel);
  const zMm = decimal((z * fieldOfViewMm) / 2);
  const pixels = Buffer.alloc(size * size * 2);
  for (const [i, hounsfield] of sheppLoganSlice(z, size).entries()) pixels.writeUInt16LE(hounsfield - intercept, i * 2);
  return [
    { tag: '00080008', vr: 'CS', value: 'ORIGINAL\\PRIMARY\\AXIAL' },
    { tag: '00080012', vr: 'DA', value: date },
    { tag: '00080013', vr: 'TM', value: time },
    { tag: '00080016', vr: 'UI', value: ctImageStorage },
    { tag: '00080018', vr: 'UI', value: sopInstanceUID },
    { tag: '00080020', vr: 'DA', value: date },
    { tag: '00080021', vr: 'DA', value: date },
    { tag: '00080022', vr: 'DA', value: date },
    { tag: '00080023', vr: 'DA', value: date },
    { tag: '00080030', vr: 'TM', value: time },
    { tag: '00080031', vr: 'TM', value: time },
    { tag: '00080032', vr: 'TM', value: time },
    { tag: '00080033', vr: 'TM', value: time },
    { tag: '00080050', vr: 'SH', value: study.accessionNumber },
    { tag: '00080060', vr: 'CS', value: 'CT' },
    { tag: '00080070', vr: 'LO', value: 'Radpass' },
    { tag: '00080090', vr: 'PN', value: '' },
    { tag: '00081030', vr: 'LO', value: 'Head phantom' },
    { tag: '0008103E', vr: 'LO', value: 'Shepp-Logan axial' },
    { tag: '00081090', vr: 'LO', value: 'Shepp-Logan phantom' },
    { tag: '00100010', vr: 'PN', value: 'Phantom^Shepp-Logan' },
    { tag: '00100020', vr: 'LO', value: 'PHANTOM' },
    { tag: '00100030', vr: 'DA', value: '' },
    { tag: '00100040', vr: 'CS', value: 'O' },
    { tag: '00180015', vr: 'CS', value: 'HEAD' },
    { tag: '00180050', vr: 'DS', value: decimal(spacing) },
    { tag: '00180060', vr: 'DS', value: '' },
    { tag: '00180088', vr: 'DS', value: decimal(spacing) },
    { tag: '00185100', vr: 'CS', value: 'HFS' },
    { tag: '0020000D', vr: 'UI', value: study.studyInstanceUID },
    { tag: '0020000E', vr: 'UI', value: study.seriesInstanceUID },
    { tag: '00200010', vr: 'SH', value: '1' },
    { tag: '00200011', vr: 'IS', value: '1' },
    { tag: '00200012', vr: 'IS', value: '1' },
    { tag: '00200013', vr: 'IS', value: String(slice + 1) },
    { tag: '00200032', vr: 'DS', value: `${corner}\\${corner}\\${zMm}` },
    { tag: '00200037', vr: 'DS', value: '1\\0\\0\\0\\1\\0' },
    { tag: '00200052', vr: 'UI', value: study.frameOfReferenceUID },
    { tag: '00201040', vr: 'LO', value: '' },
    { tag: '00201041', vr: 'DS', value: zMm },
    { tag: '00280002', vr: 'US', value: 1 },
    { tag: '00280004', vr: 'CS', value: 'MONOCHROME2' },
    { tag: '00280010', vr: 'US', value: size },
    { tag: '00280011', vr: 'US', value: size },
    { tag: '00280030', vr: 'DS', value: `${decimal(pixel)}\\${decimal(pixel)}` },
    { tag: '00280100', vr: 'US', value: 16 },
    { tag: '00280101', vr: 'US', value: 12 },
    { tag: '00280102', vr: 'US', value: 11 },
    { tag: '00280103', vr: 'US', value: 0 },
    { tag: '00281050', vr: 'DS', value: '40' },
    { tag: '00281051', vr: 'DS', value: '120' },
    { tag: '00281052', vr: 'DS', value: String(intercept) },
    { tag: '00281053', vr: 'DS', value: '1' },
    { tag: '00281054', vr: 'LO', value: 'HU' },
    { tag: '7FE00010', vr: 'OW', value: pixels },
  ];
}
