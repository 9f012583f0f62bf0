/**
 * rotateSource: the key whose SHA-256 was announced becomes the source's standing key.
 *
 * nextKeyHash is set once, then only by rotation, so a thief of the standing key can't rotate; shares
 * defineSource's seq. The source keeps its name, its first key.
 */
import { equalBytes, type RotateSource, sha256 } from '@radpass/core';
import { spendRotation } from '../quotas.js';
import type { StateLayer } from '../stateView.js';
import { sourceTable } from '../tables.js';
import type { TransactionContext } from '../transactionContext.js';
import { refuse } from './refuse.js';
import { checkAbove, checkNotAhead } from './seqBounds.js';

export function applyRotateSource(layer: StateLayer, tuple: RotateSource, ctx: TransactionContext): void {
  const { seq, sourceKey, newKey, nextKeyHash } = tuple;
  checkNotAhead(seq, ctx);
  const standing = sourceTable.get(layer, sourceKey);
  if (!standing) refuse({ code: 'LEDGER_TX_NOT_YET', what: 'source' }, 'the source is not defined');
  checkAbove(seq, standing.seq);
  if (!equalBytes(sha256(newKey), standing.nextKeyHash)) {
    refuse({ code: 'LEDGER_TX_ROTATION_KEY' }, 'the new key is not the one that was announced');
  }
  spendRotation(layer, ctx, sourceKey);
  const rotated = { ...standing, seq, standingKey: newKey, nextKeyHash, definedSlot: ctx.slot };
  sourceTable.set(layer, rotated, sourceKey);
}
