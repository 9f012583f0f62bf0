/** The local endpoint between a consumer that signs nothing and a source on TLS that serves nobody else. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { InboxGrant } from '@radpass/client';
import { equalBytes, SecretKey, sha256, utf8 } from '@radpass/core';
import {
  createUnsignedRequest,
  type DocumentRequest,
  parseDocumentUniqueId,
  parseRepositoryUniqueId,
  readUnsignedResponse,
} from '@radpass/xds';
import { noise, type Repository, startRepository } from '../../../packages/xds/dist-test/interop/repository.js';
import { needs } from '../../../tools/needs.mjs';
import type { LocalOutcome } from '../dist/localRepository.js';
import { serve } from '../dist/serve.js';

const mebibyte = 1_048_576;
const requester = SecretKey.fromSeed(sha256(utf8('requester')));
const patient = SecretKey.fromSeed(sha256(utf8('patient')));

needs('openssl', describe)('serve', () => {
  let source: Repository;
  let known: DocumentRequest;
  let home = '';
  let local: Awaited<ReturnType<typeof serve>>;
  let grant: InboxGrant;
  /** Grants of other studies of the same source. */
  let others: InboxGrant[] = [];
  let opened = 0;
  const outcomes: LocalOutcome[] = [];

  beforeAll(async () => {
    source = await startRepository();
    known = { repositoryUniqueId: source.repositoryUniqueId, documentUniqueId: source.documentUniqueId };
  });
  afterAll(() => source.close());

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'radpass-serve-'));
    outcomes.length = 0;
    others = [];
    opened = 0;
    source.allow(true);
    const sourceKey = parseRepositoryUniqueId(source.repositoryUniqueId);
    grant = {
      grant: 4,
      label: 'Dr. D',
      patientKey: patient.publicKey,
      requesterKey: requester.publicKey,
      sourceKey,
      studyHash: parseDocumentUniqueId(source.documentUniqueId),
      notAfter: 0,
      state: 'allowed',
      source: {
        sourceKey,
        standingKey: sourceKey,
        nodeKey: sourceKey,
        url: source.url,
        seq: 1,
        tlsPins: [],
        nextKeyHash: new Uint8Array(),
        studyCount: 1,
      },
      retrieved: false,
      recordNumber: null,
    };
    local = await serve({
      home,
      listen: '127.0.0.1:0',
      openInbox: async () => {
        opened += 1;
        return {
          grantOf: async (key, hash) =>
            [grant, ...others].find(g => equalBytes(key, g.sourceKey) && equalBytes(hash, g.studyHash)) ?? null,
          keyOf: () => requester,
        };
      },
      connect: { ca: readFileSync(source.caFile, 'utf8'), allowPrivate: true },
      onOutcome: outcome => outcomes.push(outcome),
    });
  });
  afterEach(async () => {
    await local.close();
    rmSync(home, { recursive: true });
  });

  /** A consumer may have its last byte a moment before the endpoint knows. */
  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise(resolve => setTimeout(resolve, 5));
  }
  async function outcomesOf(count: number): Promise<LocalOutcome[]> {
    await until(() => outcomes.length >= count);
    return outcomes;
  }

  /** Ask as a consumer would, and read the answer to its end. */
  async function ask(documents: DocumentRequest[]) {
    const message = createUnsignedRequest({ to: local.url, documents });
    const headers = { 'content-type': message.contentType };
    const answer = await fetch(local.url, { method: 'POST', headers, body: message.body });
    const read = await readUnsignedResponse({
      contentType: answer.headers.get('content-type') ?? '',
      stream: answer.body as unknown as AsyncIterable<Uint8Array>,
      expect: { relatesTo: message.messageId, documents },
      maxDocumentBytes: 100 * mebibyte,
    });
    const received: { documentUniqueId: string; mimeType: string; bytes: number; sha256: Uint8Array }[] = [];
    for await (const { documentUniqueId, mimeType, content } of read.documents()) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of content) chunks.push(chunk);
      const bytes = new Uint8Array(Buffer.concat(chunks));
      received.push({ documentUniqueId, mimeType, bytes: bytes.length, sha256: sha256(bytes) });
    }
    return { status: read.status, errors: read.errors, received };
  }

  it('passes a document through, byte for byte', async () => {
    const document = noise(3 * mebibyte + 17);
    source.hold(document);
    expect(await ask([known])).toEqual({
      status: 'Success',
      errors: [],
      received: [
        {
          documentUniqueId: known.documentUniqueId,
          mimeType: 'application/zip',
          bytes: document.size,
          sha256: new Uint8Array(document.sha256),
        },
      ],
    });
    expect(await outcomesOf(1)).toEqual([{ outcome: 'delivered', grant: 4 }]);
  });

  it('passes several documents through, of any kind, and what breaks with one costs no other', async () => {
    const [scan, report] = [noise(mebibyte + 1), { ...noise(70_000), mimeType: 'application/pdf' }];
    source.hold(scan);
    const second = { ...known, documentUniqueId: source.holdOther(report) };
    const revoked = { ...known, documentUniqueId: '0c'.repeat(32) };
    const of = (number: number, documentUniqueId: string, change: object = {}): InboxGrant =>
      ({ ...grant, grant: number, studyHash: parseDocumentUniqueId(documentUniqueId), ...change }) as InboxGrant;
    others = [of(5, second.documentUniqueId), of(6, revoked.documentUniqueId, { state: 'revoked' })];
    const whole = await ask([second, revoked, known]);
    expect(whole).toMatchObject({ status: 'PartialSuccess', errors: [{ location: revoked.documentUniqueId }] });
    expect(whole.received).toMatchObject([
      { documentUniqueId: second.documentUniqueId, mimeType: 'application/pdf', bytes: 70_000 },
      { documentUniqueId: known.documentUniqueId, mimeType: 'application/zip', bytes: scan.size },
    ]);
    expect(whole.received.map(({ sha256: digest }) => Buffer.from(digest))).toEqual(
      [report, scan].map(({ sha256: digest }) => Buffer.from(digest)),
    );
    const told = (outcome: LocalOutcome['outcome'], number: number, code?: string): LocalOutcome => ({
      outcome,
      grant: number,
      ...(code === undefined ? {} : { code }),
    });
    const ends = [told('refused', 6, 'REQUESTER_NOT_ALLOWED'), told('delivered', 5), told('delivered', 4)];
    expect(await outcomesOf(3)).toEqual(ends);

    source.holdOther({ ...report, sha256: new Uint8Array(32) });
    const partly = await ask([second, known]);
    expect(partly.received).toMatchObject([{ documentUniqueId: known.documentUniqueId, bytes: scan.size }]);
    const broken = { errorCode: 'XDSRepositoryError', location: second.documentUniqueId };
    expect(partly.errors).toMatchObject([broken]);
    expect(partly.errors[0]?.codeContext).toMatch(/^XDS_DIGEST: /);
    await until(() => readdirSync(join(home, 'serve-waiting')).length === 0);
  });

  it('passes a single document of another kind on under its own type', async () => {
    source.hold({ ...noise(1_000), mimeType: 'application/dicom' });
    expect(await ask([known])).toMatchObject({ status: 'Success', received: [{ mimeType: 'application/dicom' }] });
  });

  it('has an outcome for each of several documents, and leaves nothing behind', async () => {
    const document = noise(100_000);
    source.hold(document);
    const unknown = { ...known, documentUniqueId: '0b'.repeat(32) };
    const elsewhere = { repositoryUniqueId: '1.2.3', documentUniqueId: '4.5.6' };
    const { status, errors, received } = await ask([unknown, known, elsewhere, known]);
    expect(status).toBe('PartialSuccess');
    expect(received).toMatchObject([{ bytes: 100_000, sha256: new Uint8Array(document.sha256) }]);
    expect(errors).toMatchObject([
      { errorCode: 'XDSDocumentUniqueIdError', location: unknown.documentUniqueId },
      { errorCode: 'XDSUnknownRepositoryId', location: '4.5.6' },
    ]);
    expect(errors.map(error => error.codeContext.split(':')[0])).toEqual(['REQUESTER_NO_GRANT', 'XDS_IDENTIFIER']);
    await until(() => readdirSync(join(home, 'serve-waiting')).length === 0);
  });

  it.each([
    ['a grant that was revoked', { state: 'revoked' }, 'XDSDocumentUniqueIdError', 'REQUESTER_NOT_ALLOWED'],
    ['a source without an endpoint', { source: null }, 'XDSRepositoryError', 'REQUESTER_SOURCE_CLOSED'],
  ] as const)('asks nobody for %s', async (_, change, errorCode, code) => {
    Object.assign(grant, change);
    const before = source.reasons().length;
    expect(await ask([known])).toMatchObject({ status: 'Failure', errors: [{ errorCode }], received: [] });
    expect(await outcomesOf(1)).toEqual([{ outcome: 'refused', grant: 4, code }]);
    expect(source.reasons().length).toBe(before);
  });

  it("hands on the source's refusal, and any other failure as the repository's", async () => {
    source.allow(false);
    expect((await ask([known])).errors).toMatchObject([{ errorCode: 'XDSDocumentUniqueIdError' }]);
    expect(outcomes.at(-1)).toEqual({ outcome: 'refused', grant: 4, code: 'XDS_REFUSED' });
    grant.source!.tlsPins = [new Uint8Array(32)];
    expect((await ask([known])).errors).toMatchObject([{ errorCode: 'XDSRepositoryError' }]);
    expect(outcomes.at(-1)).toEqual({ outcome: 'refused', grant: 4, code: 'XDS_TLS_PIN' });
  });

  it('never ends an answer whose document is not what the source signed', async () => {
    source.hold({ ...noise(500_000), sha256: new Uint8Array(32) });
    await expect(ask([known])).rejects.toThrow();
    expect(await outcomesOf(1)).toEqual([{ outcome: 'broken', grant: 4, code: 'XDS_DIGEST' }]);
  });

  it('breaks off when the patient revokes under way', async () => {
    const long = noise(20 * mebibyte);
    source.hold({
      ...long,
      async *stream() {
        let given = 0;
        for await (const chunk of long.stream()) {
          given += chunk.length;
          if (given > 4 * mebibyte) source.revoke();
          yield chunk;
        }
      },
    });
    await expect(ask([known])).rejects.toThrow();
    expect(await outcomesOf(1)).toEqual([{ outcome: 'broken', grant: 4, code: 'XDS_CONNECTION' }]);
  });

  it('opens the inbox anew when another command wrote it', async () => {
    source.hold(noise(10));
    await ask([known]);
    await ask([known]);
    expect(opened).toBe(1);
    writeFileSync(join(home, 'inbox'), 'another card');
    await ask([known]);
    expect(opened).toBe(2);
  });

  /** Status of a GET, with headers as a page or another program could send them. */
  const statusOf = (url: string, headers: Record<string, string> = {}): Promise<number> =>
    new Promise((resolve, reject) => {
      request(url, { headers }, answer => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });

  it('is there for who knows its URL, on this machine, and for no page', async () => {
    const wsdl = await fetch(`${local.url}?wsdl`);
    expect(await wsdl.text()).toContain(`location="${local.url}"`);
    const { host } = new URL(local.url);
    expect(await statusOf(`${local.url}?wsdl`)).toBe(200);
    expect(await statusOf(`http://${host}/${'0'.repeat(64)}/iti43?wsdl`)).toBe(404);
    expect(await statusOf(`http://${host}/`)).toBe(404);
    expect(await statusOf(`${local.url}?wsdl`, { host: 'attacker.example' })).toBe(403);
    expect(await statusOf(`${local.url}?wsdl`, { origin: 'https://attacker.example' })).toBe(403);
    expect(await statusOf(local.url)).toBe(405);
  });

  it('answers what it cannot read with a fault', async () => {
    const post = async (body: string): Promise<[number, string]> => {
      const headers = { 'content-type': 'application/soap+xml' };
      const answer = await fetch(local.url, { method: 'POST', headers, body });
      return [answer.status, await answer.text()];
    };
    const [status, text] = await post('<nothing/>');
    expect([status, text.includes('soap:VersionMismatch')]).toEqual([500, true]);
    const many = createUnsignedRequest({
      to: local.url,
      documents: Array.from({ length: 17 }, (_, i) => ({ ...known, documentUniqueId: `${i}` })),
    });
    const [tooMany, reason] = await post(Buffer.from(many.envelope).toString());
    expect([tooMany, reason.includes('At most 16 documents'), reason.includes(many.messageId)]).toEqual([
      400,
      true,
      true,
    ]);
  });

  it('listens nowhere but on loopback', async () => {
    const beyond = serve({
      home,
      listen: '0.0.0.0:0',
      openInbox: () => Promise.reject(new Error('unused')),
      connect: { allowPrivate: false },
      onOutcome: () => undefined,
    });
    await expect(beyond).rejects.toThrow('loopback only');
  });
});
