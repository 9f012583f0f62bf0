/** The signed answer: made, streamed, read, verified; and everything that must not pass. */
import { describe, expect, it } from '@jest/globals';
import { concatBytes, nobleVerifier, type SecretKey, sha256, toBase64, utf8 } from '@radpass/core';
import { addressingXml } from '../dist/addressing.js';
import {
  createFault,
  createRetrieveResponse,
  type RegistryError,
  readRetrieveResponse,
  retrieveResponseAction,
  type StreamedMessage,
} from '../dist/index.js';
import { packMultipart } from '../dist/mtom.js';
import { responseXml } from '../dist/retrieveDocumentSet.js';
import { createSecuredEnvelope } from '../dist/wsSecurity.js';
import {
  attacker,
  documents,
  documentUniqueId,
  draft,
  now,
  refusalOf,
  repositoryUniqueId,
  requester,
  soapType,
  source,
  text,
} from './messages.js';

const relatesTo = 'urn:uuid:0fbfdced-6c01-4d09-a110-2201afedaa02';
const other = { repositoryUniqueId, documentUniqueId: '0'.repeat(64) };
const bytesOf = (seed: number): Uint8Array => new Uint8Array(5_000).map((_, i) => (i * seed) % 251);
const registryError: RegistryError = {
  errorCode: 'XDSDocumentUniqueIdError',
  codeContext: 'not "known" & so',
  severity: 'Error',
  location: 'x',
};

function document(name: { repositoryUniqueId: string; documentUniqueId: string }, content: Uint8Array) {
  return {
    ...name,
    mimeType: 'application/zip',
    size: content.length,
    sha256: sha256(content),
    content: async function* () {
      for (let at = 0; at < content.length; at += 999) yield content.subarray(at, at + 999);
    },
  };
}

interface Answer {
  key: SecretKey;
  relatesTo: string;
  now: number;
  documents: ReturnType<typeof document>[];
  errors: RegistryError[];
}

const answer = (change: Partial<Answer> = {}): StreamedMessage =>
  createRetrieveResponse({
    key: source,
    relatesTo,
    now,
    documents: [document(documents[0]!, bytesOf(3))],
    errors: [],
    ...change,
  });

async function whole(message: StreamedMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of message.stream()) chunks.push(chunk.slice());
  return concatBytes(...chunks);
}

interface Read {
  expected: typeof documents;
  maxDocumentBytes: number;
  leaveUnread: boolean;
}

async function read(contentType: string, bytes: Uint8Array, change: Partial<Read> = {}) {
  const stream = async function* () {
    for (let at = 0; at < bytes.length; at += 1_000) yield bytes.subarray(at, at + 1_000);
  };
  const { response, documents: received } = await readRetrieveResponse({
    contentType,
    stream: stream(),
    verifier: nobleVerifier,
    expect: { signer: source.publicKey, relatesTo, now, documents: change.expected ?? documents },
    maxDocumentBytes: change.maxDocumentBytes ?? 1_000_000,
  });
  const contents: [string, Uint8Array][] = [];
  for await (const { documentUniqueId: id, content } of received()) {
    if (change.leaveUnread) continue;
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(chunk.slice());
    contents.push([id, concatBytes(...chunks)]);
  }
  return { response, contents };
}

const readMessage = async (message: StreamedMessage, change: Partial<Read> = {}) =>
  read(message.contentType, await whole(message), change);

