/**
 * The codes of this package, with what a caller needs to act in `detail`. Catalogue for people: docs/errors.md.
 *
 * LEDGER_BLOCK_SIZE, _ENCODING, _BODY_SIZE, _BODY_ROOT and _SIGNATURE are verdicts on the received bytes and say nothing
 * about the id in them: another body or signature may fit the header. Every other LEDGER_BLOCK_… judges the block itself.
 */
import { CodedError } from '@radpass/core';

/** What is wrong with a certificate or a vote set in a block. */
export type VoteSetFault =
  | 'too many' // more certificates than the network allows
  | 'root' // of another era
  | 'slots' // target not after source, or not before the block, or too old for a loose set
  | 'unknown block' // source or target is no ancestor of the block
  | 'beyond the opening' // the target lies beyond a block that opens the next era
  | 'descent' // the target does not descend from the source, or either goes back behind what the chain records
  | 'bitmap' // wrong length, nobody, or a bit beyond the committee
  | 'count' // not one signature for each bit
  | 'quorum' // too little weight
  | 'nothing new' // raises nothing that the chain records
  | 'order' // loose sets not in strictly ascending order of their messages, or one repeats a certificate's message
  | 'signature'; // a signature that does not verify

/** What is wrong with what a light client was told. */
export type LightFault =
  | 'root' // a certificate of another era than the one that is held
  | 'not final' // a link that does not make the header's block final
  | 'slots' // the block is younger than its checkpoint, or older than its era
  | 'future' // a slot ahead of the own clock
  | 'bitmap' // not of the era's voters
  | 'count' // not one signature for each bit
  | 'quorum' // too little weight
  | 'signature' // a vote that does not verify
  | 'era' // the block of a hand-over does not follow the era's root
  | 'voters' // not those whom the header names by their root
  | 'conflict'; // a second final block at one slot

/** Why a record of evidence accuses nobody. Nothing was changed. */
export type EvidenceFault =
  | 'encoding' // bytes that are no record, or whose parts are no headers, votes or block
  | 'order' // the smaller of two does not stand first
  | 'no offence' // an honest signer may have made both
  | 'unknown key' // no source ever used this node key
  | 'signature' // a signature that does not verify
  | 'time' // of a later slot than the block that would hold it
  | 'known' // the chain records this offence already
  | 'body' // the block's bytes are not whole, or its body is not its header's: that says nothing about its producer
  | 'parent' // the accused block's parent is not on this chain, or too far back
  | 'leader' // the accused block is of another network, of unknown rules, or not by the leader of its slot
  | 'nested' // the accused block itself accuses another of being invalid
  | 'valid block' // the rules take the accused block
  | 'too many'; // more records, or more invalid blocks, than a block may hold

/** Why a transaction does not apply to a state. Nothing was changed. */
export type TransactionErrorDetail =
  | { code: 'LEDGER_TX_SIGNATURE'; type: number } // a signature is wrong for the keys that the state names
  | { code: 'LEDGER_TX_NOT_YET'; what: 'source' | 'study' | 'reassignment' } // needs an entry of an earlier block, or the end of a pending reassignment
  | { code: 'LEDGER_TX_NO_CHANGE'; type: number } // the state already holds what it says
  | { code: 'LEDGER_TX_SEQ'; problem: 'low' | 'old' | 'ahead'; bound: number; got: number } // seq or time outside its bound: least allowed, or with 'ahead' the greatest
  | { code: 'LEDGER_TX_QUOTA'; quota: QuotaName; max: number } // the epoch holds no more of these
  | { code: 'LEDGER_TX_STAMP'; bits: number; wanted: number } // a first defineSource whose stamp has too few zero bits
  | { code: 'LEDGER_TX_SOURCE_REFUSED' } // the network's allow-list does not name this source
  | { code: 'LEDGER_TX_SOURCE_CLOSED' } // the source has an empty url and takes no new study
  | { code: 'LEDGER_TX_NODE_KEY_TAKEN' } // the nodeKey belongs to another source for ever
  | { code: 'LEDGER_TX_NEXT_KEY' } // nextKeyHash is set and only a rotation changes it
  | { code: 'LEDGER_TX_ROTATION_KEY' } // newKey is not the one that nextKeyHash announced
  | { code: 'LEDGER_TX_STUDY_OWNED' } // the study has an owner since an earlier defineStudy
  | { code: 'LEDGER_TX_STUDY_WITHDRAWN' } // the source withdrew the study for ever
  | { code: 'LEDGER_TX_STRANGER' } // patientKey never was an owner or pending owner of the study
  | { code: 'LEDGER_TX_NOT_OWNER' } // the key named as standing owner is not
  | { code: 'LEDGER_TX_GENERATION'; expected: number; got: number } // not the number of reassignments completed so far
  | { code: 'LEDGER_TX_KEY_NAMED' } // the new patientKey was named for this study before
  | { code: 'LEDGER_TX_VETOED' } // the standing owner's veto of this reassignment is remembered
  | { code: 'LEDGER_TX_PAYER' }; // payerKey is not among the payers of genesis

