/**
 * The producer's half of applyBlock: a header and body that are valid after a parent, from what the producer has.
 * Whatever does not fit or does not apply is left out, so a bad candidate never costs the slot.
 */
import { CodedError, compareBytes, equalBytes, type Transaction, toHex, type Verifier } from '@radpass/core';
import { applyBlock } from './applyBlock.js';
import { applyTransaction } from './applyTransaction.js';
import { type Body, blockId, bodyRoots, encodeBody, encodeHeader, type Header } from './block.js';
import { applyBoundary, dutyOfSlot, transactionContext } from './boundary.js';
import { faultOfVoteSet, judgeCertificate, type VoteContext } from './consensus/certificates.js';
import { addVrfOutput, weightOf } from './consensus/chainTables.js';
import { type Consensus, consensus } from './consensus/index.js';
import type { StakeEntry } from './consensus/leader.js';
import { epochOf } from './consensus/params.js';
import { rulesVersionAt } from './consensus/rulesVersions.js';
import { encodeVoteMessage, encodeVoteSet, type VoteSet } from './consensus/votes.js';
import { LedgerError } from './errors.js';
import type { Genesis } from './genesis.js';
import type { ParentView } from './genesisState.js';
import { chooseEvidence, offencesOf } from './offences.js';
import { creditVotes } from './openDuties.js';
import { countOffences } from './openOffences.js';
import { chooseTransactions } from './producerPolicy.js';
import { committeeOf, recordStanding, type Standing, seatsOthers, standingAfter } from './standing.js';
import type { Hash } from './stateTree.js';
import { StateLayer } from './stateView.js';

export interface BuildBlockInput {
  readonly genesis: Genesis;
  readonly parent: ParentView;
  readonly slot: number;
  /** The slot's leader. */
  readonly producer: StakeEntry;
  /** By the producer's node key over vrfAlpha(chainId, nonce, slot), 80 bytes. */
  readonly vrfProof: Uint8Array;
  /** Quorums between what the parent records and the producer's highest, in the order in which they apply. */
  readonly certificates: readonly VoteSet[];
  /** Other votes, one set a message. */
  readonly voteSets: readonly VoteSet[];
  /** Records of evidence (consensus/evidence.ts), the most wanted first. */
  readonly evidence?: readonly Uint8Array[];
  /** In order of arrival. */
  readonly candidates: readonly Transaction[];
  readonly verifier: Verifier;
  /** SHA-256 of the platform, for the state tree. */
  readonly hash?: Hash;
  readonly rules?: Consensus | undefined;
}

export interface BuiltBlock {
  readonly header: Header;
  readonly body: Body;
  /** What the producer's node key signs, purpose `block`; 32 bytes. */
  readonly id: Uint8Array;
  /** The state after the block, over the parent's. */
  readonly layer: StateLayer;
}

type Votes = Pick<Body, 'certificates' | 'voteSets'>;

/** The certificates that apply one after the other, then the newest loose sets that fit. */
function chooseVotes(p: BuildBlockInput, before: Standing, context: VoteContext): { votes: Votes; after: Standing } {
  const { maxCertificates, maxVoteBytes } = p.genesis.params;
  let after = before;
  // Two list heads of at most 3 bytes each.
  let left = maxVoteBytes - 6;
  const certificates: VoteSet[] = [];
  for (const certificate of p.certificates) {
    const size = encodeVoteSet(certificate).length;
    if (certificates.length === maxCertificates || size > left) break;
    const verdict = judgeCertificate(certificate, after, context);
    if (typeof verdict === 'string') continue;
    after = verdict;
    left -= size;
    certificates.push(certificate);
  }
  const taken = new Set(certificates.map(set => toHex(encodeVoteMessage(set.message))));
  const loose: { message: Uint8Array; set: VoteSet }[] = [];
  for (const set of [...p.voteSets].sort((a, b) => b.message.targetSlot - a.message.targetSlot)) {
    const message = encodeVoteMessage(set.message);
    const size = encodeVoteSet(set).length;
    if (size > left) break;
    if (taken.has(toHex(message)) || faultOfVoteSet(set, [before, after], context)) continue;
    left -= size;
    taken.add(toHex(message));
    loose.push({ message, set });
  }
  loose.sort((a, b) => compareBytes(a.message, b.message));
  return { votes: { certificates, voteSets: loose.map(({ set }) => set) }, after };
}

