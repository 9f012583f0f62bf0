/**
 * Whether a block is valid after its parent, and the state that it leads to.
 *
 * Validity is ordered; each failure has its code, and the first one counts:
 *   version, chain, parent and height, slot, then the work between epochs (boundary.ts), leader, signature, VRF,
 *   bytes, evidence, certificates in order, vote sets, root, recorded checkpoints, committeeRoot, transactions in
 *   order, their and the votes' signatures (together, laterChecks.ts), state root.
 * What can't be decided yet (parent unknown, slot ahead of the clock) is the caller's and never "invalid". An invalid
 * block changes nothing: all changes are in a layer that is dropped.
 */
import { CodedError, compareBytes, equalBytes, type Transaction, type Verifier, verify } from '@radpass/core';
import { applyTransaction } from './applyTransaction.js';
import { type Block, bodyParts, type Header, missingBytes } from './block.js';
import { transactionAt } from './blockTransactions.js';
import { applyBoundary, dutyOfSlot, transactionContext } from './boundary.js';
import { faultOfVoteSet, judgeCertificate, type VoteContext } from './consensus/certificates.js';
import { addVrfOutput } from './consensus/chainTables.js';
import type { FinalityRecord } from './consensus/finality.js';
import { type Consensus, consensus } from './consensus/index.js';
import { epochOf } from './consensus/params.js';
import { rulesVersionAt } from './consensus/rulesVersions.js';
import { type Checkpoint, encodeVoteMessage, type VoteSet } from './consensus/votes.js';
import { LedgerError, type LedgerErrorDetail, type VoteSetFault } from './errors.js';
import type { Genesis } from './genesis.js';
import type { ParentView } from './genesisState.js';
import { LaterChecks } from './laterChecks.js';
import { applyEvidence, offencesOf } from './offences.js';
import { creditVotes } from './openDuties.js';
import { countOffences } from './openOffences.js';
import { committeeOf, recordStanding, type Standing, seatsOthers, standingAfter } from './standing.js';
import type { Hash } from './stateTree.js';
import { StateLayer } from './stateView.js';
import type { TransactionContext } from './transactionContext.js';

export interface ApplyBlockInput {
  readonly genesis: Genesis;
  readonly parent: ParentView;
  readonly block: Block;
  readonly verifier: Verifier;
  /** For blocks of this node's own store, whose signatures and VRF it checked before. */
  readonly skipSignatures?: boolean;
  /** SHA-256 of the platform, for the state tree. */
  readonly hash?: Hash;
  readonly rules?: Consensus | undefined;
}

function refuse(detail: LedgerErrorDetail, message: string): never {
  throw new LedgerError(detail, message);
}

function sameCheckpoint(a: Checkpoint, b: Checkpoint): boolean {
  return a.slot === b.slot && equalBytes(a.id, b.id);
}

/** Whether header and parent belong together. */
function checkPlace({ header }: Block, { genesis, parent }: ApplyBlockInput): void {
  const expected = rulesVersionAt(epochOf(header.slot, genesis.params));
  if (header.rulesVersion !== expected) {
    const detail = { code: 'LEDGER_BLOCK_VERSION', expected, got: header.rulesVersion } as const;
    refuse(detail, `rules version ${header.rulesVersion} is not that of the epoch, ${expected}`);
  }
  if (!equalBytes(header.chainId, genesis.chainId)) {
    refuse({ code: 'LEDGER_BLOCK_CHAIN' }, 'the block is of another network');
  }
  if (!equalBytes(header.parent, parent.id) || header.height !== parent.header.height + 1) {
    refuse({ code: 'LEDGER_BLOCK_PARENT' }, 'parent or height do not continue the parent');
  }
  if (header.slot <= parent.header.slot) {
    const detail = { code: 'LEDGER_BLOCK_SLOT', parentSlot: parent.header.slot, slot: header.slot } as const;
    refuse(detail, `slot ${header.slot} is not after the parent's, ${parent.header.slot}`);
  }
}

