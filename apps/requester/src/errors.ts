/** What the requester's own commands refuse; transfer and packaging have their own codes. */
import { CodedError } from '@radpass/core';

export type RequesterErrorDetail =
  | { code: 'REQUESTER_NOT_ALLOWED'; grant: number; state: string } // the grant was revoked or has expired
  | { code: 'REQUESTER_NO_GRANT' } // no patient allowed this document to a key of this inbox
  | { code: 'REQUESTER_SOURCE_CLOSED'; grant: number } // the directory has no endpoint for the source
  | { code: 'REQUESTER_STOW'; status: number; missing: number } // the archive did not take every instance; status 0 = no answer
  | { code: 'REQUESTER_AUDIT_FULL'; waiting: number } // the audit repository takes nothing, and no more records are kept for it
  | { code: 'REQUESTER_MISSING'; missing: number } // another repository did not give every document
  | { code: 'REQUESTER_OUT_EXISTS'; path: string } // files are never overwritten
  | { code: 'REQUESTER_INTERNAL' }; // a defect

export class RequesterError extends CodedError<RequesterErrorDetail> {}
