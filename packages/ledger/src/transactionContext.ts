/** What the rules of transactions know besides the state and the transaction itself: network, block and time. */
import type { Verifier } from '@radpass/core';
import type { Params } from './consensus/params.js';

/** One block of one network, as the rules of its transactions see it. */
export interface TransactionContext {
  readonly chainId: Uint8Array;
  /** Slot of the block. */
  readonly slot: number;
  /** genesisTimeMs + slot × slotMs. */
  readonly slotTimeMs: number;
  readonly epoch: number;
  readonly params: Params;
  readonly verifier: Verifier;
  /** The caller has checked all signatures against standingKeyFor of the state right before this transaction. */
  readonly skipSignatures?: boolean;
  /** Payers named in genesis. */
  readonly payers: readonly Uint8Array[];
  /** Sources that may register, as genesis names them; empty: all. */
  readonly allowList: readonly Uint8Array[];
  /** Whether the stake table of this epoch gives the source weight. */
  weighs(sourceKey: Uint8Array): boolean;
}
