/** A client that wsdl2h and soapcpp2 make, which signs nothing: served through the local endpoint, refused by the source. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { InboxGrant } from '@radpass/client';
import { SecretKey, sha256, toHex, utf8 } from '@radpass/core';
import { parseDocumentUniqueId, parseRepositoryUniqueId } from '@radpass/xds';
import { noise, type Repository, startRepository } from '../../../../packages/xds/dist-test/interop/repository.js';
import { run } from '../../../../packages/xds/dist-test/interop/run.js';
import { needs } from '../../../../tools/needs.mjs';
import { serve } from '../../dist/serve.js';

const success = 'urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success';
const failure = 'urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure';
const requester = SecretKey.fromSeed(sha256(utf8('requester')));

needs('gsoap', describe)('a client of gSOAP', () => {
  let source: Repository;
  let local: Awaited<ReturnType<typeof serve>>;
  let home = '';
  let client = '';

  beforeAll(async () => {
    source = await startRepository();
    home = mkdtempSync(join(tmpdir(), 'radpass-gsoap-'));
    const sourceKey = parseRepositoryUniqueId(source.repositoryUniqueId);
    const studyHash = parseDocumentUniqueId(source.documentUniqueId);
    const entry = { url: source.url, sourceKey, standingKey: sourceKey, tlsPins: [] as Uint8Array[] };
    const grant = { grant: 1, state: 'allowed', sourceKey, studyHash, source: entry } as unknown as InboxGrant;
    local = await serve({
      home,
      listen: '127.0.0.1:0',
      openInbox: async () => ({ grantOf: async () => grant, keyOf: () => requester }),
      connect: { ca: readFileSync(source.caFile, 'utf8'), allowPrivate: true },
      onOutcome: () => undefined,
    });
    const inHome = { cwd: home, stdio: 'ignore' } as const;
    client = join(home, 'client');
    const program = fileURLToPath(new URL('../../test/interop/retrieve_with_gsoap.cpp', import.meta.url));
    execFileSync('wsdl2h', ['-o', 'service.h', source.wsdlFile], inHome);
    execFileSync('soapcpp2', ['-C', '-j', '-x', '-L', '-I/usr/share/gsoap/import', 'service.h'], inHome);
    const generated = ['soapC.cpp', 'soapDocumentRepository_USCOREBindingProxy.cpp'];
    const libraries = ['-lgsoapssl++', '-lssl', '-lcrypto'];
    const options = ['-w', '-DWITH_OPENSSL', '-I.', '-o', client];
    execFileSync('g++', [...options, program, ...generated, ...libraries], inHome);
  });
  afterAll(async () => {
    await local.close();
    source.close();
    rmSync(home, { recursive: true });
  });

  const names = (): string[] => [source.repositoryUniqueId, source.documentUniqueId];

  describe.each([
    ['without addressing', []],
    ['with addressing', ['addressing']],
  ])('%s', (_, more) => {
    it.each([1_024, 10_485_760])('receives a document of %d bytes through the local endpoint', async size => {
      const document = noise(size);
      source.hold(document);
      const expected = { status: success, mimeType: 'application/zip', bytes: size, sha256: toHex(document.sha256) };
      expect(await run(client, [local.url, '-', ...names(), ...more])).toEqual(expected);
    });

    it('hears that the endpoint knows no such repository', async () => {
      const expected = { status: failure, errorCode: 'XDSUnknownRepositoryId' };
      expect(await run(client, [local.url, '-', '1.2.3', '4.5.6', ...more])).toEqual(expected);
    });

    it('is refused by the source itself, for it signs nothing', async () => {
      const answer = await run(client, [source.url, source.caFile, ...names(), ...more]);
      expect(answer).toEqual({ fault: 'Sender', subcode: 'InvalidSecurity' });
      expect(source.reasons().at(-1)).toBe('signature');
    });
  });
});
