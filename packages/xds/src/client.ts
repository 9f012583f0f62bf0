/**
 * The requester's side of ITI-43: ask for one study and accept nothing but the signed, whole, unchanged document.
 * The connection and the place where the bytes go are handed in; './node' has both.
 */
import type { PublicKey, RandomBytes, SecretKey, Verifier } from '@radpass/core';
import { XdsError } from './errors.js';
import { documentUniqueId, repositoryUniqueId } from './identifiers.js';
import { type IncrementalHash, readRetrieveResponse } from './readRetrieveResponse.js';
import { createRetrieveRequest, type SignedMessage } from './retrieveRequest.js';

/** One HTTP exchange. Follows no redirect; rejects unless the server is who it must be. */
export type Connect = (
  url: string,
  message: { method: 'POST'; headers: Record<string, string>; body: Uint8Array },
) => Promise<{
  status: number;
  contentType: string;
  contentLength: number | undefined;
  stream: AsyncIterable<Uint8Array>;
  close(): void;
}>;

export interface RetrieveOptions {
  /** The key that the grant names. */
  key: SecretKey;
  /** As the ledger has it. */
  url: string;
  /** `key` = the standing key, which signs answers; `sourceKey` = the source's name for ever. */
  source: { key: PublicKey; sourceKey: PublicKey };
  /** 32 bytes. */
  studyHash: Uint8Array;
  verifier: Verifier;
  /** Wall clock, Unix ms. */
  now: () => number;
  connect: Connect;
  /** Takes the document's bytes in order. They are whole and right only when `retrieveDocument` resolves. */
  write: (chunk: Uint8Array) => Promise<void>;
  /** What the document has to be; anything by default. */
  mimeType?: string;
  /** Largest document accepted, default 64 GiB. */
  maxDocumentBytes?: number;
  random?: RandomBytes;
  /** A faster SHA-256 than the one in JavaScript. */
  createHash?: () => IncrementalHash;
  /** `total`: the answer's announced length, if it has one. */
  onProgress?: (bytes: number, total?: number) => void;
  /** The request as it goes out. */
  onRequest?: (message: SignedMessage) => void;
}

const defaultMaxDocumentBytes = 64 * 2 ** 30;

/** A document that is on its way: the source's signature over its digest was verified, its bytes were not yet. */
export interface OpenedDocument {
  mimeType: string;
  /** as signed */
  sha256: Uint8Array;
  /** of the answer as announced, framing included */
  contentLength: number | undefined;
  /**
   * Single use. What was yielded is worth nothing until the iteration has ended without an error: the bytes hashed to
   * `sha256` then, and nothing else came. Leaving the loop closes the connection.
   */
  content: AsyncIterable<Uint8Array>;
  /** Close the connection without reading on. */
  close(): void;
}

/**
 * Retrieve one study.
 *
 * @returns size and SHA-256 of the document, the digest being the one that the source signed
 * @throws XdsError XDS_REFUSED {errorCode} when the source refuses in a signed answer, XDS_FAULT for a SOAP fault
 * (which is not signed), XDS_HTTP {status} for any other status, a redirect included, XDS_RESPONSE or XDS_DIGEST
 * and the codes of reading for an answer that isn't what it must be, and whatever `connect` and `write` throw
 */
export async function retrieveDocument(p: RetrieveOptions): Promise<{ bytes: number; sha256: Uint8Array }> {
  const opened = await openDocument(p);
  let bytes = 0;
  for await (const chunk of opened.content) {
    await p.write(chunk);
    bytes += chunk.length;
    p.onProgress?.(bytes, opened.contentLength);
  }
  return { bytes, sha256: opened.sha256 };
}

/**
 * Ask for one study and verify the head of the answer; the document is read by iterating `content`, or closed.
 * @throws as `retrieveDocument`
 */
export async function openDocument(p: Omit<RetrieveOptions, 'write' | 'onProgress'>): Promise<OpenedDocument> {
  const documents = [
    { repositoryUniqueId: repositoryUniqueId(p.source.sourceKey), documentUniqueId: documentUniqueId(p.studyHash) },
  ];
  const request = createRetrieveRequest({
    key: p.key,
    to: p.url,
    documents,
    now: p.now(),
    ...(p.random === undefined ? {} : { random: p.random }),
  });
  p.onRequest?.(request);
  const answer = await p.connect(p.url, {
    method: 'POST',
    headers: { 'content-type': request.contentType },
    body: request.body,
  });
  try {
    const isFault = answer.status >= 400 && /^application\/soap\+xml\b/i.test(answer.contentType);
    if (answer.status !== 200 && !isFault) {
      throw new XdsError({ code: 'XDS_HTTP', status: answer.status }, `expected status 200, got ${answer.status}`);
    }
    return await openAnswer(p, request.messageId, documents, answer);
  } catch (error) {
    answer.close();
    throw error;
  }
}

async function openAnswer(
  p: Omit<RetrieveOptions, 'write' | 'onProgress'>,
  relatesTo: string,
  documents: { repositoryUniqueId: string; documentUniqueId: string }[],
  answer: Awaited<ReturnType<Connect>>,
): Promise<OpenedDocument> {
  const { response, documents: parts } = await readRetrieveResponse({
    contentType: answer.contentType,
    stream: answer.stream,
    verifier: p.verifier,
    expect: { signer: p.source.key, relatesTo, now: p.now(), documents },
    maxDocumentBytes: p.maxDocumentBytes ?? defaultMaxDocumentBytes,
    ...(p.createHash === undefined ? {} : { createHash: p.createHash }),
  });
  const [promised] = response.documents;
  if (response.status !== 'Success' || promised === undefined) {
    const errorCode = response.errors[0]?.errorCode ?? 'XDSRepositoryError';
    throw new XdsError({ code: 'XDS_REFUSED', errorCode }, `the source refused: ${errorCode}`);
  }
  if (p.mimeType !== undefined && promised.mimeType !== p.mimeType) {
    const reason = `the document is no ${p.mimeType}`;
    throw new XdsError({ code: 'XDS_RESPONSE', reason }, `answer refused: ${reason}`);
  }
  async function* content(): AsyncGenerator<Uint8Array, void> {
    try {
      for await (const part of parts()) yield* part.content;
    } finally {
      answer.close();
    }
  }
  return {
    mimeType: promised.mimeType,
    sha256: promised.sha256,
    contentLength: answer.contentLength,
    content: content(),
    close: () => answer.close(),
  };
}
