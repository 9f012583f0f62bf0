/**
 * What readers get: everything as of one final state, from the store alone. The flat state and the name of its block are
 * written in one batch; as a batch may land between two reads, a reading is done again if the final checkpoint moved
 * under it.
 */
import {
  concatBytes,
  encodeCanonical,
  equalBytes,
  fromHex,
  fromLatin1,
  latin1,
  type PublicKey,
  parsePublicKey,
  toHex,
} from '@radpass/core';
import { type AuditRow, areRowsOf, auditRootKey, auditRootOf, parseAuditRows } from './audit.js';
import { parseFrame } from './block.js';
import { lastEpoch } from './consensus/chainTables.js';
import { LedgerError } from './errors.js';
import type { Genesis } from './genesis.js';
import type { Leaf } from './light/access.js';
import { closingLag } from './openEpochs.js';
import { type FinalRecord, finalRecord, heightRecord } from './records.js';
import type { RevocationEntry, Revocations } from './revocations.js';
import { proveState } from './stateProof.js';
import { storedRoot } from './stateTree.js';
import { leafKey } from './stateView.js';
import { damaged, entriesUnder, getRequired, type LedgerStore } from './store.js';
import { storeKeys } from './storeKeys.js';
import {
  type ConsentEntry,
  consentTable,
  effectiveStudy,
  floorTable,
  grantType,
  type SourceEntry as SourceLeaf,
  type StudyEntry as StudyLeaf,
  sourceAt,
  sourceTable,
  studyTable,
  tables,
  total,
} from './tables.js';
import type { Upgrade } from './upgrade.js';

/** Most answers to one question by prefix. */
export const prefixLimit = 64;
/** How many final blocks `producers` looks back. */
const producersWindow = 21_600;

/** The newest final checkpoint; the slot is the checkpoint's, `stateRoot` that of its block. */
export interface FinalCheckpoint {
  readonly slot: number;
  readonly blockId: Uint8Array;
  readonly timeMs: number;
  readonly stateRoot: Uint8Array;
}

export type SourceEntry = SourceLeaf & {
  readonly sourceKey: PublicKey;
  /** With proofs: what the entry was read from. */
  readonly leaf?: Leaf;
};
/** As it stands at the checkpoint's slot. */
export type StudyEntry = StudyLeaf & {
  readonly sourceKey: PublicKey;
  readonly studyHash: Uint8Array;
  readonly leaf?: Leaf;
};

export interface GrantEntry extends ConsentEntry {
  readonly sourceKey: PublicKey;
  readonly studyHash: Uint8Array;
  readonly patientKey: PublicKey;
  readonly requesterKey: PublicKey;
  /** Seq of the patient's final revocation of everyone; 0 = none. */
  readonly floorSeq: number;
  /** Greatest seq of a revocation ever seen, for this requester or everyone; 0 = none. */
  readonly revokedSeq: number;
  /** With proofs: what the entry counts by. */
  readonly leaves?: { readonly study: Leaf; readonly consent: Leaf; readonly floor: Leaf };
}

/** One epoch's audit with the proof that the state holds its root. */
export interface AuditReading {
  readonly checkpoint: FinalCheckpoint;
  readonly epoch: number;
  readonly root: Uint8Array;
  readonly count: number;
  /** Of the root at `auditRootKey(epoch)` in table 24 (stateProof.ts). */
  readonly proof: Uint8Array;
  readonly rows: readonly AuditRow[];
}

/** Epochs that are looked back for one whose audit is closed. */
const auditLookback = 1_000;

export class FinalView {
  readonly #store: LedgerStore;
  readonly #genesis: Genesis;
  readonly #revocations: Revocations;
  readonly #upgrade: Upgrade;
  /** Of the final block asked for last. */
  #header: { readonly id: Uint8Array; readonly bytes: Uint8Array } | null = null;

