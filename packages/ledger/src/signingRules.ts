/**
 * What a node key may sign after what it signed before; pure, so that every keeper of a record asks the same rules.
 *
 * A block: of a later slot than the last. A vote: for a later target than the last, from a source (era depth, slot) that is
 * not before the last one's. What was signed last may be signed again, for its signature is the same.
 */
import { equalBytes, sha256 } from '@radpass/core';
import { encodeVoteMessage, type VoteMessage } from './consensus/votes.js';
import { LedgerError } from './errors.js';
import type { SigningMarks } from './signer.js';

/** Marks of one network, with what tells a repetition from another signature; empty before the first. */
export interface Marks extends SigningMarks {
  readonly blockId: Uint8Array;
  readonly voteHash: Uint8Array;
}

const none = new Uint8Array(0);
export const unsigned: Marks = Object.freeze({
  blockSlot: 0,
  blockId: none,
  eraDepth: 0,
  sourceSlot: 0,
  targetSlot: 0,
  voteHash: none,
});

/** Whether the key has not voted since its record was restored: what it voted for before is unknown. */
export function isRestored(marks: Marks): boolean {
  return marks.voteHash.length === 0 && marks.targetSlot > 0;
}

/**
 * The marks that must be on disk before the block is signed; `marks` itself when it was signed before.
 * @throws LedgerError LEDGER_SIGN_DOUBLE_BLOCK
 */
export function marksForBlock(marks: Marks, slot: number, id: Uint8Array): Marks {
  if (slot === marks.blockSlot && equalBytes(id, marks.blockId)) return marks;
  if (slot <= marks.blockSlot) {
    throw new LedgerError(
      { code: 'LEDGER_SIGN_DOUBLE_BLOCK', slot, recordedSlot: marks.blockSlot },
      `refused to sign a block of slot ${slot}: one of slot ${marks.blockSlot} is recorded`,
    );
  }
  return { ...marks, blockSlot: slot, blockId: id };
}

/**
 * The marks that must be on disk before the vote is signed; `marks` itself when it was signed before.
 * @param eraDepth - number of eras before the vote's
 * @throws LedgerError LEDGER_SIGN_DOUBLE_VOTE, LEDGER_SIGN_SURROUND_VOTE
 */
export function marksForVote(marks: Marks, message: VoteMessage, eraDepth: number): Marks {
  const { sourceSlot, targetSlot } = message;
  const voteHash = sha256(encodeVoteMessage(message));
  if (equalBytes(voteHash, marks.voteHash)) return marks;
  const hasVoted = marks.voteHash.length > 0 || isRestored(marks);
  if (hasVoted && targetSlot <= marks.targetSlot) {
    throw new LedgerError(
      { code: 'LEDGER_SIGN_DOUBLE_VOTE', targetSlot, recordedTargetSlot: marks.targetSlot },
      `refused to vote for slot ${targetSlot}: a vote for slot ${marks.targetSlot} is recorded`,
    );
  }
  const isBack = sourceSlot < marks.sourceSlot && (eraDepth === marks.eraDepth || isRestored(marks));
  if (eraDepth < marks.eraDepth || isBack) {
    throw new LedgerError(
      { code: 'LEDGER_SIGN_SURROUND_VOTE', sourceSlot, recordedSourceSlot: marks.sourceSlot },
      `refused to vote from slot ${sourceSlot}: a vote from slot ${marks.sourceSlot} is recorded`,
    );
  }
  return { ...marks, eraDepth, sourceSlot, targetSlot, voteHash };
}
