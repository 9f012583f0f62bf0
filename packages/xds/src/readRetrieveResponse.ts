/**
 * The signed ITI-43 answer, as a requester reads it: the envelope first, verified before a byte of a document is
 * looked at; then one document after another, hashed as it passes. Nothing unsigned, missing, doubled, left over, or
 * signed by another key is accepted. What was yielded of a document is worth nothing until its iteration has ended
 * without an error: write to a temporary place, then rename.
 */

import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, equalBytes, type PublicKey, type Verifier } from '@radpass/core';
import { readAddressing } from './addressing.js';
import { XdsError } from './errors.js';
import { refuseFault } from './fault.js';
import { checkRoot, contentIdOf, type Part, readPackaging, readParts } from './mtom.js';
import {
  type DocumentRequest,
  type RegistryError,
  type ResponseStatus,
  readResponseBody,
  retrieveResponseAction,
} from './retrieveDocumentSet.js';
import { checkAction, maxLifetimeMs } from './retrieveRequest.js';
import { parseEnvelope } from './soap.js';
import { locateSecurity, readTimestamp, verifySecurity } from './wsSecurity.js';
import { xmlLimits } from './xmlReader.js';

/** Largest difference between two parties' clocks, in ms. */
const skewMs = 60_000;

/** What a source signed. */
export interface VerifiedResponse {
  signer: PublicKey;
  relatesTo: string;
  /** Unix ms */
  created: number;
  status: ResponseStatus;
  documents: {
    repositoryUniqueId: string;
    documentUniqueId: string;
    mimeType: string;
    contentId: string;
    /** of the document's bytes */
    sha256: Uint8Array;
  }[];
  errors: RegistryError[];
}

/** An incremental SHA-256; node:crypto's Hash is one. */
export interface IncrementalHash {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
}

export interface ReceivedDocument {
  documentUniqueId: string;
  /** single use; throws XDS_DIGEST at its end if the bytes are not those that were signed */
  content: AsyncIterable<Uint8Array>;
}

/**
 * Read an answer from a stream. The envelope is verified when this resolves; `documents()`, once, reads on, and ends
 * without an error only if every signed document came whole and nothing else did; it passes over a document that
 * the caller did not begin to read, checking it, and throws after one that was left in the middle. Leaving the loop
 * closes the stream.
 *
 * @param p.expect - the source's standing key, the request's MessageID, the time, and what was asked for
 * @param p.maxDocumentBytes - of each document
 * @param p.createHash - a faster SHA-256 than the one in JavaScript
 * @throws XdsError XDS_FAULT when the other side answers with a fault (unsigned: believe no more than "refused");
 *   XDS_RESPONSE, XDS_DIGEST, XDS_TOO_LARGE, XDS_MIME and the codes of a message's parts
 */
export async function readRetrieveResponse(p: {
  contentType: string;
  stream: AsyncIterable<Uint8Array>;
  verifier: Verifier;
  expect: { signer: PublicKey; relatesTo: string; now: number; documents: DocumentRequest[] };
  maxDocumentBytes: number;
  createHash?: () => IncrementalHash;
}): Promise<{ response: VerifiedResponse; documents(): AsyncGenerator<ReceivedDocument, void> }> {
  const packaging = readPackaging(p.contentType);
  if (packaging.form === 'soap') {
    refuseFault(parseEnvelope(await collect(p.stream)));
    throw refused('no attachments in it');
  }
  const parts = readParts(p.stream, packaging.boundary);
  try {
    const first = await parts.next();
    if (first.done === true) throw refused('no root part');
    checkRoot(first.value.headers, packaging.start);
    const envelope = parseEnvelope(await collect(first.value.content));
    refuseFault(envelope);
    const verified = verifySecurity(locateSecurity(envelope), { verifier: p.verifier, attachments: 'allowed' });
    if (!equalBytes(verified.signer, p.expect.signer)) throw refused('signed by another key');
    const { action, relatesTo } = readAddressing(verified.addressing);
    checkAction(action, retrieveResponseAction, packaging.action);
    if (relatesTo !== p.expect.relatesTo) throw refused('the answer to another request');
    const { created, expires } = readTimestamp(verified.timestamp);
    checkTime(created, expires, p.expect.now);
    const { status, documents, errors } = readResponseBody(verified.body);
    checkDocuments(status, documents, p.expect.documents);
    const response: VerifiedResponse = {
      signer: verified.signer,
      relatesTo,
      created,
      status,
      documents: joinDigests(documents, verified.attachments),
      errors,
    };
    return {
      response,
      documents: () => readDocuments(parts, response, p.maxDocumentBytes, p.createHash ?? sha256.create),
    };
  } catch (error) {
    await parts.return();
    throw error;
  }
}

