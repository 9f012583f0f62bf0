/**
 * Run as a process of its own by hostile.slow.test.ts: feeds mutants to what reads strangers' bytes, and prints what came
 * of it as JSON. Arguments: seed, mutants of each kind.
 */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { hashStudy, SecretKey } from '@radpass/core';
import { type Element, encodeElements } from '../dist/dicomWriter.js';
import { folderStore, packageStudy } from '../dist/index.js';
import { jsonItems } from '../dist/jsonItems.js';
import { onlyPart } from '../dist/multipart.js';
import { unpackInto } from '../dist/unpackJob.js';
import { elements, inFolder, instance, studyUid, withSyntax } from './dicomFixture.js';

export interface Outcome {
  codes: Record<string, Record<string, number>>;
  /** CPU time of one mutant: a busy machine doesn't count. */
  slowestCpuMs: number;
  slowestMs: number;
  peakMiB: number;
  strays: string[];
}

const sourceKey = SecretKey.fromSeed(new Uint8Array(32).fill(1)).publicKey;
const salt = new Uint8Array(0);
const outcome: Outcome = { codes: {}, slowestCpuMs: 0, slowestMs: 0, peakMiB: 0, strays: [] };

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
    const kind = below(6);
    if (kind === 0) bytes.writeUInt8(below(256), at);
    else if (kind === 1) bytes.writeUInt8(interesting[below(interesting.length)] ?? 0, at);
    else if (kind === 2) bytes.fill(0xff, at, Math.min(bytes.length, at + 4));
    else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + below(8))]);
    else if (kind === 4)
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(0, below(64)), bytes.subarray(at)]);
    else bytes = bytes.subarray(0, Math.max(1, bytes.length - below(1 + (bytes.length >> 2))));
  }
  return bytes;
}

async function judge(kind: string, work: () => Promise<unknown>): Promise<void> {
  const start = performance.now();
  const cpu = process.cpuUsage();
  let code = 'accepted';
  try {
    await work();
  } catch (error) {
    code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
  }
  const { user, system } = process.cpuUsage(cpu);
  outcome.slowestCpuMs = Math.max(outcome.slowestCpuMs, (user + system) / 1000);
  outcome.slowestMs = Math.max(outcome.slowestMs, performance.now() - start);
  const counts = outcome.codes[kind] ?? {};
  counts[code] = (counts[code] ?? 0) + 1;
  outcome.codes[kind] = counts;
}

const nested = (depth: number): Element => {
  const inner: Element[] = [{ tag: '00080100', vr: 'SH', value: '1' }];
  return { tag: '0040A730', vr: 'SQ', value: [depth === 0 ? inner : [...inner, nested(depth - 1)]] };
};
const sorted = (...more: Element[]): Element[] =>
  [...elements({ '00080005': 'ISO_IR 100' }), ...more].sort((a, b) => (a.tag < b.tag ? -1 : 1));

/** Explicit little endian elements in implicit form. */
function implicit(list: readonly Element[]): Buffer {
  return Buffer.concat(
    list.map(each => {
      const explicit = encodeElements([each]);
      const value = explicit.subarray(['OB', 'OW', 'SQ', 'UN', 'UT'].includes(each.vr) ? 12 : 8);
      const head = Buffer.alloc(8);
      explicit.copy(head, 0, 0, 4);
      head.writeUInt32LE(value.length, 4);
      return Buffer.concat([head, value]);
    }),
  );
}

