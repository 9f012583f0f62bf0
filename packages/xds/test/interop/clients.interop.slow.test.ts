/** Clients that code generators made from the published WSDL get the very bytes, over TLS. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { toHex } from '@radpass/core';
import { needs } from '../../../../tools/needs.mjs';
import { compileWithMetro } from './metro.js';
import { noise, type Repository, startRepository } from './repository.js';
import { run } from './run.js';

const sourceOf = (name: string): string => fileURLToPath(new URL(`../../test/interop/${name}`, import.meta.url));
const success = 'urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success';
const failure = 'urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure';
const mebibyte = 1_048_576;

let repository: Repository;
beforeAll(async () => {
  repository = await startRepository();
});
afterAll(() => repository.close());

/** Ask with these keys; what the client printed. */
type Client = (keys: Repository['requester']) => Promise<Record<string, unknown>>;

function suite(client: Client, sizes: number[]): void {
  it.each(sizes)('receives a document of %d bytes, byte for byte', async size => {
    const document = noise(size);
    repository.hold(document);
    const expected = { status: success, mimeType: 'application/zip', bytes: size, sha256: toHex(document.sha256) };
    expect(await client(repository.requester)).toEqual(expected);
  });
  it('hears a fault when it signed with another key than it names', async () => {
    const { pkcs8File } = repository.requester;
    const mixed = { pkcs8File, spkiFile: repository.stranger.spkiFile };
    expect(await client(mixed)).toEqual({ fault: 'Sender', subcode: 'FailedCheck' });
  });
  it('hears the one refusal when it was allowed nothing', async () => {
    expect(await client(repository.stranger)).toEqual({ status: failure, errorCode: 'XDSDocumentUniqueIdError' });
    expect(repository.reasons().at(-1)).toBe('no-grant');
  });
}

needs('jaxws', describe)('a client of wsimport (JAX-WS, Metro)', () => {
  let java: string[] = [];
  beforeAll(() => {
    const { wsdlFile, folder } = repository;
    java = compileWithMetro({ wsdlFile, folder, program: sourceOf('RetrieveWithJaxws.java') });
  });

  const client: Client = async ({ pkcs8File, spkiFile }) => {
    const { wsdlFile, url, caFile, repositoryUniqueId, documentUniqueId } = repository;
    const files = [wsdlFile, url, caFile, pkcs8File, spkiFile];
    return await run('java', [...java, 'RetrieveWithJaxws', ...files, repositoryUniqueId, documentUniqueId]);
  };
  suite(client, [1_024, 10 * mebibyte, 2_048 * mebibyte]);
});

needs('zeep', describe)('a client of zeep', () => {
  const client: Client = async ({ pkcs8File, spkiFile }) => {
    const { wsdlFile, url, caFile, repositoryUniqueId, documentUniqueId } = repository;
    const files = [wsdlFile, url, caFile, pkcs8File, spkiFile];
    const program = sourceOf('retrieve_with_zeep.py');
    return await run('/usr/bin/python3', [program, ...files, repositoryUniqueId, documentUniqueId]);
  };
  suite(client, [1_024, 10 * mebibyte]);
});
