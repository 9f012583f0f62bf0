/**
 * What a final state says about a study and a grant, from leaves with their proofs. A leaf counts only where its proof
 * leads to the state root of a checkpoint that a light client has verified; what was not proven can't be read.
 */
import { concatBytes, equalBytes, type PublicKey } from '@radpass/core';
import { LedgerError } from '../errors.js';
import { verifyStateProof } from '../stateProof.js';
import { leafKey, type StateKey, type StateSource } from '../stateView.js';
import {
  type ConsentEntry,
  consentTable,
  effectiveStudy,
  floorTable,
  grantType,
  type SourceEntry,
  type StudyEntry,
  sourceTable,
  studyTable,
  tables,
} from '../tables.js';
import type { LightFinal } from './certificate.js';

/** A value of the state, null for none, and why. */
export interface Leaf {
  readonly value: Uint8Array | null;
  readonly proof: Uint8Array;
}

/** The part of a final state that proofs showed. */
class ProvenState implements StateSource {
  readonly #values = new Map<StateKey, Uint8Array | null>();
  readonly #root: Uint8Array;

  constructor(final: LightFinal) {
    this.#root = final.stateRoot;
  }

  /** @throws LedgerError LEDGER_LIGHT_PROOF */
  add(table: number, tableKey: Uint8Array, { value, proof }: Leaf): void {
    if (!verifyStateProof({ root: this.#root, table, tableKey, value, proof })) {
      throw new LedgerError({ code: 'LEDGER_LIGHT_PROOF', table }, `a proof for table ${table} does not hold`);
    }
    this.#values.set(leafKey(table, tableKey), value);
  }

  get(key: StateKey): Uint8Array | undefined {
    const value = this.#values.get(key);
    if (value === undefined) throw new RangeError('nothing was proven about this key');
    return value ?? undefined;
  }
}

/** A source as a final state has it; null: it has none of this key. @throws LedgerError LEDGER_LIGHT_PROOF */
export function provenSource(final: LightFinal, sourceKey: PublicKey, leaf: Leaf): SourceEntry | null {
  const state = new ProvenState(final);
  state.add(tables.sources, sourceKey, leaf);
  return sourceTable.get(state, sourceKey) ?? null;
}

/** A study as it stands at the checkpoint's slot; null: nobody has it. @throws LedgerError LEDGER_LIGHT_PROOF */
export function provenStudy(
  final: LightFinal,
  { sourceKey, studyHash }: { sourceKey: PublicKey; studyHash: Uint8Array },
  leaf: Leaf,
): StudyEntry | null {
  const state = new ProvenState(final);
  state.add(tables.studies, concatBytes(sourceKey, studyHash), leaf);
  const study = studyTable.get(state, sourceKey, studyHash);
  return study ? effectiveStudy(study, final.slot) : null;
}

/** Whom a patient's word on a study is for. */
export interface ConsentScope {
  readonly sourceKey: PublicKey;
  readonly studyHash: Uint8Array;
  readonly patientKey: PublicKey;
  readonly requesterKey: PublicKey;
}

/** A patient's word as a final state has it. */
export interface ProvenConsent {
  readonly study: StudyEntry | null;
  /** The last word on this requester; null: there is none. */
  readonly entry: ConsentEntry | null;
  /** Greatest seq of a revocation of everyone; 0 = none. */
  readonly floorSeq: number;
  /** The entry, if it is a grant that counts: by the study's owner, above the floor. */
  readonly grant: ConsentEntry | null;
}

/**
 * The three leaves of one root that prove a grant, its absence or its revocation.
 * @throws LedgerError LEDGER_LIGHT_PROOF
 */
export function provenConsent(
  final: LightFinal,
  scope: ConsentScope,
  leaves: { study: Leaf; consent: Leaf; floor: Leaf },
): ProvenConsent {
  const { sourceKey, studyHash, patientKey, requesterKey } = scope;
  const name = concatBytes(sourceKey, studyHash);
  const state = new ProvenState(final);
  state.add(tables.consents, concatBytes(name, patientKey, requesterKey), leaves.consent);
  state.add(tables.floors, concatBytes(name, patientKey), leaves.floor);
  const study = provenStudy(final, scope, leaves.study);
  const entry = consentTable.get(state, sourceKey, studyHash, patientKey, requesterKey) ?? null;
  const floorSeq = floorTable.get(state, sourceKey, studyHash, patientKey)?.seq ?? 0;
  const isOwners = study !== null && equalBytes(study.owner, patientKey);
  const counts = isOwners && entry?.type === grantType && entry.seq > floorSeq;
  return { study, entry, floorSeq, grant: counts ? entry : null };
}
