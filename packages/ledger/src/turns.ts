/**
 * Whose turn it is to tell a quorum. Everybody who gathers the votes on a link raises the same certificate; told by all, it
 * would be half of the network's messages. So each voter waits for a time of its own and stays silent when it hears the
 * certificate in the meantime, by itself or in a block. The times are drawn by SHA-256(message ‖ nodeKey), so that another
 * voter comes first for each link:
 *
 *   delay = min(draw · voters · slotMs / 80, slotMs / 4)        draw from 0 to 1
 *
 * At slots of 4 s some voter of many speaks after 50 ms on average, whatever their number, another every 50 ms; with most
 * of them silent, nobody later than a second. Who leads a slot puts the certificate into its block without waiting.
 */
import { concatBytes, type PublicKey, sha256 } from '@radpass/core';
import { encodeVoteMessage, type VoteMessage } from './consensus/votes.js';

/** Of a slot: mean time between two voters whose turn comes. */
const stepShare = 1 / 80;
/** Of a slot: the longest delay. */
const longestShare = 1 / 4;

/** How long a voter waits before it tells a quorum, in ms. */
export function turnMs(message: VoteMessage, nodeKey: PublicKey, p: { voters: number; slotMs: number }): number {
  const hash = sha256(concatBytes(encodeVoteMessage(message), nodeKey));
  const draw = new DataView(hash.buffer, hash.byteOffset).getUint32(0) / 2 ** 32;
  return Math.floor(p.slotMs * Math.min(draw * p.voters * stepShare, longestShare));
}

/** Links whose quorum this node will tell, each at its time. */
export class Turns {
  #waiting: { readonly message: VoteMessage; readonly atMs: number }[] = [];

  add(message: VoteMessage, atMs: number): void {
    this.#waiting.push({ message, atMs });
  }

  /** When the next one is due. */
  get nextMs(): number {
    return this.#waiting.reduce((next, { atMs }) => Math.min(next, atMs), Number.POSITIVE_INFINITY);
  }

  /** Those that are due by now; they are forgotten with it. */
  take(nowMs: number): VoteMessage[] {
    const due = this.#waiting.filter(({ atMs }) => atMs <= nowMs);
    if (due.length > 0) this.#waiting = this.#waiting.filter(({ atMs }) => atMs > nowMs);
    return due.map(({ message }) => message);
  }
}
