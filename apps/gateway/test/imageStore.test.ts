import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { writePhantomStudy } from '@radpass/imaging';
import { needs } from '../../../tools/needs.mjs';
import { configSchema, type GatewayConfig } from '../dist/config.js';
import { countStudies, openImageStore } from '../dist/imageStore.js';

const base = {
  url: 'https://images.example/radpass',
  listen: { address: '127.0.0.1:0' },
  key: 'source.key',
  node: [{ url: 'http://127.0.0.1:1' }],
  desk: { listen: '127.0.0.1:0' },
};
const configOf = (rest: object): GatewayConfig => configSchema.parse({ ...base, dataDir: 'data', ...rest });
const dicomweb = (url: string, more = {}): object => ({ images: { kind: 'dicomweb', url, ...more } });

describe('images in the configuration', () => {
  it('are a folder or a DICOMweb archive, over TLS but on this machine', () => {
    for (const url of ['https://pacs.example:8443/rs', 'http://127.0.0.1:8042/dicom-web', 'http://[::1]:8042/']) {
      expect(configOf(dicomweb(url, { headers: { Authorization: 'Basic eDp5' } })).images).toMatchObject({ url });
    }
    expect(configOf({ images: { kind: 'folder', path: '/images', stableMs: 5 } }).images.kind).toBe('folder');
  });

  it.each([
    ['plain http to another machine', dicomweb('http://pacs.example/rs'), 'images.url'],
    ['a user in the url', dicomweb('https://me:secret@pacs.example/rs'), 'images.url'],
    ['a query in the url', dicomweb('https://pacs.example/rs?x=1'), 'images.url'],
    ['no url', { images: { kind: 'dicomweb', path: '/images' } }, 'images.url'],
    ['a kind that there is not', { images: { kind: 'dimse' } }, 'images.kind'],
    ['a spool without room', { ...dicomweb('https://pacs.example'), spool: { maxBytes: 0 } }, 'spool.maxBytes'],
    ['a spool that keeps nothing', { ...dicomweb('https://pacs.example'), spool: { ttlHours: 0 } }, 'spool.ttlHours'],
  ])('are refused with %s', (_what, rest, field) => {
    const parsed = configSchema.safeParse({ ...base, dataDir: 'data', ...rest });
    expect(parsed.error?.issues.map(issue => issue.path.join('.'))).toContain(field);
  });
});

describe('a folder of images', () => {
  it('has files left out by their code alone, in the log and for check', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'radpass-images-'));
    try {
      await writePhantomStudy(folder, { slices: 1, size: 16 });
      writeFileSync(join(folder, 'Doe^Jane.txt'), 'no DICOM');
      const config = configOf({ images: { kind: 'folder', path: folder } });
      const logged: unknown[] = [];
      const store = await openImageStore(config, (event, fields) => logged.push({ event, ...fields }));
      await store.studies();
      await store.close();
      expect(logged).toEqual([{ event: 'file-left-out', reason: 'IMAGING_NOT_DICOM' }]);
      expect(await countStudies(config)).toEqual({ studies: 1, filesLeftOut: 1 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

needs('openssl', describe)('an archive behind TLS and a password', () => {
  const folder = mkdtempSync(join(tmpdir(), 'radpass-archive-'));
  const file = (name: string): string => join(folder, name);
  const password = 'Basic cmFkcGFzczpzZWNyZXQ=';
  let server: Server;
  let url: string;
  let asked: string[];

  beforeAll(async () => {
    const options = ['-x509', '-newkey', 'ed25519', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1'];
    const names = ['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', file('tls.key'), '-out', file('tls.crt')];
    execFileSync('openssl', ['req', ...options, ...names], { stdio: 'ignore' });
    const study = { '0020000D': { vr: 'UI', Value: ['1.2.3'] }, '00201208': { vr: 'IS', Value: [1] } };
    const pem = { cert: readFileSync(file('tls.crt')), key: readFileSync(file('tls.key')) };
    server = createServer(pem, (request, response) => {
      const path = request.url ?? '';
      asked.push(path);
      if (request.headers.authorization !== password) response.writeHead(401).end();
      else if (path.startsWith('/moved/')) response.writeHead(302, { location: `${url}/rs/studies` }).end();
      else response.end(JSON.stringify(path.includes('offset=0') ? [study] : []));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    asked = [];
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  const count = (path: string, more: object): Promise<unknown> => countStudies(configOf(dicomweb(url + path, more)));
  const headers = { Authorization: password };

  it('is asked with the headers and the authority of the configuration', async () => {
    expect(await count('/rs', { headers, ca: file('tls.crt') })).toEqual({ studies: 1, filesLeftOut: 0 });
  });

  it.each([
    ['whose authority is unknown', '/rs', () => ({ headers }), 'no answer', 0],
    ['that refuses', '/rs', () => ({ ca: file('tls.crt') }), 'a question was refused', 1],
    ['that points elsewhere', '/moved', () => ({ headers, ca: file('tls.crt') }), 'a question was refused', 1],
  ])('%s is an error, and nobody else is asked', async (_what, path, more, reason, questions) => {
    await expect(count(path, more())).rejects.toMatchObject({ detail: { code: 'IMAGING_ARCHIVE', reason } });
    expect(asked).toHaveLength(questions);
  });
});
