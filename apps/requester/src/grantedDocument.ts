/**
 * From the two ids of an ITI-43 request to the document: which grant of the inbox is meant, whom to ask, with which
 * key. Whatever can't be had becomes one error of the answer, with the errorCode that ITI TF-3 table 4.2.4.1-2 has for
 * it and our own stable code in its text; a source's own refusal keeps its errorCode.
 */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { InboxGrant } from '@radpass/client';
import { CodedError, type PublicKey, type SecretKey } from '@radpass/core';
import { nodeVerifier } from '@radpass/core/node';
import {
  type DocumentRequest,
  parseDocumentUniqueId,
  parseRepositoryUniqueId,
  type RegistryError,
  XdsError,
} from '@radpass/xds';
import { type ConnectSettings, type OpenStudyOptions, openStudy, retrieveStudy } from '@radpass/xds/node';
import { RequesterError } from './errors.js';

/** The part of an inbox that is needed here. */
export interface Grants {
  grantOf(sourceKey: PublicKey, studyHash: Uint8Array): Promise<InboxGrant | null>;
  keyOf(grant: InboxGrant): SecretKey;
}

/** A document that can be sent on. */
export interface GrantedDocument {
  grant: number;
  mimeType: string;
  /** Single use. Bytes of a document that streams count only when this ends without an error. */
  content: AsyncIterable<Uint8Array>;
  /** When `content` was not begun. */
  close(): void;
}

/** Why there is no document. */
export interface Refused {
  /** the grant's number, if there is one */
  grant?: number;
  code: string;
  error: RegistryError;
}

export interface GrantedDocumentInit {
  /** The inbox as it is now. */
  inbox: () => Promise<Grants>;
  connect: ConnectSettings;
}

/**
 * @param folder - receive the whole document there first; null = let it stream
 * @returns the document, its head verified, or why there is none. Never rejects.
 */
export async function openGranted(
  document: DocumentRequest,
  init: GrantedDocumentInit,
  folder: string | null,
): Promise<GrantedDocument | Refused> {
  let grant: number | undefined;
  try {
    const inbox = await init.inbox();
    const standing = await findGrant(document, inbox);
    grant = standing.grant;
    const terms = termsOf(standing, inbox.keyOf(standing), init.connect);
    if (folder === null) return { grant, ...(await openStudy(terms)) };
    const outFile = join(folder, `grant-${grant}`);
    const { mimeType } = await retrieveStudy({ ...terms, outFile });
    return { grant, mimeType, content: readFile(outFile), close: () => undefined };
  } catch (cause) {
    return { ...(grant === undefined ? {} : { grant }), ...refusalOf(document, cause) };
  }
}

async function* readFile(path: string): AsyncGenerator<Uint8Array, void> {
  yield* createReadStream(path, { highWaterMark: 262_144 });
}

async function findGrant(document: DocumentRequest, inbox: Grants): Promise<InboxGrant> {
  const sourceKey = parseRepositoryUniqueId(document.repositoryUniqueId);
  const grant = await inbox.grantOf(sourceKey, parseDocumentUniqueId(document.documentUniqueId));
  if (grant === null) throw new RequesterError({ code: 'REQUESTER_NO_GRANT' }, 'nobody allowed this document');
  return grant;
}

function termsOf(grant: InboxGrant, key: SecretKey, connect: GrantedDocumentInit['connect']): OpenStudyOptions {
  const { source, state } = grant;
  if (state !== 'allowed') {
    const detail = { code: 'REQUESTER_NOT_ALLOWED' as const, grant: grant.grant, state };
    throw new RequesterError(detail, `grant ${grant.grant} is ${state}`);
  }
  if (source === null) {
    const detail = { code: 'REQUESTER_SOURCE_CLOSED' as const, grant: grant.grant };
    throw new RequesterError(detail, 'the hospital has no endpoint at the moment');
  }
  return {
    key,
    url: source.url,
    source: { key: source.standingKey, sourceKey: source.sourceKey, tlsPins: source.tlsPins },
    studyHash: grant.studyHash,
    verifier: nodeVerifier,
    now: () => Date.now(),
    connect,
  };
}

function refusalOf(document: DocumentRequest, cause: unknown): { code: string; error: RegistryError } {
  const code = cause instanceof CodedError ? cause.code : 'REQUESTER_INTERNAL';
  const text = cause instanceof CodedError ? cause.message : 'a defect';
  const location = document.documentUniqueId;
  const error = {
    errorCode: errorCodeOf(cause),
    codeContext: `${code}: ${text}`,
    location,
    severity: 'Error',
  } as const;
  return { code, error };
}

function errorCodeOf(cause: unknown): string {
  if (cause instanceof RequesterError) {
    return cause.detail.code === 'REQUESTER_SOURCE_CLOSED' ? 'XDSRepositoryError' : 'XDSDocumentUniqueIdError';
  }
  if (cause instanceof XdsError) {
    const { detail } = cause;
    if (detail.code === 'XDS_REFUSED') return detail.errorCode;
    if (detail.code === 'XDS_IDENTIFIER') {
      return detail.what === 'repositoryUniqueId' ? 'XDSUnknownRepositoryId' : 'XDSDocumentUniqueIdError';
    }
  }
  return 'XDSRepositoryError';
}
