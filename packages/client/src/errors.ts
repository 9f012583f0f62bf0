/** What can go wrong between a client and a node or gateway; codes are API. */
import { CodedError } from '@radpass/core';

export type ClientErrorDetail =
  | { code: 'CLIENT_UNREACHABLE'; url: string; reason: string } // no connection, or it broke
  | { code: 'CLIENT_ANSWER_INVALID'; url: string; reason: string } // the answer is not what the API promises
  | { code: 'CLIENT_ANSWER_TOO_LARGE'; url: string; limitBytes: number } // the answer passed its cap
  | { code: 'CLIENT_REFUSED'; status: number; reason: string; remote: { code: string; detail: unknown } } // the other side said no, with its own code
  | { code: 'CLIENT_NOT_FOUND'; what: string } // asked for something that is not there
  | { code: 'CLIENT_TIMEOUT'; what: string; timeoutMs: number } // waited as long as was allowed
  | { code: 'CLIENT_DROPPED'; transactionId: string; reason: string } // the network did not take the transaction
  | { code: 'CLIENT_WRONG_NETWORK'; expected: string; got: string } // a card or node of another chain
  | { code: 'CLIENT_NODES_DISAGREE'; what: string } // fresh nodes of the gateway name different facts
  | { code: 'CLIENT_STATE_MOVED'; attempts: number } // the final state changed during every attempt to read it
  | { code: 'CLIENT_UNPROVEN'; what: string } // a node said something about the ledger and did not prove it
  | { code: 'CLIENT_OFFER_EXPIRED'; expires: number } // the desk's offer is too old
  | { code: 'CLIENT_CARD_EXPIRED'; expires: number } // the requester's card is too old
  | { code: 'CLIENT_STUDY_UNKNOWN'; study: number } // the wallet has no study of that number
  | { code: 'CLIENT_STUDY_NOT_YOURS'; study: number; state: string } // the ledger doesn't (yet) name this wallet's key as owner
  | { code: 'CLIENT_GRANT_UNKNOWN'; grant: number } // the inbox has no grant of that number
  | { code: 'CLIENT_NO_GRANT'; study: number } // nothing stands that could be revoked
  | { code: 'CLIENT_NO_REASSIGNMENT'; study: number } // nothing pending that could be vetoed
  | { code: 'CLIENT_CARD_USED_UP'; label: string } // every key of the card is in use already
  | { code: 'CLIENT_OFFER_MISMATCH'; what: string } // the gateway's answer doesn't fit the offer
  | { code: 'CLIENT_PROOF'; reason: string } // a proof bundle that doesn't show the grant it was kept for
  | { code: 'CLIENT_RECEIPT'; reason: string } // an access receipt that is not what the source must have signed
  | { code: 'CLIENT_PORT_IN_USE'; address: string } // another program listens there
  | { code: 'CLIENT_SECRET_FILE'; path: string; reason: string } // a secret file that others can read, or that is damaged
  | { code: 'CLIENT_RECORD_DAMAGED'; reason: string }; // the wallet's or inbox's own file can't be read

/** Thrown by everything in this package. */
export class ClientError extends CodedError<ClientErrorDetail> {}
