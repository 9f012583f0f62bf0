/** 20,000 mutants of documents and of DICOM files: a code or a valid study each time, quickly, and nothing outside. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { hashStudy, SecretKey } from '@radpass/core';
import { folderStore, packageStudy, readInstanceHeader } from '../dist/index.js';
import { unpackInto } from '../dist/unpackJob.js';
import { inFolder, instance, studyUid } from './dicomFixture.js';

const mutants = 10_000;
const seed = Number(process.env.RADPASS_SEED ?? 1);
const sourceKey = SecretKey.fromSeed(new Uint8Array(32).fill(1)).publicKey;
const salt = new Uint8Array(0);

/** A small generator of our own, so that a seed names a run. */
function generator(start: number): (below: number) => number {
  let state = start;
  return below => {
    state = crc32(Buffer.from(`${state}`), state);
    return state % below;
  };
}

const interesting = [0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x2f, 0x5c];

function mutate(whole: Buffer, below: (n: number) => number): Buffer {
  let bytes = Buffer.from(whole);
  for (let n = below(3); n >= 0; n -= 1) {
    const at = below(bytes.length);
    const kind = below(5);
    if (kind === 0) bytes.writeUInt8(below(256), at);
    else if (kind === 1) bytes.writeUInt8(interesting[below(interesting.length)] ?? 0, at);
    else if (kind === 2) bytes.fill(0xff, at, Math.min(bytes.length, at + 4));
    else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + below(8))]);
    else bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(0, below(64)), bytes.subarray(at)]);
  }
  return bytes;
}

async function outcome(work: () => Promise<unknown>): Promise<string> {
  const start = performance.now();
  let code = 'accepted';
  try {
    await work();
  } catch (error) {
    code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
  }
  expect(code).toMatch(/^(IMAGING_[A-Z_]+|accepted)$/);
  expect(performance.now() - start).toBeLessThan(2000);
  return code;
}

function report(name: string, codes: string[]): void {
  const counts = new Map<string, number>();
  for (const code of codes) counts.set(code, (counts.get(code) ?? 0) + 1);
  process.stdout.write(`${name}, seed ${seed}: ${JSON.stringify(Object.fromEntries(counts))}\n`);
}

describe('mutants', () => {
  it(
    'of a DICOM file end in a code or a header',
    () =>
      inFolder(async dir => {
        const below = generator(seed);
        const whole = instance({ '00080005': 'ISO_IR 100' });
        const codes: string[] = [];
        for (let i = 0; i < mutants; i += 1) {
          await writeFile(join(dir, 'x'), mutate(whole, below));
          codes.push(await outcome(() => readInstanceHeader(join(dir, 'x'))));
        }
        report('DICOM', codes);
        expect(codes.filter(code => code !== 'accepted').length).toBeGreaterThan(mutants / 10);
      }),
    600_000,
  );

  it(
    'of a document end in a code or the study, and write nothing elsewhere',
    () =>
      inFolder(async dir => {
        const below = generator(seed + 1);
        await mkdir(join(dir, 'in'));
        for (const n of [1, 2]) await writeFile(join(dir, 'in', `${n}`), instance({ '00080018': `1.2.3.4.1.${n}` }));
        const store = await folderStore({ path: join(dir, 'in') });
        const document = await packageStudy({ store, studyInstanceUID: studyUid, salt, sourceKey });
        const parts: Uint8Array[] = [];
        for await (const chunk of document.stream()) parts.push(chunk);
        const whole = Buffer.concat(parts);
        const studyHash = hashStudy({ sourceKey, salt, studyInstanceUid: studyUid });
        const codes: string[] = [];
        for (let i = 0; i < mutants; i += 1) {
          const out = join(dir, 'out');
          await mkdir(out);
          await writeFile(join(dir, 'x.zip'), mutate(whole, below));
          codes.push(await outcome(() => unpackInto(join(dir, 'x.zip'), out, { sourceKey, studyHash })));
          await rm(out, { recursive: true });
          expect(await readdir(dir)).toEqual(['in', 'x.zip']);
        }
        report('documents', codes);
        expect(codes.filter(code => code !== 'accepted').length).toBeGreaterThan(mutants / 2);
        expect(process.memoryUsage().rss).toBeLessThan(512 * 1024 * 1024);
      }),
    600_000,
  );
});
