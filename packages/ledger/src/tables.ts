/**
 * The tables of the state: their numbers, which stand for ever, and the values that transactions read and write.
 * A value is the canonical array given with its table; docs/protocol-state.md has a worked example of each.
 * Keys are fixed-length parts, one after the other. Tables 16 to 28 belong to consensus.
 */
import {
  ascii,
  bytes,
  compareBytes,
  decodeCanonical,
  encodeAs,
  list,
  map,
  type PublicKey,
  parsePublicKey,
  publicKey,
  record,
  type Schema,
  tuple,
  u64be,
  uint,
  utf8,
} from '@radpass/core';
import { leafKey, StateLayer, type StateSource, type ValueForm } from './stateView.js';

export const tables = {
  sources: 1,
  studies: 2,
  consents: 3,
  floors: 4,
  named: 5,
  vetoes: 6,
  nodeKeys: 7,
  quotas: 8,
  sourceIndex: 9,
  totals: 10,
  accreditations: 11,
  standingGrants: 12,
  finality: 16,
  nonces: 17,
  vrfOutputs: 18,
  snapshots: 19,
  stakeTables: 20,
  capped: 21,
  duties: 22,
  fullEpochs: 23,
  audit: 24,
  epochs: 25,
  offences: 26,
  jail: 27,
  eras: 28,
} as const;

/** One table: values of type T at keys made of the given parts. */
export interface Table<T, K extends readonly Uint8Array[]> {
  get(state: StateSource, ...key: K): T | undefined;
  set(layer: StateLayer, value: T | null, ...key: K): void;
  /** Whether the layer already holds exactly this value. */
  has(state: StateSource, ...key: K): boolean;
}

/**
 * A table whose values have this schema. What it gives and takes is never changed (StateLayer).
 * @param remembers - for a table of few values that are read again and again: what stored bytes say is kept as long as they
 */
export function defineTable<T, K extends readonly Uint8Array[]>(
  number: number,
  schema: Schema<T>,
  remembers = false,
): Table<T, K> {
  const decoded = remembers ? new WeakMap<Uint8Array, T>() : null;
  const at = (parts: K) => leafKey(number, ...parts);
  const form: ValueForm<T> = {
    decode: stored => {
      const known = decoded?.get(stored);
      if (known !== undefined) return known;
      const value = decodeCanonical(stored, schema);
      decoded?.set(stored, value);
      return value;
    },
    encode: value => encodeAs(schema, value),
  };
  return {
    get: (state, ...key) => {
      if (state instanceof StateLayer) return state.value(at(key), form);
      const value = state.get(at(key));
      return value && form.decode(value);
    },
    set: (layer, value, ...key) => (value === null ? layer.set(at(key), null) : layer.setValue(at(key), value, form)),
    has: (state, ...key) => state.get(at(key)) !== undefined,
  };
}

const nothing = new Uint8Array();
const hash = bytes(32);
const hashOrEmpty = bytes([0, 32]);
const flag: Schema<boolean> = map(
  uint(1),
  n => n === 1,
  b => (b ? 1 : 0),
);
const keyOrEmpty: Schema<PublicKey | null> = map(
  hashOrEmpty,
  key => (key.length === 0 ? null : parsePublicKey(key)),
  key => key ?? nothing,
);

/** A source as its standing defineSource and rotations left it. */
export interface SourceEntry {
  /** Greatest seq of its defineSource and rotateSource; 0 for a founder that published none. */
  readonly seq: number;
  /** Empty: closed, takes no new study. */
  readonly url: string;
  readonly nodeKey: PublicKey;
  readonly tlsPins: Uint8Array[];
  /** The key that signs for the source; its name, the first key, is the table key. */
  readonly standingKey: PublicKey;
  /** SHA-256 of the next standing key, or empty. */
  readonly nextKeyHash: Uint8Array;
  /** Slot of the block that holds the transaction with the standing seq; 0 for a founder. */
  readonly definedSlot: number;
  /** Studies that name it, without those it withdrew. */
  readonly studyCount: number;
  /** Position among all sources, in order of first registration. */
  readonly index: number;
  /** It is a founder with weight, or a study named it once: its defineSource passes outside the network's limit. */
  readonly hadWeight: boolean;
}

/** 1: sourceKey -> [seq, url, nodeKey, tlsPins, standingKey, nextKeyHash, definedSlot, studyCount, index, hadWeight 0|1] */
export const sourceTable: Table<SourceEntry, [sourceKey: Uint8Array]> = defineTable(
  tables.sources,
  record<SourceEntry>({
    seq: uint(),
    url: ascii(512),
    nodeKey: publicKey(),
    tlsPins: list(hash, 2),
    standingKey: publicKey(),
    nextKeyHash: hashOrEmpty,
    definedSlot: uint(),
    studyCount: uint(),
    index: uint(),
    hadWeight: flag,
  }),
);

