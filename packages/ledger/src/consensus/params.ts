/**
 * The parameters of a network, as its genesis fixes them for ever.
 *
 * Genesis lists their values in the order of `paramNames` (docs/protocol-consensus.md, "Genesis"); the order is
 * part of the format. Rules that are words and not numbers (two thirds, three epochs back) are not parameters.
 */

/** All are unsigned integers; the name tells the unit. */
export interface Params {
  /** Length of a slot; the slot number is the chain's time: genesisTimeMs + slot × slotMs. */
  readonly slotMs: number;
  readonly slotsPerEpoch: number;
  /** Up to so many weighted sources all vote with their weight; above it so many seats are drawn. */
  readonly seats: number;
  /** A committee may be followed by the next once ⌊epoch / eraEpochs⌋ has grown. */
  readonly eraEpochs: number;
  /** From so many slots after the era's root, a quorum is more than 3/5 instead of more than 2/3. */
  readonly stallSlots: number;
  /** Votes that are no quorum stand in a block at most so many slots after their target's slot. */
  readonly voteWindowSlots: number;
  readonly maxCertificates: number;
  /** A reassignment takes effect so long after the slot that holds it. */
  readonly reassignDelayMs: number;
  /** No seq or time of a transaction is later than its block's slot time plus this. */
  readonly maxAheadMs: number;
  /** allowAccess, defineStudy and a first defineSource enter only within so long of their seq or time. */
  readonly entryWindowMs: number;
  /** Leading zero bits of a first defineSource's stamp; one more for each full epoch among the last ones. */
  readonly stampBits: number;
  /** How many of the last epochs are looked at for being full. */
  readonly stampEpochs: number;
  /** defineSource of sources that are known but never had weight, an epoch, all together. */
  readonly maxKnownSourceUpdates: number;
  /** First defineSource transactions an epoch; an epoch that reaches it is full. */
  readonly maxFirstSources: number;
  readonly maxStudiesPerSource: number;
  /** defineStudy an epoch of all sources without weight together. */
  readonly maxStudiesWithoutWeight: number;
  /** allowAccess, keepStudy and other revocations an epoch, for each study and patientKey. */
  readonly maxConsentsPerOwner: number;
  readonly maxTransactionBytes: number;
  /** Certificates and vote sets together. */
  readonly maxVoteBytes: number;
  readonly maxEvidenceBytes: number;
  readonly maxEvidence: number;
  /** An invalid block's parent stands at most so many slots before the block that holds the evidence. */
  readonly evidenceWindowSlots: number;
  /** A source that voted or produced twice has no weight in the tables of so many epochs. */
  readonly jailEpochs: number;
  /** So many duties in a row, all missed, and so many epochs without a sign make a source dormant. */
  readonly dormantDuties: number;
  readonly dormantEpochs: number;
  /** Growth of all weights together: so many millionths of the total in growthEpochs epochs. */
  readonly growthMillionths: number;
  readonly growthEpochs: number;
  /** Who trusts nothing younger than this decides nothing until given a checkpoint. */
  readonly trustMs: number;
}

/** The order in genesis. */
export const paramNames = [
  'slotMs',
  'slotsPerEpoch',
  'seats',
  'eraEpochs',
  'stallSlots',
  'voteWindowSlots',
  'maxCertificates',
  'reassignDelayMs',
  'maxAheadMs',
  'entryWindowMs',
  'stampBits',
  'stampEpochs',
  'maxKnownSourceUpdates',
  'maxFirstSources',
  'maxStudiesPerSource',
  'maxStudiesWithoutWeight',
  'maxConsentsPerOwner',
  'maxTransactionBytes',
  'maxVoteBytes',
  'maxEvidenceBytes',
  'maxEvidence',
  'evidenceWindowSlots',
  'jailEpochs',
  'dormantDuties',
  'dormantEpochs',
  'growthMillionths',
  'growthEpochs',
  'trustMs',
] as const satisfies readonly (keyof Params)[];

const day = 86_400_000;

export const defaultParams: Params = Object.freeze({
  slotMs: 4_000,
  slotsPerEpoch: 900,
  seats: 512,
  eraEpochs: 24,
  stallSlots: 151_200,
  voteWindowSlots: 32,
  maxCertificates: 3,
  reassignDelayMs: 14 * day,
  maxAheadMs: 600_000,
  entryWindowMs: day,
  stampBits: 22,
  stampEpochs: 8,
  maxKnownSourceUpdates: 64,
  maxFirstSources: 64,
  maxStudiesPerSource: 1_024,
  maxStudiesWithoutWeight: 4_096,
  maxConsentsPerOwner: 16,
  maxTransactionBytes: 256 * 1024,
  maxVoteBytes: 176 * 1024,
  maxEvidenceBytes: 288 * 1024,
  maxEvidence: 16,
  evidenceWindowSlots: 32,
  jailEpochs: 720,
  dormantDuties: 1_024,
  dormantEpochs: 168,
  growthMillionths: 10_000,
  growthEpochs: 24,
  trustMs: 7 * day,
});

/** Small numbers, so that a test walks through epochs, windows and quotas in milliseconds. */
export const tinyParams: Params = Object.freeze({
  ...defaultParams,
  slotMs: 1_000,
  slotsPerEpoch: 8,
  eraEpochs: 3,
  stallSlots: 64,
  reassignDelayMs: 32_000,
  stampBits: 6,
  maxKnownSourceUpdates: 2,
  maxFirstSources: 4,
  maxStudiesPerSource: 64,
  maxStudiesWithoutWeight: 96,
  maxConsentsPerOwner: 4,
  jailEpochs: 4,
  dormantDuties: 16,
  dormantEpochs: 4,
});

export function epochOf(slot: number, params: Params): number {
  return Math.floor(slot / params.slotsPerEpoch);
}
