/**
 * Revocations, sticky: a valid one counts from when it is first seen, wherever that was (gossip, the API, a block of any
 * branch), and is never forgotten, whatever becomes of the block or branch that held it. Kept apart from the chain.
 *
 * One record for (study, patientKey, requester): the greatest seq, with the transaction so that it can be broadcast again
 * until it is final. requester empty = everyone. At most 64 requesters of a study and patientKey are kept that hold no
 * grant; more are folded into everyone, which errs towards refusing. A patientKey that was never named for the study has
 * nothing to revoke and is not kept (the caller checks that, and the signature).
 */
import { fromLatin1, latin1, type PublicKey, parsePublicKey, type RevokeAccess, type Transaction } from '@radpass/core';
import { readOwnRecords } from './ownRecords.js';
import { revocationRecord } from './records.js';
import type { StateSource } from './stateView.js';
import type { LedgerStore, StoreWrite } from './store.js';
import { consentTable, floorTable, grantType, standingGrantsTable } from './tables.js';

export const requestersKept = 64;

/** A revocation ever seen, final or not. */
export interface RevocationEntry {
  readonly sourceKey: PublicKey;
  readonly studyHash: Uint8Array;
  readonly patientKey: PublicKey;
  /** null = everyone */
  readonly requesterKey: PublicKey | null;
  readonly seq: number;
}

interface Kept {
  readonly seq: number;
  /** Empty when several were folded. */
  readonly transaction: Uint8Array;
}

const everyone = '';

export class Revocations {
  /** By study and patientKey, then by requester. */
  readonly #kept = new Map<string, Map<string, Kept>>();
  /** Patient keys of a study that has revocations. */
  readonly #patients = new Map<string, Set<string>>();
  /** Transactions that are not final yet, by the key of their record. */
  readonly #pending = new Map<string, Uint8Array>();
  #seen = 0;

  /** How often a revocation that says something new was kept since the store was opened. */
  get seen(): number {
    return this.#seen;
  }

  /**
   * All that a store holds. Of a record that rotted the key still tells whose grant it ended: the one that stands now counts
   * as revoked.
   * @param state - at the head
   * @returns also the writes that mend the store, one for each record that rotted
   */
  static async load(
    store: LedgerStore,
    state: StateSource,
  ): Promise<{ revocations: Revocations; mended: StoreWrite[] }> {
    const revocations = new Revocations();
    const { sound, rotten } = await readOwnRecords(store, 'R');
    for (const [key, value] of sound) {
      const [seq, transaction] = revocationRecord.decode(value);
      revocations.#keep(key, { seq, transaction });
    }
    const mended = rotten.map((key): StoreWrite => {
      const seq = standingSeq(key, state);
      if (seq === 0) return [key, null];
      const record = { seq, transaction: new Uint8Array(0) };
      revocations.#keep(key, record);
      return [key, revocationRecord.encode([record.seq, record.transaction])];
    });
    return { revocations, mended };
  }

  /** Greatest seq of a revocation for this requester or everyone; 0 = none. */
  greatest(p: { sourceKey: PublicKey; studyHash: Uint8Array; patientKey: PublicKey; requesterKey: PublicKey }): number {
    const kept = this.#kept.get(latin1(p.sourceKey, p.studyHash, p.patientKey));
    return Math.max(kept?.get(latin1(p.requesterKey))?.seq ?? 0, kept?.get(everyone)?.seq ?? 0);
  }

