/**
 * One transaction against one state: the rules of its tuple (transitions/), then its signatures, cheap checks first.
 *
 * A transaction applies as a whole or changes nothing. One that changes no state is invalid; what "the next transaction on
 * the study writes down" is no change of its own. Rules read the state and the context only: no clock, no randomness.
 */
import { CoreError, checkSignatures, type PublicKey, type Transaction, type Tuple } from '@radpass/core';
import { LedgerError } from './errors.js';
import { StateLayer, type StateSource } from './stateView.js';
import { floorTable, sourceTable } from './tables.js';
import type { TransactionContext } from './transactionContext.js';
import { applyAccredit } from './transitions/accredit.js';
import { applyAllowAccess } from './transitions/allowAccess.js';
import { applyDefineSource } from './transitions/defineSource.js';
import { applyDefineStudy } from './transitions/defineStudy.js';
import { applyKeepStudy } from './transitions/keepStudy.js';
import { applyReassignStudy } from './transitions/reassignStudy.js';
import { applyRevokeAccess } from './transitions/revokeAccess.js';
import { applyRotateSource } from './transitions/rotateSource.js';
import { refuseLow } from './transitions/seqBounds.js';
import { applyWithdrawStudy } from './transitions/withdrawStudy.js';

export type { TransactionContext } from './transactionContext.js';

function applyTuple(layer: StateLayer, tuple: Tuple, ctx: TransactionContext): void {
  switch (tuple.type) {
    case 1:
      applyDefineSource(layer, tuple, ctx);
      return;
    case 2:
      applyDefineStudy(layer, tuple, ctx);
      return;
    case 3:
      applyAllowAccess(layer, tuple, ctx);
      return;
    case 4:
      applyRevokeAccess(layer, tuple, ctx);
      return;
    case 5:
      applyReassignStudy(layer, tuple, ctx);
      return;
    case 6:
      applyKeepStudy(layer, tuple, ctx);
      return;
    case 7:
      applyRotateSource(layer, tuple, ctx);
      return;
    case 8:
      applyWithdrawStudy(layer, tuple, ctx);
      return;
    case 9:
      applyAccredit(layer, tuple, ctx);
      return;
  }
}

/**
 * The source's standing key, where the tuple is one that it signs (types 1, 2, 5, 8) and the state knows the source.
 * undefined for a first defineSource: then the sourceKey itself signs.
 */
export function standingKeyFor(source: StateSource, tuple: Tuple): PublicKey | undefined {
  switch (tuple.type) {
    case 1:
    case 8:
      return sourceTable.get(source, tuple.sourceKey)?.standingKey;
    case 2:
      return sourceTable.get(source, tuple.claim.sourceKey)?.standingKey;
    case 5:
      return sourceTable.get(source, tuple.reclaim.sourceKey)?.standingKey;
    default:
      return undefined;
  }
}

function checkTransactionSignatures(
  tx: Transaction,
  standingKey: PublicKey | undefined,
  ctx: TransactionContext,
  how: 'rule' | 'strict',
): void {
  try {
    checkSignatures(tx, ctx.chainId, standingKey, ctx.verifier, how);
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause;
    throw new LedgerError({ code: 'LEDGER_TX_SIGNATURE', type: tx.tuple.type }, cause.message, { cause });
  }
}

/**
 * Apply a transaction to the state of its block so far; writes to `layer`.
 * @throws LedgerError LEDGER_TX_…; then `layer` is as it was
 */
export function applyTransaction(layer: StateLayer, tx: Transaction, ctx: TransactionContext): void {
  // By the key that stands before the transaction, though what is dear comes last.
  const standingKey = ctx.skipSignatures ? undefined : standingKeyFor(layer, tx.tuple);
  layer.attempt(() => {
    applyTuple(layer, tx.tuple, ctx);
    if (!ctx.skipSignatures) checkTransactionSignatures(tx, standingKey, ctx, 'rule');
  });
}

/**
 * Whether a transaction that came alone could stand in the next block, by the same rules and, as policy, two stricter ones:
 * signatures must pass the native verifier, and a grant at or below its floor, which would not count, is refused with the
 * bound so that the wallet signs again. `ctx` is that of the block it might enter.
 * @throws LedgerError as applyTransaction; LEDGER_TX_NOT_YET when it may become valid
 */
export function checkLoose(state: StateSource, tx: Transaction, ctx: TransactionContext): void {
  const { tuple } = tx;
  applyTuple(new StateLayer(state), tuple, ctx);
  if (tuple.type === 3) {
    const floor = floorTable.get(state, tuple.sourceKey, tuple.studyHash, tuple.patientKey);
    if (floor && tuple.seq <= floor.seq) refuseLow(tuple.seq, floor.seq);
  }
  if (!ctx.skipSignatures) checkTransactionSignatures(tx, standingKeyFor(state, tuple), ctx, 'strict');
}
