/**
 * Speaking to the gateway byte by byte, as whoever tries something would: a POST of exactly these bytes over TLS, and
 * what came back, read by the requester's own strict reader.
 */
import { createHash } from 'node:crypto';
import { request } from 'node:https';
import { CodedError, fromHex, type PublicKey } from '@radpass/core';
import { nodeVerifier } from '@radpass/core/node';
import { parseRequest, readRetrieveResponse, type VerifiedRequest, verifyRequest, XdsError } from '@radpass/xds';

/** A message as it goes over the wire. */
export interface WireMessage {
  contentType: string;
  body: Uint8Array;
}

export interface WireAnswer {
  httpStatus: number;
  contentType: string;
  body: Uint8Array;
}

const timeoutMs = 15_000;
const maxDocumentBytes = 2 ** 32;

/** POST the bytes. @throws the connection's error, also when the gateway resets it */
export function post(url: string, ca: string, message: WireMessage): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': message.contentType, 'content-length': String(message.body.length) };
    const outgoing = request(url, { method: 'POST', headers, ca, timeout: timeoutMs, agent: false }, answer => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({
          httpStatus: answer.statusCode ?? 0,
          contentType: answer.headers['content-type'] ?? '',
          body: new Uint8Array(Buffer.concat(chunks)),
        }),
      );
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    outgoing.on('error', reject);
    outgoing.end(message.body);
  });
}

/** The request as the gateway will understand it. @throws XdsError when it is not a well-signed one */
export function readRequest(message: WireMessage): VerifiedRequest {
  return verifyRequest(parseRequest(message.contentType, message.body), nodeVerifier);
}

/** What the gateway's audit names a message by: the envelope's digest if its signature holds, else the body's. */
export function auditDigest(message: WireMessage): string {
  try {
    return Buffer.from(readRequest(message).digest).toString('hex');
  } catch (error) {
    if (error instanceof CodedError) return createHash('sha256').update(message.body).digest('hex');
    throw error;
  }
}

/** What an answer came to: the first error code, and how many bytes of documents it carried. */
export interface Outcome {
  /** '' when everything asked for was sent. */
  code: string;
  documentBytes: number;
}

/** Read an answer to the request. @param signer the source's standing key */
export async function readOutcome(answer: WireAnswer, sent: WireMessage, signer: string): Promise<Outcome> {
  const request = expectation(sent);
  try {
    const { response, documents } = await readRetrieveResponse({
      contentType: answer.contentType,
      stream: oneChunk(answer.body),
      verifier: nodeVerifier,
      expect: { ...request, signer: fromHex(signer, 32) as PublicKey, now: Date.now() },
      maxDocumentBytes,
    });
    let documentBytes = 0;
    for await (const { content } of documents()) {
      for await (const chunk of content) documentBytes += chunk.length;
    }
    return { code: response.errors[0]?.errorCode ?? '', documentBytes };
  } catch (error) {
    if (!(error instanceof XdsError)) throw error;
    const { detail } = error;
    return { code: detail.code === 'XDS_FAULT' ? detail.subcode || detail.faultCode : detail.code, documentBytes: 0 };
  }
}

/** A message whose signature doesn't hold is answered by a fault, whose reader needs no names. */
function expectation(sent: WireMessage): Pick<VerifiedRequest, 'documents'> & { relatesTo: string } {
  try {
    const { messageId, documents } = readRequest(sent);
    return { relatesTo: messageId, documents };
  } catch (error) {
    if (error instanceof CodedError) return { relatesTo: '', documents: [] };
    throw error;
  }
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