const fragments = Buffer.concat([
  Buffer.from('e07f10004f420000ffffffff', 'hex'),
  Buffer.from('feff00e000000000', 'hex'),
  Buffer.from('feff00e004000000ffd8ffd9', 'hex'),
  Buffer.from('feffdde000000000', 'hex'),
]);
const withoutPixels = elements({ '7FE00010': undefined });
const bases: Record<string, Buffer> = {
  'explicit little endian': instance({ '00080005': 'ISO_IR 100' }),
  'nested sequences': withSyntax('1.2.840.10008.1.2.1', encodeElements(sorted(nested(6)))),
  'implicit little endian': withSyntax('1.2.840.10008.1.2', implicit(sorted(nested(2)))),
  deflated: withSyntax('1.2.840.10008.1.2.1.99', deflateRawSync(encodeElements(sorted(nested(3))))),
  encapsulated: withSyntax('1.2.840.10008.1.2.4.50', Buffer.concat([encodeElements(withoutPixels), fragments])),
};

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function files(dir: string, below: (n: number) => number, mutants: number): Promise<void> {
  const names = Object.keys(bases);
  await mkdir(join(dir, 'in'));
  for (let i = 0; i < mutants; i += 1) {
    const name = names[i % names.length] ?? '';
    await writeFile(join(dir, 'in', 'x'), mutate(bases[name] ?? Buffer.alloc(0), below));
    await judge(`file, ${name}`, async () => {
      // all that a gateway does with a file of its archive, up to the document
      const codes: string[] = [];
      const store = await folderStore({ path: join(dir, 'in'), onSkipped: ({ code }) => codes.push(code) });
      const [study] = await store.studies();
      if (study === undefined) throw Object.assign(new Error(), { code: codes[0] });
      const document = await packageStudy({ store, studyInstanceUID: study.studyInstanceUID, salt, sourceKey });
      let length = 0;
      for await (const chunk of document.stream()) length += chunk.length;
      if (length !== document.size) throw new Error('the document has another length');
    });
  }
  await rm(join(dir, 'in'), { recursive: true });
}

async function documents(dir: string, below: (n: number) => number, mutants: number): Promise<void> {
  await mkdir(join(dir, 'in'));
  for (const n of [1, 2]) await writeFile(join(dir, 'in', `${n}`), instance({ '00080018': `1.2.3.4.1.${n}` }));
  const store = await folderStore({ path: join(dir, 'in') });
  const document = await packageStudy({ store, studyInstanceUID: studyUid, salt, sourceKey });
  const parts: Uint8Array[] = [];
  for await (const chunk of document.stream()) parts.push(Uint8Array.from(chunk));
  const whole = Buffer.concat(parts);
  const studyHash = hashStudy({ sourceKey, salt, studyInstanceUid: studyUid });
  for (let i = 0; i < mutants; i += 1) {
    const out = join(dir, 'out');
    await mkdir(out);
    await writeFile(join(dir, 'x.zip'), mutate(whole, below));
    await judge('document', () => unpackInto(join(dir, 'x.zip'), out, { sourceKey, studyHash }));
    await rm(out, { recursive: true });
    for (const name of await readdir(dir)) if (name !== 'in' && name !== 'x.zip') outcome.strays.push(name);
  }
}

async function answers(below: (n: number) => number, mutants: number): Promise<void> {
  const part = Buffer.from(
    '--b\r\nContent-Type: application/dicom\r\nContent-Length: 14\r\n\r\nDICM\r\n--c\r\n--x\r\n--b--\r\n',
  );
  const list = Buffer.from(JSON.stringify([{ '0020000D': { vr: 'UI', Value: ['1.2'] } }, { a: [{ b: '\\"]}' }] }]));
  for (let i = 0; i < mutants; i += 1) {
    await judge('multipart answer', async () => {
      for await (const _ of onlyPart(pieces(mutate(part, below), 1 + below(40)), 'b'));
    });
    await judge('list answer', async () => {
      for await (const _ of jsonItems(pieces(mutate(list, below), 1 + below(40)), 200));
    });
  }
}

const [seed = 1, mutants = 1000] = process.argv.slice(2).map(Number);
await inFolder(async dir => {
  await files(dir, generator(seed), mutants);
  await documents(dir, generator(seed + 1), mutants);
  await answers(generator(seed + 2), mutants);
});
outcome.peakMiB = Math.round(process.resourceUsage().maxRSS / 1024);
process.stdout.write(JSON.stringify(outcome));
