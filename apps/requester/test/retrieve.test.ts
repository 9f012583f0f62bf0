/** `retrieve` and documents that are no study: refused by their code, told to the audit, and nothing stays on disk. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Inbox, InboxGrant } from '@radpass/client';
import { SecretKey, sha256, utf8 } from '@radpass/core';
import { parseDocumentUniqueId, parseRepositoryUniqueId } from '@radpass/xds';
import { noise, type Repository, startRepository } from '../../../packages/xds/dist-test/interop/repository.js';
import { needs } from '../../../tools/needs.mjs';
import type { RequesterAudit } from '../dist/audit.js';
import { retrieveGrant } from '../dist/retrieve.js';

const requester = SecretKey.fromSeed(sha256(utf8('requester')));

needs('openssl', describe)('retrieve', () => {
  let source: Repository;
  let folder = '';
  let out = '';
  let received = 0;
  const retrieved: unknown[] = [];
  const imported: (string | null)[] = [];

  beforeAll(async () => {
    source = await startRepository();
    folder = mkdtempSync(join(tmpdir(), 'radpass-retrieve-'));
  });
  afterAll(() => {
    source.close();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    out = mkdtempSync(join(folder, 'out-'));
    received = 0;
    imported.length = 0;
  });

  function retrieve(change: Partial<InboxGrant> = {}): Promise<unknown> {
    const sourceKey = parseRepositoryUniqueId(source.repositoryUniqueId);
    const studyHash = parseDocumentUniqueId(source.documentUniqueId);
    const entry = { url: source.url, sourceKey, standingKey: sourceKey, tlsPins: [] as Uint8Array[] };
    const grant = { grant: 1, state: 'allowed', sourceKey, studyHash, source: entry, recordNumber: null, ...change };
    return retrieveGrant(grant as unknown as InboxGrant, {
      inbox: { keyOf: () => requester, markRetrieved: async () => void retrieved.push(grant) } as unknown as Inbox,
      out,
      connect: { ca: readFileSync(source.caFile, 'utf8'), allowPrivate: true },
      onProgress: bytes => {
        received = bytes;
      },
      onBusy: () => undefined,
      audit: {
        imported: async (_: InboxGrant, failure: string | null) => void imported.push(failure),
      } as unknown as RequesterAudit,
    });
  }

  it.each(['application/pdf', 'application/dicom'])('refuses %s before a byte of it', async mimeType => {
    source.hold({ ...noise(500_000), mimeType });
    await expect(retrieve()).rejects.toMatchObject({
      code: 'XDS_RESPONSE',
      detail: { reason: 'the document is no application/zip' },
    });
    expect([received, imported, readdirSync(out)]).toEqual([0, ['XDS_RESPONSE'], []]);
  });

  it('keeps nothing of a document that is no study though its source signed it', async () => {
    source.hold(noise(500_000));
    await expect(retrieve()).rejects.toMatchObject({ code: 'IMAGING_ZIP' });
    expect([received, imported, readdirSync(out)]).toEqual([500_000, ['IMAGING_ZIP'], []]);
    expect(retrieved).toEqual([]);
  });

  it('asks nobody when the grant does not stand, or the source is closed', async () => {
    const before = source.reasons().length;
    await expect(retrieve({ state: 'revoked' })).rejects.toMatchObject({ code: 'REQUESTER_NOT_ALLOWED' });
    await expect(retrieve({ source: null })).rejects.toMatchObject({ code: 'REQUESTER_SOURCE_CLOSED' });
    expect([imported, source.reasons().length, existsSync(out)]).toEqual([[], before, true]);
  });
});
