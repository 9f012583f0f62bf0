/**
 * revokeAccess: a patient ends one requester's access, or everyone's.
 *
 * Revoking everyone is a floor for (study, patientKey): grants with its seq or less don't count. There is
 * no lower bound in time. A revocation that ends a standing grant, and one of everyone that ends at least one,
 * are outside every quota.
 */
import { contentId, equalBytes, type PublicKey, type RevokeAccess } from '@radpass/core';
import { consentBeats, floorBeats } from '../consentOrder.js';
import { spendConsent, spendRevocationOfEveryone } from '../quotas.js';
import { aboveFloor, saveStandingGrants, standingGrants, withoutGrant } from '../standingGrants.js';
import type { StateLayer } from '../stateView.js';
import { type ConsentEntry, consentTable, floorTable, grantType, revocationType } from '../tables.js';
import type { TransactionContext } from '../transactionContext.js';
import { refuse } from './refuse.js';
import { checkNotAhead, refuseLow } from './seqBounds.js';
import { checkNamed, studyAtSlot } from './study.js';

function revokeOne(layer: StateLayer, tuple: RevokeAccess, requesterKey: PublicKey, ctx: TransactionContext): void {
  const { seq, sourceKey, studyHash, patientKey } = tuple;
  const next: ConsentEntry = {
    type: revocationType,
    seq,
    notAfter: 0,
    receiptHash: new Uint8Array(),
    contentId: contentId(ctx.chainId, tuple),
  };
  const standing = consentTable.get(layer, sourceKey, studyHash, patientKey, requesterKey);
  const floorSeq = floorTable.get(layer, sourceKey, studyHash, patientKey)?.seq ?? -1;
  if (standing && !consentBeats(next, standing)) {
    if (!equalBytes(next.contentId, standing.contentId)) refuseLow(seq, standing.seq, floorSeq);
    refuse({ code: 'LEDGER_TX_NO_CHANGE', type: tuple.type }, 'the revocation stands already');
  }
  if (standing?.type === grantType && standing.seq > floorSeq) {
    saveStandingGrants(layer, tuple, withoutGrant(standingGrants(layer, tuple), standing.seq));
  } else {
    spendConsent(layer, ctx, tuple);
  }
  consentTable.set(layer, next, sourceKey, studyHash, patientKey, requesterKey);
}

function revokeEveryone(layer: StateLayer, tuple: RevokeAccess, ctx: TransactionContext): void {
  const { seq, sourceKey, studyHash, patientKey } = tuple;
  const next = { seq, contentId: contentId(ctx.chainId, tuple) };
  const standing = floorTable.get(layer, sourceKey, studyHash, patientKey);
  if (standing && !floorBeats(next, standing)) {
    if (!equalBytes(next.contentId, standing.contentId)) refuseLow(seq, standing.seq);
    refuse({ code: 'LEDGER_TX_NO_CHANGE', type: tuple.type }, 'the revocation stands already');
  }
  const grants = standingGrants(layer, tuple);
  const least = grants.seqs[0];
  if (least !== undefined && least <= seq) saveStandingGrants(layer, tuple, aboveFloor(grants, seq));
  else spendRevocationOfEveryone(layer, ctx, tuple);
  floorTable.set(layer, next, sourceKey, studyHash, patientKey);
}

export function applyRevokeAccess(layer: StateLayer, tuple: RevokeAccess, ctx: TransactionContext): void {
  checkNotAhead(tuple.seq, ctx);
  studyAtSlot(layer, tuple, ctx);
  checkNamed(layer, tuple);
  if (tuple.requesterKey) revokeOne(layer, tuple, tuple.requesterKey, ctx);
  else revokeEveryone(layer, tuple, ctx);
}
