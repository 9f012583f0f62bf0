/** `fetch`: documents of a repository that knows no grants, over TLS, as the program and as what it calls. */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { utf8 } from '@radpass/core';
import { createFault, createUnsignedResponse, parseUnsignedRequest, type UnsignedRequest } from '@radpass/xds';
import { needs } from '../../../tools/needs.mjs';
import type { ForeignDocument, RequesterAudit } from '../dist/audit.js';
import { type FetchInit, fetchDocuments } from '../dist/fetch.js';

const program = fileURLToPath(new URL('../bin/radpass-requester.js', import.meta.url));
const repositoryUniqueId = '1.3.6.1.4.1.21367.2010.1.2.1125';
const held: Record<string, { mimeType: string; bytes: Uint8Array }> = {
  '1.2.840^1': { mimeType: 'application/pdf', bytes: utf8('%PDF-1.7 a report') },
  '1.2.840^2': { mimeType: 'application/dicom', bytes: new Uint8Array(300_000).map((_, i) => i * 7) },
  '1.2.840^3': { mimeType: 'application/hl7-v2', bytes: utf8('MSH|') },
};
const names = Object.keys(held);

needs('openssl', describe)('fetch', () => {
  const folder = mkdtempSync(join(tmpdir(), 'radpass-fetch-'));
  const file = (name: string): string => join(folder, name);
  const told: string[] = [];
  let server: Server;
  let url = '';
  let answer: (request: UnsignedRequest, response: ServerResponse) => Promise<void>;
  let out = '';

  /** What the repository has of what it is asked for, and an error for the rest. */
  async function whole({ documents, addressing }: UnsignedRequest, response: ServerResponse): Promise<void> {
    const message = createUnsignedResponse({
      ...(addressing ? { addressing } : {}),
      documents: documents.flatMap(document => {
        const found = held[document.documentUniqueId];
        if (!found) return [];
        const content = async function* () {
          yield found.bytes;
        };
        return [{ ...document, mimeType: found.mimeType, content }];
      }),
      errors: documents
        .filter(({ documentUniqueId }) => !held[documentUniqueId])
        .map(({ documentUniqueId: location }) => {
          return { errorCode: 'XDSDocumentUniqueIdError', codeContext: 'unknown', location, severity: 'Error' };
        }),
    });
    response.setHeader('content-type', message.contentType);
    for await (const chunk of message.stream()) response.write(chunk);
    response.end();
  }

  beforeAll(async () => {
    const parts = ['-x509', '-newkey', 'ed25519', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1'];
    const keys = ['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', file('tls.key'), '-out', file('tls.crt')];
    execFileSync('openssl', ['req', ...parts, ...keys], { stdio: 'ignore' });
    server = createServer({ cert: readFileSync(file('tls.crt')), key: readFileSync(file('tls.key')) });
    server.on('request', async (request, response) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of request) chunks.push(chunk as Uint8Array);
      const type = request.headers['content-type'] ?? '';
      await answer(parseUnsignedRequest(type, new Uint8Array(Buffer.concat(chunks))), response);
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/xds/iti43`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    answer = whole;
    told.length = 0;
    out = join(mkdtempSync(join(folder, 'out-')), 'documents');
  });

  const named = (documents: string[]) => documents.map(documentUniqueId => ({ repositoryUniqueId, documentUniqueId }));
  const audit = {
    importedFrom: async ({ documentUniqueId }: ForeignDocument, failure: string | null) =>
      void told.push(`${documentUniqueId} ${failure}`),
  } as unknown as RequesterAudit;
  const fetchAll = (documents: string[], change: Partial<FetchInit> = {}) => {
    const connect = { ca: readFileSync(file('tls.crt'), 'utf8'), allowPrivate: true };
    return fetchDocuments({ url, documents: named(documents), out, connect, audit, ...change });
  };
  /** What is in the folder above `out`. */
  const left = (): string[] => readdirSync(join(out, '..'));

  it('writes documents of any kind as they came, under names of our own, for nobody else to read', async () => {
    const fetched = await fetchAll(names);
    expect(fetched.map(({ documentUniqueId }) => documentUniqueId)).toEqual(names);
    expect(readdirSync(out)).toEqual(['document-1.pdf', 'document-2.dcm', 'document-3.bin']);
    for (const { documentUniqueId, path, bytes, mimeType } of fetched) {
      const { bytes: expected, mimeType: type } = held[documentUniqueId]!;
      expect(readFileSync(path!).equals(expected)).toBe(true);
      expect([bytes, mimeType, statSync(path!).mode & 0o077]).toEqual([expected.length, type, 0]);
    }
    expect(told).toEqual(names.map(name => `${name} null`));
    expect(left()).toEqual(['documents']);
    await expect(fetchAll(names)).rejects.toMatchObject({ code: 'REQUESTER_OUT_EXISTS' });
  });

  it('has an outcome for each document, and keeps those that came', async () => {
    const fetched = await fetchAll(['9.9', names[1]!]);
    expect(fetched).toMatchObject([
      { path: null, errors: ['XDSDocumentUniqueIdError'] },
      { path: join(out, 'document-2.dcm'), errors: [] },
    ]);
    expect(told).toEqual(['9.9 XDS_REFUSED', `${names[1]} null`]);
  });

  it('makes no folder when nothing came', async () => {
    expect(await fetchAll(['9.9'])).toMatchObject([{ path: null }]);
    expect(left()).toEqual([]);
  });

  it.each<[string, string, typeof answer]>([
    [
      'breaks off',
      'XDS_CONNECTION',
      async (request, response) => {
        const { write } = response;
        response.end = () => response.destroy() as never;
        response.write = ((chunk: Uint8Array) =>
          write.call(response, chunk.subarray(0, 100_000), 'utf8', () => undefined)) as typeof response.write;
        await whole(request, response);
      },
    ],
    [
      'lacks a document and says nothing of it',
      'XDS_RESPONSE',
      (r, to) => whole({ ...r, documents: r.documents.slice(1) }, to),
    ],
    [
      'is a fault',
      'XDS_FAULT',
      async (_, response) => {
        const { status, contentType, body } = createFault({ kind: 'receiver', text: 'x' });
        response.writeHead(status, { 'content-type': contentType }).end(body);
      },
    ],
    ['is a page', 'XDS_HTTP', async (_, response) => void response.writeHead(302, { location: '/' }).end('<p>')],
  ])('leaves nothing of an answer that %s, and tells the audit', async (_, code, given) => {
    answer = given;
    await expect(fetchAll(names)).rejects.toMatchObject({ code });
    expect(told).toEqual(names.map(name => `${name} ${code}`));
    expect(left()).toEqual([]);
  });

  it('goes nowhere without TLS, and into no private network unless it may', async () => {
    const refused = { code: 'XDS_DESTINATION' };
    await expect(fetchAll(names, { url: url.replace('https', 'http') })).rejects.toMatchObject(refused);
    await expect(fetchAll(names, { connect: {} })).rejects.toMatchObject(refused);
  });

  it('is a command that needs no node, and fails when a document is missing', async () => {
    const run = (...documents: string[]): Promise<{ code: unknown; stdout: string; stderr: string }> => {
      const where = ['--url', url, '--repository', repositoryUniqueId, '--document', ...documents, '--out', out];
      const flags = ['--json', '--home', file('home'), '--ca', file('tls.crt'), '--allow-private', 'fetch', ...where];
      return new Promise(resolve => {
        execFile(process.execPath, [program, ...flags], (error, stdout, stderr) =>
          resolve({ code: error?.code ?? 0, stdout, stderr }),
        );
      });
    };
    const partly = await run(names[0]!, '9.9');
    expect([partly.code, JSON.parse(partly.stderr).error.code]).toEqual([1, 'REQUESTER_MISSING']);
    expect(JSON.parse(partly.stdout).documents).toMatchObject([
      { path: join(out, 'document-1.pdf') },
      { path: null, errors: ['XDSDocumentUniqueIdError'] },
    ]);
    rmSync(out, { recursive: true });
    const all = await run(...names);
    expect([all.code, all.stderr, existsSync(join(out, 'document-3.bin'))]).toEqual([0, '', true]);
    const tooMany = await run(...Array.from({ length: 65 }, (_, i) => `1.2.${i}`));
    expect([tooMany.code, JSON.parse(tooMany.stderr).error.code]).toEqual([2, 'USAGE']);
  }, 60_000);
});
