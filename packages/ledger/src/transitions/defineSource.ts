/**
 * defineSource: a source enters the directory, or replaces its entry by one with a higher seq.
 *
 * nextKeyHash is the standing one, or any if none stands; empty keeps it. A nodeKey is unique
 * for ever; a dormant source wakes; a first registration carries a stamp and is at most 24 h old; a permissioned network lists its sources.
 */
import { type DefineSource, equalBytes, stampBits } from '@radpass/core';
import { wake } from '../consensus/dormancy.js';
import { spendFirstSource, spendSourceUpdate, stampBitsWanted } from '../quotas.js';
import type { StateLayer } from '../stateView.js';
import { addSource, nodeKeyTable, type SourceEntry, sourceTable } from '../tables.js';
import type { TransactionContext } from '../transactionContext.js';
import { refuse } from './refuse.js';
import { checkAbove, checkNotAhead, checkNotOld } from './seqBounds.js';

function checkNodeKey(layer: StateLayer, { nodeKey, sourceKey }: DefineSource): void {
  const user = nodeKeyTable.get(layer, nodeKey);
  if (!user || equalBytes(user, sourceKey)) return;
  refuse({ code: 'LEDGER_TX_NODE_KEY_TAKEN' }, 'the node key belongs to another source');
}

function checkStamp(layer: StateLayer, { sourceKey, seq, stamp }: DefineSource, ctx: TransactionContext): void {
  const wanted = stampBitsWanted(layer, ctx);
  const bits = stamp === 0 ? 0 : stampBits({ chainId: ctx.chainId, sourceKey, seq, stamp });
  if (stamp !== 0 && bits >= wanted) return;
  refuse({ code: 'LEDGER_TX_STAMP', bits, wanted }, `the stamp has ${bits} zero bits: ${wanted} are needed`);
}

function register(layer: StateLayer, tuple: DefineSource, ctx: TransactionContext): void {
  if (ctx.allowList.length > 0 && !ctx.allowList.some(key => equalBytes(key, tuple.sourceKey))) {
    refuse({ code: 'LEDGER_TX_SOURCE_REFUSED' }, 'the network does not list this source');
  }
  checkNotOld(tuple.seq, ctx);
  checkStamp(layer, tuple, ctx);
  spendFirstSource(layer, ctx);
  const { seq, url, nodeKey, tlsPins, nextKeyHash, sourceKey } = tuple;
  const standing = { standingKey: sourceKey, definedSlot: ctx.slot, studyCount: 0, hadWeight: false };
  addSource(layer, sourceKey, { seq, url, nodeKey, tlsPins, nextKeyHash, ...standing });
}

function replace(layer: StateLayer, tuple: DefineSource, standing: SourceEntry, ctx: TransactionContext): void {
  const { seq, url, nodeKey, tlsPins, sourceKey } = tuple;
  checkAbove(seq, standing.seq);
  const announced = standing.nextKeyHash;
  if (announced.length > 0 && tuple.nextKeyHash.length > 0 && !equalBytes(announced, tuple.nextKeyHash)) {
    refuse({ code: 'LEDGER_TX_NEXT_KEY' }, 'nextKeyHash is set and only a rotation changes it');
  }
  spendSourceUpdate(layer, ctx, { sourceKey, standing });
  const nextKeyHash = announced.length > 0 ? announced : tuple.nextKeyHash;
  const next = { ...standing, seq, url, nodeKey, tlsPins, nextKeyHash, definedSlot: ctx.slot };
  sourceTable.set(layer, next, sourceKey);
  nodeKeyTable.set(layer, sourceKey, nodeKey);
  wake(layer, sourceKey);
}

export function applyDefineSource(layer: StateLayer, tuple: DefineSource, ctx: TransactionContext): void {
  checkNotAhead(tuple.seq, ctx);
  checkNodeKey(layer, tuple);
  const standing = sourceTable.get(layer, tuple.sourceKey);
  if (standing) replace(layer, tuple, standing, ctx);
  else register(layer, tuple, ctx);
}