/** That the slot's leader made the block; gives its VRF output. */
function checkProducer(block: Block, layer: StateLayer, p: ApplyBlockInput): Uint8Array {
  const { header } = block;
  const { genesis, verifier, rules = consensus } = p;
  const { leader, nonce } = dutyOfSlot({ genesis, state: layer, slot: header.slot, rules });
  if (!equalBytes(leader.sourceKey, header.producer)) {
    refuse({ code: 'LEDGER_BLOCK_LEADER', slot: header.slot }, `the producer does not lead slot ${header.slot}`);
  }
  const { chainId } = genesis;
  if (!p.skipSignatures && !verify(verifier, block.signature, 'block', chainId, block.id, leader.nodeKey)) {
    refuse({ code: 'LEDGER_BLOCK_SIGNATURE' }, "the leader's node key did not sign the block");
  }
  const output = p.skipSignatures
    ? rules.beacon.vrfOutput(header.vrfProof)
    : rules.beacon.vrfVerify(leader.nodeKey, rules.beacon.vrfAlpha(chainId, nonce, header.slot), header.vrfProof);
  return output ?? refuse({ code: 'LEDGER_BLOCK_VRF' }, 'the VRF proof does not hold');
}

function checkBytes(block: Block, { genesis }: ApplyBlockInput): void {
  const { maxEvidenceBytes, maxTransactionBytes, maxVoteBytes } = genesis.params;
  const parts = bodyParts(block.body);
  const sizes = { ...parts, votes: parts.votes + (block.pruned ? missingBytes(block.body) : 0) };
  for (const [part, max] of [
    ['evidence', maxEvidenceBytes],
    ['transactions', maxTransactionBytes],
    ['votes', maxVoteBytes],
  ] as const) {
    const got = sizes[part];
    if (got > max) refuse({ code: 'LEDGER_BLOCK_BYTES', part, max, got }, `${part} take ${got} bytes of ${max}`);
  }
}

function certificateFault(index: number, fault: VoteSetFault): LedgerError {
  return new LedgerError({ code: 'LEDGER_BLOCK_CERTIFICATE', index, fault }, `certificate ${index}: ${fault}`);
}

function voteSetFault(index: number, fault: VoteSetFault): LedgerError {
  return new LedgerError({ code: 'LEDGER_BLOCK_VOTE_SET', index, fault }, `vote set ${index}: ${fault}`);
}

/** Where the chain stands after the block's certificates. */
function judgeCertificates(
  certificates: readonly VoteSet[],
  before: Standing,
  context: VoteContext,
  later: LaterChecks | null,
): Standing {
  let standing = before;
  certificates.forEach((certificate, index) => {
    const verifier = later?.verifier(() => certificateFault(index, 'signature')) ?? null;
    const isOver = index >= context.params.maxCertificates;
    const verdict = isOver ? 'too many' : judgeCertificate(certificate, standing, { ...context, verifier });
    if (typeof verdict === 'string') throw certificateFault(index, verdict);
    standing = verdict;
  });
  return standing;
}

/** Loose sets: each admissible, in strictly ascending order of their messages, none on a certificate's. */
function checkVoteSets(
  block: Block,
  standings: readonly Standing[],
  context: VoteContext,
  later: LaterChecks | null,
): void {
  const certified = block.body.certificates.map(set => encodeVoteMessage(set.message));
  let previous: Uint8Array | undefined;
  block.body.voteSets.forEach((set, index) => {
    const message = encodeVoteMessage(set.message);
    const inOrder = !previous || compareBytes(previous, message) < 0;
    previous = message;
    if (!inOrder || certified.some(other => equalBytes(other, message))) throw voteSetFault(index, 'order');
    const verifier = later?.verifier(() => voteSetFault(index, 'signature')) ?? null;
    const fault = faultOfVoteSet(set, standings, { ...context, verifier });
    if (fault) throw voteSetFault(index, fault);
  });
}

function checkRecord(header: Header, record: FinalityRecord): void {
  if (!sameCheckpoint(header.root, record.root)) {
    refuse({ code: 'LEDGER_BLOCK_ROOT' }, "the header's root is not the era's");
  }
  for (const field of ['justified', 'finalized'] as const) {
    if (!sameCheckpoint(header[field], record[field])) {
      refuse({ code: 'LEDGER_BLOCK_FINALITY', field }, `the chain records another ${field} checkpoint`);
    }
  }
}

