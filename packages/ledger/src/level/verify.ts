/** verifyStore for a store on disk: besides the records, every byte of LevelDB's files. */
import type { Verifier } from '@radpass/core';
import type { Consensus } from '../consensus/index.js';
import type { Genesis } from '../genesis.js';
import type { LedgerStore } from '../store.js';
import { type VerifyReport, verifyStore as verifyRecords } from '../verify.js';
import { LevelStore } from './levelStore.js';

/**
 * Verify a whole store; see ../verify.ts. A wrong byte that no record shows (in an index, a filter, or a log's last batch,
 * which LevelDB dropped when it opened) is reported as damage behind the last good block.
 */
export async function verifyStore(
  store: LedgerStore,
  genesis: Genesis,
  verifier: Verifier,
  options: { rules?: Consensus | undefined } = {},
): Promise<VerifyReport> {
  const report = await verifyRecords(store, genesis, verifier, options);
  if (report.firstBad || !(store instanceof LevelStore)) return report;
  const files = await store.damagedFiles();
  if (files.length === 0) return report;
  const reason = `the store is damaged: unreadable bytes in ${files.join(', ')}`;
  return { ...report, firstBad: { height: report.finalHeight + 1, id: '', code: 'LEDGER_STORE_DAMAGED', reason } };
}
