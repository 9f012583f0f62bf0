/** The jail's walls: how much a stranger's archive may name, hold and become, and what ends a worker that goes on. */
import { existsSync } from 'node:fs';
import { mkdir, open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { SecretKey } from '@radpass/core';
import { ImagingError, unpackStudy } from '../dist/index.js';
import { maxManifestBytes, parseManifest } from '../dist/manifest.js';
import { runJail } from '../dist/unpack.js';
import { readMember, readMembers } from '../dist/zipReader.js';
import { centralDirectory, localHeader } from '../dist/zipWriter.js';
import { inFolder } from './dicomFixture.js';

const expected = { sourceKey: SecretKey.fromSeed(new Uint8Array(32).fill(1)).publicKey, studyHash: new Uint8Array(32) };

/** An archive whose central directory is said to have so many entries and bytes; between it and its end lie holes. */
async function claiming(dir: string, p: { entries: number; bytes: number }): Promise<string> {
  const path = join(dir, 'in.zip');
  const end64 = Buffer.alloc(56);
  end64.writeUInt32LE(0x06064b50);
  end64.writeBigUInt64LE(44n, 4);
  for (const at of [24, 32]) end64.writeBigUInt64LE(BigInt(p.entries), at);
  end64.writeBigUInt64LE(BigInt(p.bytes), 40);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50);
  locator.writeBigUInt64LE(BigInt(p.bytes), 8);
  const end = Buffer.alloc(22, 0xff);
  end.writeUInt32LE(0x06054b50);
  end.fill(0, 4, 8);
  end.fill(0, 20);
  await writeFile(path, '');
  await truncate(path, p.bytes);
  await writeFile(path, Buffer.concat([end64, locator, end]), { flag: 'a' });
  return path;
}

async function reasonOf(path: string): Promise<unknown> {
  const file = await open(path);
  try {
    const members = readMembers(file, (await file.stat()).size);
    return await members.then(
      found => found.size,
      error => error.detail,
    );
  } finally {
    await file.close();
  }
}

/** A document whose manifest is holes of this size. */
async function withManifest(dir: string, size: number): Promise<string> {
  const zipPath = join(dir, 'in.zip');
  const entries = [
    { name: 'DICOMDIR', size: 0, crc32: 0 },
    { name: 'RADPASS/MANIFEST.JSON', size, crc32: 0 },
  ];
  const before = Buffer.concat(entries.map(localHeader));
  await writeFile(zipPath, before);
  await truncate(zipPath, before.length + size);
  await writeFile(zipPath, centralDirectory(entries), { flag: 'a' });
  return zipPath;
}

describe('an archive', () => {
  it('names at most as many entries as a study may have, in a directory of at most 64 MiB', () =>
    inFolder(async dir => {
      const tooMany = { code: 'IMAGING_ZIP', reason: 'too many entries' };
      expect(await reasonOf(await claiming(dir, { entries: 200_005, bytes: 0 }))).toEqual(tooMany);
      expect(await reasonOf(await claiming(dir, { entries: 2, bytes: 64 * 1024 * 1024 + 1 }))).toEqual(tooMany);
      expect(await reasonOf(await claiming(dir, { entries: 0, bytes: 0 }))).toBe(0);
    }));

  it('becomes not a byte more than it stated', () =>
    inFolder(async dir => {
      const packed = deflateRawSync(Buffer.alloc(50 * 1024 * 1024));
      await writeFile(join(dir, 'packed'), packed);
      const file = await open(join(dir, 'packed'));
      const member = { name: 'DICOMDIR', deflated: true, packedSize: packed.length, size: 300_000, dataStart: 0 };
      let given = 0;
      const reading = async (): Promise<void> => {
        for await (const chunk of readMember(file, member)) given += chunk.length;
      };
      await expect(reading()).rejects.toMatchObject({ detail: { code: 'IMAGING_ZIP', reason: 'size' } });
      expect(given).toBeLessThanOrEqual(member.size);
      await file.close();
    }));

  it('has a manifest of at most 64 MiB', () =>
    inFolder(async dir => {
      const zipPath = await withManifest(dir, maxManifestBytes + 1);
      const unpacking = unpackStudy({ zipPath, outDir: join(dir, 'out'), expect: expected });
      await expect(unpacking).rejects.toMatchObject({ detail: { code: 'IMAGING_MANIFEST', reason: 'size' } });
    }));
});

describe('a manifest', () => {
  const head =
    `{"formatVersion":1,"studyInstanceUID":"1.2","salt":"","sourceKey":"${'0'.repeat(64)}",` +
    '"snapshotTime":"2020-01-02T03:04:05.000Z","instances":[';
  const one = `{"sopInstanceUID":"1.2.3","path":"IMAGES/I0000001","size":1,"sha256":"${'0'.repeat(64)}"}`;
  const reasonOf = (text: string): unknown => {
    try {
      return parseManifest(Buffer.from(text)).instances.length;
    } catch (error) {
      return error instanceof ImagingError ? error.detail : error;
    }
  };

  it('is read when it has the form of one', () => {
    expect(reasonOf(`${head}${one}]}`)).toBe(1);
  });

  // What JSON makes of each takes many times its length, and may not be begun.
  it.each([
    ['objects', `[{}${',{}'.repeat(1_000)}]`],
    ['objects as instances', `${head}{}${',{}'.repeat(1_000)}]}`],
    ['arrays in arrays', `${head}${'['.repeat(1_000)}${']'.repeat(1_000)}]}`],
    ['numbers', `${head}1${',1'.repeat(1_000)}]}`],
    ['keys', `{"a":1${Array.from({ length: 1_000 }, (_, i) => `,"${i}":1`).join('')}}`],
    ['one long text', `${head.replace('""', `"${'0'.repeat(1_000)}"`)}${one}]}`],
    ['white space', `${head}${one}]}${' '.repeat(1_000)}`],
    ['text beyond ASCII', `${head.replace('""', '"\u0101"')}${one}]}`],
    ['a line end', `${head}${one}]}\n`],
    ['one comma too few', `${head.replace('"salt":"",', '')}${one}]}`],
  ])('is not begun to be read when it is made of %s', (_, text) => {
    expect(reasonOf(text)).toMatchObject({ code: 'IMAGING_MANIFEST', reason: 'form' });
  });
});

describe('the jail', () => {
  it('ends a worker that takes longer than it may', () =>
    inFolder(async dir => {
      const content = Buffer.alloc(1_000);
      const entry = { name: 'DICOMDIR', size: content.length, crc32: crc32(content) };
      const zipPath = join(dir, 'in.zip');
      await writeFile(zipPath, Buffer.concat([localHeader(entry), content, centralDirectory([entry])]));
      const outDir = join(dir, 'out');
      await mkdir(outDir);
      const late = runJail({ zipPath, outDir, expect: expected }, 0);
      await expect(late).rejects.toMatchObject({ detail: { code: 'IMAGING_JAIL', reason: 'time' } });
      expect(existsSync(join(outDir, 'IMAGES'))).toBe(false);
    }));
});
