/**
 * Answers of ITI-43 repositories that nobody here wrote: several documents of whatever kind in one answer, attached or in
 * base64, each with one outcome. A valid answer is the base; every case changes one thing.
 */
import { describe, expect, it } from '@jest/globals';
import { concatBytes, toBase64, utf8 } from '@radpass/core';
import { type DocumentRequest, readUnsignedResponse } from '../dist/index.js';
import { ns, refusalOf, soapType } from './messages.js';

const uri = {
  xds: 'urn:ihe:iti:xds-b:2007',
  rs: 'urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0',
  Success: 'urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success',
  PartialSuccess: 'urn:ihe:iti:2007:ResponseStatusType:PartialSuccess',
  Failure: 'urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure',
  severity: 'urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:',
};
const relatesTo = 'urn:uuid:0fbfdced-6c01-4d09-a110-2201afedaa02';

interface Foreign extends DocumentRequest {
  mimeType: string;
  bytes: Uint8Array;
}
interface Said {
  errorCode: string;
  location?: string;
  severity?: string;
}
interface Answer {
  status: keyof typeof uri;
  documents: Foreign[];
  errors: Said[];
  /** Attachments in another order than the documents, or others. */
  parts: (parts: Foreign[]) => Foreign[];
  home: string;
  edit: (xml: string) => string;
}

/** Three kinds of document; a line of one looks like a delimiter. */
const report: Foreign = {
  repositoryUniqueId: '1.3.6.1.4.1.21367.2010.1.2.1125',
  documentUniqueId: '1.2.840.114350.1.13.1^3',
  mimeType: 'application/pdf',
  bytes: utf8('%PDF-1.7\n%\u00e2\u00e3\r\n--a--\r\n%%EOF'),
};
const image: Foreign = {
  ...report,
  documentUniqueId: '1.2.840.113619.2.1',
  mimeType: 'application/dicom',
  bytes: concatBytes(
    new Uint8Array(128),
    utf8('DICM'),
    new Uint8Array(70_000).map((_, i) => i * 31),
  ),
};
const letter: Foreign = {
  ...report,
  documentUniqueId: '2.25.7',
  mimeType: 'text/xml; charset="UTF-8"',
  bytes: utf8('<ClinicalDocument/>'),
};
const asked = [report, image, letter];
const valid: Answer = {
  status: 'Success',
  documents: asked,
  errors: [],
  parts: parts => parts,
  home: '',
  edit: xml => xml,
};
const contentId = ({ documentUniqueId }: Foreign): string => `${documentUniqueId.replace('^', '%5E')}@other.example`;

function envelope(answer: Answer, contentOf: (document: Foreign) => string): string {
  const errors = answer.errors.map(({ errorCode, location, severity = 'Error' }) => {
    const where = location === undefined ? '' : ` location="${location}"`;
    return `<r:RegistryError codeContext="c" errorCode="${errorCode}" severity="${uri.severity}${severity}"${where}/>`;
  });
  const list = errors.length === 0 ? '' : `<r:RegistryErrorList>${errors.join('')}</r:RegistryErrorList>`;
  const documents = answer.documents.map(
    document =>
      `<DocumentResponse>${answer.home}<RepositoryUniqueId>${document.repositoryUniqueId}</RepositoryUniqueId>` +
      `<DocumentUniqueId>${document.documentUniqueId}</DocumentUniqueId>` +
      `<mimeType>${document.mimeType}</mimeType><Document>${contentOf(document)}</Document></DocumentResponse>`,
  );
  return answer.edit(
    `<e:Envelope xmlns:e="${ns.soap}" xmlns:a="${ns.wsa}"><e:Header>` +
      '<a:Action e:mustUnderstand="1">urn:ihe:iti:2007:RetrieveDocumentSetResponse</a:Action>' +
      `<a:RelatesTo>${relatesTo}</a:RelatesTo></e:Header><e:Body>` +
      `<RetrieveDocumentSetResponse xmlns="${uri.xds}"><r:RegistryResponse xmlns:r="${uri.rs}" status="${uri[answer.status]}">` +
      `${list}</r:RegistryResponse>${documents.join('')}</RetrieveDocumentSetResponse></e:Body></e:Envelope>`,
  );
}

