/** @radpass/ledger: the public list, grouped by task. Pure rules; no Node import. */

// Judge and build blocks
export { type ApplyBlockInput, applyBlock } from './applyBlock.js';
// Audit
export {
  type AuditRoot,
  type AuditRow,
  auditColumns,
  auditRootKey,
  auditRootOf,
  auditRootOfRows,
  encodeAuditRow,
  encodeAuditRows,
  parseAuditRows,
  proveAuditRow,
  verifyAuditRow,
} from './audit.js';
export { auditStore, type EpochAudit } from './auditStore.js';
export {
  type Block,
  type Body,
  blockId,
  blockLimits,
  encodeBlock,
  encodeHeader,
  type Header,
  parseBlock,
  parseHeader,
} from './block.js';
export { dutyOfSlot, leaderOfSlot, type SlotDuty, transactionContext } from './boundary.js';
export { type BuildBlockInput, type BuiltBlock, buildBlock } from './buildBlock.js';
// Run a ledger
export { type Chain, type ChainInit, openChain } from './chain.js';
// Checkpoints that people name
export {
  type CheckpointKind,
  type CheckpointSignature,
  type CheckpointStatement,
  checkCheckpoint,
  encodeCheckpointStatement,
  formatCheckpoint,
  type NamedCheckpoint,
  parseCheckpoint,
  parseCheckpointName,
  signCheckpoint,
} from './checkpoint.js';
// Rules of consensus
export { accredited } from './consensus/accredited.js';
export { vrfAlpha } from './consensus/beacon.js';
export { finalityOf, stakeTable, weightOf } from './consensus/chainTables.js';
export type { Committee } from './consensus/committee.js';
export { type Evidence, encodeEvidence, kindOfRecord, type OffenceKind, parseEvidence } from './consensus/evidence.js';
export { fadingGenesis } from './consensus/fadingGenesis.js';
export { type FinalityRecord, isQuorum } from './consensus/finality.js';
export { type BlockTree, compareHeads, selectHead, type TreeBlock } from './consensus/forkChoice.js';
export { growthCapped } from './consensus/growthCapped.js';
export {
  type Beacon,
  type CommitteeRule,
  type Consensus,
  consensus,
  type Election,
  type Finality,
  type ForkChoice,
} from './consensus/index.js';
export { type StakeEntry, selectLeader } from './consensus/leader.js';
export { matured } from './consensus/matured.js';
export { defaultParams, epochOf, type Params, paramNames, tinyParams } from './consensus/params.js';
export { knowsVersion, type RulesVersion, rulesVersionAt, rulesVersions } from './consensus/rulesVersions.js';
export { type StakePolicyName, type StakeTable, stakePolicies } from './consensus/stake.js';
export { withoutDormant, withoutJailed } from './consensus/stakeFilters.js';
export {
  type Notional,
  type StakeInput,
  type StakePolicy,
  type StakeResult,
  type StakeSource,
  studyCount,
  studyWeight,
  weighted,
} from './consensus/stakePolicy.js';
export {
  type Checkpoint,
  encodeVote,
  encodeVoteMessage,
  parseVote,
  signVote,
  type Vote,
  type VoteMessage,
  type VoteSet,
  verifyVote,
} from './consensus/votes.js';
export { vrfOutput, vrfProve, vrfVerify } from './consensus/vrf.js';
// Errors
export { type EvidenceFault, LedgerError, type LedgerErrorDetail, type VoteSetFault } from './errors.js';
export type { ChainEvent, Delivered } from './events.js';
export type { AuditReading, FinalCheckpoint, GrantEntry, SourceEntry, StudyEntry } from './finalView.js';
// Make and read genesis
export {
  createGenesis,
  type Founder,
  type Genesis,
  type GenesisContent,
  maxGenesisBytes,
  parseGenesis,
} from './genesis.js';
export { committeeOfGenesis, genesisState, genesisView, type ParentView } from './genesisState.js';
export type { Verdict } from './intake.js';
export type { Grade, LedgerStatus, PeerStatus, SeqQuery, TransactionEntry } from './lookup.js';
export { poolLimits } from './mempool.js';
export { type Offence, offencesOf } from './offences.js';
export {
  exampleTerms,
  type OperatorRecord,
  operatorRecord,
  type Penalty,
  type PenaltyStep,
  type PenaltyTerms,
  penaltyOf,
  provenSources,
  type ReimbursedStudies,
  reimbursementBase,
  wilsonLowerBound,
} from './penalty.js';
// Let finality start anew
export { type Recovery, withRecoveries } from './restart.js';
export type { RevocationEntry } from './revocations.js';
export type { ChainClock } from './shell.js';
export type { NodeSigner, SigningMarks } from './signer.js';
export { type LedgerStore, MemoryStore, type StoreWrite } from './store.js';
export { describeStored } from './storedRecovery.js';
// Tables of the state
export { tables } from './tables.js';
export { checkTrust, type NamedBlock } from './trust.js';
// Check a whole store
export { type VerifyReport, verifyStore } from './verify.js';
