/**
 * ITI-43 answers that nobody signed: what other repositories send, MTOM or plain, and what the requester's local
 * endpoint gives to the consumer beside it. An explicit mode: whoever reads one believes the connection and nothing
 * else, so it must never be used for a Radpass source, whose answers are signed.
 */
import { fromBase64, type RandomBytes, randomBytes, toHex, utf8 } from '@radpass/core';
import { addressingXml, createMessageId, readUnsignedAddressing, wsaNamespace } from './addressing.js';
import { XdsError } from './errors.js';
import { refuseFault } from './fault.js';
import { checkRoot, contentIdOf, type Part, packMultipart, readPackaging, readParts } from './mtom.js';
import { collect } from './readRetrieveResponse.js';
import {
  type DocumentRequest,
  includedContentId,
  type RegistryError,
  type ResponseEntry,
  type ResponseStatus,
  readResponse,
  responseXml,
  retrieveResponseAction,
} from './retrieveDocumentSet.js';
import { checkMimeType, type ResponseDocument } from './retrieveResponse.js';
import { type Envelope, envelopeXml, parseEnvelope } from './soap.js';
import { textOf } from './xmlReader.js';

/** Largest envelope of an unsigned answer: a plain one holds its documents in base64. */
export const maxUnsignedEnvelopeBytes = 16_777_216;

/**
 * Make an unsigned answer, an MTOM package whose length is not known ahead.
 * @param p.addressing - of the request
 * @throws RangeError as `createRetrieveResponse`
 */
export function createUnsignedResponse(p: {
  addressing?: { messageId: string | undefined };
  documents: Omit<ResponseDocument, 'size' | 'sha256'>[];
  errors: RegistryError[];
  random?: RandomBytes;
}): { contentType: string; stream(): AsyncIterable<Uint8Array> } {
  const { addressing, documents, errors, random = randomBytes } = p;
  const token = toHex(random(16));
  const announced = documents.map(({ repositoryUniqueId, documentUniqueId, mimeType }, i) => ({
    repositoryUniqueId,
    documentUniqueId,
    mimeType: checkMimeType(mimeType),
    contentId: `document-${i + 1}.${token}@radpass`,
  }));
  const relatesTo = addressing?.messageId === undefined ? {} : { relatesTo: addressing.messageId };
  const messageId = createMessageId(random);
  const header =
    addressing === undefined
      ? ''
      : addressingXml({ action: retrieveResponseAction, messageId, ...relatesTo }, 'unsigned');
  const attachments = documents.map(({ mimeType, content }, i) => ({
    contentId: announced[i]!.contentId,
    mimeType,
    content,
  }));
  const root = utf8(envelopeXml(header, responseXml(announced, errors)));
  return packMultipart({ root, attachments, action: retrieveResponseAction, token });
}

/** A document as another repository sent it: nothing vouches for its bytes. */
export interface UnsignedDocument {
  repositoryUniqueId: string;
  documentUniqueId: string;
  mimeType: string;
  /** single use */
  content: AsyncIterable<Uint8Array>;
}

/** A document that was asked for and doesn't come. */
export interface MissingDocument {
  document: DocumentRequest;
  /** Those whose location is its documentUniqueId; if there is none, those that name no other document. May be empty. */
  errors: RegistryError[];
}

/**
 * Read the answer of a repository that signs nothing. Every document that was asked for has one outcome: `documents()`
 * yields it, or it is among `missing`. `documents()`, once, yields what came, of whatever mimeType, in the order in which
 * it came, and ends without an error only if every announced document came and nothing else did. Leaving the loop closes
 * the stream.
 *
 * @param p.expect.relatesTo - the request's MessageID; an answer without RelatesTo is taken
 * @param p.maxDocumentBytes - of each document
 * @throws XdsError XDS_FAULT, XDS_RESPONSE for documents that were not asked for, for two outcomes of one document and
 *   for a status that contradicts what came, XDS_TOO_LARGE, XDS_MIME, XDS_BODY
 */
export async function readUnsignedResponse(p: {
  contentType: string;
  stream: AsyncIterable<Uint8Array>;
  expect: { relatesTo: string; documents: DocumentRequest[] };
  maxDocumentBytes: number;
}): Promise<{
  status: ResponseStatus;
  errors: RegistryError[];
  missing: MissingDocument[];
  documents(): AsyncGenerator<UnsignedDocument, void>;
}> {
  const packaging = readPackaging(p.contentType);
  const read = (bytes: Uint8Array): Envelope => parseEnvelope(bytes, maxUnsignedEnvelopeBytes);
  if (packaging.form === 'soap') {
    const envelope = read(await collect(p.stream, maxUnsignedEnvelopeBytes));
    const { entries, ...rest } = readEnvelope(envelope, p.expect);
    return { ...rest, documents: () => readDocuments(entries, null, p.maxDocumentBytes) };
  }
  const parts = readParts(p.stream, packaging.boundary);
  try {
    const first = await parts.next();
    if (first.done === true) throw refused('no root part');
    checkRoot(first.value.headers, packaging.start);
    const envelope = read(await collect(first.value.content, maxUnsignedEnvelopeBytes));
    const { entries, ...rest } = readEnvelope(envelope, p.expect);
    return { ...rest, documents: () => readDocuments(entries, parts, p.maxDocumentBytes) };
  } catch (error) {
    await parts.return();
    throw error;
  }
}

