/**
 * defineStudy: a study gets its owner. The paper: the hospital "commits to making the study available at the endpoint it
 * defined in an earlier block".
 *
 * One owner per (sourceKey, studyHash), the first defineStudy wins; the source stands in an earlier block
 * and is open; a withdrawn study is never served again. Stake = number of defineStudy that name the source.
 */
import { type DefineStudy, equalBytes } from '@radpass/core';
import { spendStudy } from '../quotas.js';
import type { StateLayer } from '../stateView.js';
import { addToTotal, namedTable, type SourceEntry, sourceTable, studyTable } from '../tables.js';
import type { TransactionContext } from '../transactionContext.js';
import { refuse } from './refuse.js';
import { checkNotAhead, checkNotOld } from './seqBounds.js';

function openSource(layer: StateLayer, sourceKey: Uint8Array, ctx: TransactionContext): SourceEntry {
  const source = sourceTable.get(layer, sourceKey);
  if (!source || source.definedSlot >= ctx.slot) {
    refuse({ code: 'LEDGER_TX_NOT_YET', what: 'source' }, 'the source does not stand in an earlier block');
  }
  if (source.url === '') refuse({ code: 'LEDGER_TX_SOURCE_CLOSED' }, 'the source is closed');
  return source;
}

export function applyDefineStudy(layer: StateLayer, tuple: DefineStudy, ctx: TransactionContext): void {
  const { sourceKey, studyHash, patientKey } = tuple.claim;
  checkNotAhead(tuple.time, ctx);
  checkNotOld(tuple.time, ctx);
  const standing = studyTable.get(layer, sourceKey, studyHash);
  if (standing?.withdrawn) refuse({ code: 'LEDGER_TX_STUDY_WITHDRAWN' }, 'the source withdrew the study');
  if (standing && equalBytes(standing.owner, patientKey)) {
    refuse({ code: 'LEDGER_TX_NO_CHANGE', type: tuple.type }, 'the patient owns the study already');
  }
  if (standing) refuse({ code: 'LEDGER_TX_STUDY_OWNED' }, 'the study has an owner');
  const source = openSource(layer, sourceKey, ctx);
  spendStudy(layer, ctx, sourceKey);
  const noReassignment = { generation: 0, pendingOwner: null, effectSlot: 0, reassignId: new Uint8Array() };
  const study = { owner: patientKey, ownerSinceSlot: ctx.slot, withdrawn: false, ...noReassignment };
  studyTable.set(layer, study, sourceKey, studyHash);
  namedTable.set(layer, 0, sourceKey, studyHash, patientKey);
  sourceTable.set(layer, { ...source, studyCount: source.studyCount + 1, hadWeight: true }, sourceKey);
  addToTotal(layer, 'studies', 1);
}
