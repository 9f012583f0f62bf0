/**
 * From the audit to money, by a payer's own terms. Patel 2018, "Validation and consensus": reimbursement linked to the
 * results of periodic reviews, by a graded penalty that accounts for volume and relative value units.
 *
 *   share    = duties failed / duties due, of blocks and of votes
 *   bound    = lower end of the Wilson score interval of the share: what chance alone doesn't explain; 0 below leastFailures
 *   rate     = the step of the rate table that the bound reaches, plus a rate for each offence, at most maxRate
 *   penalty  = ⌊rate × base⌋, base = what the payer reimburses: studies × RVU × money per RVU
 *
 * No rule of consensus: every payer has terms of its own, so this is a library, exact but for one square root. Rates are
 * parts per million. The base, not the number of failures, carries the money: who makes many cheap studies leads many slots,
 * and would pay for volume if each miss had a price. Worked example: docs/audit.md.
 */
import {
  CoreError,
  checkOwnershipProof,
  equalBytes,
  type OwnershipProof,
  type PublicKey,
  type Verifier,
} from '@radpass/core';
import { type AuditRow, auditColumns } from './audit.js';

const million = 1_000_000;

/** From a bound above `above` on, `rate` of the base is withheld; both in parts per million. */
export interface PenaltyStep {
  readonly above: number;
  readonly rate: number;
}

export interface PenaltyTerms {
  /** Of slots led: ascending by `above`. */
  readonly blocks: readonly PenaltyStep[];
  /** Of votes due. */
  readonly votes: readonly PenaltyStep[];
  /** For each offence, parts per million of the base. */
  readonly offences: Readonly<Record<'doubleBlocks' | 'doubleVotes' | 'surroundVotes' | 'invalidBlocks', number>>;
  readonly maxRate: number;
  /** How sure the bound is: 1.96 leaves chance 2.5 %, 2.576 leaves it 0.5 %. */
  readonly z: number;
  /** Fewer failures than these are held against nobody: the bound for one of one is 13 %, which says little of a small clinic. */
  readonly leastFailures: number;
}

/** Terms to begin from; a payer sets its own. */
export const exampleTerms: PenaltyTerms = Object.freeze({
  blocks: [
    { above: 20_000, rate: 2_500 },
    { above: 50_000, rate: 10_000 },
    { above: 200_000, rate: 30_000 },
  ],
  votes: [
    { above: 20_000, rate: 1_000 },
    { above: 100_000, rate: 5_000 },
    { above: 300_000, rate: 15_000 },
  ],
  offences: { doubleBlocks: 20_000, doubleVotes: 20_000, surroundVotes: 20_000, invalidBlocks: 5_000 },
  maxRate: 50_000,
  z: 2.576,
  leastFailures: 2,
});

/** What a payer reimburses for one kind of study in the period. */
export interface ReimbursedStudies {
  readonly studies: number;
  /** Relative value units of one, in hundredths. */
  readonly rvuHundredths: number;
}

/** Money of a period, in cents: studies × RVU × cents per RVU, floored at the end. */
export function reimbursementBase(kinds: readonly ReimbursedStudies[], centsPerRvu: number): number {
  const hundredths = kinds.reduce((sum, { studies, rvuHundredths }) => sum + studies * rvuHundredths, 0);
  return Math.floor((hundredths * centsPerRvu) / 100);
}

/**
 * Lower end of the Wilson score interval for `failed` of `due`, in parts per million, floored; 0 for nothing due. Ten of a
 * hundred give 4.6 % at z = 2.576, a thousand of ten thousand 9.3 %.
 */
export function wilsonLowerBound(failed: number, due: number, z: number): number {
  if (failed < 0 || failed > due) throw new RangeError(`${failed} of ${due} duties can't have failed`);
  if (failed === 0) return 0;
  const share = failed / due;
  const middle = share + (z * z) / (2 * due);
  const spread = z * Math.sqrt((share * (1 - share)) / due + (z * z) / (4 * due * due));
  return Math.max(0, Math.floor((million * (middle - spread)) / (1 + (z * z) / due)));
}

/** An operator's record over a period: rows of its sources summed. */
export type OperatorRecord = Readonly<Omit<Record<keyof AuditRow, number>, 'sourceKey' | 'weight' | 'seats'>>;

const summed = auditColumns.filter(column => column !== 'weight' && column !== 'seats');

/** Sum the rows, of any epochs, of the sources that an operator has. */
export function operatorRecord(rows: readonly AuditRow[], sourceKeys: readonly PublicKey[]): OperatorRecord {
  const own = rows.filter(row => sourceKeys.some(key => equalBytes(key, row.sourceKey)));
  const entries = summed.map(column => [column, own.reduce((sum, row) => sum + row[column], 0)] as const);
  return Object.fromEntries(entries) as OperatorRecord;
}

/**
 * The sources that an operator proved to have: each proof is by a source's standing key, answers this verifier's nonce, and is
 * fresh. Without a proof a record is nobody's.
 * @param sources - as the directory has them
 * @throws CoreError CORE_OWNERSHIP for a proof that doesn't hold, or is by no source's standing key (reason "network")
 */
export function provenSources(
  proofs: readonly OwnershipProof[],
  sources: readonly { readonly sourceKey: PublicKey; readonly standingKey: PublicKey }[],
  p: { chainId: Uint8Array; verifierName: string; nonce: Uint8Array; now: number; verifier: Verifier },
): PublicKey[] {
  return proofs.map(proof => {
    checkOwnershipProof(proof, p, p.verifier);
    const source = sources.find(({ standingKey }) => equalBytes(standingKey, proof.key));
    if (!source) {
      throw new CoreError({ code: 'CORE_OWNERSHIP', reason: 'network' }, 'the proven key is no source of this network');
    }
    return source.sourceKey;
  });
}

export interface Penalty {
  /** Bounds and rates in parts per million; amounts in cents. */
  readonly blockBound: number;
  readonly voteBound: number;
  readonly blockRate: number;
  readonly voteRate: number;
  readonly offenceRate: number;
  readonly rate: number;
  readonly base: number;
  readonly amount: number;
}

function rateAt(bound: number, steps: readonly PenaltyStep[]): number {
  return steps.reduce((rate, step) => (bound > step.above ? step.rate : rate), 0);
}

/** What a record costs, and why. An orphaned block is no failure: it was made. */
export function penaltyOf(record: OperatorRecord, base: number, terms: PenaltyTerms): Penalty {
  const boundOf = (failed: number, due: number): number =>
    failed < terms.leastFailures ? 0 : wilsonLowerBound(failed, due, terms.z);
  const blockBound = boundOf(record.missed, record.assigned);
  const voteBound = boundOf(record.votesDue - record.cast, record.votesDue);
  const blockRate = rateAt(blockBound, terms.blocks);
  const voteRate = rateAt(voteBound, terms.votes);
  const kinds = ['doubleBlocks', 'doubleVotes', 'surroundVotes', 'invalidBlocks'] as const;
  const offenceRate = kinds.reduce((sum, kind) => sum + record[kind] * terms.offences[kind], 0);
  const rate = Math.min(terms.maxRate, blockRate + voteRate + offenceRate);
  const amount = Number((BigInt(rate) * BigInt(base)) / BigInt(million));
  return { blockBound, voteBound, blockRate, voteRate, offenceRate, rate, base, amount };
}
