/** What the network asks of the node that uses it. The network knows bytes and verdicts, no rules. */
import type { PeerStatus } from './messages.js';

/** accept: valid and new, pass it on. ignore: not for us or known, nobody's fault. reject: no honest node sends this. */
export type Verdict = 'accept' | 'ignore' | 'reject';

/** One event for the log. Fields never hold addresses or keys; `peer` is the last 8 characters of a peer id. */
export type Log = (event: string, fields: Record<string, string | number | boolean>) => void;

export interface NetworkHandlers {
  onTransaction(bytes: Uint8Array): Promise<Verdict>;
  /** 'ignore' when the parent is unknown; the handler has then called `network.requestSync()`. */
  onBlock(bytes: Uint8Array): Promise<Verdict>;
  onVote(bytes: Uint8Array): Promise<Verdict>;
  status(): PeerStatus;
  /** Ids of own blocks, newest first, exponentially spaced, the chain id last; at most 32 of 32 bytes. */
  locator(): Uint8Array[];
  /** Serving: blocks of the head chain after the newest locator entry that is known, ascending, at most `limit`. */
  blocksAfter(locator: Uint8Array[], limit: number): AsyncIterable<Uint8Array>;
  /**
   * Syncing: at most 128, ascending; the first may be known, since a locator is sparse. 'bad': the peer lied. 'stop':
   * nothing new came of it. After blocks of another branch, `locator()` begins with that branch's tip if it is to go on.
   */
  importBlocks(blocks: Uint8Array[]): Promise<'ok' | 'bad' | 'stop'>;
}

export function peerLabel(peer: string): string {
  return peer.slice(-8);
}
