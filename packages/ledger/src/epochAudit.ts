/**
 * Closing an epoch's audit: once no block can carry a vote for its slots any more, leaders, blocks and votes become rows,
 * and the silence of those who did nothing grows (consensus/dormancy.ts).
 *
 * Epoch e closes in the work between epochs that enters e + 1 + ⌈voteWindowSlots / slotsPerEpoch⌉ (with an hour of 900 slots:
 * an hour after its end), on every chain by that chain's own blocks: on the final chain all of them are final.
 */
import { compareBytes, type PublicKey, toHex } from '@radpass/core';
import { type AuditRow, setAuditRows } from './audit.js';
import { nonceOf, stakeTable } from './consensus/chainTables.js';
import { noteDuties } from './consensus/dormancy.js';
import type { Consensus } from './consensus/index.js';
import { votersOf } from './consensus/votes.js';
import type { Genesis } from './genesis.js';
import { recordedIn } from './offences.js';
import { type Seat, takeDueSlots } from './openDuties.js';
import { takeBlockSlots } from './openEpochs.js';
import { takeOffences } from './openOffences.js';
import type { StateLayer } from './stateView.js';

type Counts = { -readonly [K in keyof AuditRow]: AuditRow[K] };

/** Rows in the making. */
class Rows {
  readonly #rows = new Map<string, Counts>();

  of(sourceKey: PublicKey): Counts {
    const name = toHex(sourceKey);
    const known = this.#rows.get(name);
    if (known) return known;
    const duties = { assigned: 0, produced: 0, orphaned: 0, missed: 0, seats: 0, votesDue: 0, cast: 0, late: 0 };
    const offences = { doubleBlocks: 0, doubleVotes: 0, surroundVotes: 0, invalidBlocks: 0 };
    const row = { sourceKey, weight: 0, ...duties, ...offences };
    this.#rows.set(name, row);
    return row;
  }

  sorted(): AuditRow[] {
    return [...this.#rows.values()].sort((a, b) => compareBytes(a.sourceKey, b.sourceKey));
  }
}

function countBlocks(
  rows: Rows,
  layer: StateLayer,
  epoch: number,
  p: ClosingContext,
  hasBlock: (i: number) => boolean,
) {
  const { slotsPerEpoch } = p.genesis.params;
  const table = stakeTable(layer, epoch);
  for (const { sourceKey, weight } of table.entries) rows.of(sourceKey).weight = weight;
  const nonce = nonceOf(layer, epoch);
  // Slot 0 is genesis: nobody leads it.
  for (let i = epoch === 0 ? 1 : 0; i < slotsPerEpoch; i++) {
    const slot = epoch * slotsPerEpoch + i;
    const leader = p.rules.election.selectLeader(table.entries, nonce, slot);
    const row = rows.of(leader.sourceKey);
    row.assigned++;
    if (hasBlock(i)) row.produced++;
    else if (recordedIn(layer, { kind: 'doubleBlock', sourceKey: leader.sourceKey, slot }) !== undefined)
      row.orphaned++;
    else row.missed++;
  }
}

function countVotes(rows: Rows, layer: StateLayer, epoch: number, { genesis }: ClosingContext): void {
  const { due, votersOf: seatsOf } = takeDueSlots(layer, epoch, genesis.params);
  // Hundreds of slots share their voters: each voter's row is looked up once.
  const heldBy = new Map<readonly Seat[], Counts[]>();
  for (const { votersId, onTime, late } of due) {
    const voters = seatsOf(votersId);
    const held = heldBy.get(voters) ?? voters.map(([sourceKey]) => rows.of(sourceKey));
    heldBy.set(voters, held);
    voters.forEach(([, seats], i) => {
      const row = held[i]!;
      row.votesDue++;
      row.seats = Math.max(row.seats, seats);
    });
    for (const voter of votersOf(onTime)) held[voter]!.cast++;
    for (const voter of votersOf(late)) {
      held[voter]!.cast++;
      held[voter]!.late++;
    }
  }
}

interface ClosingContext {
  readonly genesis: Genesis;
  readonly rules: Consensus;
}

/** Close the audit of `epoch`, whose table and nonce the state still holds. An epoch without a block gets no rows. */
export function closeAudit(layer: StateLayer, epoch: number, p: ClosingContext): void {
  if (epoch < 0) return;
  const hasBlock = takeBlockSlots(layer, epoch);
  if (!hasBlock) return;
  const rows = new Rows();
  countBlocks(rows, layer, epoch, p, hasBlock);
  countVotes(rows, layer, epoch, p);
  for (const [sourceKey, doubleBlocks, doubleVotes, surroundVotes, invalidBlocks] of takeOffences(layer, epoch)) {
    Object.assign(rows.of(sourceKey), { doubleBlocks, doubleVotes, surroundVotes, invalidBlocks });
  }
  const sorted = rows.sorted();
  setAuditRows(layer, epoch, sorted);
  for (const row of sorted) {
    const done = row.produced + row.orphaned + row.cast;
    const missed = row.missed + row.votesDue - row.cast;
    noteDuties(layer, row.sourceKey, { done, missed }, p.genesis.params);
  }
}