/** The same answer as an MTOM package, and as plain SOAP with base64. */
const forms: Record<'MTOM' | 'plain', (answer: Answer) => { type: string; body: Uint8Array }> = {
  MTOM: answer => {
    const xop = (document: Foreign): string =>
      `<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:${contentId(document)}"/>`;
    const parts = answer.parts(answer.documents).map(document => {
      const id = decodeURIComponent(contentId(document));
      const head = `\r\n--b\r\nContent-Type: ${document.mimeType}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <${id}>`;
      return concatBytes(utf8(`${head}\r\n\r\n`), document.bytes);
    });
    const root = `--b\r\nContent-Type: application/xop+xml; charset=utf-8; type="application/soap+xml"\r\nContent-ID: <root>\r\n\r\n`;
    return {
      type: 'multipart/related; type="application/xop+xml"; start="<root>"; start-info="application/soap+xml"; boundary=b',
      body: concatBytes(utf8(root + envelope(answer, xop)), ...parts, utf8('\r\n--b--\r\n')),
    };
  },
  plain: answer => ({
    type: soapType,
    body: utf8(envelope(answer, ({ bytes }) => toBase64(bytes).replace(/.{76}/g, '$&\n'))),
  }),
};

async function read(form: keyof typeof forms, change: Partial<Answer> = {}) {
  const { type, body } = forms[form]({ ...valid, ...change });
  async function* inPieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < body.length; at += 1_000) yield body.subarray(at, at + 1_000);
  }
  const documents = asked.map(({ repositoryUniqueId, documentUniqueId }) => ({ repositoryUniqueId, documentUniqueId }));
  const answer = await readUnsignedResponse({
    contentType: type,
    stream: inPieces(),
    expect: { relatesTo, documents },
    maxDocumentBytes: 100_000,
  });
  const came: Foreign[] = [];
  for await (const { content, ...names } of answer.documents()) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(chunk);
    came.push({ ...names, bytes: concatBytes(...chunks) });
  }
  const missing = answer.missing.map(({ document, errors }) => [
    document.documentUniqueId,
    errors.map(({ errorCode }) => errorCode),
  ]);
  return { status: answer.status, came, missing };
}

const error = (of: Foreign | undefined, errorCode = 'XDSDocumentUniqueIdError', severity = 'Error'): Said => ({
  errorCode,
  severity,
  ...(of === undefined ? {} : { location: of.documentUniqueId }),
});
const unlisted = { ...report, documentUniqueId: '9.9.9' };

