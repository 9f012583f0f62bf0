/**
 * What the chain asks of a node key. The implementation with a record on disk is level/signingRecord.ts; it refuses
 * whatever would contradict an earlier signature, and so is the last word on safety (THREATS: double signing).
 */
import type { PublicKey } from '@radpass/core';
import type { VoteMessage } from './consensus/votes.js';

/** Highest marks of what the key signed on this network; zero before the first signature. */
export interface SigningMarks {
  readonly blockSlot: number;
  readonly eraDepth: number;
  readonly sourceSlot: number;
  readonly targetSlot: number;
}

export interface NodeSigner {
  readonly nodeKey: PublicKey;
  readonly marks: SigningMarks;
  /**
   * Set while the key waits after its record was restored: the slot of the restoring. Nothing is signed for a slot up to
   * the marks', and a signature seen for one after this slot was made by somebody else.
   */
  readonly restoredSlot?: number | undefined;
  /** Proof of 80 bytes (consensus/vrf.ts). */
  vrfProve(alpha: Uint8Array): Uint8Array;
  /** @throws LedgerError LEDGER_SIGN_DOUBLE_BLOCK, LEDGER_SIGNING_RECORD_FAILED */
  signBlock(slot: number, id: Uint8Array): Promise<Uint8Array>;
  /**
   * @param eraDepth - number of eras before the vote's
   * @throws LedgerError LEDGER_SIGN_DOUBLE_VOTE, LEDGER_SIGN_SURROUND_VOTE, LEDGER_SIGNING_RECORD_FAILED
   */
  signVote(message: VoteMessage, eraDepth: number): Promise<Uint8Array>;
  close(): Promise<void>;
}
