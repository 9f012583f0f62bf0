/** `fetch` from a repository that nobody here wrote: Metro (JAX-WS) on TLS, with attachments and with base64. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createUnsignedRequest, serviceDescription } from '@radpass/xds';
import { compileWithMetro } from '../../../../packages/xds/dist-test/interop/metro.js';
import { needs } from '../../../../tools/needs.mjs';

const sourceOf = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const program = sourceOf('bin/radpass-requester.js');
const repositoryUniqueId = '1.3.6.1.4.1.21367.2010.1.2.1125';
const documents: [id: string, mimeType: string, name: string, bytes: Buffer][] = [
  ['1.2.840.114350.1.13.1^3', 'application/pdf', 'document-1.pdf', Buffer.from('%PDF-1.7\r\n--uuid:1\r\n%%EOF')],
  ['1.2.840.113619.2.1', 'application/dicom', 'document-2.dcm', Buffer.alloc(3_000_000, 'DICM\0\r\n')],
  ['2.25.7', 'text/xml', 'document-3.xml', Buffer.from('<ClinicalDocument/>')],
];

needs('jaxws', needs('openssl', describe) as typeof describe)("fetch from Metro's repository", () => {
  const folder = mkdtempSync(join(tmpdir(), 'radpass-metro-'));
  const file = (name: string): string => join(folder, name);
  const servers: ChildProcess[] = [];
  let java: string[];

  beforeAll(() => {
    writeFileSync(file('service.wsdl'), serviceDescription('https://localhost/xds'));
    java = compileWithMetro({
      wsdlFile: file('service.wsdl'),
      program: sourceOf('test/interop/ServeWithJaxws.java'),
      folder,
    });
    const openssl = (...args: string[]): Buffer => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
    openssl('req', '-x509', '-nodes', '-days', '2', ...curve, ...names, '-keyout', 'tls.key', '-out', 'tls.crt');
    const both = ['-inkey', 'tls.key', '-in', 'tls.crt'];
    openssl('pkcs12', '-export', ...both, '-out', 'tls.p12', '-passout', 'pass:trial');
    for (const [, , name, bytes] of documents) writeFileSync(file(name), bytes);
  }, 120_000);
  afterAll(() => {
    for (const server of servers) server.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  async function serve(form: string): Promise<string> {
    const holding = documents.flatMap(([id, mimeType, name]) => [id, mimeType, file(name)]);
    const server = spawn('java', [...java, 'ServeWithJaxws', file('tls.p12'), form, ...holding], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    servers.push(server);
    const [url] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
    return url;
  }
  /** What the repository's answer is, by its header. */
  async function typeOf(url: string): Promise<string> {
    const asked = [{ repositoryUniqueId, documentUniqueId: documents[0]![0] }];
    const { contentType, body } = createUnsignedRequest({ to: url, documents: asked });
    const sent = request(url, {
      method: 'POST',
      headers: { 'content-type': contentType },
      ca: readFileSync(file('tls.crt')),
    });
    sent.end(body);
    const [answer] = await once(sent, 'response');
    answer.resume();
    return answer.headers['content-type'];
  }
  const fetchInto = (url: string, out: string, ids: string[]): Promise<{ code: unknown; stdout: string }> => {
    const flags = ['--json', '--home', file('home'), '--ca', file('tls.crt'), '--allow-private', 'fetch', '--url', url];
    const what = ['--repository', repositoryUniqueId, '--document', ...ids, '--out', out];
    return new Promise(resolve => {
      execFile(process.execPath, [program, ...flags, ...what], (error, stdout) =>
        resolve({ code: error?.code ?? 0, stdout }),
      );
    });
  };

  it.each([
    ['mtom', /^multipart\/related/],
    ['plain', /^application\/soap\+xml/],
  ])(
    'brings every document byte for byte, and says what is missing: %s',
    async (form, type) => {
      const url = await serve(form);
      expect(await typeOf(url)).toMatch(type);
      const whole = await fetchInto(
        url,
        file(form),
        documents.map(([id]) => id),
      );
      expect(whole.code).toBe(0);
      expect(readdirSync(file(form)).sort()).toEqual(documents.map(([, , name]) => name));
      for (const [, , name, bytes] of documents) expect(readFileSync(join(file(form), name)).equals(bytes)).toBe(true);

      const partly = await fetchInto(url, file(`${form}-partly`), ['9.9', documents[2]![0]]);
      expect(partly.code).toBe(1);
      expect(JSON.parse(partly.stdout).documents).toMatchObject([
        { path: null, errors: ['XDSDocumentUniqueIdError'] },
        { path: join(file(`${form}-partly`), 'document-2.xml') },
      ]);
      const none = await fetchInto(url, file(`${form}-none`), ['9.9']);
      expect([none.code, readdirSync(folder).some(name => name.startsWith(`${form}-none`))]).toEqual([1, false]);
    },
    120_000,
  );
});
