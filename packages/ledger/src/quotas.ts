/**
 * Space without fees, the part that every block is judged by. In an epoch:
 *
 *   1 defineSource of each source that has or had weight; 1 each of at most 64 other known ones; 64 first registrations
 *   1,024 defineStudy and reassignStudy a source; 4,096 of all sources without weight together; 1 rotateSource a source
 *   for each study and patientKey 16 of allowAccess, keepStudy and those revocations that end nothing
 *
 * Outside every quota (transitions/revokeAccess.ts, keepStudy.ts): what ends a standing grant, the first other revocation
 * of everyone in an epoch, the veto of the pending reassignment. Reassignments are counted, which the design leaves open:
 * a source that owns both keys could fill blocks with reassignments and vetoes for nothing.
 * Counters are state, table 8: kind byte ‖ scope -> [epoch, count]; one of an earlier epoch counts as zero.
 */
import type { QuotaName } from './errors.js';
import type { StateLayer } from './stateView.js';
import { fullEpochsTable, quotaTable, type SourceEntry } from './tables.js';
import type { TransactionContext } from './transactionContext.js';
import { refuse } from './transitions/refuse.js';

/** Kind bytes; they stand for ever. */
const kinds: Readonly<Record<QuotaName | 'revocation of everyone', number>> = {
  defineSource: 1,
  'defineSource without weight': 2,
  'first defineSource': 3,
  rotateSource: 4,
  defineStudy: 5,
  'defineStudy without weight': 6,
  consent: 7,
  'revocation of everyone': 8,
};

function countedInEpoch(layer: StateLayer, ctx: TransactionContext, kind: Uint8Array, scope: Uint8Array[]): number {
  const counter = quotaTable.get(layer, kind, ...scope);
  return counter && counter[0] === ctx.epoch ? counter[1] : 0;
}

/** Count one; returns how many the epoch now holds. @throws LedgerError LEDGER_TX_QUOTA when it held `max` already */
function spend(
  layer: StateLayer,
  ctx: TransactionContext,
  p: { quota: QuotaName; max: number; scope?: Uint8Array[] },
): number {
  const kind = Uint8Array.of(kinds[p.quota]);
  const scope = p.scope ?? [];
  const count = countedInEpoch(layer, ctx, kind, scope) + 1;
  if (count > p.max) {
    refuse(
      { code: 'LEDGER_TX_QUOTA', quota: p.quota, max: p.max },
      `epoch ${ctx.epoch} holds its ${p.max} of ${p.quota}`,
    );
  }
  quotaTable.set(layer, [ctx.epoch, count], kind, ...scope);
  return count;
}

/** The defineSource of a source that is known already. */
export function spendSourceUpdate(
  layer: StateLayer,
  ctx: TransactionContext,
  p: { sourceKey: Uint8Array; standing: SourceEntry },
): void {
  spend(layer, ctx, { quota: 'defineSource', max: 1, scope: [p.sourceKey] });
  if (p.standing.hadWeight || ctx.weighs(p.sourceKey)) return;
  spend(layer, ctx, { quota: 'defineSource without weight', max: ctx.params.maxKnownSourceUpdates });
}

/** A first registration; the one that fills the epoch makes stamps dearer for the epochs after it. */
export function spendFirstSource(layer: StateLayer, ctx: TransactionContext): void {
  const max = ctx.params.maxFirstSources;
  if (spend(layer, ctx, { quota: 'first defineSource', max }) < max) return;
  const recent = (fullEpochsTable.get(layer) ?? []).filter(epoch => epoch > ctx.epoch - ctx.params.stampEpochs);
  fullEpochsTable.set(layer, [...recent, ctx.epoch]);
}

/** Zero bits that the stamp of a first registration needs: one more for each full epoch among the last eight. */
export function stampBitsWanted(layer: StateLayer, ctx: TransactionContext): number {
  const oldest = ctx.epoch - ctx.params.stampEpochs;
  const full = (fullEpochsTable.get(layer) ?? []).filter(epoch => epoch >= oldest && epoch < ctx.epoch);
  return ctx.params.stampBits + full.length;
}

export function spendRotation(layer: StateLayer, ctx: TransactionContext, sourceKey: Uint8Array): void {
  spend(layer, ctx, { quota: 'rotateSource', max: 1, scope: [sourceKey] });
}

/** A defineStudy or reassignStudy. */
export function spendStudy(layer: StateLayer, ctx: TransactionContext, sourceKey: Uint8Array): void {
  spend(layer, ctx, { quota: 'defineStudy', max: ctx.params.maxStudiesPerSource, scope: [sourceKey] });
  if (ctx.weighs(sourceKey)) return;
  spend(layer, ctx, { quota: 'defineStudy without weight', max: ctx.params.maxStudiesWithoutWeight });
}

/** Study and patientKey that a consent transaction speaks of. */
export interface ConsentScope {
  readonly sourceKey: Uint8Array;
  readonly studyHash: Uint8Array;
  readonly patientKey: Uint8Array;
}

export function spendConsent(layer: StateLayer, ctx: TransactionContext, of: ConsentScope): void {
  const scope = [of.sourceKey, of.studyHash, of.patientKey];
  spend(layer, ctx, { quota: 'consent', max: ctx.params.maxConsentsPerOwner, scope });
}

/** A revocation of everyone that ends no grant: the first in an epoch is outside every quota. */
export function spendRevocationOfEveryone(layer: StateLayer, ctx: TransactionContext, of: ConsentScope): void {
  const kind = Uint8Array.of(kinds['revocation of everyone']);
  const scope = [of.sourceKey, of.studyHash, of.patientKey];
  if (countedInEpoch(layer, ctx, kind, scope) > 0) spendConsent(layer, ctx, of);
  else quotaTable.set(layer, [ctx.epoch, 1], kind, ...scope);
}
