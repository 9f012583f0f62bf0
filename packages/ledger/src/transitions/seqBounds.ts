/**
 * When a seq (or time) may enter a block: none later than the block's slot + 10 min; allowAccess,
 * defineStudy and a first defineSource only within 24 h of theirs; where an entry stands, a higher one replaces it.
 */
import type { TransactionContext } from '../transactionContext.js';
import { refuse } from './refuse.js';

/** @throws LedgerError LEDGER_TX_SEQ 'ahead', with the greatest seq that the block may hold */
export function checkNotAhead(seq: number, ctx: TransactionContext): void {
  const bound = ctx.slotTimeMs + ctx.params.maxAheadMs;
  if (seq <= bound) return;
  refuse(
    { code: 'LEDGER_TX_SEQ', problem: 'ahead', bound, got: seq },
    `seq ${seq} is ahead of the block: at most ${bound}`,
  );
}

/** @throws LedgerError LEDGER_TX_SEQ 'old', with the least seq that the block may hold */
export function checkNotOld(seq: number, ctx: TransactionContext): void {
  const bound = ctx.slotTimeMs - ctx.params.entryWindowMs;
  if (seq >= bound) return;
  refuse({ code: 'LEDGER_TX_SEQ', problem: 'old', bound, got: seq }, `seq ${seq} is too old: at least ${bound}`);
}

/** @throws LedgerError LEDGER_TX_SEQ 'low', with the next seq that is admissible */
export function refuseLow(seq: number, ...standing: number[]): never {
  const bound = Math.max(...standing) + 1;
  refuse({ code: 'LEDGER_TX_SEQ', problem: 'low', bound, got: seq }, `seq ${seq} is too low: at least ${bound}`);
}

/** @throws LedgerError LEDGER_TX_SEQ 'low' unless `seq` is above the standing one */
export function checkAbove(seq: number, standing: number): void {
  if (seq <= standing) refuseLow(seq, standing);
}