describe.each(Object.keys(forms) as (keyof typeof forms)[])("another repository's answer, %s,", form => {
  it('gives several documents of any kind, byte for byte', async () => {
    expect(await read(form)).toEqual({ status: 'Success', came: asked, missing: [] });
    const home = '<HomeCommunityId>urn:oid:1.2.3</HomeCommunityId>';
    expect((await read(form, { home })).came.map(({ bytes }) => bytes)).toEqual(asked.map(({ bytes }) => bytes));
  });

  it('gives each document that was asked for one outcome', async () => {
    const errors = [error(image, 'XDSRepositoryError'), error(letter), error(report, 'Deprecated', 'Warning')];
    expect(await read(form, { status: 'PartialSuccess', documents: [report], errors })).toEqual({
      status: 'PartialSuccess',
      came: [report],
      missing: [
        [image.documentUniqueId, ['XDSRepositoryError']],
        [letter.documentUniqueId, ['XDSDocumentUniqueIdError']],
      ],
    });
  });

  it('says what it says of no document in particular of each that is missing', async () => {
    const errors = [error(letter), error(undefined, 'XDSRepositoryBusy'), error(unlisted, 'XDSRepositoryError')];
    expect((await read(form, { status: 'Failure', documents: [], errors })).missing).toEqual([
      [report.documentUniqueId, ['XDSRepositoryBusy', 'XDSRepositoryError']],
      [image.documentUniqueId, ['XDSRepositoryBusy', 'XDSRepositoryError']],
      [letter.documentUniqueId, ['XDSDocumentUniqueIdError']],
    ]);
    const silent = await read(form, { status: 'PartialSuccess', documents: [report, image], errors: [] });
    expect(silent.missing).toEqual([[letter.documentUniqueId, []]]);
  });

  it.each<[string, Partial<Answer>, string]>([
    ['says success and lacks a document', { documents: [report, image] }, 'XDS_RESPONSE'],
    ['says failure and has a document', { status: 'Failure', errors: [error(undefined)] }, 'XDS_RESPONSE'],
    [
      'says partial success and has none',
      { status: 'PartialSuccess', documents: [], errors: [error(undefined)] },
      'XDS_RESPONSE',
    ],
    ['has a document and an error for it', { status: 'PartialSuccess', errors: [error(image)] }, 'XDS_RESPONSE'],
    ['has a document that was not asked for', { documents: [report, image, unlisted] }, 'XDS_RESPONSE'],
    ['has one twice', { documents: [report, image, letter, report] }, 'XDS_RESPONSE'],
    [
      "has another repository's document",
      { documents: [report, image, { ...letter, repositoryUniqueId: '1.2' }] },
      'XDS_RESPONSE',
    ],
    ['answers another request', { edit: xml => xml.replace(relatesTo, 'urn:uuid:other') }, 'XDS_RESPONSE'],
    ['has a status of its own', { edit: xml => xml.replace(uri.Success, `${uri.Success}ful`) }, 'XDS_BODY'],
    ['has no mimeType', { edit: xml => xml.replace(/<mimeType>.*?<\/mimeType>/, '') }, 'XDS_BODY'],
    ['has an empty mimeType', { edit: xml => xml.replace(/(<mimeType>).*?</, '$1<') }, 'XDS_BODY'],
    ['has a document without content', { edit: xml => xml.replace(/<Document>.*?<\/Document>/s, '') }, 'XDS_BODY'],
    [
      'has two contents in one document',
      { edit: xml => xml.replace(/<Document>.*?<\/Document>/s, '$&$&') },
      'XDS_BODY',
    ],
    [
      'must be understood where it is not',
      { edit: xml => xml.replace('</e:Header>', '<z:z xmlns:z="urn:z" e:mustUnderstand="1"/></e:Header>') },
      'XDS_MUST_UNDERSTAND',
    ],
    [
      'is a document larger than allowed',
      { documents: [report, { ...image, bytes: new Uint8Array(100_001) }, letter] },
      'XDS_TOO_LARGE',
    ],
    ['has a document type', { edit: xml => `<!DOCTYPE e>${xml}` }, 'XDS_XML'],
  ])('is refused when it %s', async (_, change, code) => {
    expect(await refusalOf(() => read(form, change))).toBe(code);
  });
});

describe("another repository's package", () => {
  it('has its attachments in any order', async () => {
    const { came } = await read('MTOM', { parts: parts => parts.toReversed() });
    expect(came).toEqual(asked.toReversed());
  });

  it('may hold one document in base64 and attach the others', async () => {
    const inline = toBase64(letter.bytes);
    const edit = (xml: string): string => xml.replace(/<x:Include [^>]*2\.25\.7[^>]*>/, inline);
    const { came } = await read('MTOM', { edit, parts: parts => parts.slice(0, 2) });
    expect(came).toEqual([letter, report, image]);
  });

  it.each<[string, Partial<Answer>]>([
    ['an attachment is missing', { parts: parts => parts.slice(1) }],
    ['an attachment comes twice', { parts: parts => [...parts, ...parts.slice(0, 1)] }],
    ['an attachment is no document', { parts: parts => [...parts, unlisted] }],
    [
      'two documents share an attachment',
      { edit: xml => xml.replace(`cid:${contentId(letter)}`, `cid:${contentId(image)}`), parts: p => p.slice(0, 2) },
    ],
  ])('is refused when %s', async (_, change) => {
    expect(await refusalOf(() => read('MTOM', change))).toBe('XDS_RESPONSE');
  });
});
