/**
 * reassignStudy: a study whose patient lost the key gets a new owner, after a delay in which the old one may veto.
 *
 * Names the standing owner, the generation (how many were completed before) and a patientKey never named
 * for this study; one pending at a time; one whose veto is remembered is invalid. It ends every grant of the previous owner,
 * as a grant stands only under the standing owner's key. Who reads the study at slot >= effectSlot takes the new owner.
 */
import { contentId, equalBytes, type ReassignStudy } from '@radpass/core';
import { spendStudy } from '../quotas.js';
import type { StateLayer } from '../stateView.js';
import { namedTable, studyTable, vetoTable } from '../tables.js';
import type { TransactionContext } from '../transactionContext.js';
import { refuse } from './refuse.js';
import { studyAtSlot } from './study.js';

export function applyReassignStudy(layer: StateLayer, tuple: ReassignStudy, ctx: TransactionContext): void {
  const { sourceKey, studyHash, patientKey, previousPatientKey, generation } = tuple.reclaim;
  const study = studyAtSlot(layer, tuple.reclaim, ctx);
  const reassignId = contentId(ctx.chainId, tuple);
  if (equalBytes(study.reassignId, reassignId)) {
    refuse({ code: 'LEDGER_TX_NO_CHANGE', type: tuple.type }, 'this reassignment is pending already');
  }
  if (study.withdrawn) refuse({ code: 'LEDGER_TX_STUDY_WITHDRAWN' }, 'the source withdrew the study');
  if (!equalBytes(study.owner, previousPatientKey)) {
    refuse({ code: 'LEDGER_TX_NOT_OWNER' }, 'the reassignment names another owner than the standing one');
  }
  if (generation !== study.generation) {
    const expected = study.generation;
    refuse({ code: 'LEDGER_TX_GENERATION', expected, got: generation }, `${expected} reassignments were completed`);
  }
  const vetoedBy = vetoTable.get(layer, sourceKey, studyHash, reassignId);
  if (vetoedBy && equalBytes(vetoedBy, study.owner)) {
    refuse({ code: 'LEDGER_TX_VETOED' }, 'the standing owner vetoed this reassignment');
  }
  if (namedTable.has(layer, sourceKey, studyHash, patientKey)) {
    refuse({ code: 'LEDGER_TX_KEY_NAMED' }, 'the new patient key was named for this study before');
  }
  if (study.pendingOwner) {
    refuse({ code: 'LEDGER_TX_NOT_YET', what: 'reassignment' }, 'another reassignment of the study is pending');
  }
  spendStudy(layer, ctx, sourceKey);
  const effectSlot = ctx.slot + Math.ceil(ctx.params.reassignDelayMs / ctx.params.slotMs);
  studyTable.set(layer, { ...study, pendingOwner: patientKey, effectSlot, reassignId }, sourceKey, studyHash);
  namedTable.set(layer, generation + 1, sourceKey, studyHash, patientKey);
}
