/**
 * How the ledger's names appear in ITI-43: repositoryUniqueId = the source's key (its name for ever),
 * documentUniqueId = the studyHash, each as 64 lowercase hex characters. (rim:LongName allows 256 characters;
 * as OIDs, which allow 64, the values would not fit.)
 */
import { fromHex, type PublicKey, parsePublicKey, publicKeyHex, toHex } from '@radpass/core';
import { XdsError } from './errors.js';

const form = /^[0-9a-f]{64}$/;

/** The repositoryUniqueId of a source: 64 lowercase hex characters. */
export function repositoryUniqueId(sourceKey: PublicKey): string {
  return publicKeyHex(sourceKey);
}

/** The documentUniqueId of a study. @param studyHash - 32 bytes */
export function documentUniqueId(studyHash: Uint8Array): string {
  return toHex(studyHash);
}

/** @throws XdsError XDS_IDENTIFIER; CORE_PUBLIC_KEY when it can be no key */
export function parseRepositoryUniqueId(text: string): PublicKey {
  if (!form.test(text)) throw malformed('repositoryUniqueId');
  return parsePublicKey(text);
}

/** @returns the studyHash, 32 bytes @throws XdsError XDS_IDENTIFIER */
export function parseDocumentUniqueId(text: string): Uint8Array {
  if (!form.test(text)) throw malformed('documentUniqueId');
  return fromHex(text, 32);
}

function malformed(what: 'repositoryUniqueId' | 'documentUniqueId'): XdsError {
  return new XdsError({ code: 'XDS_IDENTIFIER', what }, `${what} is not 64 lowercase hex characters`);
}
