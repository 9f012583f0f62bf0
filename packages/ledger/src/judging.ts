/**
 * The costly questions that a chain asks about what it received. All are pure: the same answer for the same bytes,
 * whichever node asks. They are one object so that a simulator of many nodes in one process can answer each once.
 */
import type { Verifier } from '@radpass/core';
import { type ApplyBlockInput, applyBlock } from './applyBlock.js';
import { type Block, parseBlock, parseKeptBlock } from './block.js';
import { parseCertificate, parseVote, type Vote, type VoteSet, verifyVote } from './consensus/votes.js';
import type { Changes } from './stateView.js';

export interface Judging {
  parseBlock(received: Uint8Array): Block;
  parseKeptBlock(received: Uint8Array): Block;
  /** Judge a block, and what it changes; throws as applyBlock does. */
  changesOf(p: ApplyBlockInput): Changes;
  /** @throws LedgerError LEDGER_VOTE, as parseVote */
  parseVote(received: Uint8Array): Vote;
  /** @throws LedgerError LEDGER_VOTE, as parseCertificate */
  parseCertificate(received: Uint8Array): VoteSet;
  /** Whether a loose vote's signature holds, by the strict rule. */
  isSigned(vote: Vote, network: { chainId: Uint8Array; verifier: Verifier }): boolean;
}

export const judging: Judging = Object.freeze({
  parseBlock,
  parseKeptBlock,
  changesOf: (p: ApplyBlockInput) => applyBlock(p).changes,
  parseVote,
  parseCertificate,
  isSigned: (vote: Vote, { chainId, verifier }: { chainId: Uint8Array; verifier: Verifier }) =>
    verifyVote(vote, chainId, { ...verifier, verify: (s, m, k) => verifier.verifyStrict(s, m, k) }),
});
