/** What the wallet's commands answer with. */
import type { ClaimState, StudyCard } from './gatewayApi.js';

export interface Claimed {
  /** The study's number in this wallet, from 1. */
  study: number;
  card: StudyCard;
  /** Six words that the desk's screen must show too, before staff confirm. */
  words: string[];
}

export interface Allowed {
  study: number;
  label: string;
  /** Six words that the requester's screen must show too. */
  words: string[];
  transactionId: Uint8Array;
}

export interface ListedStudy {
  study: number;
  card: StudyCard;
  /** waiting … refused as the gateway says; "yours" only when the ledger's final state names this wallet's key. */
  state: ClaimState['state'] | 'yours' | 'lost' | 'unknown';
  /** Set when the source has re-established ownership for another key and the veto is still possible. */
  takeoverPending: boolean;
  /** `posted`: a node has taken it; otherwise `allow` with the same card completes it. */
  grants: { label: string; requesterKey: string; notAfter: number; posted: boolean; revoked: boolean }[];
}
