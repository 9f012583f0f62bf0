/**
 * The signed ITI-43 request: made by a requester, parsed and verified by a source.
 *
 * bytes -> ParsedRequest (form checked, nothing verified) -> VerifiedRequest (values read from the signed parts of the
 * same tree). Whether the request may be served is `decide`'s to say: To, repositoryUniqueId, freshness, replay, grant.
 */
import {
  type PublicKey,
  type RandomBytes,
  randomBytes,
  type SecretKey,
  sha256,
  toHex,
  type Verifier,
} from '@radpass/core';
import { addressingXml, claimedMessageId, createMessageId, readAddressing, requireHeader } from './addressing.js';
import { XdsError } from './errors.js';
import { maxRequestBytes, packMultipart, readPackaging, unpackRequest } from './mtom.js';
import { type DocumentRequest, readRequestBody, requestXml, retrieveAction } from './retrieveDocumentSet.js';
import { parseEnvelope } from './soap.js';
import {
  createSecuredEnvelope,
  locateSecurity,
  readTimestamp,
  type SecuredEnvelope,
  verifySecurity,
} from './wsSecurity.js';

/** Longest time from Created to Expires, in ms. */
export const maxLifetimeMs = 300_000;

/** A message that is ready to send. */
export interface SignedMessage {
  contentType: string;
  body: Uint8Array;
  /** urn:uuid:…; the answer's RelatesTo */
  messageId: string;
  /** the XML alone, as it stands in `body` */
  envelope: Uint8Array;
}

/**
 * Make a signed request.
 *
 * @param p.key - the requester's key, named in the grant
 * @param p.to - the source's URL from the ledger
 * @param p.documents - 1 to 64
 * @param p.now - Unix ms, becomes Created
 * @param p.lifetimeMs - until Expires, at most 300,000, which is the default
 * @param p.form - MTOM package (default) or plain SOAP 1.2
 * @throws RangeError for a lifetime or documents outside their bounds
 */
export function createRetrieveRequest(p: {
  key: SecretKey;
  to: string;
  documents: DocumentRequest[];
  now: number;
  random?: RandomBytes;
  lifetimeMs?: number;
  form?: 'mtom' | 'soap';
}): SignedMessage {
  const { key, now, random = randomBytes, lifetimeMs = maxLifetimeMs, form = 'mtom' } = p;
  if (!(lifetimeMs > 0 && lifetimeMs <= maxLifetimeMs)) throw new RangeError(`lifetimeMs is 1 to ${maxLifetimeMs}`);
  const messageId = createMessageId(random);
  const envelope = createSecuredEnvelope({
    key,
    addressing: addressingXml({ action: retrieveAction, messageId, to: p.to, replyTo: 'anonymous' }),
    body: requestXml(p.documents),
    created: now,
    expires: now + lifetimeMs,
  });
  if (form === 'soap') {
    const contentType = `application/soap+xml; charset=UTF-8; action="${retrieveAction}"`;
    return { contentType, body: envelope, messageId, envelope };
  }
  const token = toHex(random(16));
  const { contentType, head } = packMultipart({ root: envelope, attachments: [], action: retrieveAction, token });
  return { contentType, body: head, messageId, envelope };
}

/** A request whose form is right; nothing in it is verified. */
export interface ParsedRequest {
  readonly secured: SecuredEnvelope;
  /** SHA-256 of the envelope's bytes */
  readonly digest: Uint8Array;
  /** of the Content-Type, if it has one */
  readonly announcedAction: string | undefined;
}

/** What a requester signed. */
export interface VerifiedRequest {
  /** the key that signed; a claim until the ledger says that it was granted something */
  signer: PublicKey;
  messageId: string;
  action: string;
  to: string;
  /** Unix ms */
  created: number;
  /** Unix ms, later than `created` */
  expires: number;
  documents: DocumentRequest[];
  /** SHA-256 of the envelope's bytes as received */
  digest: Uint8Array;
}

export { maxRequestBytes };

/**
 * Check a request's form: caps first, then package, XML, SOAP, WS-Security. No cryptography but one hash.
 * @throws XdsError with the code of what is wrong; `toFault` makes the answer
 */
export function parseRequest(contentType: string, body: Uint8Array): ParsedRequest {
  const packaging = readPackaging(contentType);
  const bytes = unpackRequest(packaging, body);
  return {
    secured: locateSecurity(parseEnvelope(bytes)),
    digest: sha256(bytes),
    announcedAction: packaging.action,
  };
}

/**
 * Verify a request again from the body that a disclosure record keeps. Its Content-Type is not kept: a package names its
 * boundary in its first line, everything else is a plain envelope, and the action is the one that was signed.
 * @throws as `parseRequest` and `verifyRequest`
 */
export function reopenRequest(body: Uint8Array, verifier: Verifier): VerifiedRequest {
  const firstLine = /^\s*--([\x20-\x7e]{1,70})\r\n/.exec(new TextDecoder('latin1').decode(body.subarray(0, 256)));
  const contentType =
    firstLine === null
      ? 'application/soap+xml'
      : `multipart/related; type="application/xop+xml"; boundary="${firstLine[1]!.replace(/["\\]/g, '\\$&')}"`;
  return verifyRequest(parseRequest(contentType, body), verifier);
}

/**
 * The MessageID of a request that is to be answered with a fault, if one can be read at all: unverified.
 * @param contentType, body - as given to `parseRequest`
 */
export function faultRelatesTo(contentType: string, body: Uint8Array): string | undefined {
  try {
    return claimedMessageId(parseEnvelope(unpackRequest(readPackaging(contentType), body)).headers);
  } catch (error) {
    if (error instanceof XdsError) return undefined;
    throw error;
  }
}

/**
 * Verify the signature over Body, Timestamp and every wsa header, and read the values from these.
 * @throws XdsError XDS_REFERENCE, XDS_REFERENCE_DIGEST, XDS_SIGNATURE, XDS_ADDRESSING, XDS_ACTION, XDS_TIMESTAMP, XDS_BODY
 */
export function verifyRequest(parsed: ParsedRequest, verifier: Verifier): VerifiedRequest {
  const verified = verifySecurity(parsed.secured, { verifier, attachments: 'refused' });
  const { action, messageId, to } = readAddressing(verified.addressing);
  checkAction(action, retrieveAction, parsed.announcedAction);
  const { created, expires } = readTimestamp(verified.timestamp);
  return {
    signer: verified.signer,
    messageId: requireHeader(messageId, 'MessageID'),
    action,
    to: requireHeader(to, 'To'),
    created,
    expires,
    documents: readRequestBody(verified.body),
    digest: parsed.digest,
  };
}

/** @throws XdsError XDS_ACTION */
export function checkAction(action: string, expected: string, announced: string | undefined): void {
  if (action !== expected) {
    throw new XdsError({ code: 'XDS_ACTION', reason: 'another action' }, `wsa:Action is not ${expected}`);
  }
  if (announced !== undefined && announced !== action) {
    throw new XdsError({ code: 'XDS_ACTION', reason: 'not as announced' }, 'wsa:Action differs from the Content-Type');
  }
}
