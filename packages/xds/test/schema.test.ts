/** Every kind of message that is sent is valid by IHE's and W3C's schemas, xop:Include inlined. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { sha256, utf8 } from '@radpass/core';
import { XmlDocument, XsdValidator } from 'libxml2-wasm';
import { xmlRegisterFsInputProviders } from 'libxml2-wasm/lib/nodejs.mjs';
import { dataDir, needs } from '../../../tools/needs.mjs';
import {
  createFault,
  createRetrieveRequest,
  createRetrieveResponse,
  createUnsignedRequest,
  createUnsignedResponse,
  type FaultKind,
  serviceDescription,
} from '../dist/index.js';
import { documents, now, requester, source, text, to } from './messages.js';

const folder = join(dataDir, 'ihe', 'schemas');
const error = { errorCode: 'XDSDocumentUniqueIdError', codeContext: 'x', severity: 'Error' as const };
const content = utf8('zip');
const document = {
  ...documents[0]!,
  mimeType: 'application/zip',
  size: 3,
  sha256: sha256(content),
  content: async function* () {
    yield content;
  },
};

needs('ihe', describe)('the schema', () => {
  const load = (): XsdValidator => {
    xmlRegisterFsInputProviders();
    const file = join(folder, 'iti43-soap12.xsd');
    return XsdValidator.fromDoc(XmlDocument.fromBuffer(readFileSync(file), { url: file }));
  };
  /** The body's name, once the message is valid. */
  function bodyName(validator: XsdValidator, xml: string): string {
    const doc = XmlDocument.fromString(xml.replace(/<xop:Include [^>]*>/, 'emlw'));
    validator.validate(doc);
    const body = doc.get('/s:Envelope/s:Body/*', { s: 'http://www.w3.org/2003/05/soap-envelope' });
    const name = body !== null && 'name' in body ? String(body.name) : '';
    doc.dispose();
    return name;
  }

  it('holds for requests, answers and faults, and not for the bad examples', async () => {
    const validator = load();
    const home = { ...documents[0]!, homeCommunityId: 'urn:oid:1.2.3' };
    const request = createRetrieveRequest({ key: requester, to, documents: [...documents, home], now });
    expect(bodyName(validator, text(request.envelope))).toBe('RetrieveDocumentSetRequest');
    for (const [docs, errors] of [
      [[document], []],
      [[], [error]],
      [[document], [{ ...error, location: 'y' }]],
    ] as const) {
      const answer = createRetrieveResponse({
        key: source,
        relatesTo: 'urn:x',
        now,
        documents: [...docs],
        errors: [...errors],
      });
      expect(bodyName(validator, text(answer.envelope))).toBe('RetrieveDocumentSetResponse');
      const unsigned = createUnsignedResponse({ documents: [...docs], errors: [...errors] });
      for await (const head of unsigned.stream()) {
        const envelope = /<\?xml.*<\/soap:Envelope>/s.exec(text(head))![0];
        expect(bodyName(validator, envelope)).toBe('RetrieveDocumentSetResponse');
        break;
      }
    }
    const asked = createUnsignedRequest({ to, documents });
    expect(bodyName(validator, text(asked.envelope))).toBe('RetrieveDocumentSetRequest');
    const kinds: FaultKind[] = [
      'sender',
      'media-type',
      'receiver',
      'version-mismatch',
      'must-understand',
      'security-invalid',
      'security-algorithm',
      'security-failed-check',
      'security-expired',
      'addressing',
      'addressing-required',
      'action-not-supported',
    ];
    for (const kind of kinds) expect(bodyName(validator, text(createFault({ kind, text: 'x' }).body))).toBe('Fault');
    expect(bodyName(validator, readFileSync(join(folder, 'resp-xop.xml'), 'utf8'))).toBe('RetrieveDocumentSetResponse');
    expect(() => bodyName(validator, readFileSync(join(folder, 'resp-bad.xml'), 'utf8'))).toThrow();
    const withoutName = text(request.envelope).replace(/<ihe:RepositoryUniqueId>.*?<\/ihe:RepositoryUniqueId>/, '');
    expect(() => bodyName(validator, withoutName)).toThrow();
    validator.dispose();
  });
});

describe('the service description', () => {
  it('is well-formed and names the url, the operation and both actions', () => {
    const wsdl = serviceDescription('https://h.example/a?b&c');
    const doc = XmlDocument.fromString(wsdl);
    const names = { w: 'http://schemas.xmlsoap.org/wsdl/', s: 'http://schemas.xmlsoap.org/wsdl/soap12/' };
    const value = (path: string): string => doc.get(path, names)?.content ?? '';
    expect(value('/w:definitions/w:service/@name')).toBe('DocumentRepository_Service');
    expect(value('//s:address/@location')).toBe('https://h.example/a?b&c');
    expect(value('//s:operation/@soapAction')).toBe('urn:ihe:iti:2007:RetrieveDocumentSet');
    expect(doc.find('//w:portType/w:operation', names)).toHaveLength(1);
    doc.dispose();
  });
});
