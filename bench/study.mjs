/**
 * What a large study costs: packaged, streamed, copied into the spool (from files and over http), unpacked. Each in a process of its own, beside an
 * anchor in the same run: reading the same files by 256 KiB and hashing them once with node:crypto (OpenSSL).
 *
 *   node bench/study.mjs [--mib 2048] [--instances 4]
 *
 * Prints one JSON object a line: `ratio` = anchor's CPU seconds / own CPU seconds (1 = as cheap as one SHA-256 over the
 * bytes; CPU time, so that a busy machine doesn't count), `seconds` on the wall, `growthMiB` = the highest resident memory seen (every 5 ms) less that before the work. Files are sparse: the disk is not
 * measured. Needs as much room in the temporary folder as --mib says, twice.
 */
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nodeFetch } from '../packages/client/dist/node/index.js';
import { hashStudy, SecretKey } from '../packages/core/dist/index.js';
import { encodeElements, encodePart10 } from '../packages/imaging/dist/dicomWriter.js';
import {
  dicomwebArchive,
  folderStore,
  packageStudy,
  Spool,
  spooledStore,
  unpackStudy,
} from '../packages/imaging/dist/index.js';

const self = fileURLToPath(import.meta.url);
const MiB = 1024 * 1024;
const studyInstanceUID = '1.2.3.4';
const sourceKey = SecretKey.fromSeed(new Uint8Array(32).fill(1)).publicKey;
const salt = new Uint8Array(32).fill(2);
const ctClass = '1.2.840.10008.5.1.4.1.1.2';

async function makeStudy(dir, { instances, mib }) {
  const size = Math.floor((mib * MiB) / instances / 2) * 2;
  for (let n = 1; n <= instances; n += 1) {
    const sopInstanceUID = `1.2.3.4.1.${n}`;
    const header = encodeElements([
      { tag: '00080016', vr: 'UI', value: ctClass },
      { tag: '00080018', vr: 'UI', value: sopInstanceUID },
      { tag: '00080060', vr: 'CS', value: 'CT' },
      { tag: '0020000D', vr: 'UI', value: studyInstanceUID },
      { tag: '0020000E', vr: 'UI', value: '1.2.3.4.1' },
    ]);
    const pixels = Buffer.from('e07f10004f57000000000000', 'hex');
    pixels.writeUInt32LE(size, 8);
    const start = Buffer.concat([encodePart10(ctClass, sopInstanceUID, header), pixels]);
    await writeFile(join(dir, `${n}`), start);
    await truncate(join(dir, `${n}`), start.length + size);
  }
}