  /**
   * Keep a valid revocation.
   * @param state - at the head: which requesters hold a grant
   * @returns writes that must be synced before anyone is told; empty when it says nothing new
   */
  add(tuple: RevokeAccess, transaction: Transaction, state: StateSource): StoreWrite[] {
    const owner = latin1(tuple.sourceKey, tuple.studyHash, tuple.patientKey);
    const requester = tuple.requesterKey ? latin1(tuple.requesterKey) : everyone;
    const kept = this.#kept.get(owner);
    if ((kept?.get(requester)?.seq ?? 0) >= tuple.seq) return [];
    const folds = requester !== everyone && !kept?.has(requester) && this.#isFull(kept, tuple, state);
    const key = `R${owner}${folds ? everyone : requester}`;
    if (folds && (kept?.get(everyone)?.seq ?? 0) >= tuple.seq) return [];
    const record = { seq: tuple.seq, transaction: folds ? new Uint8Array(0) : transaction.bytes };
    this.#keep(key, record);
    return [[key, revocationRecord.encode([record.seq, record.transaction])]];
  }

  /** All of one study. */
  ofStudy(sourceKey: PublicKey, studyHash: Uint8Array): RevocationEntry[] {
    const study = latin1(sourceKey, studyHash);
    return [...(this.#patients.get(study) ?? [])].flatMap(patient =>
      Array.from(this.#kept.get(study + patient) ?? [], ([requester, { seq }]) => ({
        sourceKey,
        studyHash,
        patientKey: parsePublicKey(fromLatin1(patient)),
        requesterKey: requester === everyone ? null : parsePublicKey(fromLatin1(requester)),
        seq,
      })),
    );
  }

  /** Transactions to broadcast again. */
  pending(): Uint8Array[] {
    return [...this.#pending.values()];
  }

  /** Stop broadcasting what the final state holds. */
  settle(isFinal: (transaction: Uint8Array) => boolean): void {
    for (const [key, transaction] of this.#pending) if (isFinal(transaction)) this.#pending.delete(key);
  }

  #isFull(kept: Map<string, Kept> | undefined, tuple: RevokeAccess, state: StateSource): boolean {
    if (!kept || kept.size < requestersKept || !tuple.requesterKey) return false;
    const { sourceKey, studyHash, patientKey, requesterKey } = tuple;
    const holdsGrant = (requester: Uint8Array): boolean =>
      consentTable.get(state, sourceKey, studyHash, patientKey, requester)?.type === grantType;
    if (holdsGrant(requesterKey)) return false;
    const without = [...kept.keys()].filter(name => name !== everyone && !holdsGrant(fromLatin1(name)));
    return without.length >= requestersKept;
  }

  #keep(key: string, record: Kept): void {
    this.#seen += 1;
    const owner = key.slice(1, 97);
    const requester = key.slice(97);
    const kept = this.#kept.get(owner) ?? new Map<string, Kept>();
    this.#kept.set(owner, kept.set(requester, record));
    const study = owner.slice(0, 64);
    this.#patients.set(study, (this.#patients.get(study) ?? new Set()).add(owner.slice(64)));
    if (record.transaction.length > 0) this.#pending.set(key, record.transaction);
  }
}

/** Greatest seq of the grants that a record's revocation would end in this state; 0 = none. */
function standingSeq(key: string, state: StateSource): number {
  const part = (i: number): Uint8Array => fromLatin1(key.slice(1 + 32 * i, 33 + 32 * i));
  const [source, studyHash, patient, requester] = [part(0), part(1), part(2), part(3)];
  if (requester.length === 32) {
    const entry = consentTable.get(state, source, studyHash, patient, requester);
    return entry?.type === grantType ? entry.seq : 0;
  }
  return standingGrantsTable.get(state, source, studyHash, patient)?.seqs.at(-1) ?? 0;
}

/** Whether a state says at least as much as a revocation does. */
export function saysRevoked(state: StateSource, tuple: RevokeAccess): boolean {
  const { sourceKey, studyHash, patientKey, requesterKey, seq } = tuple;
  if ((floorTable.get(state, sourceKey, studyHash, patientKey)?.seq ?? 0) >= seq) return true;
  if (!requesterKey) return false;
  return (consentTable.get(state, sourceKey, studyHash, patientKey, requesterKey)?.seq ?? 0) >= seq;
}
