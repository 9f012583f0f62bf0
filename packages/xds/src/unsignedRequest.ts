/**
 * ITI-43 requests that nobody signed: what we send to repositories that know no grants, and what reaches the requester's
 * own local endpoint. A Radpass source refuses them; nothing here makes or reads what `decide` takes.
 */
import { type RandomBytes, randomBytes, toHex, utf8 } from '@radpass/core';
import { addressingXml, createMessageId, readUnsignedAddressing, wsaNamespace } from './addressing.js';
import { packMultipart, readPackaging, unpackRequest } from './mtom.js';
import { type DocumentRequest, readUnsignedRequestBody, requestXml, retrieveAction } from './retrieveDocumentSet.js';
import { checkAction, type SignedMessage } from './retrieveRequest.js';
import { envelopeXml, parseEnvelope } from './soap.js';

/**
 * Make an unsigned request, as an MTOM package.
 * @param p.documents - 1 to 64
 * @throws RangeError for documents outside their bounds
 */
export function createUnsignedRequest(p: {
  to: string;
  documents: DocumentRequest[];
  random?: RandomBytes;
}): SignedMessage {
  const { to, documents, random = randomBytes } = p;
  const messageId = createMessageId(random);
  const header = addressingXml({ action: retrieveAction, messageId, to, replyTo: 'anonymous' }, 'unsigned');
  const envelope = utf8(envelopeXml(header, requestXml(documents)));
  const token = toHex(random(16));
  const { contentType, head } = packMultipart({ root: envelope, attachments: [], action: retrieveAction, token });
  return { contentType, body: head, messageId, envelope };
}

/** What an unsigned request asks for. */
export interface UnsignedRequest {
  documents: DocumentRequest[];
  /** absent when the request has no WS-Addressing headers; an answer then goes out without them, too */
  addressing?: { messageId: string | undefined };
}

/**
 * Read an unsigned request, MTOM or plain, with or without WS-Addressing. Security headers are passed over.
 * @throws XdsError with the code of what is wrong; `toFault` makes the answer
 */
export function parseUnsignedRequest(contentType: string, body: Uint8Array): UnsignedRequest {
  const packaging = readPackaging(contentType);
  const envelope = parseEnvelope(unpackRequest(packaging, body));
  const documents = readUnsignedRequestBody(envelope.body);
  const headers = envelope.headers.filter(block => block.uri === wsaNamespace);
  if (headers.length === 0) return { documents };
  const { action, messageId } = readUnsignedAddressing(headers);
  checkAction(action, retrieveAction, packaging.action);
  return { documents, addressing: { messageId } };
}