async function* readFile(path) {
  const handle = await open(path);
  try {
    for (;;) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(256 * 1024), 0, 256 * 1024);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

async function drain(document) {
  let length = 0;
  for await (const chunk of document.stream()) length += chunk.length;
  if (length !== document.size) throw new Error('the document has another length');
}

/** An archive that serves the folder's files as across a network: without sizes. */
function remote(dir, instances) {
  const list = Array.from({ length: instances }, (_, n) => n + 1);
  return {
    studies: async () => [],
    findByUid: async () => null,
    findByAccession: async () => [],
    instances: async () =>
      list.map(n => ({ sopInstanceUID: `1.2.3.4.1.${n}`, seriesInstanceUID: '1.2.3.4.1', version: 'v' })),
    read: (_study, { sopInstanceUID }) => readFile(join(dir, sopInstanceUID.split('.').at(-1))),
  };
}

/** A DICOMweb archive of the folder's files, in a process of its own; tells its port. */
async function serve(_timed, { dir, instances }) {
  const server = createServer(async (request, response) => {
    const instance = /\/instances\/([\d.]+)$/.exec(request.url)?.[1];
    if (instance === undefined) {
      const list = await remote(dir, instances).instances();
      const item = each => ({
        '00080018': { vr: 'UI', Value: [each.sopInstanceUID] },
        '0020000D': { vr: 'UI', Value: [studyInstanceUID] },
        '0020000E': { vr: 'UI', Value: [each.seriesInstanceUID] },
      });
      response.end(JSON.stringify(list.map(item)));
      return;
    }
    response.writeHead(200, { 'content-type': 'multipart/related; type="application/dicom"; boundary=b' });
    response.write('--b\r\nContent-Type: application/dicom\r\n\r\n');
    const file = createReadStream(join(dir, instance.split('.').at(-1)), { highWaterMark: 256 * 1024 });
    file.pipe(response, { end: false });
    file.once('end', () => response.end('\r\n--b--\r\n'));
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  process.send({ port: server.address().port });
  await new Promise(resolve => process.once('message', resolve));
  server.close();
  server.closeAllConnections();
}

const jobs = {
  serve,
  async anchor(timed, { dir, instances }) {
    await timed('anchor: one SHA-256 over all files', async () => {
      const hash = createHash('sha256');
      for (let n = 1; n <= instances; n += 1) for await (const chunk of readFile(join(dir, `${n}`))) hash.update(chunk);
      hash.digest();
    });
  },
  async folder(timed, { dir }) {
    const store = await folderStore({ path: dir });
    const document = await timed('folder: package (digests of files and document)', () =>
      packageStudy({ store, studyInstanceUID, salt, sourceKey }),
    );
    await timed('folder: stream the document', () => drain(document));
  },
  async spool(timed, { dir, work, instances, mib }) {
    const spool = await Spool.open({ path: join(work, 'spool'), maxBytes: 2 * mib * MiB });
    const store = spooledStore({ archive: remote(dir, instances), spool, ttlMs: 3_600_000 });
    await timed('spool: copy from the archive, sealed', () => store.instances(studyInstanceUID));
    const document = await timed('spool: package', () => packageStudy({ store, studyInstanceUID, salt, sourceKey }));
    await timed('spool: stream the document', () => drain(document));
    await store.close();
  },
  async dicomweb(timed, { dir, work, instances, mib }) {
    const archive = fork(self, ['serve', JSON.stringify({ dir, instances })]);
    const { port } = await new Promise(resolve => archive.once('message', resolve));
    const fetch = nodeFetch({ timeoutMs: 60_000 });
    const spool = await Spool.open({ path: join(work, 'spool'), maxBytes: 2 * mib * MiB });
    const remoteArchive = dicomwebArchive({ url: `http://127.0.0.1:${port}/rs`, fetch });
    const store = spooledStore({ archive: remoteArchive, spool, ttlMs: 3_600_000 });
    await timed('dicomweb: copy over http, sealed', () => store.instances(studyInstanceUID));
    archive.send('end');
    await store.close();
  },
  async unpack(timed, { dir, work }) {
    const store = await folderStore({ path: dir });
    const document = await packageStudy({ store, studyInstanceUID, salt, sourceKey });
    const zipPath = join(work, 'study.zip');
    await pipeline(document.stream(), createWriteStream(zipPath));
    const studyHash = hashStudy({ sourceKey, salt, studyInstanceUid: studyInstanceUID });
    await timed('unpack in the jail', () =>
      unpackStudy({ zipPath, outDir: join(work, 'out'), expect: { sourceKey, studyHash } }),
    );
  },
};

async function timed(what, work) {
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let peak = before;
  const sampler = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 5);
  const start = performance.now();
  const cpu = process.cpuUsage();
  const result = await work();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  clearInterval(sampler);
  peak = Math.max(peak, process.memoryUsage().rss);
  process.send({ what, seconds, cpuSeconds: (user + system) / 1e6, growthMiB: Math.round((peak - before) / MiB) });
  return result;
}

async function measure(job, given) {
  const work = await mkdtemp(join(tmpdir(), 'radpass-bench-'));
  const results = [];
  const child = fork(
    import.meta.filename ?? new URL(import.meta.url).pathname,
    [job, JSON.stringify({ ...given, work })],
    {
      execArgv: ['--expose-gc'],
    },
  );
  child.on('message', result => results.push(result));
  const code = await new Promise(resolve => child.once('exit', resolve));
  await rm(work, { recursive: true, force: true });
  if (code !== 0) throw new Error(`${job} ended with code ${code}`);
  return results;
}

async function main() {
  const options = { mib: { type: 'string', default: '2048' }, instances: { type: 'string', default: '4' } };
  const { values } = parseArgs({ options });
  const given = { mib: Number(values.mib), instances: Number(values.instances) };
  const dir = await mkdtemp(join(tmpdir(), 'radpass-bench-'));
  try {
    await makeStudy(dir, given);
    let anchor = 0;
    for (const job of Object.keys(jobs).filter(each => each !== 'serve')) {
      for (const result of await measure(job, { ...given, dir })) {
        if (job === 'anchor') anchor = result.cpuSeconds;
        const { what, seconds, cpuSeconds, growthMiB } = result;
        const ratio = Number((anchor / cpuSeconds).toFixed(2));
        const line = {
          what,
          mib: given.mib,
          seconds: Number(seconds.toFixed(2)),
          cpuSeconds: Number(cpuSeconds.toFixed(2)),
          ratio,
          growthMiB,
        };
        process.stdout.write(`${JSON.stringify(line)}\n`);
      }
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

if (process.send === undefined) {
  await main();
} else {
  const [job, given] = process.argv.slice(2);
  await jobs[job](timed, JSON.parse(given));
  process.disconnect();
}
