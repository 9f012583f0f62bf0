/** withdrawStudy: published in error. Never served again, stake minus one. */
import type { WithdrawStudy } from '@radpass/core';
import type { StateLayer } from '../stateView.js';
import { addToTotal, sourceTable, studyTable } from '../tables.js';
import type { TransactionContext } from '../transactionContext.js';
import { refuse } from './refuse.js';
import { checkNotAhead } from './seqBounds.js';
import { studyAtSlot } from './study.js';

export function applyWithdrawStudy(layer: StateLayer, tuple: WithdrawStudy, ctx: TransactionContext): void {
  const { sourceKey, studyHash } = tuple;
  checkNotAhead(tuple.seq, ctx);
  const study = studyAtSlot(layer, tuple, ctx);
  if (study.withdrawn) refuse({ code: 'LEDGER_TX_NO_CHANGE', type: tuple.type }, 'the study is withdrawn already');
  const source = sourceTable.get(layer, sourceKey);
  if (!source) throw new RangeError('the state holds a study without its source');
  studyTable.set(layer, { ...study, withdrawn: true }, sourceKey, studyHash);
  sourceTable.set(layer, { ...source, studyCount: source.studyCount - 1 }, sourceKey);
  addToTotal(layer, 'studies', -1);
}
