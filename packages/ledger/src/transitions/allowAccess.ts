/**
 * allowAccess: a patient's grant to one requester. The paper: "within a validated block embeds this consent".
 *
 * The entry is the greatest of all that the patient said about this requester (consentOrder.ts). A grant
 * at or below the floor enters too and doesn't count, so that the state of consent depends on no order. The study stands
 * in an earlier block; the patientKey is or was an owner or pending owner of it.
 */
import { type AllowAccess, contentId, equalBytes } from '@radpass/core';
import { consentBeats } from '../consentOrder.js';
import { spendConsent } from '../quotas.js';
import { saveStandingGrants, standingGrants, withGrant, withoutGrant } from '../standingGrants.js';
import type { StateLayer } from '../stateView.js';
import { type ConsentEntry, consentTable, floorTable, grantType } from '../tables.js';
import type { TransactionContext } from '../transactionContext.js';
import { refuse } from './refuse.js';
import { checkNotAhead, checkNotOld, refuseLow } from './seqBounds.js';
import { checkNamed, studyAtSlot } from './study.js';

export function applyAllowAccess(layer: StateLayer, tuple: AllowAccess, ctx: TransactionContext): void {
  const { seq, sourceKey, studyHash, patientKey, requesterKey, notAfter, receiptHash } = tuple;
  checkNotAhead(seq, ctx);
  checkNotOld(seq, ctx);
  const study = studyAtSlot(layer, tuple, ctx);
  if (study.generation === 0 && study.ownerSinceSlot >= ctx.slot) {
    refuse({ code: 'LEDGER_TX_NOT_YET', what: 'study' }, 'the study does not stand in an earlier block');
  }
  checkNamed(layer, tuple);
  const next: ConsentEntry = { type: grantType, seq, notAfter, receiptHash, contentId: contentId(ctx.chainId, tuple) };
  const standing = consentTable.get(layer, sourceKey, studyHash, patientKey, requesterKey);
  const floorSeq = floorTable.get(layer, sourceKey, studyHash, patientKey)?.seq ?? -1;
  if (standing && !consentBeats(next, standing)) {
    if (!equalBytes(next.contentId, standing.contentId)) refuseLow(seq, standing.seq, floorSeq);
    refuse({ code: 'LEDGER_TX_NO_CHANGE', type: tuple.type }, 'the grant stands already');
  }
  spendConsent(layer, ctx, tuple);
  consentTable.set(layer, next, sourceKey, studyHash, patientKey, requesterKey);
  if (seq <= floorSeq) return;
  let grants = standingGrants(layer, tuple);
  if (standing?.type === grantType && standing.seq > floorSeq) grants = withoutGrant(grants, standing.seq);
  saveStandingGrants(layer, tuple, withGrant(grants, seq));
}