/** What an epoch holds a bounded number of. */
export type QuotaName =
  | 'defineSource'
  | 'defineSource without weight'
  | 'first defineSource'
  | 'rotateSource'
  | 'defineStudy'
  | 'defineStudy without weight'
  | 'consent';

export type LedgerErrorDetail =
  // store: what the disk holds and refuses
  | { code: 'LEDGER_STORE_LOCKED'; dir: string } // another process has this folder open
  | { code: 'LEDGER_STORE_UNWRITABLE'; dir: string; reason: string } // the folder cannot be made or written
  | { code: 'LEDGER_STORE_FORMAT'; expected: number; got: number } // written by another version of the format: move it away, peers give the blocks again
  | { code: 'LEDGER_STORE_GENESIS'; expected: string; got: string } // the folder belongs to another network
  | { code: 'LEDGER_STORE_DAMAGED'; what: string; height?: number; id?: string; key?: string } // a record is missing, altered or contradicts another
  | { code: 'LEDGER_STORE_FAILED'; reason: string } // a write was not confirmed: stop, start again
  | { code: 'LEDGER_STORE_CLOSED' } // used after close
  // signing record: what a node key has signed
  | { code: 'LEDGER_SIGNING_RECORD_MISSING'; path: string } // a key without its record signs nothing
  | { code: 'LEDGER_SIGNING_RECORD_EXISTS'; path: string } // made once, with the key
  | { code: 'LEDGER_SIGNING_RECORD_DAMAGED'; path: string; reason: string } // unreadable or altered
  | { code: 'LEDGER_SIGNING_RECORD_KEY'; expected: string; got: string } // another key's record
  | { code: 'LEDGER_SIGNING_RECORD_LOCKED'; path: string } // another process signs with it
  | { code: 'LEDGER_SIGNING_RECORD_OLD'; nodeKey: string; what: 'block' | 'vote'; recorded: number; seen: number } // the chain shows a later signature of this key
  | { code: 'LEDGER_SIGNING_RESTORE'; path: string; nowSlot: number; untilSlot: number } // a record is restored only with a long enough wait
  | { code: 'LEDGER_SIGNING_ELSEWHERE'; nodeKey: string; what: 'block' | 'vote'; restoredSlot: number; seen: number } // somebody signs with this key while it waits
  | { code: 'LEDGER_SIGNING_RECORD_FAILED'; reason: string } // the record could not be written, so nothing is signed
  | { code: 'LEDGER_SIGN_DOUBLE_BLOCK'; slot: number; recordedSlot: number } // a second block in a slot, or an earlier slot
  | { code: 'LEDGER_SIGN_DOUBLE_VOTE'; targetSlot: number; recordedTargetSlot: number } // a second vote for a slot, or an earlier one
  | { code: 'LEDGER_SIGN_SURROUND_VOTE'; sourceSlot: number; recordedSourceSlot: number } // a source before an earlier vote's
  // chain: what a caller asked of a running ledger
  | { code: 'LEDGER_CHAIN_STOPPED'; reason: string } // the chain has stopped; its process should start again
  | { code: 'LEDGER_UPGRADE'; rulesVersion: number } // the network goes by rules that this release does not know: nothing is served
  | { code: 'LEDGER_TX_EXPIRED' } // waited a day for a block
  | { code: 'LEDGER_MEMPOOL_FULL'; scope: 'pool' | 'lane' | 'source' | 'study' } // no room for this transaction now
  | { code: 'LEDGER_PREFIX_TOO_SHORT'; limit: number } // more answers than the limit: give more digits
  | { code: 'LEDGER_PREFIX'; reason: string } // not a prefix of hex digits
  | TransactionErrorDetail
  // consensus and blocks
  | { code: 'LEDGER_GENESIS'; reason: string } // a genesis file or its making that breaks a rule of genesis
  | { code: 'LEDGER_CHECKPOINT'; reason: string } // a checkpoint that can't be relied on: malformed, of another network, or not signed as genesis demands
  | { code: 'LEDGER_LIGHT_UPDATE'; reason: string } // bytes that are nothing a light client is told or has saved
  | { code: 'LEDGER_LIGHT_REFUSED'; fault: LightFault } // an update that does not hold
  | { code: 'LEDGER_TRUST_OLD'; ageMs: number; trustMs: number } // nothing young enough is trusted: give a checkpoint
  | { code: 'LEDGER_LIGHT_PROOF'; table: number } // a proof that does not lead to the final state's root
  | { code: 'LEDGER_NO_STAKE'; slot: number } // a stake table without weight: nobody leads the slot
  | { code: 'LEDGER_VOTE'; reason: string } // bytes that are no vote
  | { code: 'LEDGER_EVIDENCE'; fault: EvidenceFault } // bytes that accuse nobody
  | { code: 'LEDGER_BLOCK_SIZE'; max: number; got: number } // block longer than any can be
  | { code: 'LEDGER_BLOCK_ENCODING'; part: 'block' | 'header' | 'body'; at: string } // bytes that are no block
  | { code: 'LEDGER_BLOCK_BODY_SIZE'; expected: number; got: number } // body of another size than its header says
  | { code: 'LEDGER_BLOCK_PRUNED'; slot: number } // came without its votes' signatures, which it must have: too young to be pruned, or never pruned
  | { code: 'LEDGER_BLOCK_BODY_ROOT'; root: 'tx' | 'vote' | 'witness' | 'evidence' } // body's list is not the one of the header
  | { code: 'LEDGER_BLOCK_VERSION'; expected: number; got: number } // not the rules version of the epoch, or one that this release does not know
  | { code: 'LEDGER_BLOCK_CHAIN' } // block of another network
  | { code: 'LEDGER_BLOCK_PARENT' } // parent or height do not continue the parent at hand
  | { code: 'LEDGER_BLOCK_SLOT'; parentSlot: number; slot: number } // slot not later than the parent's
  | { code: 'LEDGER_BLOCK_LEADER'; slot: number } // producer is not the slot's leader
  | { code: 'LEDGER_BLOCK_SIGNATURE' } // not signed by the leader's node key
  | { code: 'LEDGER_BLOCK_VRF' } // VRF proof does not hold
  | { code: 'LEDGER_BLOCK_EVIDENCE'; index: number; fault: EvidenceFault } // a record of evidence that must not stand there
  | { code: 'LEDGER_BLOCK_BYTES'; part: 'transactions' | 'votes' | 'evidence'; max: number; got: number } // a part larger than the network allows
  | { code: 'LEDGER_BLOCK_ROOT' } // header's root is not the era's
  | { code: 'LEDGER_BLOCK_COMMITTEE' } // header's committeeRoot is not the era's voters
  | { code: 'LEDGER_BLOCK_CERTIFICATE'; index: number; fault: VoteSetFault } // a certificate that must not stand there
  | { code: 'LEDGER_BLOCK_VOTE_SET'; index: number; fault: VoteSetFault } // a loose vote set that must not stand there
  | { code: 'LEDGER_BLOCK_FINALITY'; field: 'justified' | 'finalized' } // header records another checkpoint than the certificates give
  | { code: 'LEDGER_BLOCK_TRANSACTION'; index: number; reason: string } // a transaction that does not apply; reason is its own code
  | { code: 'LEDGER_BLOCK_STATE_ROOT' }; // state after the block is not the header's

export class LedgerError extends CodedError<LedgerErrorDetail> {}
