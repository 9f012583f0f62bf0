/** accredit: a payer named in genesis vouches for a source. The greatest seq counts, then the smaller contentId. */
import { type Accredit, contentId, equalBytes } from '@radpass/core';
import { floorBeats } from '../consentOrder.js';
import type { StateLayer } from '../stateView.js';
import { accreditationTable, sourceTable } from '../tables.js';
import type { TransactionContext } from '../transactionContext.js';
import { refuse } from './refuse.js';
import { checkNotAhead, refuseLow } from './seqBounds.js';

export function applyAccredit(layer: StateLayer, tuple: Accredit, ctx: TransactionContext): void {
  const { seq, payerKey, sourceKey, until, maxStudies } = tuple;
  checkNotAhead(seq, ctx);
  if (!ctx.payers.some(payer => equalBytes(payer, payerKey))) {
    refuse({ code: 'LEDGER_TX_PAYER' }, 'genesis does not name this payer');
  }
  if (!sourceTable.has(layer, sourceKey)) {
    refuse({ code: 'LEDGER_TX_NOT_YET', what: 'source' }, 'the source is not defined');
  }
  const next = { seq, until, maxStudies, contentId: contentId(ctx.chainId, tuple) };
  const standing = accreditationTable.get(layer, payerKey, sourceKey);
  if (standing && !floorBeats(next, standing)) {
    if (!equalBytes(next.contentId, standing.contentId)) refuseLow(seq, standing.seq);
    refuse({ code: 'LEDGER_TX_NO_CHANGE', type: tuple.type }, 'the accreditation stands already');
  }
  accreditationTable.set(layer, next, payerKey, sourceKey);
}
