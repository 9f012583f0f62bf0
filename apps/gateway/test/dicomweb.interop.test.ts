/** The gateway before a real Orthanc: a living archive is read once, and what arrives late is in the next retrieval. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request as requestHttp, type Server } from 'node:http';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { GatewayApi, NodeApi, Wallet } from '@radpass/client';
import { nodeFetch } from '@radpass/client/node';
import { createRequesterCard, encodeRequesterCard, nobleVerifier, SecretKey } from '@radpass/core';
import { writeKeyFile } from '@radpass/core/node';
import { readInstanceHeader, unpackStudy, writePhantomStudy } from '@radpass/imaging';
import { retrieveStudy } from '@radpass/xds/node';
import { needs } from '../../../tools/needs.mjs';
import { type Orthanc, startOrthanc } from '../../../tools/orthanc.mjs';
import { checkGateway } from '../dist/commands/check.js';
import type { GatewayConfig } from '../dist/config.js';
import { type RunningGateway, startGateway } from '../dist/gateway.js';
import { NodeServer } from './nodeServer.js';

const keyOf = (n: number): SecretKey => SecretKey.fromSeed(new Uint8Array(32).fill(n));

/** A way to Orthanc that writes down which instances were read, and can hold it up or take it away. */
class Counter {
  readonly server: Server;
  reads: string[] = [];
  before: (path: string) => Promise<void> = async () => {};
  away = false;

  constructor(target: string) {
    this.server = createServer(async (asked, answer) => {
      const path = asked.url ?? '';
      if (this.away) return void answer.destroy();
      if (/\/instances\/[^/?]+$/.test(path)) this.reads.push(path);
      await this.before(path);
      const passedOn = requestHttp(target + path, { headers: asked.headers }, given => {
        answer.writeHead(given.statusCode ?? 502, given.headers);
        given.pipe(answer);
      });
      passedOn.on('error', () => answer.destroy());
      passedOn.end();
    });
  }
}

/** Moves a file's instance to a series of its own. */
function ofAnotherSeries(file: Buffer, seriesInstanceUID: string): void {
  const other = seriesInstanceUID.slice(0, -1) + ((Number(seriesInstanceUID.at(-1)) % 9) + 1);
  file.write(other, file.indexOf(seriesInstanceUID), 'latin1');
}

