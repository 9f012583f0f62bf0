/**
 * The records that say what a store is: format, network, how often it was opened, and whether all that derives from its
 * blocks is to be written anew. A rotten one is mended by what the blocks say.
 */
import { equalBytes, toHex } from '@radpass/core';
import { parseFrame } from './block.js';
import { LedgerError } from './errors.js';
import type { Genesis } from './genesis.js';
import { heightRecord, numberRecord } from './records.js';
import { getRequired, type LedgerStore, type StoreWrite } from './store.js';
import { storeFormat, storeKeys } from './storeKeys.js';

/** That the store is this network's, in this release's format; a new one is begun with `fresh`. */
export async function identify(store: LedgerStore, genesis: Genesis, fresh: () => StoreWrite[]): Promise<void> {
  try {
    // Without this record the folder is new, or has lost it; then what it holds is found wanting and written anew.
    if (store.get(storeKeys.meta('format')) === undefined) await store.commit(fresh());
    else checkIdentity(store, genesis);
  } catch (error) {
    if (!(error instanceof LedgerError) || error.code !== 'LEDGER_STORE_DAMAGED') throw error;
    // A record that says whose folder this is rotted: its first block says it, too, and all else is made anew of the blocks.
    const first = store.get(storeKeys.height(1));
    const stored = first && store.get(storeKeys.block(heightRecord.decode(first).id));
    if (stored) checkNetwork(parseFrame(stored).header.chainId, genesis);
    await store.commit([...identityWrites(genesis), rebuildMark()]);
  }
}

/** Numbers given when the count of openings is lost: beyond any that was counted, and others each time. */
const lostBoots = 2 ** 20;

/** Number of the last opening. @param finalHeight - of the store */
export function lastBoot(store: LedgerStore, finalHeight: number): number {
  try {
    const record = store.get(storeKeys.meta('boot'));
    return record ? numberRecord.decode(record) : 0;
  } catch (error) {
    if (!(error instanceof LedgerError) || error.code !== 'LEDGER_STORE_DAMAGED') throw error;
    return lostBoots + (finalHeight % (lostBoots / 2));
  }
}

/** The next opening writes everything derived anew. */
export function rebuildMark(): StoreWrite {
  return [storeKeys.meta('rebuild'), numberRecord.encode(1)];
}

/** @throws LedgerError LEDGER_STORE_FORMAT, LEDGER_STORE_GENESIS, LEDGER_STORE_DAMAGED */
export function checkIdentity(store: LedgerStore, genesis: Genesis): void {
  const format = numberRecord.decode(getRequired(store, storeKeys.meta('format'), 'the format record'));
  if (format !== storeFormat) {
    const detail = { code: 'LEDGER_STORE_FORMAT', expected: storeFormat, got: format } as const;
    throw new LedgerError(
      detail,
      `the store has format ${format}, this release reads ${storeFormat}: move the folder's chain/ away and start; peers give the blocks again`,
    );
  }
  checkNetwork(getRequired(store, storeKeys.meta('genesis'), 'the genesis record'), genesis);
}

function checkNetwork(chainId: Uint8Array, genesis: Genesis): void {
  if (equalBytes(chainId, genesis.chainId)) return;
  const [got, expected] = [toHex(chainId), toHex(genesis.chainId)];
  const detail = { code: 'LEDGER_STORE_GENESIS', expected, got } as const;
  throw new LedgerError(detail, `the store holds the network ${got}, not ${expected}`);
}

export function identityWrites(genesis: Genesis): StoreWrite[] {
  return [
    [storeKeys.meta('format'), numberRecord.encode(storeFormat)],
    [storeKeys.meta('genesis'), genesis.chainId],
  ];
}
