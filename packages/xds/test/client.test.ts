import { describe, expect, it } from '@jest/globals';
import { equalBytes, nobleVerifier, publicKeyHex, sha256, toHex, utf8 } from '@radpass/core';
import { type Connect, retrieveDocument } from '../dist/client.js';
import { createFault } from '../dist/fault.js';
import { createRetrieveResponse } from '../dist/retrieveResponse.js';
import { createWorld, document, memoryExchange, requester, source, stranger, studyHash, url } from './world.js';

const content = utf8('a zip of images '.repeat(5_000));

/** Retrieve through a connection that is handed in; gives what was written, too. */
async function retrieve(connect: Connect, change: Partial<Parameters<typeof retrieveDocument>[0]> = {}) {
  const written: Uint8Array[] = [];
  const result = await retrieveDocument({
    key: requester,
    url,
    source: { key: source.publicKey, sourceKey: source.publicKey },
    studyHash,
    verifier: nobleVerifier,
    now: Date.now,
    connect,
    write: async chunk => void written.push(chunk),
    ...change,
  });
  return { ...result, written: Buffer.concat(written) };
}

type Answer = { status: number; contentType: string; body: Uint8Array };

/** A connection that gives what `answer` makes of the request's MessageID. */
const answering =
  (answer: (relatesTo: string) => Answer | Promise<Answer>): Connect =>
  async (_url, message) => {
    const relatesTo = /<wsa:MessageID[^>]*>([^<]*)/.exec(Buffer.from(message.body).toString())![1]!;
    const { status, contentType, body } = await answer(relatesTo);
    return {
      status,
      contentType,
      contentLength: body.length,
      stream: (async function* () {
        for (let at = 0; at < body.length; at += 1_000) yield body.subarray(at, at + 1_000);
      })(),
      close: () => undefined,
    };
  };