needs('orthanc', needs('openssl', describe) as typeof describe)('the gateway before Orthanc', () => {
  const folder = mkdtempSync(join(tmpdir(), 'radpass-dicomweb-'));
  const file = (name: string): string => join(folder, name);
  const source = keyOf(1);
  const doctors = Array.from({ length: 8 }, (_, n) => keyOf(10 + n));
  const node = new NodeServer(source.publicKey);
  const logged: string[] = [];
  let orthanc: Orthanc;
  let counter: Counter;
  let config: GatewayConfig;
  let gateway: RunningGateway;
  let ca: string;
  let studyInstanceUID: string;
  let slices: Buffer[];
  let saved: Uint8Array | null = null;
  let received = 0;

  const desk = async (path: string, body?: object): Promise<{ [name: string]: unknown }> => {
    const headers = {
      authorization: `Bearer ${readFileSync(file('data/desk.token'), 'utf8').trim()}`,
      'content-type': 'application/json',
    };
    const init = body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers };
    return (await (await fetch(gateway.desk + path, init)).json()) as { [name: string]: unknown };
  };
  const studyHash = (): Uint8Array => {
    const defined = node.posted.find(({ tuple }) => tuple.type === 2)?.tuple;
    if (defined?.type !== 2) throw new Error('no study was defined');
    return defined.claim.studyHash;
  };
  /** Signature and digest are checked on the way. */
  const receive = async (zip: string): Promise<number> => {
    const { bytes } = await retrieveStudy({
      key: doctors[0]!,
      url: config.url,
      source: { key: source.publicKey, sourceKey: source.publicKey, tlsPins: [] },
      studyHash: studyHash(),
      outFile: zip,
      verifier: nobleVerifier,
      now: () => Date.now(),
      connect: { ca, allowPrivate: true },
    });
    return bytes;
  };
  /** The whole journey: what was received, unpacked in the jail. */
  const retrieve = async (): Promise<string[]> => {
    const name = `received-${++received}`;
    const zip = file(`${name}.zip`);
    await receive(zip);
    const want = { sourceKey: source.publicKey, studyHash: studyHash() };
    const study = await unpackStudy({ zipPath: zip, outDir: file(`${name}.study`), expect: want });
    return study.manifest.instances.map(each => each.sopInstanceUID);
  };
  /** What is made ahead of any request: three copies. */
  const madeAhead = async (): Promise<void> => {
    const copies = (): number => (existsSync(file('data/spool')) ? readdirSync(file('data/spool')).length : 0);
    for (let i = 0; i < 300 && (counter.reads.length < 3 || copies() < 3); i++) {
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  };

  beforeAll(async () => {
    const options = ['-x509', '-newkey', 'ed25519', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1'];
    const names = ['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', file('tls.key'), '-out', file('tls.crt')];
    execFileSync('openssl', ['req', ...options, ...names], { stdio: 'ignore' });
    ca = readFileSync(file('tls.crt'), 'utf8');
    orthanc = await startOrthanc();
    const study = await writePhantomStudy(file('images'), { slices: 6, size: 64 });
    ({ studyInstanceUID } = study);
    slices = study.files.map(path => readFileSync(path));
    const { seriesInstanceUID } = await readInstanceHeader(study.files[3]!);
    for (const late of [slices[3]!, slices[4]!]) ofAnotherSeries(late, seriesInstanceUID);
    for (const slice of slices.slice(0, 3)) await orthanc.put(slice);
    counter = new Counter(orthanc.api);
    await once(counter.server.listen(0, '127.0.0.1'), 'listening');
    await writeKeyFile(file('source.key'), source, { insecurePlain: true });
    await node.listen();
    const free = createNetServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    await new Promise(resolve => free.close(resolve));
    node.sourceUrl = `https://127.0.0.1:${port}/radpass`;
    config = {
      url: node.sourceUrl,
      listen: { address: `127.0.0.1:${port}` },
      tls: { cert: file('tls.crt'), key: file('tls.key') },
      key: file('source.key'),
      node: [{ url: node.url }],
      dataDir: file('data'),
      images: {
        kind: 'dicomweb',
        url: `http://127.0.0.1:${(counter.server.address() as AddressInfo).port}/dicom-web`,
      },
      desk: { listen: '127.0.0.1:0' },
    };
    gateway = await startGateway(config, (event, fields) => logged.push(JSON.stringify({ event, ...fields })));
    const wallet = await Wallet.open({
      store: {
        load: async () => saved,
        save: async bytes => {
          saved = bytes;
        },
      },
      node: new NodeApi({ url: node.url, fetch: nodeFetch({ ca }) }),
      gateway: url => new GatewayApi({ url, fetch: nodeFetch({ ca }) }),
      now: () => Date.now(),
    });
    const { offer } = await desk('/v1/offers', { studyInstanceUID });
    await wallet.claim(String(offer));
    const { claims } = (await desk('/v1/claims')) as unknown as { claims: { id: string }[] };
    await desk(`/v1/claims/${claims[0]!.id}/confirm`, {});
    await wallet.waitUntilYours(1, { timeoutMs: 10_000 });
    const keys = doctors.map(key => key.publicKey);
    const card = { chainId: node.chainId, label: 'Dr. D', keys, expires: Date.now() + 60_000, key: doctors[0]! };
    await wallet.allow(1, encodeRequesterCard(createRequesterCard(card)));
    await madeAhead();
  }, 120_000);

  beforeEach(() => {
    counter.reads = [];
    counter.before = async () => {};
  });

  afterAll(async () => {
    await gateway?.stop();
    node.close();
    counter?.server.close();
    await orthanc?.stop();
    rmSync(folder, { recursive: true });
  });

  it('is found in order by check, which leaves the copies of a running gateway alone', async () => {
    const copies = readdirSync(file('data/spool'));
    expect(copies).toHaveLength(3);
    expect(await checkGateway(config)).toMatchObject({ studies: 1 });
    expect(readdirSync(file('data/spool'))).toEqual(copies);
  });

  it('read the archive when the grant was confirmed, and not for any of 20 retrievals', async () => {
    for (let n = 0; n < 5; n++) {
      const sizes = await Promise.all(['a', 'b', 'c', 'd'].map(name => receive(file(`${name}${n}.zip`))));
      for (const size of sizes) expect(size).toBeGreaterThan(3 * slices[0]!.length);
    }
    expect(counter.reads).toEqual([]);
    expect(await retrieve()).toHaveLength(3);
  }, 180_000);

  it('has a series that was added after the grant in the next retrieval', async () => {
    await orthanc.put(slices[3]!);
    await orthanc.put(slices[4]!);
    expect(await retrieve()).toHaveLength(5);
    expect(counter.reads).toHaveLength(2);
  }, 60_000);

  it('gives whole studies alone to retrievals during which the study changes', async () => {
    let adding = Promise.resolve();
    counter.before = async path => {
      if (path.endsWith('/metadata') && counter.reads.length === 0) adding = orthanc.put(slices[5]!);
    };
    const outcomes = await Promise.allSettled([retrieve(), retrieve(), retrieve(), retrieve()]);
    await adding;
    for (const outcome of outcomes) {
      // a reset is allowed, a wrong signature or digest never
      if (outcome.status === 'fulfilled') expect([5, 6]).toContain(outcome.value.length);
      else expect(outcome.reason).toMatchObject({ code: expect.stringMatching(/^XDS_(CONNECTION|REFUSED)$/) });
    }
    expect(await retrieve()).toHaveLength(6);
  }, 60_000);

  it('leaves out what the archive removed', async () => {
    const [first] = await retrieve();
    await orthanc.remove(first!);
    const left = await retrieve();
    expect([left.length, left.includes(first!)]).toEqual([5, false]);
  }, 60_000);

  it('refuses while the archive is away, and serves when it is back', async () => {
    counter.away = true;
    await expect(retrieve()).rejects.toMatchObject({ code: 'XDS_REFUSED' });
    expect(await desk('/v1/offers', { studyInstanceUID })).toMatchObject({ error: { code: 'IMAGING_ARCHIVE' } });
    counter.away = false;
    expect(await retrieve()).toHaveLength(5);
  }, 60_000);

  it('removes every copy when it stops, and logs no identifier', async () => {
    await gateway.stop();
    expect(readdirSync(file('data/spool'))).toEqual([]);
    const canaries = [studyInstanceUID, 'PHANTOM', '127.0.0.1'];
    for (const canary of canaries) expect(logged.join('\n')).not.toContain(canary);
  });
});