function readEnvelope(
  envelope: Envelope,
  expect: { relatesTo: string; documents: DocumentRequest[] },
): { status: ResponseStatus; errors: RegistryError[]; entries: ResponseEntry[]; missing: MissingDocument[] } {
  refuseFault(envelope);
  const headers = envelope.headers.filter(block => block.uri === wsaNamespace);
  const relatesTo = headers.length === 0 ? undefined : readUnsignedAddressing(headers).relatesTo;
  if (relatesTo !== undefined && relatesTo !== expect.relatesTo) throw refused('the answer to another request');
  const answer = readResponse(envelope.body, 'passed over');
  const name = (d: DocumentRequest): string => JSON.stringify([d.repositoryUniqueId, d.documentUniqueId]);
  const open = new Map(expect.documents.map(document => [name(document), document]));
  for (const entry of answer.entries) {
    if (!open.delete(name(entry))) throw refused('a document that was not asked for, or came twice');
  }
  const missing = [...open.values()].map(document => ({ document, errors: errorsOf(document, answer.errors, expect) }));
  checkOutcomes(answer, missing);
  return { ...answer, missing };
}

/** ITI TF-2: 3.43.4.2.3: what came, the errors and the status tell one story. */
function checkOutcomes(
  { status, entries, errors }: ReturnType<typeof readResponse>,
  missing: readonly MissingDocument[],
): void {
  if (status === 'Success' && missing.length > 0) throw refused('success without all documents');
  if (status === 'Failure' && entries.length > 0) throw refused('a failure with documents');
  if (status === 'PartialSuccess' && entries.length === 0) throw refused('a partial success without documents');
  const came = new Set(entries.map(entry => entry.documentUniqueId));
  const isMissing = (name: string): boolean => missing.some(({ document }) => document.documentUniqueId === name);
  for (const { severity, location = '' } of errors) {
    if (severity === 'Error' && came.has(location) && !isMissing(location)) {
      throw refused('a document and an error for it');
    }
  }
}

function errorsOf(
  { documentUniqueId }: DocumentRequest,
  errors: readonly RegistryError[],
  expect: { documents: DocumentRequest[] },
): RegistryError[] {
  const own = errors.filter(({ location }) => location === documentUniqueId);
  if (own.length > 0) return own;
  const named = new Set<string | undefined>(expect.documents.map(document => document.documentUniqueId));
  return errors.filter(({ location }) => !named.has(location));
}

async function* readDocuments(
  entries: ResponseEntry[],
  parts: AsyncGenerator<Part, void> | null,
  maxBytes: number,
): AsyncGenerator<UnsignedDocument, void> {
  const attached = new Map<string, ResponseEntry>();
  for (const entry of entries) {
    const contentId = includedContentId(entry.content);
    if (contentId === null) yield unsigned(entry, once(decodeInline(entry, maxBytes)));
    else if (parts === null || attached.has(contentId)) throw refused('a document without an attachment of its own');
    else attached.set(contentId, entry);
  }
  if (parts === null) return;
  for await (const part of parts) {
    const contentId = contentIdOf(part.headers) ?? '';
    const entry = attached.get(contentId);
    if (entry === undefined) throw refused('an attachment that is no document, or came twice');
    attached.delete(contentId);
    yield unsigned(entry, capped(part.content, maxBytes));
  }
  if (attached.size > 0) throw refused('a document is missing');
}

function unsigned(entry: ResponseEntry, content: AsyncIterable<Uint8Array>): UnsignedDocument {
  const { repositoryUniqueId, documentUniqueId, mimeType } = entry;
  return { repositoryUniqueId, documentUniqueId, mimeType, content };
}

function decodeInline({ content }: ResponseEntry, maxBytes: number): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = fromBase64(textOf(content).replace(/[\t\n\r ]+/g, ''));
  } catch (cause) {
    throw new XdsError({ code: 'XDS_BODY', reason: 'a Document that is no base64' }, 'body refused: no base64', {
      cause,
    });
  }
  if (bytes.length > maxBytes) throw tooLarge(maxBytes);
  return bytes;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}

async function* capped(content: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array, void> {
  let received = 0;
  for await (const chunk of content) {
    received += chunk.length;
    if (received > maxBytes) throw tooLarge(maxBytes);
    yield chunk;
  }
}

function tooLarge(maxBytes: number): XdsError {
  return new XdsError({ code: 'XDS_TOO_LARGE', what: 'document', maxBytes }, `document of more than ${maxBytes} bytes`);
}

function refused(reason: string): XdsError {
  return new XdsError({ code: 'XDS_RESPONSE', reason }, `answer refused: ${reason}`);
}
