import { beforeAll, describe, expect, it } from '@jest/globals';
import { compareBytes, type PublicKey, toHex, u64be } from '@radpass/core';
import {
  type AuditRow,
  areRowsOf,
  auditColumns,
  auditRootKey,
  auditRootOf,
  encodeAuditRow,
  parseAuditRows,
  proveAuditRow,
  verifyAuditRow,
} from '../dist/audit.js';
import { dutyOfSlot } from '../dist/boundary.js';
import { type EquivocationKind, encodeEvidence } from '../dist/consensus/evidence.js';
import { tinyParams } from '../dist/consensus/params.js';
import { encodeVoteMessage, type VoteSet } from '../dist/consensus/votes.js';
import { committeeOfGenesis } from '../dist/genesisState.js';
import { proveState, verifyStateProof } from '../dist/stateProof.js';
import { leafKey } from '../dist/stateView.js';
import { storeKeys } from '../dist/storeKeys.js';
import { tables } from '../dist/tables.js';
import { type Link, TestChain } from './testChain.js';

/** Epochs of 8 slots whose audit closes when the one after the next begins. */
const params = { ...tinyParams, voteWindowSlots: 8 };

function rowsOf(link: Link, epoch: number): AuditRow[] {
  const state = link.view.state;
  const stored = state.get(storeKeys.audit(epoch))!;
  const rows = parseAuditRows(stored);
  expect(areRowsOf(rows, auditRootOf(state, epoch)!)).toBe(true);
  return rows;
}

const sumOf = (rows: readonly AuditRow[], column: (typeof auditColumns)[number]) =>
  rows.reduce((sum, row) => sum + row[column], 0);

function evidence(kind: EquivocationKind, nodeKey: PublicKey, signed: Uint8Array[][]): Uint8Array {
  const [[first, firstSignature], [second, secondSignature]] = signed.sort((a, b) => compareBytes(a[0]!, b[0]!)) as [
    [Uint8Array, Uint8Array],
    [Uint8Array, Uint8Array],
  ];
  return encodeEvidence({ kind, nodeKey, first, firstSignature, second, secondSignature });
}

/**
 * Four founders of equal weight. Slots 3 and 6 have no block. Votes, all from genesis: in slot 1 voters 0 to 3 in time; in
 * slot 2 voters 0 and 1 in time, 2 late and repeated; in slot 4 voter 3 late, and twice for different links. The leader of
 * slot 6 made two blocks of it, which block 7 tells; that voter 1 voted twice in slots 4 and 5 is told in epoch 1.
 */
class Story {
  readonly chain = new TestChain(4, { params });
  readonly leaders = new Map<number, string>();
  head = this.chain.start;
  twice: Uint8Array = new Uint8Array();

  block(slot: number, voteSets: VoteSet[] = [], evidence: Uint8Array[] = [], certificates: VoteSet[] = []): void {
    const ordered = [...voteSets].sort((a, b) => a.message.targetSlot - b.message.targetSlot);
    this.head = this.chain.extend(this.head, slot, { voteSets: ordered, evidence, certificates });
  }

  /** The slot's leader signs two blocks of it. */
  doubleBlock(slot: number): Uint8Array {
    const { built, key } = this.chain.draft(this.head, slot);
    const block = this.chain.seal(built.header, built.body, key);
    const other = this.chain.bend(block, key, { header: { stateRoot: new Uint8Array(32) } });
    return evidence(
      'doubleBlock',
      key.publicKey,
      [block, other].map(({ headerBytes, signature }) => [headerBytes, signature]),
    );
  }

  /** A voter signs two votes of one slot. */
  doubleVote(slot: number, voter: number): Uint8Array {
    const sets = [this.votes(slot, [voter]), this.votes(slot, [voter], 1)];
    const { nodeKey } = committeeOfGenesis(this.chain.genesis).voters[voter]!;
    return evidence(
      'doubleVote',
      nodeKey,
      sets.map(set => [encodeVoteMessage(set.message), set.signatures[0]!]),
    );
  }

  votes(targetSlot: number, voters: readonly number[], sourceSlot = 0): VoteSet {
    const genesis = this.chain.genesis.chainId;
    return this.chain.votes({ slot: sourceSlot, id: genesis }, { slot: targetSlot, id: genesis }, voters);
  }

  /** The source that leads a slot, in hex; asked before the slot is past. */
  note(slot: number): void {
    const { leader } = dutyOfSlot({ genesis: this.chain.genesis, state: this.head.view.state, slot });
    this.leaders.set(slot, toHex(leader.sourceKey));
  }

