/** Messages that nobody signed: other repositories' answers, and the exchange of the requester's local endpoint. */
import { describe, expect, it } from '@jest/globals';
import { concatBytes, toBase64, utf8 } from '@radpass/core';
import {
  createFault,
  createUnsignedRequest,
  createUnsignedResponse,
  parseUnsignedRequest,
  readUnsignedResponse,
} from '../dist/index.js';
import {
  documents,
  documentUniqueId,
  ns,
  refusal,
  refusalOf,
  repositoryUniqueId,
  soapType,
  text,
  to,
} from './messages.js';
import { createWorld, url } from './world.js';

const content = new Uint8Array(1_000).map((_, i) => i * 7);
const relatesTo = 'urn:uuid:1';

async function* stream(...chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function whole(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return concatBytes(...all);
}

describe('an unsigned request', () => {
  it('is read as it was made', () => {
    const made = createUnsignedRequest({ to, documents });
    expect(parseUnsignedRequest(made.contentType, made.body)).toEqual({
      documents,
      addressing: { messageId: made.messageId },
    });
  });

  const plain = (header: string): string =>
    `<s:Envelope xmlns:s="${ns.soap}">${header}<s:Body><RetrieveDocumentSetRequest xmlns="urn:ihe:iti:xds-b:2007"><DocumentRequest>` +
    `<RepositoryUniqueId>${repositoryUniqueId}</RepositoryUniqueId><DocumentUniqueId>${documentUniqueId}</DocumentUniqueId>` +
    '</DocumentRequest></RetrieveDocumentSetRequest></s:Body></s:Envelope>';

  it('needs no addressing', () => {
    expect(parseUnsignedRequest(soapType, utf8(plain('')))).toEqual({ documents });
  });

  it.each([
    ['another action', `<w:Action>urn:other</w:Action>`, 'XDS_ACTION'],
    ['no action', `<w:MessageID>urn:x</w:MessageID>`, 'XDS_ADDRESSING'],
    ['a block that must be understood', `<x:y xmlns:x="urn:x" s:mustUnderstand="1"/>`, 'XDS_MUST_UNDERSTAND'],
  ])('is refused with %s', (_, header, code) => {
    const xml = plain(`<s:Header xmlns:w="${ns.wsa}">${header}</s:Header>`);
    expect(refusal(() => parseUnsignedRequest(soapType, utf8(xml)))).toBe(code);
  });

  it('is refused by a source', async () => {
    const world = await createWorld();
    const answer = await world.ask(createUnsignedRequest({ to: url, documents }));
    expect(answer.seen.status).toBe(400);
    expect(answer.text()).toContain('<soap:Value>wsse:InvalidSecurity</soap:Value>');
  });
});

describe('an unsigned answer', () => {
  const document = { ...documents[0]!, mimeType: 'application/zip', content: () => stream(content) };
  const read = (contentType: string, body: AsyncIterable<Uint8Array>, maxDocumentBytes = 10_000) =>
    readUnsignedResponse({ contentType, stream: body, expect: { relatesTo, documents }, maxDocumentBytes });

  async function readAll(contentType: string, body: AsyncIterable<Uint8Array>, maxDocumentBytes?: number) {
    const { status, errors, documents: parts } = await read(contentType, body, maxDocumentBytes);
    const received = [];
    for await (const part of parts()) received.push({ ...part, content: await whole(part.content) });
    return { status, errors, received };
  }

  it('is read as it was made, and says as much of the request as the request said of itself', async () => {
    for (const addressing of [undefined, { messageId: undefined }, { messageId: relatesTo }]) {
      const made = createUnsignedResponse({ ...(addressing && { addressing }), documents: [document], errors: [] });
      const bytes = await whole(made.stream());
      const sent = text(bytes.slice(0, 2_000));
      expect(sent.includes('<wsa:Action')).toBe(addressing !== undefined);
      expect(sent.includes('<wsa:RelatesTo')).toBe(addressing?.messageId !== undefined);
      expect(await readAll(made.contentType, stream(bytes))).toEqual({
        status: 'Success',
        errors: [],
        received: [{ ...documents[0]!, mimeType: 'application/zip', content }],
      });
    }
  });

  /** As another repository may write it: the document within, slots before the errors, a new name of the document. */
  const foreign = (document: string): string =>
    `<s:Envelope xmlns:s="${ns.soap}"><s:Body><r:RetrieveDocumentSetResponse xmlns:r="urn:ihe:iti:xds-b:2007">` +
    '<q:RegistryResponse xmlns:q="urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0" ' +
    'status="urn:ihe:iti:2007:ResponseStatusType:PartialSuccess"><q:ResponseSlotList/><q:RegistryErrorList>' +
    '<q:RegistryError codeContext="other" errorCode="XDSRepositoryError">more words</q:RegistryError>' +
    `</q:RegistryErrorList></q:RegistryResponse><r:DocumentResponse><r:HomeCommunityId>urn:oid:1.2</r:HomeCommunityId>` +
    `<r:RepositoryUniqueId>${repositoryUniqueId}</r:RepositoryUniqueId><r:DocumentUniqueId>${documentUniqueId}</r:DocumentUniqueId>` +
    `<r:NewDocumentUniqueId>1.2.3</r:NewDocumentUniqueId><r:mimeType>text/plain</r:mimeType>` +
    `<r:Document>${document}</r:Document></r:DocumentResponse></r:RetrieveDocumentSetResponse></s:Body></s:Envelope>`;

  it('is read with its document within, plain or in a package', async () => {
    const large = new Uint8Array(200_000).fill(5);
    const xml = foreign(toBase64(large).replace(/.{76}/g, '$&\r\n'));
    const expected = { status: 'PartialSuccess', received: [{ mimeType: 'text/plain', content: large }] };
    expect(await readAll(soapType, stream(utf8(xml)), 200_000)).toMatchObject(expected);
    const packed =
      '--b\r\nContent-Type: application/xop+xml; type="application/soap+xml"\r\nContent-ID: <r>\r\n\r\n' +
      `${xml}\r\n--b--\r\n`;
    const type =
      'multipart/related; type="application/xop+xml"; boundary=b; start="<r>"; start-info="application/soap+xml"';
    expect(await readAll(type, stream(utf8(packed)), 200_000)).toMatchObject(expected);
    expect(await refusalOf(() => readAll(soapType, stream(utf8(xml)), 199_999))).toBe('XDS_TOO_LARGE');
  });

  const include = '<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:a"/>';
  const part = (id: string): string => `--b\r\nContent-ID: <${id}>\r\n\r\nzip\r\n`;
  it.each([
    ['without its attachment', include, [], 'XDS_RESPONSE'],
    ['with an attachment that is no document', include, ['a', 'b'], 'XDS_RESPONSE'],
    ['with an attachment twice', include, ['a', 'a'], 'XDS_RESPONSE'],
    ['with a reference out of the message', include.replace('cid:a', 'http://a'), ['a'], 'XDS_BODY'],
    ['with what is no base64', 'zip!', [], 'XDS_BODY'],
  ])('is refused %s', async (_, inside, ids, code) => {
    const root = `--b\r\nContent-Type: application/xop+xml\r\n\r\n${foreign(inside)}\r\n`;
    const type = 'multipart/related; type="application/xop+xml"; boundary=b';
    const bytes = utf8(`${root}${ids.map(part).join('')}--b--`);
    expect(await refusalOf(() => readAll(type, stream(bytes)))).toBe(code);
  });

  it('is refused when it answers another request, or what was not asked for', async () => {
    const made = createUnsignedResponse({ addressing: { messageId: 'urn:other' }, documents: [document], errors: [] });
    expect(await refusalOf(() => read(made.contentType, made.stream()))).toBe('XDS_RESPONSE');
    const other = { ...document, documentUniqueId: '1.2.3' };
    const unasked = createUnsignedResponse({ documents: [other], errors: [] });
    expect(await refusalOf(() => read(unasked.contentType, unasked.stream()))).toBe('XDS_RESPONSE');
  });

  it('is refused when it is a fault, cut off, or larger than allowed', async () => {
    const fault = createFault({ kind: 'receiver', text: 'x' });
    expect(await refusalOf(() => read(fault.contentType, stream(fault.body)))).toBe('XDS_FAULT');
    const made = createUnsignedResponse({ documents: [document], errors: [] });
    const bytes = await whole(made.stream());
    expect(await refusalOf(() => readAll(made.contentType, stream(bytes.slice(0, -10))))).toBe('XDS_MIME');
    expect(await refusalOf(() => readAll(made.contentType, stream(bytes), 999))).toBe('XDS_TOO_LARGE');
  });
});
