/**
 * What a gateway may ask a ledger before it serves a study. In process @radpass/ledger answers, over HTTP
 * @radpass/client.
 */
import type { PublicKey } from './keys.js';

/** All values as of one final state, unless said otherwise. */
export interface AccessFacts {
  chainId: Uint8Array;
  /** Newest final checkpoint; timeMs = genesisTime + slot × slotMs. The slot is the checkpoint's, not its block's. */
  checkpoint: { slot: number; blockId: Uint8Array; timeMs: number };
  /** null = never defined. An empty url = closed. */
  source: { standingKey: PublicKey; url: string; seq: number } | null;
  /** Effective at checkpoint.slot: a reassignment whose time has come is already counted. null = never defined. */
  study: { owner: PublicKey; ownerSinceSlot: number; generation: number; withdrawn: boolean } | null;
  /** The standing final allowAccess of study.owner for the requester; null if it is a revocation or absent. */
  grant: { seq: number; notAfter: number; receiptHash: Uint8Array; contentId: Uint8Array } | null;
  /**
   * Greatest seq of any valid revocation ever seen (final, mempool, any fork, delivered by hand), by study.owner, for
   * this requester or for everyone; 0 = none. A grant counts only if its seq is greater.
   */
  revokedSeq: number;
  /** Bundle for the disclosure record; canonical bytes, may be empty. */
  proof: Uint8Array;
}

/** What a watcher is told; `cursor` is where to go on after a break. */
export type AccessEvent =
  | { cursor: number; kind: 'final'; slot: number; timeMs: number } // a checkpoint became final
  | { cursor: number; kind: 'revocation'; transaction: Uint8Array } // a valid revocation was seen, final or not
  | { cursor: number; kind: 'change' } // a final state changed something else
  | { cursor: number; kind: 'heartbeat' }; // nothing happened; the stream is alive

export interface AccessView {
  facts(sourceKey: PublicKey, studyHash: Uint8Array, requesterKey: PublicKey): Promise<AccessFacts>;
  /**
   * Events after `cursor` (0 = from the oldest kept), without gaps.
   * @param onEnd - called once when the stream ends; with the error, if it was one
   * @returns stops watching
   */
  watch(cursor: number, onEvent: (event: AccessEvent) => void, onEnd?: (error?: Error) => void): () => void;
}