  run(until: number): void {
    const sets: Record<number, VoteSet[]> = {
      2: [this.votes(1, [0, 1])],
      4: [this.votes(2, [0, 1])],
      5: [this.votes(2, [0, 2]), this.votes(4, [3], 1)],
      7: [this.votes(4, [3])],
      // Slot 1 is out of the window in slot 10; slot 9's votes belong to epoch 1.
      10: [this.votes(9, [0, 1])],
    };
    for (let slot = 1; slot <= until; slot++) {
      this.note(slot);
      if (slot === 6) this.twice = this.doubleBlock(slot);
      const accused = slot === 7 ? [this.twice] : slot === 10 ? [this.doubleVote(5, 1), this.doubleVote(4, 1)] : [];
      // A certificate may come at any age; its votes of slot 5 are out of the window then.
      const old = slot === 15 ? [this.votes(5, [0, 1, 2])] : [];
      if (slot !== 3 && slot !== 6) this.block(slot, sets[slot], accused, old);
    }
  }
}

describe('the audit of an epoch', () => {
  const story = new Story();
  let rows: AuditRow[];

  beforeAll(() => {
    story.run(15);
    expect(auditRootOf(story.head.view.state, 0)).toBeUndefined();
    story.note(16);
    story.block(16);
    rows = rowsOf(story.head, 0);
  });

  it('closes when no vote for its slots can come any more, and counts every slot once', () => {
    expect(rows.map(row => row.weight)).toEqual([30e6, 30e6, 30e6, 30e6]);
    expect(sumOf(rows, 'assigned')).toBe(7);
    expect([sumOf(rows, 'produced'), sumOf(rows, 'missed'), sumOf(rows, 'orphaned')]).toEqual([5, 1, 1]);
  });

  it("counts each leader's blocks and missed slots", () => {
    for (const row of rows) {
      const led = [...story.leaders]
        .filter(([slot, key]) => slot < 8 && key === toHex(row.sourceKey))
        .map(([slot]) => slot);
      const [missed, orphaned] = [3, 6].map(slot => (led.includes(slot) ? 1 : 0)) as [number, number];
      expect([row.assigned, row.missed, row.orphaned]).toEqual([led.length, missed, orphaned]);
      expect([row.produced, row.doubleBlocks]).toEqual([led.length - missed - orphaned, orphaned]);
    }
  });

  it('counts votes due in each slot that a block follows in time, cast ones once, late ones as such', () => {
    expect(rows.map(row => row.votesDue)).toEqual([7, 7, 7, 7]);
    expect(rows.map(row => row.seats)).toEqual([1, 1, 1, 1]);
    // Voters stand by sourceKey, as rows do. Slot 1: 0 1; slot 2: 0 1, late 2; slot 4: 3 twice, once counted.
    expect(rows.map(row => row.cast)).toEqual([2, 2, 1, 1]);
    expect(rows.map(row => row.late)).toEqual([0, 0, 1, 0]);
  });

  it('counts an offence in the epoch whose block tells it', () => {
    expect(sumOf(rows, 'doubleVotes')).toBe(0);
    const later = new Story();
    later.run(24);
    expect(rowsOf(later.head, 1).map(row => row.doubleVotes)).toEqual([0, 2, 0, 0]);
    expect(sumOf(rowsOf(later.head, 1), 'doubleBlocks')).toBe(0);
  });

  it('proves one row: the rows root by the state, the row by its path', () => {
    const { state } = story.head.view;
    const root = auditRootOf(state, 0)!;
    const value = state.get(leafKey(tables.audit, auditRootKey(0)))!;
    const leaf = { root: story.head.block!.header.stateRoot, table: tables.audit, tableKey: auditRootKey(0), value };
    expect(verifyStateProof({ ...leaf, proof: proveState(state, tables.audit, auditRootKey(0)) })).toBe(true);
    for (const [index, row] of rows.entries()) {
      const proof = proveAuditRow(rows, index);
      expect(verifyAuditRow({ row, index, root, proof })).toBe(true);
      for (const column of auditColumns) {
        expect(verifyAuditRow({ row: { ...row, [column]: row[column] + 1 }, index, root, proof })).toBe(false);
      }
      expect(verifyAuditRow({ row, index: (index + 1) % 4, root, proof })).toBe(false);
    }
  });

  it('leaves nothing of the epoch behind but its root', () => {
    const { state } = story.head.view;
    const kept = (table: number, kind: number, number: number) =>
      state.get(leafKey(table, Uint8Array.of(kind, ...u64be(number)))) !== undefined;
    const slots = Array.from({ length: 16 }, (_, slot) => slot).filter(slot => kept(tables.duties, 1, slot));
    expect(slots).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
    expect([0, 1].map(epoch => kept(tables.audit, 1, epoch))).toEqual([false, true]);
    expect([0, 1].map(epoch => kept(tables.audit, 0, epoch))).toEqual([true, false]);
  });

  it('gives the same bytes on another node, and others for another vote', () => {
    const again = new Story();
    again.run(16);
    expect(rowsOf(again.head, 0).map(row => toHex(encodeAuditRow(row)))).toEqual(
      rows.map(row => toHex(encodeAuditRow(row))),
    );
    const other = new TestChain(4, { params });
    const quiet = other.grow(other.start, 16);
    expect(rowsOf(quiet, 0).map(row => row.cast)).toEqual([7, 7, 7, 7]);
    expect(rowsOf(quiet, 0).map(row => row.missed + row.late)).toEqual([0, 0, 0, 0]);
  });
});
