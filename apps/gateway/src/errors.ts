/** What the gateway refuses at its HTTP surfaces and commands; what it refuses by ITI-43 is @radpass/xds's. */
import { CodedError } from '@radpass/core';

export type GatewayErrorDetail =
  | { code: 'GATEWAY_REQUEST'; reason: string } // a request that the API doesn't know
  | { code: 'GATEWAY_NOT_FOUND'; what: string } // asked for something that is not there
  | { code: 'GATEWAY_FORBIDDEN'; reason: string } // the desk: wrong token, Host or Origin; ITI-43: no client certificate
  | { code: 'GATEWAY_OFFER_UNKNOWN' } // no such offer
  | { code: 'GATEWAY_OFFER_EXPIRED'; expires: number } // the offer's time is over
  | { code: 'GATEWAY_OFFER_VOID' } // redeemed twice: void, and the desk was told
  | { code: 'GATEWAY_CLAIM_INVALID'; reason: string } // the claim doesn't fit the offer, or its signature is wrong
  | { code: 'GATEWAY_STUDY_CLAIMED' } // the study has an owner, or somebody's claim on it is under way
  | { code: 'GATEWAY_CLAIM_STATE'; state: string } // the claim was decided already
  | { code: 'GATEWAY_REVOCATION_INVALID'; reason: string } // not a valid revocation of a study of ours
  | { code: 'GATEWAY_NOT_OWNER' } // the proof is by a key that doesn't own the study
  | { code: 'GATEWAY_STUDY_UNKNOWN'; study: string } // the store has no such study
  | { code: 'GATEWAY_STUDY_AMBIGUOUS'; studies: number } // an accession number of several studies
  | { code: 'GATEWAY_STUDY_WITHDRAWN' } // published in error: neither offered nor served again
  | { code: 'GATEWAY_BUSY' } // too many requests from this address
  | { code: 'GATEWAY_METHOD'; allow: string } // the path takes other methods
  | { code: 'GATEWAY_BINDING_INVALID'; reason: string } // the node's binding doesn't fit
  | { code: 'GATEWAY_SOURCE_UNKNOWN' } // the ledger doesn't name this source yet
  | { code: 'GATEWAY_NOT_RUNNING'; address: string } // the desk can't be reached: is the gateway started?
  | { code: 'GATEWAY_FILE'; path: string; reason: string } // a file that can't be read or written
  | { code: 'GATEWAY_DATA_DIR'; path: string; reason: string } // the folder can't be used
  | { code: 'GATEWAY_AUDIT_BROKEN'; record: number; why: string } // a disclosure record is changed, missing, or doesn't show why it was right to serve
  | { code: 'GATEWAY_CHECK_FAILED'; what: string } // `check` found something that would keep it from serving
  | { code: 'GATEWAY_INTERNAL' }; // a defect: the log has it

export class GatewayError extends CodedError<GatewayErrorDetail> {}
