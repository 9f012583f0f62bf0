import { open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { readMember, readMembers } from '../dist/zipReader.js';
import { centralDirectory, localHeader, type ZipEntry, zipSize } from '../dist/zipWriter.js';
import { inFolder } from './dicomFixture.js';

const entry = (name: string, size: number): ZipEntry => ({ name, size, crc32: 0 });

/** An archive whose contents are holes. */
async function writeSparse(path: string, entries: ZipEntry[]): Promise<void> {
  if (entries.every(each => each.size === 0)) {
    return writeFile(path, Buffer.concat([...entries.map(localHeader), centralDirectory(entries)]));
  }
  await writeFile(path, '');
  await truncate(path, zipSize(entries));
  const file = await open(path, 'r+');
  let at = 0;
  for (const each of entries) {
    const header = localHeader(each);
    await file.write(header, 0, header.length, at);
    at += header.length + each.size;
  }
  const end = centralDirectory(entries);
  await file.write(end, 0, end.length, at);
  await file.close();
}

async function roundTrip(entries: ZipEntry[]): Promise<[string, number][]> {
  return inFolder(async dir => {
    const path = join(dir, 'x.zip');
    await writeSparse(path, entries);
    const file = await open(path);
    try {
      const members = await readMembers(file, (await file.stat()).size);
      return [...members.values()].map(member => [member.name, member.size]);
    } finally {
      await file.close();
    }
  });
}

describe('the stored zip', () => {
  const gib = 1024 ** 3;
  it('uses zip64 for an entry above 4 GiB and for what follows it', async () => {
    const entries = [entry('DICOMDIR', 10), entry('IMAGES/I0000001', 5 * gib), entry('IMAGES/I0000002', 7)];
    expect(await roundTrip(entries)).toEqual(entries.map(each => [each.name, each.size]));
    expect(localHeader(entry('IMAGES/I0000001', 5 * gib)).readUInt16LE(4)).toBe(45);
  });

  it.each([0xfffffffe, 0xffffffff, 0x100000000])('keeps a size of %d', async size => {
    expect(await roundTrip([entry('DICOMDIR', size), entry('IMAGES/I0000001', 1)])).toEqual([
      ['DICOMDIR', size],
      ['IMAGES/I0000001', 1],
    ]);
  });

  it('keeps 65,535 entries', async () => {
    const count = 65_535;
    const entries = Array.from({ length: count }, (_, i) => entry(`IMAGES/I${String(i + 1).padStart(7, '0')}`, 0));
    expect(await roundTrip(entries)).toHaveLength(count);
  });

  it('is plain where zip64 is not needed', () => {
    expect(localHeader(entry('DICOMDIR', 10))).toHaveLength(30 + 8);
    expect(centralDirectory([entry('DICOMDIR', 10)])).toHaveLength(46 + 8 + 22);
  });

  it('gives back bytes in chunks of at most 256 KiB', () =>
    inFolder(async dir => {
      const content = Buffer.alloc(600_000, 'abc');
      const only = { name: 'DICOMDIR', size: content.length, crc32: crc32(content) };
      const path = join(dir, 'x.zip');
      await writeFile(path, Buffer.concat([localHeader(only), content, centralDirectory([only])]));
      const file = await open(path);
      const members = await readMembers(file, zipSize([only]));
      const chunks: Buffer[] = [];
      for await (const chunk of readMember(file, members.get('DICOMDIR')!)) chunks.push(chunk);
      await file.close();
      expect(Math.max(...chunks.map(chunk => chunk.length))).toBe(256 * 1024);
      expect(Buffer.concat(chunks).equals(content)).toBe(true);
    }));
});
