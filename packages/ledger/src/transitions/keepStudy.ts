/**
 * keepStudy: the standing owner's veto of a reassignment, named by its contentId.
 *
 * It is remembered even if it comes first, and counts only before the effect; only the standing owner's
 * vetoes are remembered. The veto of the pending reassignment is outside every quota.
 */
import { equalBytes, type KeepStudy } from '@radpass/core';
import { spendConsent } from '../quotas.js';
import type { StateLayer } from '../stateView.js';
import { studyTable, vetoTable } from '../tables.js';
import type { TransactionContext } from '../transactionContext.js';
import { refuse } from './refuse.js';
import { checkNamed, studyAtSlot } from './study.js';

export function applyKeepStudy(layer: StateLayer, tuple: KeepStudy, ctx: TransactionContext): void {
  const { sourceKey, studyHash, patientKey, reassignId } = tuple;
  const study = studyAtSlot(layer, tuple, ctx);
  checkNamed(layer, tuple);
  if (!equalBytes(study.owner, patientKey)) {
    refuse({ code: 'LEDGER_TX_NOT_OWNER' }, 'only the standing owner vetoes a reassignment');
  }
  const remembered = vetoTable.get(layer, sourceKey, studyHash, reassignId);
  if (remembered && equalBytes(remembered, patientKey)) {
    refuse({ code: 'LEDGER_TX_NO_CHANGE', type: tuple.type }, 'the veto is remembered already');
  }
  if (equalBytes(study.reassignId, reassignId)) {
    const kept = { ...study, pendingOwner: null, effectSlot: 0, reassignId: new Uint8Array() };
    studyTable.set(layer, kept, sourceKey, studyHash);
  } else {
    spendConsent(layer, ctx, tuple);
  }
  vetoTable.set(layer, patientKey, sourceKey, studyHash, reassignId);
}