function transactionFault(index: number, cause: CodedError): LedgerError {
  const detail = { code: 'LEDGER_BLOCK_TRANSACTION', index, reason: cause.code } as const;
  return new LedgerError(detail, `transaction ${index}: ${cause.message}`, { cause });
}

function unsigned({ tuple: { type } }: Transaction): LedgerError {
  return new LedgerError(
    { code: 'LEDGER_TX_SIGNATURE', type },
    `a signature of a tuple of type ${type} does not verify`,
  );
}

function applyTransactions(
  block: Block,
  layer: StateLayer,
  context: TransactionContext,
  later: LaterChecks | null,
): void {
  for (const index of block.body.transactions.keys()) {
    try {
      const transaction = transactionAt(block, index);
      const verifier = later?.verifier(() => transactionFault(index, unsigned(transaction))) ?? context.verifier;
      applyTransaction(layer, transaction, { ...context, verifier });
    } catch (cause) {
      if (!(cause instanceof CodedError)) throw cause;
      throw transactionFault(index, cause);
    }
  }
}

/**
 * Judge a block whose bytes parseBlock accepted, and apply it.
 * @returns the state after it, as a layer over the parent's
 * @throws LedgerError LEDGER_BLOCK_…; nothing is changed then
 */
export function applyBlock(p: ApplyBlockInput): StateLayer {
  const later = p.skipSignatures ? null : new LaterChecks(p.verifier);
  try {
    return judgeBlock(p, later);
  } catch (error) {
    // A signature before the fault that ended it counts first.
    if (error instanceof LedgerError) later?.settle();
    throw error;
  }
}

function judgeBlock(p: ApplyBlockInput, later: LaterChecks | null): StateLayer {
  const { genesis, parent, block, rules = consensus } = p;
  const { header } = block;
  checkPlace(block, p);
  const layer = new StateLayer(parent.state, p.hash);
  const epoch = epochOf(header.slot, genesis.params);
  applyBoundary(layer, { genesis, parentHeight: parent.header.height, epoch, rules });
  const output = checkProducer(block, layer, p);
  checkBytes(block, p);
  applyEvidence(layer, block.body.evidence, {
    genesis,
    parent,
    slot: header.slot,
    verifier: p.skipSignatures ? null : p.verifier,
    rules,
    verifierOf: fault => later?.verifier(fault) ?? null,
    apply: (accused, on) => applyBlock({ ...p, block: accused, parent: on, skipSignatures: false }),
  });
  countOffences(layer, epoch, offencesOf(block.body, layer));
  const book = { genesis, rules };
  const before = standingAfter(layer, parent, book);
  const context: VoteContext = {
    chainId: genesis.chainId,
    params: genesis.params,
    votersOf: seed => committeeOf(layer, seed, book),
    slot: header.slot,
    ancestor: id => parent.ancestor(id),
    verifier: null,
    pruned: block.pruned,
    rules,
  };
  const after = judgeCertificates(block.body.certificates, before, context, later);
  checkVoteSets(block, [before, after], context, later);
  checkRecord(header, after.record);
  creditVotes(layer, {
    slot: header.slot,
    parentSlot: parent.header.slot,
    body: block.body,
    committee: before.committee,
    seatsOthers: seatsOthers(layer, after),
    params: context.params,
  });
  const committeeRoot = recordStanding(layer, after, { ...book, slot: header.slot, parent });
  if (!equalBytes(header.committeeRoot, committeeRoot)) {
    refuse({ code: 'LEDGER_BLOCK_COMMITTEE' }, "the header's committeeRoot is not that of the era's voters");
  }
  addVrfOutput(layer, header.slot, output);
  const ofSlot = transactionContext({ ...p, state: layer, slot: header.slot });
  applyTransactions(block, layer, ofSlot, later);
  later?.settle();
  if (!equalBytes(layer.commitRoot(), header.stateRoot)) {
    refuse({ code: 'LEDGER_BLOCK_STATE_ROOT' }, "the state after the block is not the header's");
  }
  return layer;
}