/** A study and who owns it. Read it through effectiveStudy. */
export interface StudyEntry {
  readonly owner: PublicKey;
  /** Slot of the block with its defineStudy, or the effectSlot of the reassignment that named the owner. */
  readonly ownerSinceSlot: number;
  /** Reassignments completed. */
  readonly generation: number;
  readonly withdrawn: boolean;
  readonly pendingOwner: PublicKey | null;
  /** From this slot on the pending owner is the owner; 0 when there is none. */
  readonly effectSlot: number;
  /** contentId of the pending reassignment, or empty. */
  readonly reassignId: Uint8Array;
}

/** 2: sourceKey ‖ studyHash -> [owner, ownerSinceSlot, generation, withdrawn 0|1, pendingOwner or empty, effectSlot, reassignId or empty] */
export const studyTable: Table<StudyEntry, [sourceKey: Uint8Array, studyHash: Uint8Array]> = defineTable(
  tables.studies,
  record<StudyEntry>({
    owner: publicKey(),
    ownerSinceSlot: uint(),
    generation: uint(),
    withdrawn: flag,
    pendingOwner: keyOrEmpty,
    effectSlot: uint(),
    reassignId: hashOrEmpty,
  }),
);

/** The study as it stands at `slot`: a reassignment whose effectSlot has come counts as completed. */
export function effectiveStudy(study: StudyEntry, slot: number): StudyEntry {
  if (!study.pendingOwner || slot < study.effectSlot) return study;
  return {
    ...study,
    owner: study.pendingOwner,
    ownerSinceSlot: study.effectSlot,
    generation: study.generation + 1,
    pendingOwner: null,
    effectSlot: 0,
    reassignId: nothing,
  };
}

export const grantType = 3;
export const revocationType = 4;

/** What a patient last said about one requester. */
export interface ConsentEntry {
  readonly type: typeof grantType | typeof revocationType;
  readonly seq: number;
  /** 0: none; always 0 in a revocation. */
  readonly notAfter: number;
  /** 32 bytes or empty; always empty in a revocation. */
  readonly receiptHash: Uint8Array;
  readonly contentId: Uint8Array;
}

const consentType: Schema<ConsentEntry['type']> = map(
  uint(revocationType),
  n => {
    if (n !== grantType && n !== revocationType) throw new RangeError(`no consent entry has type ${n}`);
    return n;
  },
  n => n,
);

/** 3: sourceKey ‖ studyHash ‖ patientKey ‖ requesterKey -> [type 3|4, seq, notAfter, receiptHash, contentId] */
export const consentTable: Table<
  ConsentEntry,
  [sourceKey: Uint8Array, studyHash: Uint8Array, patientKey: Uint8Array, requesterKey: Uint8Array]
> = defineTable(
  tables.consents,
  record<ConsentEntry>({ type: consentType, seq: uint(), notAfter: uint(), receiptHash: hashOrEmpty, contentId: hash }),
);

type OfOwner = [sourceKey: Uint8Array, studyHash: Uint8Array, patientKey: Uint8Array];

/** The greatest revocation of everyone: grants with this seq or less don't count. */
export interface FloorEntry {
  readonly seq: number;
  readonly contentId: Uint8Array;
}

/** 4: sourceKey ‖ studyHash ‖ patientKey -> [seq, contentId] */
export const floorTable: Table<FloorEntry, OfOwner> = defineTable(
  tables.floors,
  record<FloorEntry>({ seq: uint(), contentId: hash }),
);

const one = <T>(schema: Schema<T>): Schema<T> =>
  map<[T], T>(
    tuple<[T]>(schema),
    ([value]) => value,
    value => [value],
  );

/** 5: sourceKey ‖ studyHash ‖ patientKey -> [generation for which the key was named]; never removed */
export const namedTable: Table<number, OfOwner> = defineTable(tables.named, one(uint()));

/** 6: sourceKey ‖ studyHash ‖ reassignId -> [patientKey whose veto it is]; never removed */
export const vetoTable: Table<PublicKey, [sourceKey: Uint8Array, studyHash: Uint8Array, reassignId: Uint8Array]> =
  defineTable(tables.vetoes, one(publicKey()));

/** 7: nodeKey -> [sourceKey that used it first]; never removed */
export const nodeKeyTable: Table<PublicKey, [nodeKey: Uint8Array]> = defineTable(tables.nodeKeys, one(publicKey()));