describe('a signed answer', () => {
  it('comes back as it was made, with exactly the announced length', async () => {
    const made = answer();
    const { response, contents } = await readMessage(made);
    expect(response).toMatchObject({
      signer: source.publicKey,
      relatesTo,
      created: now,
      status: 'Success',
      errors: [],
    });
    expect(response.documents).toMatchObject([
      { ...documents[0], mimeType: 'application/zip', sha256: sha256(bytesOf(3)) },
    ]);
    expect(contents).toEqual([[documentUniqueId, bytesOf(3)]]);
    expect((await whole(made)).length).toBe(made.contentLength);
    expect(made.digest).toEqual(sha256(made.envelope));
    expect(text(await whole(made))).toContain(text(made.envelope));
  });

  it('carries several documents, one after another', async () => {
    const made = answer({ documents: [document(documents[0]!, bytesOf(3)), document(other, new Uint8Array())] });
    const { contents } = await readMessage(made, { expected: [other, documents[0]!] });
    expect(contents).toEqual([
      [documentUniqueId, bytesOf(3)],
      [other.documentUniqueId, new Uint8Array()],
    ]);
  });

  it('says Failure with its errors, and no documents', async () => {
    const { response, contents } = await readMessage(answer({ documents: [], errors: [registryError] }));
    expect(response).toMatchObject({ status: 'Failure', documents: [], errors: [registryError] });
    expect(contents).toEqual([]);
  });

  it('says PartialSuccess with documents and errors, Success with warnings', async () => {
    const both = answer({ errors: [registryError] });
    expect((await readMessage(both, { expected: [...documents, other] })).response.status).toBe('PartialSuccess');
    const warned = await readMessage(answer({ errors: [{ ...registryError, severity: 'Warning' }] }));
    expect(warned.response).toMatchObject({ status: 'Success', errors: [{ severity: 'Warning' }] });
  });

  it('is not made empty, oversized or with header injection', () => {
    expect(() => answer({ documents: [] })).toThrow(RangeError);
    expect(() => answer({ documents: [], errors: [{ ...registryError, severity: 'Warning' }] })).toThrow(RangeError);
    expect(() => answer({ errors: Array(64).fill(registryError) })).toThrow(RangeError);
    expect(() => answer({ documents: [{ ...document(other, bytesOf(1)), mimeType: 'a/b\r\nX: y' }] })).toThrow(
      RangeError,
    );
  });

  it('fits its cap with 64 documents', async () => {
    const many = Array.from({ length: 64 }, (_, i) =>
      document({ repositoryUniqueId, documentUniqueId: `${i}`.padStart(64, '0') }, utf8(`${i}`)),
    );
    const { contents } = await readMessage(answer({ documents: many }), { expected: many });
    expect(contents).toHaveLength(64);
  });

  it('breaks off when a document is longer or shorter than announced', async () => {
    const content = document(documents[0]!, bytesOf(3));
    expect(await refusalOf(() => whole(answer({ documents: [{ ...content, size: 4_999 }] })))).toBe(
      'XDS_DOCUMENT_SIZE',
    );
    expect(await refusalOf(() => whole(answer({ documents: [{ ...content, size: 5_001 }] })))).toBe(
      'XDS_DOCUMENT_SIZE',
    );
  });
});

describe('an answer of another make', () => {
  it('is taken with a percent-encoded cid, and hashed by the hash that the caller gives', async () => {
    const announced = { ...documents[0]!, mimeType: 'application/zip', contentId: 'a%40b%2Bc' };
    const attachments = [{ contentId: announced.contentId, sha256: new Uint8Array(32).fill(5) }];
    const root = createSecuredEnvelope({
      key: source,
      addressing: addressingXml({ action: retrieveResponseAction, messageId: 'urn:x', relatesTo }),
      body: responseXml([announced], []),
      created: now,
      expires: now + 1_000,
      attachments,
    });
    const content = async function* () {
      yield utf8('zip');
    };
    const part = { contentId: 'a@b+c', mimeType: 'application/zip', content };
    const packed = packMultipart({ root, attachments: [part], action: retrieveResponseAction, token: 'x' });
    let hashed = 0;
    const { documents: received } = await readRetrieveResponse({
      contentType: packed.contentType,
      stream: packed.stream(),
      verifier: nobleVerifier,
      expect: { signer: source.publicKey, relatesTo, now, documents },
      maxDocumentBytes: 3,
      createHash: () => ({ update: bytes => (hashed += bytes.length), digest: () => new Uint8Array(32).fill(5) }),
    });
    for await (const { documentUniqueId: id } of received()) expect(id).toBe(documentUniqueId);
    expect(hashed).toBe(3);
  });
});

