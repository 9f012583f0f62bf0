/**
 * Whether a certificate makes a block final, judged by one era's voters alone: the rule of a block's certificates
 * (consensus/certificates.ts) without the chain, from which a quorum of honest voters has judged descent.
 */
import { encodeCanonical, equalBytes, findInvalidSignature, signingPreimage, type Verifier } from '@radpass/core';
import { blockId, type Header, parseHeader } from '../block.js';
import { finalizes, isQuorum, isStalled } from '../consensus/finality.js';
import type { Params } from '../consensus/params.js';
import { knowsVersion, rulesVersions } from '../consensus/rulesVersions.js';
import { type Checkpoint, encodeVoteMessage, type VoteSet, votersOf } from '../consensus/votes.js';
import { LedgerError, type LightFault } from '../errors.js';
import { merkleRoot } from '../merkle.js';
import type { CertifiedHeader, LightVoter } from './update.js';

/** What of genesis a light client needs. */
export interface LightNetwork extends Pick<Params, 'slotMs' | 'stallSlots' | 'trustMs'> {
  readonly chainId: Uint8Array;
  readonly genesisTimeMs: number;
}

/** One era as its voters know it. */
export interface LightEra {
  /** Slot and id of the root block. */
  readonly root: Checkpoint;
  readonly voters: readonly LightVoter[];
}

/** A final checkpoint; the slot may be later than its block's. */
export interface LightFinal {
  readonly slot: number;
  readonly blockId: Uint8Array;
  readonly timeMs: number;
  readonly stateRoot: Uint8Array;
}

/** How far slots may be ahead of the own clock, as for a gateway's decision. */
export const maxAheadMs = 5_000;

export function lightFault(fault: LightFault, message: string): LedgerError {
  return new LedgerError({ code: 'LEDGER_LIGHT_REFUSED', fault }, `the update is refused: ${message}`);
}

export function timeOfSlot(slot: number, network: LightNetwork): number {
  return network.genesisTimeMs + slot * network.slotMs;
}

/** RFC 6962 root over the canonical [nodeKey, weight], as headers carry it. */
export function votersRoot(voters: readonly LightVoter[]): Uint8Array {
  return merkleRoot(voters.map(({ nodeKey, weight }) => encodeCanonical([nodeKey, weight])));
}

/** A header of this network and of rules that are known. @throws LedgerError LEDGER_BLOCK_ENCODING, LEDGER_BLOCK_VERSION, LEDGER_BLOCK_CHAIN */
export function readHeader(headerBytes: Uint8Array, network: LightNetwork): { header: Header; id: Uint8Array } {
  const header = parseHeader(headerBytes);
  if (!knowsVersion(header.rulesVersion)) {
    const expected = rulesVersions.at(-1)!.version;
    const detail = { code: 'LEDGER_BLOCK_VERSION', expected, got: header.rulesVersion } as const;
    throw new LedgerError(detail, `rules version ${header.rulesVersion} is not known here: upgrade`);
  }
  if (!equalBytes(header.chainId, network.chainId)) {
    throw new LedgerError({ code: 'LEDGER_BLOCK_CHAIN' }, 'the block is of another network');
  }
  return { header, id: blockId(headerBytes) };
}

/** Weight of the votes; refuses a bitmap that isn't one of this committee. */
function weightOf(certificate: VoteSet, voters: readonly LightVoter[], voting: readonly number[]): number {
  const inside = voting.every(voter => voter < voters.length);
  if (certificate.bitmap.length !== Math.ceil(voters.length / 8) || !inside) {
    throw lightFault('bitmap', "the certificate's bitmap is not of the era's voters");
  }
  return voting.reduce((sum, voter) => sum + voters[voter]!.weight, 0);
}

function isEnough(certificate: VoteSet, weight: number, era: LightEra, network: LightNetwork): boolean {
  const total = era.voters.reduce((sum, voter) => sum + voter.weight, 0);
  const stalled = isStalled(certificate.message.targetSlot, era.root.slot, network);
  return isQuorum(weight, total, stalled);
}

/**
 * That the era's voters made the header's block final. Cheap checks come first, signatures last and all at once.
 * @returns the block's header and the checkpoint that is final
 * @throws LedgerError LEDGER_BLOCK_ENCODING, LEDGER_BLOCK_VERSION, LEDGER_BLOCK_CHAIN, LEDGER_LIGHT_REFUSED
 */
export function judgeFinal(
  { header: headerBytes, certificate }: CertifiedHeader,
  era: LightEra,
  p: { network: LightNetwork; nowMs: number; verifier: Verifier },
): { header: Header; final: LightFinal } {
  const { network, nowMs, verifier } = p;
  const { header, id } = readHeader(headerBytes, network);
  const { message: link } = certificate;
  if (!equalBytes(link.rootId, era.root.id)) throw lightFault('root', 'the certificate is of another era');
  if (!finalizes(link) || !equalBytes(link.sourceId, id)) {
    throw lightFault('not final', "the certificate does not make the header's block final");
  }
  if (link.sourceSlot < header.slot || header.slot < era.root.slot) {
    throw lightFault('slots', 'the block is younger than its checkpoint, or older than its era');
  }
  if (timeOfSlot(link.targetSlot, network) > nowMs + maxAheadMs) {
    throw lightFault('future', `slot ${link.targetSlot} lies ahead of the clock`);
  }
  const voting = votersOf(certificate.bitmap);
  const weight = weightOf(certificate, era.voters, voting);
  if (certificate.signatures.length !== voting.length) {
    throw lightFault('count', `${certificate.signatures.length} signatures for ${voting.length} voters`);
  }
  if (!isEnough(certificate, weight, era, network)) throw lightFault('quorum', 'too few of the voters voted');
  const preimage = signingPreimage('vote', network.chainId, encodeVoteMessage(link));
  const wrong = findInvalidSignature(
    verifier,
    voting.map((voter, i) => ({ signature: certificate.signatures[i]!, preimage, key: era.voters[voter]!.nodeKey })),
  );
  if (wrong !== undefined) throw lightFault('signature', `vote ${wrong} does not verify`);
  const { sourceSlot: slot } = link;
  const timeMs = timeOfSlot(slot, network);
  return { header, final: { slot, blockId: id, timeMs, stateRoot: header.stateRoot } };
}

/** The certificate with no more votes than a quorum needs, the heaviest: for who pays for bytes and signatures. */
export function trimCertificate(certificate: VoteSet, era: LightEra, network: LightNetwork): VoteSet {
  const voting = votersOf(certificate.bitmap).map((voter, i) => ({
    voter,
    weight: era.voters[voter]?.weight ?? 0,
    signature: certificate.signatures[i]!,
  }));
  const bitmap = new Uint8Array(certificate.bitmap.length);
  const kept = new Set<number>();
  let weight = 0;
  for (const vote of voting.toSorted((a, b) => b.weight - a.weight || a.voter - b.voter)) {
    if (isEnough(certificate, weight, era, network)) break;
    weight += vote.weight;
    kept.add(vote.voter);
    bitmap[vote.voter >> 3]! |= 1 << (vote.voter & 7);
  }
  const signatures = voting.filter(({ voter }) => kept.has(voter)).map(({ signature }) => signature);
  return { message: certificate.message, bitmap, signatures };
}