/** 8: kind (quotas.ts) ‖ scope -> [epoch, how many in it] */
export const quotaTable: Table<[epoch: number, count: number], [kind: Uint8Array, ...scope: Uint8Array[]]> =
  defineTable(tables.quotas, tuple(uint(), uint()));

const sourceIndexTable: Table<PublicKey, [position: Uint8Array]> = defineTable(tables.sourceIndex, one(publicKey()));
const totalTable: Table<number, [name: Uint8Array]> = defineTable(tables.totals, one(uint()));

/** 9: u64be position -> [sourceKey], so that all sources can be walked */
export function sourceAt(state: StateSource, position: number): PublicKey | undefined {
  return sourceIndexTable.get(state, u64be(position));
}

/** 10: ASCII name -> [number of sources, or of studies without the withdrawn ones] */
export function total(state: StateSource, name: 'sources' | 'studies'): number {
  return totalTable.get(state, utf8(name)) ?? 0;
}

export function addToTotal(layer: StateLayer, name: 'sources' | 'studies', difference: number): void {
  totalTable.set(layer, total(layer, name) + difference, utf8(name));
}

/** Enter a source that the state does not know yet: gives it the next position and its nodeKey for ever. */
export function addSource(layer: StateLayer, sourceKey: PublicKey, source: Omit<SourceEntry, 'index'>): void {
  const index = total(layer, 'sources');
  sourceTable.set(layer, { ...source, index }, sourceKey);
  sourceIndexTable.set(layer, sourceKey, u64be(index));
  nodeKeyTable.set(layer, sourceKey, source.nodeKey);
  addToTotal(layer, 'sources', 1);
}

/** What a payer says that a source is accredited for. */
export interface AccreditationEntry {
  readonly seq: number;
  readonly until: number;
  readonly maxStudies: number;
  readonly contentId: Uint8Array;
}

/** 11: payerKey ‖ sourceKey -> [seq, until, maxStudies, contentId] */
export const accreditationTable: Table<AccreditationEntry, [payerKey: Uint8Array, sourceKey: Uint8Array]> = defineTable(
  tables.accreditations,
  record<AccreditationEntry>({ seq: uint(), until: uint(), maxStudies: uint(), contentId: hash }),
);

/** How many seqs a leaf of table 12 keeps. */
export const standingGrantsKept = 64;

/** Seqs of an owner's grants above its floor (standingGrants.ts). */
export interface StandingGrants {
  /** Ascending, at most 64. */
  readonly seqs: number[];
  /** How many more were left out; none of them is below the last of `seqs`. */
  readonly beyond: number;
}

/** 12: sourceKey ‖ studyHash ‖ patientKey -> [[seq, …], beyond] */
export const standingGrantsTable: Table<StandingGrants, OfOwner> = defineTable(
  tables.standingGrants,
  record<StandingGrants>({ seqs: list(uint(), standingGrantsKept), beyond: uint() }),
);

/** 23: no key -> [the last epochs that took all first registrations, ascending] */
export const fullEpochsTable: Table<number[], []> = defineTable(tables.fullEpochs, list(uint(), 1_024));

/** 26: kind byte (consensus/evidence.ts) ‖ sourceKey ‖ u64be slot of the offence -> [slot of the block that records it]; never removed */
export const offenceTable: Table<number, [kind: Uint8Array, sourceKey: Uint8Array, slot: Uint8Array]> = defineTable(
  tables.offences,
  one(uint()),
);

/** 27: sourceKey -> [first epoch at whose end it has weight again]; of the latest offence, never removed */
export const jailTable: Table<number, [sourceKey: Uint8Array]> = defineTable(tables.jail, one(uint()));

/** What a source's stake is counted from. */
export interface StakeCount {
  readonly sourceKey: PublicKey;
  readonly nodeKey: PublicKey;
  readonly count: number;
  readonly open: boolean;
  /** 0: never in jail. */
  readonly jailedUntilEpoch: number;
}

/** Every source with its count of studies, sorted by sourceKey. Cost: three reads a source. */
export function stakeCounts(state: StateSource): StakeCount[] {
  const counts: StakeCount[] = [];
  const sources = total(state, 'sources');
  for (let position = 0; position < sources; position++) {
    const sourceKey = sourceAt(state, position);
    const source = sourceKey && sourceTable.get(state, sourceKey);
    if (!source) throw new RangeError(`the state lacks source ${position}`);
    counts.push({
      sourceKey,
      nodeKey: source.nodeKey,
      count: source.studyCount,
      open: source.url !== '',
      jailedUntilEpoch: jailTable.get(state, sourceKey) ?? 0,
    });
  }
  return counts.sort((a, b) => compareBytes(a.sourceKey, b.sourceKey));
}
