/**
 * Documents of other ITI-43 repositories (IHE XDS.b), which know no grants: the request is not signed, and nothing but the
 * connection vouches for what comes. Whatever it is, it is written as it came, under names of our own; nobody looks inside.
 * Files are written beside `out` and have its name only when the whole answer was read: one that breaks off leaves nothing.
 */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf } from '@radpass/core';
import { createUnsignedRequest, type DocumentRequest, readUnsignedResponse, XdsError } from '@radpass/xds';
import { type ConnectSettings, guardedConnect } from '@radpass/xds/node';
import type { RequesterAudit } from './audit.js';
import { RequesterError } from './errors.js';

/** Largest document that is taken. */
const maxDocumentBytes = 68_719_476_736;

const endings: Record<string, string> = {
  'application/dicom': '.dcm',
  'application/pdf': '.pdf',
  'application/zip': '.zip',
  'application/xml': '.xml',
  'text/xml': '.xml',
  'text/plain': '.txt',
};

export interface FetchInit {
  /** The repository's ITI-43 endpoint: https. */
  url: string;
  /** 1 to 64. */
  documents: DocumentRequest[];
  /** A folder that is not there yet. */
  out: string;
  connect: ConnectSettings;
  audit?: RequesterAudit | undefined;
}

/** What came of one document; `path` is null when it did not come, and `errors` are the codes of why. */
export interface FetchedDocument {
  documentUniqueId: string;
  path: string | null;
  mimeType: string;
  bytes: number;
  sha256: string;
  errors: string[];
}

/**
 * Fetch documents, and tell the audit of each how it went.
 * @returns one outcome for each, in the order in which they were asked for
 * @throws RequesterError REQUESTER_OUT_EXISTS; XdsError as `readUnsignedResponse` and `guardedConnect`, XDS_HTTP
 */
export async function fetchDocuments(p: FetchInit): Promise<FetchedDocument[]> {
  if (existsSync(p.out)) {
    const detail = { code: 'REQUESTER_OUT_EXISTS', path: p.out } as const;
    throw new RequesterError(detail, `${p.out} is there already and is not overwritten`);
  }
  const tell = async (failureOf: (name: string) => string | null): Promise<void> => {
    for (const document of p.documents) {
      await p.audit?.importedFrom({ url: p.url, ...document }, failureOf(document.documentUniqueId));
    }
  };
  try {
    const fetched = await fetchInto(p);
    const failures = new Map(fetched.map(({ documentUniqueId, path }) => [documentUniqueId, path === null]));
    await tell(name => (failures.get(name) ? 'XDS_REFUSED' : null));
    return fetched;
  } catch (error) {
    await tell(() => codeOf(error));
    throw error;
  }
}

async function fetchInto(p: FetchInit): Promise<FetchedDocument[]> {
  await mkdir(dirname(p.out), { recursive: true, mode: 0o700 });
  const partial = await mkdtemp(`${p.out}.`);
  try {
    return await receiveInto(partial, p);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function receiveInto(partial: string, p: FetchInit): Promise<FetchedDocument[]> {
  const answer = await ask(p);
  try {
    const fetched = new Map<string, FetchedDocument>();
    for await (const { documentUniqueId, mimeType, content } of answer.documents()) {
      const number = p.documents.findIndex(document => document.documentUniqueId === documentUniqueId) + 1;
      const name = `document-${number}${endings[mimeType.replace(/;.*/s, '').trim().toLowerCase()] ?? '.bin'}`;
      const written = await write(join(partial, name), content);
      fetched.set(documentUniqueId, { documentUniqueId, path: join(p.out, name), mimeType, ...written, errors: [] });
    }
    if (fetched.size > 0) await rename(partial, p.out);
    for (const { document, errors } of answer.missing) {
      const { documentUniqueId } = document;
      const codes = errors.map(({ errorCode }) => (/^[\w:.-]{1,100}$/.test(errorCode) ? errorCode : 'unreadable'));
      fetched.set(documentUniqueId, {
        documentUniqueId,
        path: null,
        mimeType: '',
        bytes: 0,
        sha256: '',
        errors: codes,
      });
    }
    return p.documents.flatMap(({ documentUniqueId }) => fetched.get(documentUniqueId) ?? []);
  } finally {
    answer.close();
  }
}

async function ask(p: FetchInit): Promise<Awaited<ReturnType<typeof readUnsignedResponse>> & { close(): void }> {
  const { url, documents } = p;
  const { contentType, body, messageId } = createUnsignedRequest({ to: url, documents });
  const answer = await guardedConnect(
    url,
    { method: 'POST', headers: { 'content-type': contentType }, body },
    p.connect,
  );
  try {
    const isFault = answer.status >= 400 && /^application\/soap\+xml\b/i.test(answer.contentType);
    if (answer.status !== 200 && !isFault) {
      throw new XdsError({ code: 'XDS_HTTP', status: answer.status }, `expected status 200, got ${answer.status}`);
    }
    const read = await readUnsignedResponse({
      contentType: answer.contentType,
      stream: answer.stream,
      expect: { relatesTo: messageId, documents },
      maxDocumentBytes,
    });
    return { ...read, close: () => answer.close() };
  } catch (error) {
    answer.close();
    throw error;
  }
}

async function write(path: string, content: AsyncIterable<Uint8Array>): Promise<{ bytes: number; sha256: string }> {
  const file = await open(path, 'wx', 0o600);
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of content) {
      hash.update(chunk);
      bytes += chunk.length;
      await file.writeFile(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}