async function* readDocuments(
  parts: AsyncGenerator<Part, void>,
  response: VerifiedResponse,
  maxBytes: number,
  createHash: () => IncrementalHash,
): AsyncGenerator<ReceivedDocument, void> {
  const missing = new Map(response.documents.map(document => [document.contentId, document]));
  for await (const part of parts) {
    const document = missing.get(contentIdOf(part.headers) ?? '');
    if (document === undefined) throw refused('an attachment that is not signed, or came twice');
    missing.delete(document.contentId);
    let whole = false;
    const content = checked(part.content, document, { maxBytes, hash: createHash(), onWhole: () => (whole = true) });
    yield { documentUniqueId: document.documentUniqueId, content };
    for await (const _ of content); // what the caller didn't begin to read is checked too
    if (!whole) throw refused('a document was left before its end');
  }
  if (missing.size > 0) throw refused('a signed document is missing');
}

async function* checked(
  content: AsyncIterable<Uint8Array>,
  { documentUniqueId, sha256: expected }: VerifiedResponse['documents'][number],
  how: { maxBytes: number; hash: IncrementalHash; onWhole: () => void },
): AsyncGenerator<Uint8Array, void> {
  let received = 0;
  for await (const chunk of content) {
    received += chunk.length;
    if (received > how.maxBytes) throw tooLarge('document', how.maxBytes);
    how.hash.update(chunk);
    yield chunk;
  }
  if (!equalBytes(how.hash.digest(), expected)) {
    throw new XdsError({ code: 'XDS_DIGEST', documentUniqueId }, 'a document is not the one that was signed');
  }
  how.onWhole();
}

function joinDigests(
  documents: { repositoryUniqueId: string; documentUniqueId: string; mimeType: string; contentId: string }[],
  attachments: readonly { contentId: string; sha256: Uint8Array }[],
): VerifiedResponse['documents'] {
  const digests = new Map(attachments.map(attachment => [attachment.contentId, attachment.sha256]));
  const joined = documents.map(document => {
    const digest = digests.get(document.contentId);
    if (digest === undefined) throw refused('a document that is not signed, or is announced twice');
    digests.delete(document.contentId);
    return { ...document, sha256: digest };
  });
  if (digests.size > 0) throw refused('a signed attachment that is no document');
  return joined;
}

/** Only what was asked for, each once; all of it when the status says so. */
function checkDocuments(
  status: ResponseStatus,
  documents: { repositoryUniqueId: string; documentUniqueId: string }[],
  expected: DocumentRequest[],
): void {
  const key = (d: { repositoryUniqueId: string; documentUniqueId: string }): string =>
    JSON.stringify([d.repositoryUniqueId, d.documentUniqueId]);
  const open = new Set(expected.map(key));
  for (const document of documents) {
    if (!open.delete(key(document))) throw refused('a document that was not asked for, or came twice');
  }
  if (status === 'Success' && open.size > 0) throw refused('success without all documents');
}

/** @throws XdsError XDS_TIMESTAMP */
function checkTime(created: number, expires: number, now: number): void {
  if (expires - created > maxLifetimeMs || created > now + skewMs || expires < now - skewMs) {
    throw new XdsError({ code: 'XDS_TIMESTAMP', reason: 'outside its time' }, 'the answer is outside its time');
  }
}

/** All of an envelope. @throws XdsError XDS_TOO_LARGE */
export async function collect(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number = xmlLimits.bytes,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge('envelope', maxBytes);
    chunks.push(chunk.slice()); // a view would keep all of what it is a view on
  }
  return concatBytes(...chunks);
}

function tooLarge(what: string, maxBytes: number): XdsError {
  return new XdsError({ code: 'XDS_TOO_LARGE', what, maxBytes }, `${what} of more than ${maxBytes} bytes`);
}

function refused(reason: string): XdsError {
  return new XdsError({ code: 'XDS_RESPONSE', reason }, `answer refused: ${reason}`);
}