  constructor(p: { store: LedgerStore; genesis: Genesis; revocations: Revocations; upgrade: Upgrade }) {
    this.#store = p.store;
    this.#genesis = p.genesis;
    this.#revocations = p.revocations;
    this.#upgrade = p.upgrade;
  }

  /** Read at one final state. @throws LedgerError LEDGER_UPGRADE */
  at<T>(read: (checkpoint: FinalCheckpoint, final: FinalRecord) => T): T {
    this.#upgrade.check();
    return this.status(read);
  }

  /** The same for what a node says of itself, which it does even when it serves nothing any more. */
  status<T>(read: (checkpoint: FinalCheckpoint, final: FinalRecord) => T): T {
    for (;;) {
      const before = getRequired(this.#store, storeKeys.meta('final'), 'the final checkpoint');
      const final = finalRecord.decode(before);
      const stateRoot = storedRoot(this.#store);
      const timeMs = this.#genesis.genesisTimeMs + final.slot * this.#genesis.params.slotMs;
      const result = read({ slot: final.slot, blockId: final.id, timeMs, stateRoot }, final);
      const after = getRequired(this.#store, storeKeys.meta('final'), 'the final checkpoint');
      if (equalBytes(before, after)) return result;
    }
  }

  totals(): { sources: number; studies: number } {
    return this.status(() => ({ sources: total(this.#store, 'sources'), studies: total(this.#store, 'studies') }));
  }

  sources(): { checkpoint: FinalCheckpoint; sources: SourceEntry[] } {
    return this.at(checkpoint => {
      const sources: SourceEntry[] = [];
      for (let position = 0; position < total(this.#store, 'sources'); position++) {
        const sourceKey = sourceAt(this.#store, position);
        const leaf = sourceKey && sourceTable.get(this.#store, sourceKey);
        if (leaf) sources.push({ sourceKey, ...leaf });
      }
      return { checkpoint, sources };
    });
  }

  source(sourceKey: PublicKey, proofs = false): { checkpoint: FinalCheckpoint; source: SourceEntry | null } {
    return this.at(checkpoint => {
      const entry = sourceTable.get(this.#store, sourceKey);
      if (!entry) return { checkpoint, source: null };
      const leaf = proofs && { leaf: this.#leaf(tables.sources, sourceKey) };
      return { checkpoint, source: { sourceKey, ...entry, ...leaf } };
    });
  }

  /** Studies by prefix of their hash and then their source's key, or of any patient key ever named for them; hex digits. */
  async studies(
    q: { hashPrefix: string } | { patientPrefix: string },
    proofs = false,
  ): Promise<{ checkpoint: FinalCheckpoint; studies: StudyEntry[] }> {
    const keys =
      'hashPrefix' in q
        ? (await this.#found('s', q.hashPrefix)).map(([studyHash, sourceKey]) => [sourceKey!, studyHash!] as const)
        : (await this.#found('p', q.patientPrefix)).map(
            ([, sourceKey, studyHash]) => [sourceKey!, studyHash!] as const,
          );
    return this.at(checkpoint => {
      const studies = keys.flatMap(([sourceKey, studyHash]): StudyEntry[] => {
        const leaf = studyTable.get(this.#store, sourceKey, studyHash);
        if (!leaf) return [];
        const study = { sourceKey: parsePublicKey(sourceKey), studyHash, ...effectiveStudy(leaf, checkpoint.slot) };
        return [proofs ? { ...study, leaf: this.#leaf(tables.studies, concatBytes(sourceKey, studyHash)) } : study];
      });
      return { checkpoint, studies };
    });
  }

  /**
   * Standing consent entries by prefix, hex digits: of requester key, source key, study hash, patient key one after
   * another, or of study hash, source key, patient key, requester key. The whole name leads to one entry, however many
   * somebody made that begin alike.
   */
  async grants(
    q: { requesterPrefix: string } | { hashPrefix: string },
    proofs = false,
  ): Promise<{ checkpoint: FinalCheckpoint; grants: GrantEntry[]; revocations: RevocationEntry[] }> {
    const byHash = 'hashPrefix' in q;
    const keys = byHash
      ? (await this.#found('g', q.hashPrefix)).map(k => [k[1]!, k[0]!, k[2]!, k[3]!] as const)
      : (await this.#found('r', q.requesterPrefix)).map(k => [k[1]!, k[2]!, k[3]!, k[0]!] as const);
    const studies = byHash ? await this.#found('s', q.hashPrefix.slice(0, 128)) : [];
    return this.at(checkpoint => ({
      checkpoint,
      grants: keys.flatMap(key => this.#grant(key, proofs) ?? []),
      revocations: studies
        .flatMap(([studyHash, sourceKey]) => this.#revocations.ofStudy(parsePublicKey(sourceKey!), studyHash!))
        .slice(0, prefixLimit),
    }));
  }

  proof(table: number, key: Uint8Array): { checkpoint: FinalCheckpoint; value: Uint8Array | null; proof: Uint8Array } {
    return this.at(checkpoint => ({ checkpoint, ...this.#leaf(table, key) }));
  }

  #leaf(table: number, key: Uint8Array): Leaf {
    return { value: this.#store.get(leafKey(table, key)) ?? null, proof: proveState(this.#store, table, key) };
  }

  /**
   * The audit of an epoch, by default of the newest that is closed; null while it is open and for an epoch without a block.
   * @throws LedgerError LEDGER_STORE_DAMAGED when the rows are not those of the root
   */
  audit(wanted?: number): AuditReading | null {
    return this.at(checkpoint => {
      const epoch = wanted ?? this.#newestAudit();
      const root = epoch === null ? undefined : auditRootOf(this.#store, epoch);
      if (epoch === null || !root) return null;
      const rows = parseAuditRows(getRequired(this.#store, storeKeys.audit(epoch), `the audit of epoch ${epoch}`));
      if (!areRowsOf(rows, root)) throw damaged(`the audit rows of epoch ${epoch} are others`);
      return { checkpoint, epoch, ...root, proof: proveState(this.#store, tables.audit, auditRootKey(epoch)), rows };
    });
  }

  #newestAudit(): number | null {
    const newest = lastEpoch(this.#store) - closingLag(this.#genesis.params);
    for (let epoch = newest; epoch >= Math.max(0, newest - auditLookback); epoch--) {
      if (auditRootOf(this.#store, epoch)) return epoch;
    }
    return null;
  }

  /** Blocks a source produced among the last final ones. */
  async producers(): Promise<{ sourceKey: PublicKey; blocks: number; lastSlot: number }[]> {
    const { height } = this.at((_, final) => final);
    const found = new Map<string, { sourceKey: PublicKey; blocks: number; lastSlot: number }>();
    const from = storeKeys.height(Math.max(1, height - producersWindow));
    for await (const [, value] of this.#store.entries(from, storeKeys.height(height + 1))) {
      const { producer, slot } = heightRecord.decode(value);
      const name = toHex(producer);
      found.set(name, {
        sourceKey: parsePublicKey(producer),
        blocks: (found.get(name)?.blocks ?? 0) + 1,
        lastSlot: slot,
      });
    }
    return [...found.values()];
  }

  /**
   * Evidence for a decision on one study and requester at the final state, for the disclosure record:
   * canonical [header, certificate or empty, [proof of source, study, grant, floor]], header and certificate as in blocks; at
   * genesis the header is empty.
   */
  evidence(p: {
    final: FinalRecord;
    certificate: Uint8Array;
    keys: readonly (readonly [table: number, key: Uint8Array])[];
  }): Uint8Array {
    return encodeCanonical([
      this.headerOf(p.final),
      p.certificate,
      p.keys.map(([table, key]) => proveState(this.#store, table, key)),
    ]);
  }

  /** Header bytes of a final block, none of genesis; a full block is not taken apart for every decision. */
  headerOf({ height, id }: FinalRecord): Uint8Array {
    if (height === 0) return new Uint8Array(0);
    if (!this.#header || !equalBytes(this.#header.id, id)) {
      const { headerBytes } = parseFrame(getRequired(this.#store, storeKeys.block(id), 'the final block'));
      this.#header = { id, bytes: headerBytes };
    }
    return this.#header.bytes;
  }

  #grant(
    [sourceKey, studyHash, patient, requester]: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array],
    proofs: boolean,
  ): GrantEntry[] | null {
    const entry = consentTable.get(this.#store, sourceKey, studyHash, patient, requester);
    if (!entry) return null;
    const scope = {
      sourceKey: parsePublicKey(sourceKey),
      studyHash,
      patientKey: parsePublicKey(patient),
      requesterKey: parsePublicKey(requester),
    };
    const floorSeq = floorTable.get(this.#store, sourceKey, studyHash, patient)?.seq ?? 0;
    const own = entry.type === grantType ? 0 : entry.seq;
    const revokedSeq = Math.max(own, floorSeq, this.#revocations.greatest(scope));
    const grant = { ...scope, ...entry, floorSeq, revokedSeq };
    if (!proofs) return [grant];
    const study = concatBytes(sourceKey, studyHash);
    const leaves = {
      study: this.#leaf(tables.studies, study),
      consent: this.#leaf(tables.consents, concatBytes(study, patient, requester)),
      floor: this.#leaf(tables.floors, concatBytes(study, patient)),
    };
    return [{ ...grant, leaves }];
  }

  /** Keys of a list by prefix, in parts of 32 bytes. @throws LedgerError LEDGER_PREFIX, LEDGER_PREFIX_TOO_SHORT */
  async #found(list: 's' | 'p' | 'g' | 'r', prefix: string): Promise<Uint8Array[][]> {
    const matches = prefixMatcher(prefix);
    const found: Uint8Array[][] = [];
    const whole = fromHex(prefix.slice(0, prefix.length & ~1));
    for await (const [key] of entriesUnder(this.#store, list + latin1(whole))) {
      const bytes = fromLatin1(key.slice(1));
      if (!matches(bytes)) continue;
      if (found.length === prefixLimit) {
        throw new LedgerError(
          { code: 'LEDGER_PREFIX_TOO_SHORT', limit: prefixLimit },
          `the prefix has more than ${prefixLimit} answers: give more digits`,
        );
      }
      found.push(Array.from({ length: bytes.length / 32 }, (_, i) => bytes.slice(32 * i, 32 * (i + 1))));
    }
    return found;
  }
}

/** Whether bytes begin with these hex digits, four keys of 32 bytes at most. @throws LedgerError LEDGER_PREFIX */
export function prefixMatcher(prefix: string): (bytes: Uint8Array) => boolean {
  if (!/^[0-9a-f]{1,256}$/.test(prefix)) {
    throw new LedgerError(
      { code: 'LEDGER_PREFIX', reason: 'expected 1 to 256 hex digits' },
      'a prefix is 1 to 256 hex digits',
    );
  }
  const length = Math.ceil(prefix.length / 2);
  return bytes => toHex(bytes.subarray(0, length)).startsWith(prefix);
}

/** Keys of the leaves that a decision rests on: source, study, grant and floor. */
export function decisionKeys(p: {
  sourceKey: PublicKey;
  studyHash: Uint8Array;
  patientKey: PublicKey | null;
  requesterKey: PublicKey;
}): (readonly [number, Uint8Array])[] {
  const study = concatBytes(p.sourceKey, p.studyHash);
  const keys: (readonly [number, Uint8Array])[] = [
    [tables.sources, p.sourceKey],
    [tables.studies, study],
  ];
  if (p.patientKey) {
    keys.push(
      [tables.consents, concatBytes(study, p.patientKey, p.requesterKey)],
      [tables.floors, concatBytes(study, p.patientKey)],
    );
  }
  return keys;
}
