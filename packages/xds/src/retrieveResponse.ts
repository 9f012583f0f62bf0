/**
 * The signed ITI-43 answer, as a source makes it: always an MTOM package, the documents as attachments. The signature
 * covers each attachment by a plain cid: reference whose digest is the SHA-256 of its bytes, which the source knows
 * before it sends the first one; so the answer streams, with an exact length, and nothing is hashed under way.
 */
import { type RandomBytes, randomBytes, type SecretKey, sha256, toHex } from '@radpass/core';
import { addressingXml, createMessageId } from './addressing.js';
import { XdsError } from './errors.js';
import { type Attachment, packMultipart } from './mtom.js';
import {
  type AnnouncedDocument,
  isMimeType,
  maxDocuments,
  type RegistryError,
  responseXml,
  retrieveResponseAction,
} from './retrieveDocumentSet.js';
import { maxLifetimeMs } from './retrieveRequest.js';
import { createSecuredEnvelope } from './wsSecurity.js';

/** A document to be sent. */
export interface ResponseDocument {
  repositoryUniqueId: string;
  documentUniqueId: string;
  /** e.g. "application/zip" */
  mimeType: string;
  /** bytes that `content` gives */
  size: number;
  /** of those bytes; signed, so that a document that changed since is refused by its receiver */
  sha256: Uint8Array;
  content: () => AsyncIterable<Uint8Array>;
}

/** A message whose documents are read while it is sent. */
export interface StreamedMessage {
  contentType: string;
  /** bytes that `stream` gives, if it doesn't throw */
  contentLength: number;
  /**
   * @throws XdsError XDS_DOCUMENT_SIZE when a document is not as long as announced: break the connection then, never
   *   end the message
   */
  stream(): AsyncIterable<Uint8Array>;
  /** the XML alone */
  envelope: Uint8Array;
  /** SHA-256 of `envelope`, which fixes every document's bytes by the digests in it */
  digest: Uint8Array;
}

/**
 * Make a signed answer. Status: Failure without documents, PartialSuccess with documents and errors, else Success.
 *
 * @param p.key - the source's standing key
 * @param p.relatesTo - the request's MessageID
 * @param p.now - Unix ms, becomes Created; Expires is 5 minutes later
 * @throws RangeError with neither document nor error, with more than 64 of both, or with a malformed mimeType
 */
export function createRetrieveResponse(p: {
  key: SecretKey;
  relatesTo: string;
  now: number;
  documents: ResponseDocument[];
  errors: RegistryError[];
  random?: RandomBytes;
}): StreamedMessage {
  const { key, relatesTo, now, documents, errors, random = randomBytes } = p;
  if (documents.length + errors.length > maxDocuments)
    throw new RangeError(`more than ${maxDocuments} documents and errors`);
  const token = toHex(random(16));
  const announced = documents.map(
    ({ repositoryUniqueId, documentUniqueId, mimeType }, i): AnnouncedDocument => ({
      repositoryUniqueId,
      documentUniqueId,
      mimeType: checkMimeType(mimeType),
      contentId: `document-${i + 1}.${token}@radpass`,
    }),
  );
  const envelope = createSecuredEnvelope({
    key,
    addressing: addressingXml({ action: retrieveResponseAction, messageId: createMessageId(random), relatesTo }),
    body: responseXml(announced, errors),
    created: now,
    expires: now + maxLifetimeMs,
    attachments: announced.map(({ contentId }, i) => ({ contentId, sha256: documents[i]!.sha256 })),
  });
  const attachments = documents.map(
    (document, i): Attachment => ({
      contentId: announced[i]!.contentId,
      mimeType: document.mimeType,
      content: () => exactly(document),
    }),
  );
  const packed = packMultipart({ root: envelope, attachments, action: retrieveResponseAction, token });
  const { contentType, framingLength, stream } = packed;
  const contentLength = documents.reduce((sum, { size }) => sum + size, framingLength);
  return { contentType, contentLength, stream, envelope, digest: sha256(envelope) };
}

export function checkMimeType(mimeType: string): string {
  if (!isMimeType(mimeType)) throw new RangeError('mimeType is type/subtype, without parameters');
  return mimeType;
}

async function* exactly(document: ResponseDocument): AsyncGenerator<Uint8Array, void> {
  let sent = 0;
  for await (const chunk of document.content()) {
    sent += chunk.length;
    if (sent > document.size) throw wrongSize(document, sent);
    yield chunk;
  }
  if (sent !== document.size) throw wrongSize(document, sent);
}

function wrongSize({ documentUniqueId, size }: ResponseDocument, got: number): XdsError {
  return new XdsError(
    { code: 'XDS_DOCUMENT_SIZE', documentUniqueId, expected: size, got },
    `a document of ${size} bytes gave ${got}`,
  );
}
