/**
 * Dormancy: a source that is gone stops counting, so that the tables hold those who take part.
 *
 * Dormant is who missed its last `dormantDuties` duties (slots led, slots in which its vote was due), all of them, over
 * `dormantEpochs` epochs with duties or more since its last block or vote. Both are floors: a big source misses a thousand
 * votes in an hour's outage, a small one has a handful of duties in a week, and neither falls asleep by that alone. Time
 * without duties, as when the whole network stands still, puts nobody to sleep.
 * A dormant source has no weight in snapshots until it publishes defineSource again. Only snapshots know of it: leaders'
 * tables and committees follow them three epochs later and only while blocks become final, so dormancy never touches a
 * committee during a stall. When nobody is awake the last table stays.
 *
 *   table 22, duties   00 ‖ sourceKey -> [missed in a row, epochs with duties since the last sign]
 *                      each counted up to its parameter; no value: the last epoch with duties had a sign
 *
 * Judged when an epoch's audit closes (epochAudit.ts), by whole epochs: misses before a sign in the same epoch don't count.
 */
import { type PublicKey, tuple, uint } from '@radpass/core';
import type { StateLayer, StateSource } from '../stateView.js';
import { defineTable, tables } from '../tables.js';
import type { Params } from './params.js';

/** What a source missed since its last sign. */
export type Silence = readonly [missed: number, epochs: number];

/** What one epoch showed of a source. */
export interface DutyCounts {
  readonly missed: number;
  /** Blocks and votes. */
  readonly done: number;
}

type DormancyParams = Pick<Params, 'dormantDuties' | 'dormantEpochs'>;

const silenceKind = Uint8Array.of(0);
export const silenceTable = defineTable<[number, number], [kind: Uint8Array, sourceKey: Uint8Array]>(
  tables.duties,
  tuple(uint(), uint()),
);

export function isDormant([missed, epochs]: Silence, params: DormancyParams): boolean {
  return missed >= params.dormantDuties && epochs >= params.dormantEpochs;
}

/** A source's silence after one more epoch; null when it gave a sign. Who is dormant stays so. */
export function silenceAfter(before: Silence | undefined, epoch: DutyCounts, params: DormancyParams): Silence | null {
  const [missed, epochs] = before ?? [0, 0];
  if (isDormant([missed, epochs], params)) return [missed, epochs];
  if (epoch.done > 0) return null;
  if (epoch.missed === 0) return before ?? null;
  return [Math.min(missed + epoch.missed, params.dormantDuties), Math.min(epochs + 1, params.dormantEpochs)];
}

/** Whether a source is dormant as the state stands. */
export function sleeps(state: StateSource, sourceKey: PublicKey, params: DormancyParams): boolean {
  const silence = silenceTable.get(state, silenceKind, sourceKey);
  return silence !== undefined && isDormant(silence, params);
}

/** Write down what an epoch showed of a source. */
export function noteDuties(layer: StateLayer, sourceKey: PublicKey, epoch: DutyCounts, params: DormancyParams): void {
  const before = silenceTable.get(layer, silenceKind, sourceKey);
  const after = silenceAfter(before, epoch, params);
  if (after?.join() !== before?.join()) silenceTable.set(layer, after && [...after], silenceKind, sourceKey);
}

/** A defineSource wakes its source. */
export function wake(layer: StateLayer, sourceKey: PublicKey): void {
  if (silenceTable.has(layer, silenceKind, sourceKey)) silenceTable.set(layer, null, silenceKind, sourceKey);
}
