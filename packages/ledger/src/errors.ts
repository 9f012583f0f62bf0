/**
 * The codes of this package, with what a caller needs to act in `detail`. Catalogue for people: docs/errors.md.
 *
 * LEDGER_BLOCK_BODY_SIZE and LEDGER_BLOCK_BODY_ROOT say nothing about the block that the header names: another body
 * may fit it. Every other LEDGER_BLOCK_… is a verdict on the block itself.
 */
import { CodedError } from '@radpass/core';

/** What is wrong with a certificate or a vote set in a block. */
export type VoteSetFault =
  | 'too many' // more certificates than the network allows
  | 'root' // of another era
  | 'slots' // target not after source, or not before the block, or too old for a loose set
  | 'unknown block' // source or target is no ancestor of the block
  | 'descent' // the target does not descend from the source, or either goes back behind what the chain records
  | 'bitmap' // wrong length, nobody, or a bit beyond the committee
  | 'count' // not one signature for each bit
  | 'quorum' // too little weight
  | 'nothing new' // raises nothing that the chain records
  | 'order' // loose sets not in strictly ascending order of their messages, or one repeats a certificate's message
  | 'signature'; // a signature that does not verify

export type LedgerErrorDetail =
  // consensus and blocks
  | { code: 'LEDGER_GENESIS'; reason: string } // a genesis file or its making that breaks a rule of genesis
  | { code: 'LEDGER_NO_STAKE'; slot: number } // a stake table without weight: nobody leads the slot
  | { code: 'LEDGER_VOTE'; reason: string } // bytes that are no vote
  | { code: 'LEDGER_BLOCK_SIZE'; max: number; got: number } // block longer than any can be
  | { code: 'LEDGER_BLOCK_ENCODING'; part: 'block' | 'header' | 'body'; at: string } // bytes that are no block
  | { code: 'LEDGER_BLOCK_BODY_SIZE'; expected: number; got: number } // body of another size than its header says
  | { code: 'LEDGER_BLOCK_BODY_ROOT'; root: 'tx' | 'vote' | 'witness' | 'evidence' } // body's list is not the one of the header
  | { code: 'LEDGER_BLOCK_VERSION'; expected: number; got: number } // rules version that this release does not know
  | { code: 'LEDGER_BLOCK_CHAIN' } // block of another network
  | { code: 'LEDGER_BLOCK_PARENT' } // parent or height do not continue the parent at hand
  | { code: 'LEDGER_BLOCK_SLOT'; parentSlot: number; slot: number } // slot not later than the parent's
  | { code: 'LEDGER_BLOCK_LEADER'; slot: number } // producer is not the slot's leader
  | { code: 'LEDGER_BLOCK_SIGNATURE' } // not signed by the leader's node key
  | { code: 'LEDGER_BLOCK_VRF' } // VRF proof does not hold
  | { code: 'LEDGER_BLOCK_EVIDENCE' } // evidence, which these rules do not know
  | { code: 'LEDGER_BLOCK_BYTES'; part: 'transactions' | 'votes'; max: number; got: number } // a part larger than the network allows
  | { code: 'LEDGER_BLOCK_ROOT' } // header's root is not the era's
  | { code: 'LEDGER_BLOCK_COMMITTEE' } // header's committeeRoot is not the era's voters
  | { code: 'LEDGER_BLOCK_CERTIFICATE'; index: number; fault: VoteSetFault } // a certificate that must not stand there
  | { code: 'LEDGER_BLOCK_VOTE_SET'; index: number; fault: VoteSetFault } // a loose vote set that must not stand there
  | { code: 'LEDGER_BLOCK_FINALITY'; field: 'justified' | 'finalized' } // header records another checkpoint than the certificates give
  | { code: 'LEDGER_BLOCK_TRANSACTION'; index: number; reason: string } // a transaction that does not apply; reason is its own code
  | { code: 'LEDGER_BLOCK_STATE_ROOT' }; // state after the block is not the header's

export class LedgerError extends CodedError<LedgerErrorDetail> {}