describe('a requester refuses an answer', () => {
  const cases: [string, () => StreamedMessage, Partial<Read>, string][] = [
    ['by another key', () => answer({ key: attacker }), {}, 'XDS_RESPONSE'],
    ['to another request', () => answer({ relatesTo: 'urn:uuid:1' }), {}, 'XDS_RESPONSE'],
    ['of another time, past', () => answer({ now: now - 361_000 }), {}, 'XDS_TIMESTAMP'],
    ['of another time, to come', () => answer({ now: now + 61_000 }), {}, 'XDS_TIMESTAMP'],
    [
      'with a document that was not asked for',
      () => answer({ documents: [document(other, bytesOf(3))] }),
      {},
      'XDS_RESPONSE',
    ],
    [
      'with a document twice',
      () => answer({ documents: [document(documents[0]!, bytesOf(3)), document(documents[0]!, bytesOf(3))] }),
      {},
      'XDS_RESPONSE',
    ],
    ['that claims success without all', () => answer(), { expected: [...documents, other] }, 'XDS_RESPONSE'],
    ['with a document larger than allowed', () => answer(), { maxDocumentBytes: 4_999 }, 'XDS_TOO_LARGE'],
    [
      'whose document has another digest',
      () => answer({ documents: [{ ...document(documents[0]!, bytesOf(3)), sha256: sha256(bytesOf(4)) }] }),
      {},
      'XDS_DIGEST',
    ],
    [
      'whose document has another digest, also when left unread',
      () => answer({ documents: [{ ...document(documents[0]!, bytesOf(3)), sha256: sha256(bytesOf(4)) }] }),
      { leaveUnread: true },
      'XDS_DIGEST',
    ],
  ];
  it.each(cases)('%s', async (_, make, change, code) => {
    expect(await refusalOf(() => readMessage(make(), change))).toBe(code);
  });

  const two = () => answer({ documents: [document(documents[0]!, bytesOf(3)), document(other, bytesOf(5))] });
  /** Edits as text, one byte a character. */
  async function edited(edit: (whole: string) => string, make = two): Promise<string> {
    const message = make();
    const before = Buffer.from(await whole(message)).toString('latin1');
    const after = edit(before);
    expect(after).not.toBe(before);
    return refusalOf(() =>
      read(message.contentType, Buffer.from(after, 'latin1'), { expected: [...documents, other] }),
    );
  }
  const boundaryOf = (whole: string): string => whole.slice(0, whole.indexOf('\r\n'));
  const split = (whole: string): string[] => whole.split(boundaryOf(whole));

  it.each<[string, (whole: string) => string, string]>([
    [
      'with a byte changed in a document',
      w => `${w.slice(0, -200)}${String.fromCharCode(w.charCodeAt(w.length - 200) ^ 1)}${w.slice(-199)}`,
      'XDS_DIGEST',
    ],
    ['with a byte left out of a document', w => w.slice(0, -200) + w.slice(-199), 'XDS_DIGEST'],
    [
      'with two documents exchanged',
      w =>
        w
          .replace('ID: <document-1.', 'ID: <document-x.')
          .replace('ID: <document-2.', 'ID: <document-1.')
          .replace('ID: <document-x.', 'ID: <document-2.'),
      'XDS_DIGEST',
    ],
    [
      'with a document missing',
      w =>
        split(w)
          .filter((_, i) => i !== 3)
          .join(boundaryOf(w)),
      'XDS_RESPONSE',
    ],
    [
      'with a document more',
      w =>
        split(w)
          .flatMap((part, i) => (i === 3 ? [part, part.replace('document-2', 'document-3')] : [part]))
          .join(boundaryOf(w)),
      'XDS_RESPONSE',
    ],
    [
      'with a document twice',
      w =>
        split(w)
          .flatMap((part, i) => (i === 3 ? [part, part] : [part]))
          .join(boundaryOf(w)),
      'XDS_RESPONSE',
    ],
    [
      'with an attachment that has no Content-ID',
      w => w.replace(/Content-ID: <document-1.*?>\r\n/, ''),
      'XDS_RESPONSE',
    ],
    [
      'with a document before the root',
      w => {
        const [start, root, one, ...rest] = split(w);
        return [start, one, root, ...rest].join(boundaryOf(w));
      },
      'XDS_MIME',
    ],
    ['that ends early', w => w.slice(0, -60), 'XDS_MIME'],
    ['that goes on', w => `${w}x`, 'XDS_MIME'],
    ['with a document renamed', w => w.replace(documentUniqueId, 'f'.repeat(64)), 'XDS_REFERENCE_DIGEST'],
    [
      'with an include of another part',
      w => w.replace('href="cid:document-1', 'href="cid:document-2'),
      'XDS_REFERENCE_DIGEST',
    ],
    [
      'whose status was changed',
      w => w.replace('ResponseStatusType:Success', 'ResponseStatusType:Failure'),
      'XDS_REFERENCE_DIGEST',
    ],
    [
      'whose attachment reference was taken out',
      w => w.replace(/<ds:Reference URI="cid:document-2.*?<\/ds:Reference>/, ''),
      'XDS_SIGNATURE',
    ],
    ['whose RelatesTo is not signed', w => w.replace(' wsu:Id="RelatesTo"', ''), 'XDS_REFERENCE'],
    ['without a signature', w => w.replace(/<ds:Signature .*<\/ds:Signature>/, ''), 'XDS_SECURITY'],
    [
      'with an inlined document',
      w => w.replace(/<xop:Include[^>]*cid:document-1[^>]*>/, toBase64(bytesOf(3))),
      'XDS_REFERENCE_DIGEST',
    ],
  ])('%s', async (_, edit, code) => {
    expect(await edited(edit)).toBe(code);
  });

  describe('that its source signed, but that contradicts itself:', () => {
    const announced = { ...documents[0]!, mimeType: 'application/zip', contentId: 'a@b' };
    const signed = { contentId: 'a@b', sha256: sha256(utf8('zip')) };
    const cases: [string, string, (typeof signed)[], string][] = [
      ['success without documents', responseXml([], [registryError]).replace('Failure', 'Success'), [], 'XDS_BODY'],
      ['failure with a document', responseXml([announced], []).replace(':Success', ':Failure'), [signed], 'XDS_BODY'],
      ['an unknown status', responseXml([announced], []).replace(':Success', ':Maybe'), [signed], 'XDS_BODY'],
      ['a document without a digest', responseXml([announced], []), [], 'XDS_RESPONSE'],
      [
        'a digest without a document',
        responseXml([announced], []),
        [signed, { ...signed, contentId: 'c' }],
        'XDS_RESPONSE',
      ],
      [
        'a mimeType that no header may hold',
        responseXml([{ ...announced, mimeType: 'application/zip&#13;&#10;X: y' }], []).replace(/&amp;#/g, '&#'),
        [signed],
        'XDS_BODY',
      ],
      [
        'a mimeType with parameters',
        responseXml([{ ...announced, mimeType: 'application/zip; x=y' }], []),
        [signed],
        'XDS_BODY',
      ],
      ['a document outside the message', responseXml([announced], []).replace('cid:', 'http:'), [signed], 'XDS_BODY'],
    ];
    it.each(cases)('%s', async (_, body, attachments, code) => {
      const addressing = addressingXml({ action: retrieveResponseAction, messageId: 'urn:x', relatesTo });
      const times = { created: now, expires: now + 1_000 };
      const root = createSecuredEnvelope({ key: source, addressing, body, attachments, ...times });
      const content = async function* () {
        yield utf8('zip');
      };
      const part = { contentId: 'a@b', mimeType: 'application/zip', content };
      const packed = packMultipart({ root, attachments: [part], action: retrieveResponseAction, token: 'x' });
      const chunks: Uint8Array[] = [];
      for await (const chunk of packed.stream()) chunks.push(chunk);
      expect(await refusalOf(() => read(packed.contentType, concatBytes(...chunks)))).toBe(code);
    });
  });

  it('whose document was left before its end', async () => {
    const made = answer();
    const { documents: received } = await readRetrieveResponse({
      contentType: made.contentType,
      stream: made.stream(),
      verifier: nobleVerifier,
      expect: { signer: source.publicKey, relatesTo, now, documents },
      maxDocumentBytes: 10_000,
    });
    const run = async (): Promise<void> => {
      for await (const { content } of received()) for await (const _ of content) break;
    };
    expect(await refusalOf(run)).toBe('XDS_RESPONSE');
  });

  it('that is its own request', async () => {
    const own = draft();
    expect(await refusalOf(() => read(soapType, utf8(own)))).toBe('XDS_RESPONSE');
    const packaged = `--b\r\nContent-Type: application/xop+xml\r\n\r\n${draft({ key: source })}\r\n--b--`;
    expect(
      await refusalOf(() => read('multipart/related; type="application/xop+xml"; boundary=b', utf8(packaged))),
    ).toBe('XDS_ACTION');
    const byMe = packaged.replace(draft({ key: source }), draft({ key: requester }));
    expect(await refusalOf(() => read('multipart/related; type="application/xop+xml"; boundary=b', utf8(byMe)))).toBe(
      'XDS_RESPONSE',
    );
  });

  it('that is a fault, plain or packaged, and says which', async () => {
    const fault = createFault({ kind: 'security-failed-check', relatesTo, text: 'no\u0007' });
    const run = (contentType: string, body: Uint8Array) => read(contentType, body);
    await expect(
      run(
        fault.contentType,
        fault.body.map(byte => (byte === 7 ? 63 : byte)),
      ),
    ).rejects.toMatchObject({
      detail: { code: 'XDS_FAULT', faultCode: 'Sender', subcode: 'FailedCheck', reason: 'no?' },
    });
    const plain = text(createFault({ kind: 'receiver', text: 'later' }).body);
    const packaged = utf8(`--b\r\nContent-Type: application/xop+xml\r\n\r\n${plain}\r\n--b--`);
    await expect(run('multipart/related; type="application/xop+xml"; boundary=b', packaged)).rejects.toMatchObject({
      detail: { code: 'XDS_FAULT', faultCode: 'Receiver', subcode: '' },
    });
  });

  it('whose envelope never ends, after 64 KiB, and closes the stream', async () => {
    let closed = false;
    const endless = async function* () {
      try {
        yield utf8('--b\r\nContent-Type: application/xop+xml\r\n\r\n');
        for (;;) yield new Uint8Array(10_000).fill(0x20);
      } finally {
        closed = true;
      }
    };
    const run = readRetrieveResponse({
      contentType: 'multipart/related; type="application/xop+xml"; boundary=b',
      stream: endless(),
      verifier: nobleVerifier,
      expect: { signer: source.publicKey, relatesTo, now, documents },
      maxDocumentBytes: 1,
    });
    expect(await refusalOf(() => run)).toBe('XDS_TOO_LARGE');
    expect(closed).toBe(true);
  });
});
