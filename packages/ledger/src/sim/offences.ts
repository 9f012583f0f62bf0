/** What adversaries sign against the rules, counted: an attack that was never made shows nothing. */
import { type PublicKey, toHex } from '@radpass/core';
import { encodeVoteMessage, type VoteMessage } from '../consensus/votes.js';
import type { SignatureWatch } from './simSigner.js';

export class Offences implements SignatureWatch {
  readonly #signed = new Map<string, string>();
  doubleBlocks = 0;
  doubleVotes = 0;

  block(nodeKey: PublicKey, slot: number, id: Uint8Array): void {
    if (this.#isAnother(`block ${toHex(nodeKey)} ${slot}`, toHex(id))) this.doubleBlocks++;
  }

  vote(nodeKey: PublicKey, message: VoteMessage): void {
    const name = `vote ${toHex(nodeKey)} ${message.targetSlot}`;
    if (this.#isAnother(name, toHex(encodeVoteMessage(message)))) this.doubleVotes++;
  }

  #isAnother(name: string, what: string): boolean {
    const first = this.#signed.get(name);
    this.#signed.set(name, first ?? what);
    return first !== undefined && first !== what;
  }
}
