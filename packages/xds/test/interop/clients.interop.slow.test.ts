/** Clients that code generators made from the published WSDL get the very bytes, over TLS. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { toHex } from '@radpass/core';
import { needs } from '../../../../tools/needs.mjs';
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
  let classPath = '';
  beforeAll(async () => {
    const jars = [
      'jaxws-rt jaxws-tools jaxws-api jaxb-api jaxb-core jaxb-impl jaxb-runtime jaxb-xjc codemodel stax-ex streambuffer',
      'mimepull saaj-impl javax.xml.soap-api metro-policy gmbal glassfish-management-api javax.activation jws-api',
      'istack-commons-runtime istack-commons-tools FastInfoset txw2 xsom rngom dtd-parser geronimo-annotation-1.3-spec',
    ].flatMap(line => line.split(' ').map(name => `/usr/share/java/${name}.jar`));
    const generated = join(repository.folder, 'generated');
    const classes = join(repository.folder, 'classes');
    mkdirSync(generated);
    classPath = [...jars, classes].join(delimiter);
    const wsimport = ['-extension', '-keep', '-Xnocompile', '-quiet', '-d', generated, '-p', 'iti43'];
    execFileSync('java', ['-cp', classPath, 'com.sun.tools.ws.WsImport', ...wsimport, repository.wsdlFile]);
    const stubs = readdirSync(join(generated, 'iti43')).map(name => join(generated, 'iti43', name));
    execFileSync('javac', ['-nowarn', '-cp', classPath, '-d', classes, ...stubs, sourceOf('RetrieveWithJaxws.java')]);
  });

  const client: Client = async ({ pkcs8File, spkiFile }) => {
    const { wsdlFile, url, caFile, repositoryUniqueId, documentUniqueId } = repository;
    const options = ['-Xmx256m', '--add-opens', 'java.base/java.lang=ALL-UNNAMED', '-cp', classPath];
    const files = [wsdlFile, url, caFile, pkcs8File, spkiFile];
    return await run('java', [...options, 'RetrieveWithJaxws', ...files, repositoryUniqueId, documentUniqueId]);
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
