/** What every transaction on a study does first: find it, and write down a reassignment whose time has come. */
import type { StateLayer } from '../stateView.js';
import { effectiveStudy, namedTable, type StudyEntry, studyTable } from '../tables.js';
import type { TransactionContext } from '../transactionContext.js';
import { refuse } from './refuse.js';

interface StudyName {
  readonly sourceKey: Uint8Array;
  readonly studyHash: Uint8Array;
}

/**
 * The study as it stands at the block's slot. A reassignment that has taken effect is written down.
 * @throws LedgerError LEDGER_TX_NOT_YET when nobody defined it
 */
export function studyAtSlot(layer: StateLayer, of: StudyName, ctx: TransactionContext): StudyEntry {
  const stored = studyTable.get(layer, of.sourceKey, of.studyHash);
  if (!stored) refuse({ code: 'LEDGER_TX_NOT_YET', what: 'study' }, 'the study is not defined');
  const study = effectiveStudy(stored, ctx.slot);
  if (study !== stored) studyTable.set(layer, study, of.sourceKey, of.studyHash);
  return study;
}

/**
 * allowAccess, revokeAccess and keepStudy are valid only if patientKey is or was an owner or pending owner of the study.
 * @throws LedgerError LEDGER_TX_STRANGER
 */
export function checkNamed(layer: StateLayer, of: StudyName & { readonly patientKey: Uint8Array }): void {
  if (namedTable.has(layer, of.sourceKey, of.studyHash, of.patientKey)) return;
  refuse({ code: 'LEDGER_TX_STRANGER' }, 'the patient key never was an owner or pending owner of the study');
}
