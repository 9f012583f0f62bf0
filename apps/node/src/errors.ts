/** What the node's own commands and API refuse. */
import { CodedError } from '@radpass/core';

export type NodeErrorDetail =
  | { code: 'NODE_FILE_EXISTS'; path: string } // a key or genesis is never overwritten
  | { code: 'NODE_FILE_UNREADABLE'; path: string; reason: string } // missing, no permission, or not of its form
  | { code: 'NODE_FOUNDER_PROOF'; path: string; which: string } // a founder's public file doesn't prove its keys
  | { code: 'NODE_RUNNING'; path: string } // the folder belongs to a node that runs
  | { code: 'NODE_DATA_DIR'; path: string; reason: string } // the folder can't be written
  | { code: 'NODE_REQUEST'; reason: string } // a request that the API doesn't know
  | { code: 'NODE_NOT_FOUND'; what: string } // asked for something that is not there
  | { code: 'NODE_NOT_READY'; reason: string } // up, and not able to answer yet
  | { code: 'NODE_CLOCK'; aheadByMs: number } // the machine's clock runs ahead of the network's: nothing is signed
  | { code: 'NODE_CLOCK_UNCOMPARED' } // just started: nothing is signed before the clock was compared with a peer's
  | { code: 'NODE_BUSY'; limit: number } // too many requests or event streams from one address
  | { code: 'NODE_FORBIDDEN'; reason: string } // the local surface: wrong token, Host or Origin
  | { code: 'NODE_OWNERSHIP'; reason: string } // a proof that doesn't hold
  | { code: 'NODE_CHECKPOINT'; reason: string } // the node that was asked doesn't bear out a checkpoint
  | { code: 'NODE_INTERNAL' } // a defect: the log has it
  | { code: 'NODE_CHECK_FAILED'; height: number; blockId: string; reason: string }; // verify found a bad block

export class NodeError extends CodedError<NodeErrorDetail> {}
