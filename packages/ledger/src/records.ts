/**
 * Layouts of the store's records (storeKeys.ts says which stands where). All canonical bytes.
 *
 *   changes  = [[key, [value] or []] …]                       keys of the state; [] removes. No pages of the state tree:
 *                                                             they follow from the values
 *   undo     = the same with the values from before the block
 *   height   = [id, parent, slot, producer or empty, number of transactions]     of a final block; genesis has no producer
 *   final    = [slot, id, height]                             the newest final checkpoint; height of its block
 *   era      = [depth, slot, [[sourceKey, nodeKey, weight] …]]  of the root's block; voters by their bit
 *   position = [height, index]                                of a transaction in the final chain
 *   counts   = [records of flat state, lowest height with an undo record, lowest height from which no signature is missing]
 *   waiting  = [received ms, transaction]
 *   revocation = [seq, transaction or empty]                  empty: several folded into everyone
 */
import {
  bytes,
  bytesUpTo,
  type Canonical,
  CodedError,
  decodeCanonical,
  encodeAs,
  encodeCanonical,
  fromLatin1,
  latin1,
  latin1Bytes,
  list,
  map,
  type Schema,
  tuple,
  uint,
} from '@radpass/core';
import { stakeEntrySchema } from './consensus/chainTables.js';
import type { StakeEntry } from './consensus/leader.js';
import { type Checkpoint, encodeVoteSet, maxVoters, type VoteSet, voteSetSchema } from './consensus/votes.js';
import { type Changes, isPage } from './stateView.js';
import { damaged } from './store.js';

const maxValueBytes = 64 * 1024 * 1024;
const maxChanges = 4_000_000;

/** How a kind of record is written and read; reading damage throws LEDGER_STORE_DAMAGED. */
export interface RecordKind<T> {
  encode(value: T): Uint8Array;
  decode(stored: Uint8Array): T;
}

function kind<T>(what: string, schema: Schema<T>): RecordKind<T> {
  return {
    encode: value => encodeAs(schema, value),
    decode: stored => {
      try {
        return decodeCanonical(stored, schema);
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        throw damaged(`a ${what} record is unreadable`, {}, error);
      }
    },
  };
}

const stateKey: Schema<string> = map(bytesUpTo(1_024, 1), key => latin1(key), fromLatin1);
const optionalValue: Schema<Uint8Array | null> = map(
  list(bytesUpTo(maxValueBytes), 1),
  ([value]) => value ?? null,
  value => (value === null ? [] : [value]),
);

const changesKind = kind<Changes>(
  'state change',
  map(
    list(tuple(stateKey, optionalValue), maxChanges),
    entries => new Map(entries),
    changes => [...changes],
  ),
);

/** As the schema writes them, without its steps in between: a full block changes thousands of values. */
function encodeChanges(changes: Changes): Uint8Array {
  const entries: Canonical[] = [];
  for (const [key, value] of changes) {
    if (!isPage(key)) entries.push([latin1Bytes(key), value === null ? [] : [value]]);
  }
  return encodeCanonical(entries);
}

export const changesRecord: RecordKind<Changes> = { ...changesKind, encode: encodeChanges };

export interface HeightRecord {
  readonly id: Uint8Array;
  readonly parent: Uint8Array;
  readonly slot: number;
  /** sourceKey, or empty for genesis */
  readonly producer: Uint8Array;
  readonly transactions: number;
}

export const heightRecord: RecordKind<HeightRecord> = kind(
  'height',
  map<[Uint8Array, Uint8Array, number, Uint8Array, number], HeightRecord>(
    tuple(bytes(32), bytes(32), uint(), bytes([0, 32]), uint()),
    ([id, parent, slot, producer, transactions]) => ({ id, parent, slot, producer, transactions }),
    h => [h.id, h.parent, h.slot, h.producer, h.transactions],
  ),
);

/** The newest final checkpoint with the height of its block. */
export interface FinalRecord extends Checkpoint {
  readonly height: number;
}

export const finalRecord: RecordKind<FinalRecord> = kind(
  'final checkpoint',
  map<[number, Uint8Array, number], FinalRecord>(
    tuple(uint(), bytes(32), uint()),
    ([slot, id, height]) => ({ slot, id, height }),
    f => [f.slot, f.id, f.height],
  ),
);

export interface EraVoters {
  readonly depth: number;
  /** Of the root's block. */
  readonly slot: number;
  readonly voters: readonly StakeEntry[];
}

export const eraRecord: RecordKind<EraVoters> = kind(
  'era',
  map<[number, number, StakeEntry[]], EraVoters>(
    tuple(uint(), uint(), list(stakeEntrySchema, maxVoters)),
    ([depth, slot, voters]) => ({ depth, slot, voters }),
    era => [era.depth, era.slot, [...era.voters]],
  ),
);

export const positionRecord: RecordKind<readonly [height: number, index: number]> = kind(
  'transaction',
  tuple(uint(), uint()),
);

export interface Counts {
  /** Values and pages of the flat state. */
  readonly flat: number;
  /** Lowest height whose undo record is kept. */
  readonly undoFrom: number;
  /** From this height on the signatures of all final blocks' votes are kept. */
  readonly witnessFrom: number;
}

export const countsRecord: RecordKind<Counts> = kind(
  'counts',
  map<[number, number, number], Counts>(
    tuple(uint(), uint(), uint()),
    ([flat, undoFrom, witnessFrom]) => ({ flat, undoFrom, witnessFrom }),
    c => [c.flat, c.undoFrom, c.witnessFrom],
  ),
);

export const certificateRecord: RecordKind<VoteSet> = {
  ...kind('certificate', voteSetSchema),
  encode: encodeVoteSet,
};
export const waitingRecord: RecordKind<readonly [receivedMs: number, transaction: Uint8Array]> = kind(
  'waiting transaction',
  tuple(uint(), bytesUpTo(65_536)),
);
export const revocationRecord: RecordKind<readonly [seq: number, transaction: Uint8Array]> = kind(
  'revocation',
  tuple(uint(), bytesUpTo(65_536)),
);
export const numberRecord: RecordKind<number> = kind(
  'number',
  map<[number], number>(
    tuple(uint()),
    ([n]) => n,
    n => [n],
  ),
);
