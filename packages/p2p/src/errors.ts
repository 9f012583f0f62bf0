/** The codes of this package. They are stable inside a major version. */
import { CodedError } from '@radpass/core';

export type P2pErrorDetail =
  | { code: 'P2P_CONFIG'; field: 'seed' | 'chainId' | 'listen' | 'peers' } // createNetwork was given something unusable
  | { code: 'P2P_LISTEN' } // none or not all of the addresses can be listened on, e.g. the port is taken
  | { code: 'P2P_TOO_LARGE'; kind: string; bytes: number; maxBytes: number } // a message to publish is above its cap
  | { code: 'P2P_FRAME'; reason: 'closed early' | 'too large' | 'wrong count' | 'undecodable' | 'too many' } // a remote broke a protocol
  | { code: 'P2P_TIMEOUT'; what: 'status' | 'frame' | 'batch' | 'recent' } // a remote did not answer in time
  | { code: 'P2P_CHAIN_MISMATCH' }; // a remote serves another chain

/** What goes wrong between nodes; `detail` has the evidence. */
export class P2pError extends CodedError<P2pErrorDetail> {
  override readonly name = 'P2pError';
}
