/**
 * Records that nobody else can give back: what was sent in here (W), revocations ever seen (R), evidence (E). One that rotted
 * is removed at the next opening, and the rest goes on: W must be sent again, E is found again or by others, and in the
 * place of a revocation whatever grant of the requester stands now counts as revoked (revocations.ts), so that the loss
 * errs towards refusing.
 */
import { fromHex, latin1 } from '@radpass/core';
import { LedgerError } from './errors.js';
import { damaged, type LedgerStore, type StoreWrite } from './store.js';
import { afterPrefix } from './storeKeys.js';

export interface OwnRecords {
  readonly sound: readonly (readonly [key: string, value: Uint8Array])[];
  /** Keys of those that can't be read. */
  readonly rotten: readonly string[];
}

type Entry = OwnRecords['sound'][number];

/** @throws LedgerError LEDGER_STORE_DAMAGED when a store can't tell which record it is */
export async function readOwnRecords(store: LedgerStore, prefix: string): Promise<OwnRecords> {
  const end = afterPrefix(prefix);
  const sound: Entry[] = [];
  const rotten: string[] = [];
  for (let from = prefix; ; ) {
    const found = await readRange(store, from, end);
    if (typeof found !== 'string') return { sound: [...sound, ...found], rotten };
    const before = await readRange(store, from, found);
    if (typeof before === 'string') throw damaged('records before the damaged one cannot be read');
    sound.push(...before);
    rotten.push(found);
    from = `${found}\0`;
  }
}

/** All records of a range, or the key of the first that can't be read. */
async function readRange(store: LedgerStore, from: string, below: string): Promise<Entry[] | string> {
  const entries: Entry[] = [];
  try {
    for await (const entry of store.entries(from, below)) entries.push(entry);
    return entries;
  } catch (error) {
    if (!(error instanceof LedgerError) || error.detail.code !== 'LEDGER_STORE_DAMAGED') throw error;
    const key = error.detail.key === undefined ? '' : latin1(fromHex(error.detail.key));
    if (key < from || key >= below) throw error;
    return key;
  }
}

export function removals(keys: readonly string[]): StoreWrite[] {
  return keys.map(key => [key, null]);
}