/**
 * Build the block of `slot` on `parent`; it still needs the producer's signature over its id (encodeBlock).
 * @throws LedgerError LEDGER_BLOCK_SLOT, LEDGER_BLOCK_LEADER or LEDGER_BLOCK_VRF when producer, slot and proof don't
 *   belong together
 */
export function buildBlock(p: BuildBlockInput): BuiltBlock {
  const { genesis, parent, slot, producer, verifier, rules = consensus } = p;
  const { chainId, params } = genesis;
  if (slot <= parent.header.slot) {
    const detail = { code: 'LEDGER_BLOCK_SLOT', parentSlot: parent.header.slot, slot } as const;
    throw new LedgerError(detail, `slot ${slot} is not after the parent's, ${parent.header.slot}`);
  }
  const layer = new StateLayer(parent.state, p.hash);
  const epoch = epochOf(slot, params);
  applyBoundary(layer, { genesis, parentHeight: parent.header.height, epoch, rules });
  const { leader, nonce } = dutyOfSlot({ genesis, state: layer, slot, rules });
  if (!equalBytes(leader.sourceKey, producer.sourceKey) || !equalBytes(leader.nodeKey, producer.nodeKey)) {
    throw new LedgerError({ code: 'LEDGER_BLOCK_LEADER', slot }, `the producer does not lead slot ${slot}`);
  }
  const { beacon } = rules;
  const output = beacon.vrfVerify(leader.nodeKey, beacon.vrfAlpha(chainId, nonce, slot), p.vrfProof);
  if (!output) throw new LedgerError({ code: 'LEDGER_BLOCK_VRF' }, 'the VRF proof does not hold');
  const evidence = chooseEvidence(layer, p.evidence ?? [], {
    genesis,
    parent,
    slot,
    verifier,
    rules,
    apply: (accused, on) =>
      applyBlock({ genesis, parent: on, block: accused, verifier, rules, ...(p.hash && { hash: p.hash }) }),
  });
  countOffences(layer, epoch, offencesOf({ evidence }, layer));
  const book = { genesis, rules };
  const before = standingAfter(layer, parent, book);
  const { votes, after } = chooseVotes(p, before, {
    chainId,
    params,
    votersOf: seed => committeeOf(layer, seed, book),
    slot,
    ancestor: id => parent.ancestor(id),
    verifier,
    rules,
  });
  creditVotes(layer, {
    slot,
    parentSlot: parent.header.slot,
    body: votes,
    committee: before.committee,
    seatsOthers: seatsOthers(layer, after),
    params,
  });
  const committeeRoot = recordStanding(layer, after, { ...book, slot, parent });
  addVrfOutput(layer, slot, output);
  const context = transactionContext({ genesis, state: layer, slot, verifier, rules });
  const chosen = chooseTransactions({
    candidates: p.candidates,
    maxBytes: params.maxTransactionBytes,
    turn: slot,
    weightOf: sourceKey => weightOf(layer, epoch, sourceKey),
    take: transaction => {
      try {
        applyTransaction(layer, transaction, context);
        return true;
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        return false;
      }
    },
  });
  const body: Body = { evidence, ...votes, transactions: chosen.map(({ bytes }) => bytes) };
  const header: Header = {
    rulesVersion: rulesVersionAt(epoch),
    chainId,
    slot,
    height: parent.header.height + 1,
    parent: parent.id,
    producer: leader.sourceKey,
    vrfProof: p.vrfProof,
    ...bodyRoots(body),
    stateRoot: layer.commitRoot(),
    committeeRoot,
    root: after.record.root,
    justified: after.record.justified,
    finalized: after.record.finalized,
    bodySize: encodeBody(body).length,
  };
  return { header, body, id: blockId(encodeHeader(header)), layer };
}
