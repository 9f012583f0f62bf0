/**
 * Evidence in a block: whom each record accuses, and what that does to the state.
 *
 *   offences [kind ‖ sourceKey ‖ slot]   each offence counts once, whatever other pair shows it
 *   jail [sourceKey]                     a double block, double vote or surround vote takes the source's weight for jailEpochs
 *                                        epochs: through the stake tables alone, so never inside an era; an invalid block
 *                                        costs none
 *
 * A source is jailed for each of its offences, from the epoch of the block that records it.
 */
import { type PublicKey, u64be, type Verifier } from '@radpass/core';
import type { Block, Body } from './block.js';
import {
  checkSignatures,
  type Evidence,
  evidenceFault,
  evidenceKinds,
  kindOfRecord,
  type OffenceKind,
  parseEvidence,
  slotOfEquivocation,
} from './consensus/evidence.js';
import { type Consensus, consensus } from './consensus/index.js';
import { epochOf } from './consensus/params.js';
import { LedgerError } from './errors.js';
import type { Genesis } from './genesis.js';
import type { ParentView } from './genesisState.js';
import { checkInvalidBlock, parseAccused } from './invalidBlock.js';
import type { StateLayer, StateSource } from './stateView.js';
import { jailTable, nodeKeyTable, offenceTable } from './tables.js';

export interface Offence {
  readonly kind: OffenceKind;
  /** Who did it. */
  readonly sourceKey: PublicKey;
  /** When: slot of the blocks, or of the target (of a surround, the outer vote's). */
  readonly slot: number;
}

export interface EvidenceContext {
  readonly genesis: Genesis;
  /** Parent of the block that holds the evidence. */
  readonly parent: ParentView;
  /** Slot of that block. */
  readonly slot: number;
  /** null: signatures and accused blocks were judged before. */
  readonly verifier: Verifier | null;
  readonly rules?: Consensus | undefined;
  /** applyBlock, for an accused block. */
  readonly apply: (block: Block, parent: ParentView) => unknown;
  /** Whether evidence of an offence is at hand already, though in no block. */
  readonly isHeld?: (offence: Offence) => boolean;
}

const keyOf = ({ kind, sourceKey, slot }: Offence): [Uint8Array, Uint8Array, Uint8Array] => [
  Uint8Array.of(evidenceKinds[kind]),
  sourceKey,
  u64be(slot),
];

/** Slot of the block that records an offence; undefined while none does. */
export function recordedIn(state: StateSource, offence: Offence): number | undefined {
  return offenceTable.get(state, ...keyOf(offence));
}

/** Whom a record accuses of what, before any signature is looked at. @throws LedgerError LEDGER_EVIDENCE */
function claimOf(evidence: Evidence, state: StateSource): Offence {
  const { kind } = evidence;
  if (kind === 'invalidBlock') {
    const { producer, slot } = parseAccused(evidence.block).header;
    return { kind, sourceKey: producer, slot };
  }
  const sourceKey = nodeKeyTable.get(state, evidence.nodeKey);
  if (!sourceKey) throw evidenceFault('unknown key');
  return { kind, sourceKey, slot: slotOfEquivocation(evidence) };
}

/**
 * Judge one record for a block at `p.slot`, cheap checks first.
 * @param state - before the record
 * @throws LedgerError LEDGER_EVIDENCE
 */
export function judgeEvidence(record: Uint8Array, state: StateSource, p: EvidenceContext): Offence {
  const { genesis, verifier, rules = consensus } = p;
  const evidence = parseEvidence(record);
  const offence = claimOf(evidence, state);
  if (offence.slot > p.slot) throw evidenceFault('time');
  if (recordedIn(state, offence) !== undefined || p.isHeld?.(offence)) throw evidenceFault('known');
  if (!verifier) return offence;
  if (evidence.kind === 'invalidBlock') checkInvalidBlock(evidence, { ...p, verifier, rules });
  else checkSignatures(evidence, genesis.chainId, verifier);
  return offence;
}

function applyOffence(layer: StateLayer, offence: Offence, p: EvidenceContext): void {
  const { params } = p.genesis;
  offenceTable.set(layer, p.slot, ...keyOf(offence));
  if (offence.kind === 'invalidBlock') return;
  jailTable.set(layer, epochOf(p.slot, params) + params.jailEpochs, offence.sourceKey);
}

/**
 * Apply a block's evidence.
 * @param p.verifierOf - a verifier whose refusal of a signature in record `index` is the fault that `fault` makes
 * @throws LedgerError LEDGER_BLOCK_EVIDENCE
 */
export function applyEvidence(
  layer: StateLayer,
  records: readonly Uint8Array[],
  p: EvidenceContext & { readonly verifierOf: (fault: () => LedgerError) => Verifier | null },
): void {
  const fault = (index: number, cause: LedgerError): LedgerError => {
    const kind = cause.detail.code === 'LEDGER_EVIDENCE' ? cause.detail.fault : 'encoding';
    return new LedgerError({ code: 'LEDGER_BLOCK_EVIDENCE', index, fault: kind }, `evidence ${index}: ${kind}`, {
      cause,
    });
  };
  const room = roomFor(p.genesis);
  records.forEach((record, index) => {
    if (!room(record)) throw fault(index, evidenceFault('too many'));
    const isPair = kindOfRecord(record) !== 'invalidBlock';
    const later = isPair ? p.verifierOf(() => fault(index, evidenceFault('signature'))) : p.verifier;
    try {
      applyOffence(layer, judgeEvidence(record, layer, { ...p, verifier: later }), p);
    } catch (error) {
      if (!(error instanceof LedgerError) || error.detail.code !== 'LEDGER_EVIDENCE') throw error;
      throw fault(index, error);
    }
  });
}

/** Says of one record after the other whether a block has room for it, by number. */
function roomFor(genesis: Genesis): (record: Uint8Array) => boolean {
  let records = 0;
  let invalid = 0;
  return record => {
    if (kindOfRecord(record) === 'invalidBlock') invalid++;
    return ++records <= genesis.params.maxEvidence && invalid <= 1;
  };
}

/** What a producer puts into its block of `candidates`, in their order: whatever accuses somebody and fits. */
export function chooseEvidence(layer: StateLayer, candidates: readonly Uint8Array[], p: EvidenceContext): Uint8Array[] {
  const chosen: Uint8Array[] = [];
  // The list's head takes at most 3 bytes, a record's at most 5.
  let left = p.genesis.params.maxEvidenceBytes - 3;
  for (const record of candidates) {
    const room = roomFor(p.genesis);
    if (record.length + 5 > left || ![...chosen, record].every(room)) continue;
    try {
      applyOffence(layer, judgeEvidence(record, layer, p), p);
    } catch (error) {
      if (!(error instanceof LedgerError) || error.detail.code !== 'LEDGER_EVIDENCE') throw error;
      continue;
    }
    left -= record.length + 5;
    chosen.push(record);
  }
  return chosen;
}

/**
 * The offences that a valid block records, in its order: what the audit counts.
 * @param state - before or after the block; node keys are known for ever
 */
export function offencesOf(body: Pick<Body, 'evidence'>, state: StateSource): Offence[] {
  return body.evidence.map(record => claimOf(parseEvidence(record), state));
}
