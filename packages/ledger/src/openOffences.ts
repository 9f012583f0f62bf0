/**
 * Offences by the epoch whose blocks hold their evidence, until its audit closes. When an offence happened is told by its
 * record; counting it there would change audits that are closed.
 *
 *   table 24, audit   02 ‖ u64be epoch -> [[sourceKey, doubleBlocks, doubleVotes, surroundVotes, invalidBlocks] …]   by sourceKey
 */
import { compareBytes, list, type PublicKey, publicKey, toHex, tuple, u64be, uint } from '@radpass/core';
import { evidenceKinds } from './consensus/evidence.js';
import type { Offence } from './offences.js';
import type { StateLayer } from './stateView.js';
import { defineTable, tables } from './tables.js';

const offencesKind = Uint8Array.of(2);
/** More than any network has sources. */
const maxOffenders = 1_000_000;

/** A source and its offences of each kind, in the order of their numbers. */
export type OffenceCounts = [sourceKey: PublicKey, number, number, number, number];

export const epochOffencesTable = defineTable<OffenceCounts[], [kind: Uint8Array, epoch: Uint8Array]>(
  tables.audit,
  list(tuple<OffenceCounts>(publicKey(), uint(), uint(), uint(), uint()), maxOffenders),
);

/** Count what a block of `epoch` records. */
export function countOffences(layer: StateLayer, epoch: number, offences: readonly Offence[]): void {
  if (offences.length === 0) return;
  const standing = epochOffencesTable.get(layer, offencesKind, u64be(epoch)) ?? [];
  const counts = new Map(standing.map(entry => [toHex(entry[0]), entry] as const));
  for (const { kind, sourceKey } of offences) {
    const entry: OffenceCounts = [...(counts.get(toHex(sourceKey)) ?? [sourceKey, 0, 0, 0, 0])];
    const column = evidenceKinds[kind];
    entry[column] += 1;
    counts.set(toHex(sourceKey), entry);
  }
  const sorted = [...counts.values()].sort((a, b) => compareBytes(a[0], b[0]));
  epochOffencesTable.set(layer, sorted, offencesKind, u64be(epoch));
}

/** Take out the offences that an epoch's blocks record. */
export function takeOffences(layer: StateLayer, epoch: number): OffenceCounts[] {
  const counts = epochOffencesTable.get(layer, offencesKind, u64be(epoch));
  if (!counts) return [];
  epochOffencesTable.set(layer, null, offencesKind, u64be(epoch));
  return counts;
}