async function signedAnswer(
  relatesTo: string,
  change: { key?: typeof source; hash?: Uint8Array; bytes?: Uint8Array; repository?: string } = {},
): Promise<Answer> {
  const message = createRetrieveResponse({
    key: change.key ?? source,
    relatesTo,
    now: Date.now(),
    documents: [
      {
        repositoryUniqueId: change.repository ?? document.repositoryUniqueId,
        documentUniqueId: toHex(change.hash ?? studyHash),
        mimeType: 'application/zip',
        size: content.length,
        sha256: sha256(content),
        content: async function* () {
          yield change.bytes ?? content;
        },
      },
    ],
    errors: [],
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of message.stream()) chunks.push(chunk);
  return { status: 200, contentType: message.contentType, body: Buffer.concat(chunks) };
}

describe('retrieveDocument', () => {
  it('gets the document from the service', async () => {
    const world = await createWorld();
    const progress: number[] = [];
    const {
      bytes,
      sha256: digest,
      written,
    } = await retrieve(
      async (_url, message) => {
        const answer = memoryExchange({ contentType: message.headers['content-type']!, body: message.body });
        await world.service.handle(answer.exchange);
        return {
          status: answer.seen.status,
          contentType: answer.seen.headers['content-type']!,
          contentLength: undefined,
          stream: (async function* () {
            yield answer.body();
          })(),
          close: () => undefined,
        };
      },
      { onProgress: n => progress.push(n) },
    );
    expect(bytes).toBe(16_000);
    expect(equalBytes(digest, sha256(written))).toBe(true);
    expect(progress.at(-1)).toBe(16_000);
  });

  it('accepts an honest answer', async () => {
    const { written } = await retrieve(answering(id => signedAnswer(id)));
    expect(written.equals(Buffer.from(content))).toBe(true);
  });

  const damaged = (change: (body: Buffer) => Uint8Array): Connect =>
    answering(async id => {
      const answer = await signedAnswer(id);
      return { ...answer, body: change(Buffer.from(answer.body)) };
    });
  const replaced = (body: Buffer, from: string | RegExp, to: string): Buffer =>
    Buffer.from(body.toString('latin1').replace(from, to), 'latin1');

  it.each<[string, string, Connect]>([
    ['by another key', 'XDS_RESPONSE', answering(id => signedAnswer(id, { key: stranger }))],
    [
      'to another request',
      'XDS_RESPONSE',
      answering(() => signedAnswer('urn:uuid:00000000-0000-4000-8000-000000000000')),
    ],
    ['with another study', 'XDS_RESPONSE', answering(id => signedAnswer(id, { hash: sha256(utf8('other')) }))],
    [
      'of another repository',
      'XDS_RESPONSE',
      answering(id => signedAnswer(id, { repository: publicKeyHex(stranger.publicKey) })),
    ],
    [
      'with a document that is not the signed one',
      'XDS_DIGEST',
      answering(id => signedAnswer(id, { bytes: utf8('a zip of doubts '.repeat(5_000)) })),
    ],
    [
      'with one bit of the document changed',
      'XDS_DIGEST',
      damaged(body => replaced(body, 'a zip of images', 'a zap of images')),
    ],
    ['whose end is missing', 'XDS_MIME', damaged(body => body.subarray(0, body.length - 30_000))],
    ['whose last line is missing', 'XDS_MIME', damaged(body => body.subarray(0, body.length - 10))],
    [
      'with one signed value changed',
      'XDS_REFERENCE_DIGEST',
      damaged(body => replaced(body, /application\/zip</, 'application/xyz<')),
    ],
    ['without a signature', 'XDS_SECURITY', damaged(body => replaced(body, /<ds:Signature .*<\/ds:Signature>/s, ''))],
    [
      'with its parts in another order',
      'XDS_MIME',
      damaged(body => {
        const text = body.toString('latin1');
        const boundary = /^(?:\r\n)?(--[^\r\n]*)\r\n/.exec(text)![1]!;
        const [before, first, second, after] = text.split(boundary);
        return Buffer.from([before, second, first, after].join(boundary), 'latin1');
      }),
    ],
  ])('refuses an answer %s', async (_, code, connect) => {
    await expect(retrieve(connect)).rejects.toMatchObject({ code });
  });

  it('refuses a document of another kind than was expected, before a byte of it', async () => {
    const honest = answering(id => signedAnswer(id));
    const write = async (): Promise<void> => expect('a byte').toBe('never written');
    const refused = { code: 'XDS_RESPONSE', detail: { reason: 'the document is no application/pdf' } };
    await expect(retrieve(honest, { mimeType: 'application/pdf', write })).rejects.toMatchObject(refused);
    expect((await retrieve(honest, { mimeType: 'application/zip' })).bytes).toBe(content.length);
  });

  it('refuses redirects and other pages by their status', async () => {
    for (const status of [204, 301, 302, 307, 404, 500, 503]) {
      const page = answering(() => ({ status, contentType: 'text/html', body: utf8('<p>moved</p>') }));
      await expect(retrieve(page)).rejects.toMatchObject({ code: 'XDS_HTTP', detail: { status } });
    }
  });

  it('refuses an honest answer that comes with a status of failure', async () => {
    const odd = answering(async id => ({ ...(await signedAnswer(id)), status: 500 }));
    await expect(retrieve(odd)).rejects.toMatchObject({ code: 'XDS_HTTP' });
  });

  it('tells a signed refusal from an unsigned fault', async () => {
    const refusal = answering(async relatesTo => {
      const errors = [{ errorCode: 'XDSDocumentUniqueIdError', codeContext: 'no', severity: 'Error' as const }];
      const message = createRetrieveResponse({ key: source, relatesTo, now: Date.now(), documents: [], errors });
      const chunks: Uint8Array[] = [];
      for await (const chunk of message.stream()) chunks.push(chunk);
      return { status: 200, contentType: message.contentType, body: Buffer.concat(chunks) };
    });
    await expect(retrieve(refusal)).rejects.toMatchObject({
      code: 'XDS_REFUSED',
      detail: { errorCode: 'XDSDocumentUniqueIdError' },
    });
    const fault = answering(() => createFault({ kind: 'security-invalid', text: 'The message was answered before.' }));
    await expect(retrieve(fault)).rejects.toMatchObject({ code: 'XDS_FAULT', detail: { subcode: 'InvalidSecurity' } });
  });

  it('refuses a document above its cap', async () => {
    const capped = retrieve(
      answering(id => signedAnswer(id)),
      { maxDocumentBytes: content.length - 1 },
    );
    await expect(capped).rejects.toMatchObject({ code: 'XDS_TOO_LARGE' });
  });

  it('closes the connection whatever happens', async () => {
    let closed = 0;
    const counting =
      (connect: Connect): Connect =>
      async (...call) => ({
        ...(await connect(...call)),
        close: () => {
          closed += 1;
        },
      });
    await retrieve(counting(answering(id => signedAnswer(id))));
    await expect(retrieve(counting(answering(id => signedAnswer(id, { key: stranger }))))).rejects.toThrow();
    expect(closed).toBe(2);
  });
});
