/**
 * A node as a witness: it finds offences in what it sees, takes in evidence that others found, and keeps it until a final
 * block records it.
 *
 * Evidence spreads on the topic of blocks, as a record's own bytes: a block is an array of 3, a record one of 6 or 2. Each
 * node that finds an offence makes the same bytes of the same two signed things, so gossip carries them once.
 */
import type { PublicKey, Verifier } from '@radpass/core';
import { applyBlock } from './applyBlock.js';
import type { Block } from './block.js';
import { dutyOfSlot } from './boundary.js';
import type { Branches } from './branches.js';
import { lastEpoch, weightOf } from './consensus/chainTables.js';
import { type Equivocation, encodeEvidence, evidenceFault, parseEvidence } from './consensus/evidence.js';
import type { Consensus } from './consensus/index.js';
import type { Vote } from './consensus/votes.js';
import { LedgerError } from './errors.js';
import { EvidencePool } from './evidencePool.js';
import type { Genesis } from './genesis.js';
import type { Verdict } from './intake.js';
import { parseAccused } from './invalidBlock.js';
import { judgeEvidence, type Offence } from './offences.js';
import { Sightings } from './sightings.js';
import type { Hash } from './stateTree.js';
import { jailTable } from './tables.js';

/** Refusals that don't say that the leader signed the block, or that it breaks a rule. */
const blameless: ReadonlySet<string> = new Set([
  'LEDGER_BLOCK_VERSION',
  'LEDGER_BLOCK_CHAIN',
  'LEDGER_BLOCK_SLOT',
  'LEDGER_BLOCK_LEADER',
  'LEDGER_BLOCK_SIGNATURE',
]);
/** Faults that may be the judge's own: another head, an older state. */
const undecided: ReadonlySet<string> = new Set(['unknown key', 'time', 'known', 'parent']);

export interface WitnessInit {
  readonly genesis: Genesis;
  readonly verifier: Verifier;
  readonly branches: Branches;
  readonly hash?: Hash | undefined;
  readonly rules: Consensus;
}

export class Witness {
  readonly #p: WitnessInit;
  readonly #pool: EvidencePool;
  readonly #sightings: Sightings;
  #slot = 0;
  /** Records found since they were last taken. */
  #found: Uint8Array[] = [];

  constructor(p: WitnessInit) {
    this.#p = p;
    this.#pool = new EvidencePool({ write: write => p.branches.write(write), rank: offence => this.#rank(offence) });
    this.#sightings = new Sightings(p.genesis.params.voteWindowSlots);
  }

  advance(slot: number): void {
    this.#slot = slot;
    this.#sightings.advance(slot);
  }

  /** Take in again what the store kept; what no longer holds is left out. */
  resume(records: readonly Uint8Array[]): void {
    this.#slot = Math.max(this.#slot, this.#p.branches.head.slot);
    for (const record of records) this.#take(record);
    this.#found = [];
  }

  /** Records found since the last call, to be told to others once they are on disk. */
  takeFound(): Uint8Array[] {
    return this.#found.splice(0);
  }

  /** For the next block on the head, and to be told again. */
  candidates(): Uint8Array[] {
    const { branches } = this.#p;
    return this.#pool.candidates(branches.stateAt(branches.head.id));
  }

  /** A vote that was verified. */
  sawVote(vote: Vote): void {
    this.#keep(this.#sightings.vote(vote));
  }

  /** A block that applied; the votes in it come by `sawVote`. @param nodeKey - its leader's */
  sawBlock({ header, headerBytes, signature }: Block, nodeKey: PublicKey): void {
    this.#keep(this.#sightings.header(header.slot, nodeKey, { bytes: headerBytes, signature }));
  }

  /** A block whose parent is known did not apply. */
  sawRefused(block: Block, code: string): void {
    if (blameless.has(code)) return;
    const record = encodeEvidence({ kind: 'invalidBlock', block: block.bytes });
    if (this.#take(record) !== true) return;
    // The leader signed it: with another block of the slot it is a double block, which weighs more.
    const { header, headerBytes, signature } = block;
    const { genesis, branches, rules } = this.#p;
    const { leader } = dutyOfSlot({ genesis, state: branches.stateAt(header.parent), slot: header.slot, rules });
    this.#keep(this.#sightings.header(header.slot, leader.nodeKey, { bytes: headerBytes, signature }));
  }

  /** A record that somebody sent. */
  receive(record: Uint8Array): { verdict: Verdict; error?: LedgerError } {
    const taken = this.#take(record);
    if (typeof taken === 'boolean') {
      // Gossip passes on what it hears accepted.
      this.#found = this.#found.filter(found => found !== record);
      return { verdict: taken ? 'accept' : 'ignore' };
    }
    const isUndecided = taken.detail.code === 'LEDGER_EVIDENCE' && undecided.has(taken.detail.fault);
    return { verdict: isUndecided ? 'ignore' : 'reject', error: taken };
  }

  /** A later block is final. */
  sawFinal(): void {
    const { branches, genesis } = this.#p;
    const { evidenceWindowSlots } = genesis.params;
    const isTooOld = (_record: Uint8Array, { kind, slot }: Offence): boolean =>
      kind === 'invalidBlock' && slot + evidenceWindowSlots < branches.final.slot;
    this.#pool.sawFinal(branches.stateAt(branches.tree.base.id), isTooOld);
  }

  #keep(found: readonly Equivocation[]): void {
    for (const evidence of found) this.#take(encodeEvidence(evidence));
  }

  /** @returns whether the record is new and kept; or what is wrong with it */
  #take(record: Uint8Array): boolean | LedgerError {
    const { genesis, verifier, branches, hash, rules } = this.#p;
    const { head } = branches;
    try {
      this.#checkUnknown(record);
      const offence = judgeEvidence(record, branches.stateAt(head.id), {
        genesis,
        parent: branches.parentView(head),
        slot: Math.max(this.#slot, head.slot + 1),
        verifier,
        rules,
        apply: (block, parent) => applyBlock({ genesis, parent, block, verifier, rules, ...(hash && { hash }) }),
        isHeld: claimed => this.#pool.has(claimed),
      });
      const isNew = this.#pool.add(record, offence);
      if (isNew) this.#found.push(record);
      return isNew;
    } catch (error) {
      if (!(error instanceof LedgerError) || error.code !== 'LEDGER_EVIDENCE') throw error;
      return error;
    }
  }

  /** A block that this node took as valid is not worth judging again. */
  #checkUnknown(record: Uint8Array): void {
    const evidence = parseEvidence(record);
    if (evidence.kind !== 'invalidBlock') return;
    const { id, header } = parseAccused(evidence.block);
    if (this.#p.branches.knows(id, header.height)) throw evidenceFault('valid block');
  }

  #rank({ sourceKey }: Offence): number {
    const { branches } = this.#p;
    const state = branches.stateAt(branches.head.id);
    const epoch = lastEpoch(state);
    const isFree = (jailTable.get(state, sourceKey) ?? 0) <= epoch;
    return weightOf(state, epoch, sourceKey) > 0 ? (isFree ? 0 : 1) : 2;
  }
}
