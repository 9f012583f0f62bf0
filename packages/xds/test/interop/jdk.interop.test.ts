/** The JDK's XML Signature verifies what we sign, and we verify what it signs. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sha256 } from '@radpass/core';
import { needs } from '../../../../tools/needs.mjs';
import { createRetrieveRequest, createRetrieveResponse } from '../../dist/index.js';
import {
  documents,
  documentUniqueId,
  now,
  ns,
  refusal,
  replaceOnce,
  repositoryUniqueId,
  requester,
  source,
  spki,
  text,
  to,
  verifyText,
} from '../messages.js';

const javaSource = fileURLToPath(new URL('../../test/interop/XmlSignature.java', import.meta.url));

needs('jdk', describe)('the JDK', () => {
  let folder = '';
  const file = (name: string, content: Uint8Array | string): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const java = (...args: string[]): string =>
    execFileSync('java', ['-Xshare:auto', '-XX:TieredStopAtLevel=1', '-cp', folder, 'XmlSignature', ...args], {
      encoding: 'utf8',
    });

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'radpass-xds-'));
    execFileSync('javac', ['-d', folder, javaSource]);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('verifies our request, and sees a change', () => {
    const { envelope } = createRetrieveRequest({ key: requester, to, documents, now });
    expect(java('verify', file('request.xml', envelope)).trim()).toBe('valid 6');
    const changed = replaceOnce(text(envelope), documentUniqueId, '0'.repeat(64));
    expect(java('verify', file('changed.xml', changed)).trim()).toBe('invalid value=true #Body');
  });

  it('verifies our answer with its attachment, and sees another attachment', () => {
    const content = new Uint8Array(10_000).map((_, i) => i * 31);
    const answer = createRetrieveResponse({
      key: source,
      relatesTo: 'urn:uuid:1',
      now,
      documents: [
        {
          ...documents[0]!,
          mimeType: 'application/zip',
          size: content.length,
          sha256: sha256(content),
          content: async function* () {
            yield content;
          },
        },
      ],
      errors: [{ errorCode: 'XDSRepositoryError', codeContext: '<a & "b">\t\r\n', severity: 'Warning' }],
    });
    const message = file('answer.xml', answer.envelope);
    const cid = /URI="cid:([^"]+)"/.exec(text(answer.envelope))![1]!;
    expect(java('verify', message, cid, file('document', content)).trim()).toBe('valid 6');
    content[5_000]! ^= 1;
    expect(java('verify', message, cid, file('document', content)).trim()).toBe(`invalid value=true cid:${cid}`);
  });

  it('signs a request that we verify: line breaks in base64, PrefixLists, another layout', () => {
    const id = (name: string): string => `u:Id="id-${name}"`;
    const template =
      `<soap:Envelope xmlns:soap="${ns.soap}" xmlns="urn:some:default">\n <soap:Header xmlns:wsa="${ns.wsa}" xmlns:u="${ns.wsu}">\n` +
      `  <wsa:Action ${id('1')} soap:mustUnderstand="1">urn:ihe:iti:2007:RetrieveDocumentSet</wsa:Action>\n` +
      `  <wsa:MessageID ${id('2')}>uuid:6B29FC40-CA47-1067-B31D-00DD010662DA</wsa:MessageID>\n` +
      `  <wsa:ReplyTo ${id('3')}><wsa:Address>${ns.wsa}/anonymous</wsa:Address></wsa:ReplyTo>\n  <wsa:To ${id('4')}>${to}</wsa:To>\n` +
      `  <o:Security xmlns:o="${ns.wsse}" soap:mustUnderstand="true"><u:Timestamp ${id('5')}><u:Created>2027-01-15T12:00:00.5Z</u:Created>` +
      `<u:Expires>2027-01-15T12:05:00.5Z</u:Expires></u:Timestamp></o:Security>\n </soap:Header>\n` +
      ` <soap:Body xmlns:u="${ns.wsu}" xmlns:wsa="${ns.wsa}" ${id('6')}>\n  <RetrieveDocumentSetRequest xmlns="urn:ihe:iti:xds-b:2007">` +
      `<DocumentRequest><RepositoryUniqueId>${repositoryUniqueId}</RepositoryUniqueId>\n<DocumentUniqueId>${documentUniqueId}</DocumentUniqueId>` +
      '</DocumentRequest></RetrieveDocumentSetRequest>\n </soap:Body>\n</soap:Envelope>';
    const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), requester.exportSeed()]);
    const signed = java(
      'sign',
      file('template.xml', template),
      file('key', pkcs8),
      file('public', Buffer.from(spki(requester.publicKey), 'base64')),
    );
    expect(signed).toContain('PrefixList="wsa unused #default"');
    expect(signed).toContain('&#13;');
    const verified = verifyText(signed);
    expect(verified).toMatchObject({
      signer: requester.publicKey,
      to,
      documents,
      messageId: 'uuid:6B29FC40-CA47-1067-B31D-00DD010662DA',
      created: now + 500,
    });
    expect(refusal(() => verifyText(replaceOnce(signed, documentUniqueId, '0'.repeat(64))))).toBe(
      'XDS_REFERENCE_DIGEST',
    );
    expect(refusal(() => verifyText(replaceOnce(signed, 'wsa unused #default', 'wsa #default')))).toBe('XDS_SIGNATURE');
  });
});
