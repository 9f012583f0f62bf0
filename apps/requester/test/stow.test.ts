/** Delivery by STOW-RS: what an archive must have answered before a study counts as delivered. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { checkStowUrl, stowStudy } from '../dist/stow.js';

const folder = mkdtempSync(join(tmpdir(), 'radpass-stow-'));
const files = ['1.2.3', '1.2.4'].map(sopInstanceUID => ({ sopInstanceUID, path: join(folder, sopInstanceUID) }));
const study = { studyInstanceUID: '1.2', files };
const item = (uid: string) => ({ '00081155': { vr: 'UI', Value: [uid] } });
const sequence = (...uids: string[]) => ({ vr: 'SQ', Value: uids.map(item) });

describe('a delivery', () => {
  const servers: Server[] = [];
  let received: Buffer;
  let asked: { url: string; type: string; length: string; authorization: string };
  const answering = async (status: number, body: string, early = false): Promise<string> => {
    const server = createServer(async (request, response) => {
      const { headers } = request;
      asked = {
        url: request.url ?? '',
        type: headers['content-type'] ?? '',
        length: headers['content-length'] ?? '',
        authorization: headers.authorization ?? '',
      };
      if (early) {
        response.writeHead(status).flushHeaders();
        return void request.resume().on('end', () => response.end(body));
      }
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      received = Buffer.concat(chunks);
      response.writeHead(status, { 'content-type': 'application/dicom+json' }).end(body);
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/dicom-web/`;
  };
  const deliver = (url: string) => stowStudy({ url, headers: { authorization: 'Basic x' } }, study, () => undefined);

  beforeAll(() => {
    mkdirSync(folder, { recursive: true });
    for (const { path, sopInstanceUID } of files) writeFileSync(path, `${sopInstanceUID} `.repeat(200_000));
  });
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('sends every file byte for byte, its length announced, and is done when each is named as stored', async () => {
    await deliver(await answering(200, JSON.stringify({ '00081199': sequence('1.2.3', '1.2.4') })));
    expect(asked).toMatchObject({ url: '/dicom-web/studies/1.2', authorization: 'Basic x' });
    expect(Number(asked.length)).toBe(received.length);
    const boundary = /boundary=(\w+)/.exec(asked.type)?.[1];
    const parts = received.toString('latin1').split(`--${boundary}`);
    expect(parts).toHaveLength(4);
    for (const [i, { path }] of files.entries()) {
      expect(parts[i + 1]).toBe(`\r\nContent-Type: application/dicom\r\n\r\n${readFileSync(path, 'latin1')}\r\n`);
    }
    expect(parts[3]).toBe('--\r\n');
  });

  it.each([
    ['one instance failed', 202, { '00081199': sequence('1.2.3'), '00081198': sequence('1.2.4') }, 1],
    ['one is named as both', 200, { '00081199': sequence('1.2.3', '1.2.4'), '00081198': sequence('1.2.4') }, 1],
    ['one is not named', 200, [{ '00081199': sequence('1.2.4') }], 1],
    ['none was taken', 409, { '00081198': sequence('1.2.3', '1.2.4') }, 2],
    ['there is no list', 200, {}, 2],
    ['the answer is a page', 200, '<html>', 2],
  ])('fails when %s', async (_name, status, body, missing) => {
    const url = await answering(status, typeof body === 'string' ? body : JSON.stringify(body));
    await expect(deliver(url)).rejects.toMatchObject({ code: 'REQUESTER_STOW', detail: { status, missing } });
  });

  it('tells the status of an archive that refuses before it has read, and none of one that is away', async () => {
    const refused = { code: 'REQUESTER_STOW', detail: { status: 401, missing: 2 } };
    await expect(deliver(await answering(401, '', true))).rejects.toMatchObject(refused);
    const url = await answering(200, '');
    for (const server of servers) server.close();
    await expect(deliver(url)).rejects.toMatchObject({ code: 'REQUESTER_STOW', detail: { status: 0, missing: 2 } });
  });
});

describe('the URL of an archive', () => {
  it('is https, or http on loopback', () => {
    for (const url of ['https://pacs.example/dicom-web', 'http://127.0.0.1:8042/dicom-web']) {
      expect(() => checkStowUrl(url)).not.toThrow();
    }
    for (const url of ['http://pacs.example/dicom-web', 'ftp://127.0.0.1/', 'pacs']) {
      expect(() => checkStowUrl(url)).toThrow('DICOMweb');
    }
  });
});
