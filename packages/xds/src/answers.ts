/**
 * What the outside hears for each reason. Three kinds of answer:
 *
 *   a SOAP fault                           the message itself is refused
 *   XDSUnknownRepositoryId                 another repository's document (ITI TF-3 table 4.2.4.1-2)
 *   XDSRepositoryError, XDSRepositoryBusy  we can't answer now, whatever the document
 *   XDSDocumentUniqueIdError               not published, withdrawn, no grant, expired, revoked: one answer
 *
 * Registry errors travel in a signed RetrieveDocumentSetResponse with status Failure (PartialSuccess when
 * another document of the request is served), HTTP status 200.
 */
import type { RefusalReason } from './decide.js';
import type { FaultKind } from './errors.js';
import type { DocumentRequest, RegistryError } from './retrieveDocumentSet.js';

export type Answer =
  | { fault: FaultKind; text: string }
  | {
      errorCode: 'XDSUnknownRepositoryId' | 'XDSRepositoryError' | 'XDSRepositoryBusy' | 'XDSDocumentUniqueIdError';
      codeContext: string;
    };

const unavailable: Answer = {
  errorCode: 'XDSDocumentUniqueIdError',
  codeContext: 'The document is not available to this requester.',
};
const later: Answer = { errorCode: 'XDSRepositoryError', codeContext: 'The repository cannot answer now. Try later.' };

const answers: Record<RefusalReason, Answer> = {
  signature: { fault: 'security-failed-check', text: 'The signature does not verify.' },
  to: { fault: 'addressing', text: 'The message is addressed to another service.' },
  'expired-message': { fault: 'security-expired', text: 'The message is outside its time.' },
  replay: { fault: 'security-invalid', text: 'The message was answered before.' },
  repository: {
    errorCode: 'XDSUnknownRepositoryId',
    codeContext: 'The repositoryUniqueId is not that of this repository.',
  },
  'ledger-unreachable': later,
  'clock-stepped': later,
  'ledger-future': later,
  'ledger-stale': later,
  'source-closed': later,
  'source-rotated': later,
  'document-unavailable': later,
  'document-preparing': {
    errorCode: 'XDSRepositoryBusy',
    codeContext: 'The document is being made ready. Ask again.',
  },
  internal: later,
  rate: { errorCode: 'XDSRepositoryBusy', codeContext: 'Too many requests. Try later.' },
  'not-published': unavailable,
  withdrawn: unavailable,
  'no-grant': unavailable,
  'grant-expired': unavailable,
  revoked: unavailable,
};

/** The answer to a request, or to one document of it, that was refused for `reason`. */
export function answerFor(reason: RefusalReason): Answer {
  return answers[reason];
}

/** The same as the error of one document in a RetrieveDocumentSetResponse. */
export function registryError(document: DocumentRequest, reason: RefusalReason): RegistryError {
  const answer = answerFor(reason);
  const { errorCode, codeContext } =
    'errorCode' in answer ? answer : { errorCode: 'XDSRepositoryError', codeContext: answer.text };
  return { errorCode, codeContext, location: document.documentUniqueId, severity: 'Error' };
}
