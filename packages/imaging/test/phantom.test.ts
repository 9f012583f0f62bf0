import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { checkOneStudy, folderStore, readInstanceHeader, writePhantomStudy } from '../dist/index.js';
import { sheppLoganSlice } from '../dist/sheppLogan.js';
import { inFolder } from './dicomFixture.js';

/** the same bytes for the same seed */
function seeded(seed: string) {
  let count = 0;
  return (length: number) => {
    count += 1;
    return new Uint8Array(createHash('sha256').update(`${seed}${count}`).digest().subarray(0, length));
  };
}

describe('writePhantomStudy', () => {
  it('writes one study that a store lists', () =>
    inFolder(async dir => {
      const made = await writePhantomStudy(dir, { slices: 3, size: 32 });
      expect(await checkOneStudy(await folderStore({ path: dir }))).toMatchObject({
        studyInstanceUID: made.studyInstanceUID,
        accessionNumber: made.accessionNumber,
        modality: 'CT',
        instances: 3,
      });
      expect(made.studyInstanceUID).toMatch(/^2\.25\.[1-9]\d{30,38}$/);
      const header = await readInstanceHeader(made.files[1]!);
      expect(header).toMatchObject({
        patientName: 'Phantom^Shepp-Logan',
        instanceNumber: '2',
        rows: '32',
        columns: '32',
      });
    }));

  it('makes fresh UIDs each time and writes beside an earlier study', () =>
    inFolder(async dir => {
      const a = await writePhantomStudy(dir, { slices: 1, size: 8 });
      const b = await writePhantomStudy(dir, { slices: 1, size: 8 });
      expect(a.studyInstanceUID).not.toBe(b.studyInstanceUID);
      expect(await (await folderStore({ path: dir })).studies()).toHaveLength(2);
    }));

  it('gives the same bytes for the same randomness and clock', () =>
    inFolder(one =>
      inFolder(async two => {
        const p = { slices: 2, size: 16, now: () => 0 };
        const a = await writePhantomStudy(one, { ...p, random: seeded('x') });
        const b = await writePhantomStudy(two, { ...p, random: seeded('x') });
        expect(await readFile(a.files[1]!)).toEqual(await readFile(b.files[1]!));
      }),
    ));

  it('refuses sizes that make no picture', () =>
    inFolder(async dir => {
      await expect(writePhantomStudy(dir, { size: 4 })).rejects.toThrow(RangeError);
      await expect(writePhantomStudy(dir, { slices: 0 })).rejects.toThrow(RangeError);
    }));
});

describe('sheppLoganSlice', () => {
  it('shows air, skull, brain and both ventricles, of which the right one is larger', () => {
    const size = 128;
    const slice = sheppLoganSlice(0, size);
    const at = (x: number, y: number) =>
      slice[Math.round(((1 - y) * size) / 2) * size + Math.round(((x + 1) * size) / 2)];
    expect(at(-0.95, 0.95)).toBe(-1000);
    expect(at(0, 0.9)).toBe(900);
    expect(at(0.5, 0)).toBe(42);
    expect(at(0.22, 0)).toBe(5);
    expect(at(-0.22, 0)).toBe(5);
    const dark = (half: (column: number) => boolean) => slice.filter((v, i) => v === 5 && half(i % size)).length;
    expect(dark(column => column < size / 2)).toBeGreaterThan(dark(column => column >= size / 2));
  });

  it('is all air above the head', () => {
    expect(new Set(sheppLoganSlice(0.9, 16))).toEqual(new Set([-1000]));
  });
});
