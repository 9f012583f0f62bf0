/** What readers and peers ask of the chain as it stands, final or not: blocks, transactions, status, sync. */
import { equalBytes, type PublicKey, parseTransaction, sha256, type Tuple, toHex } from '@radpass/core';
import type { Block } from './block.js';
import { transactionIdsOf } from './blockTransactions.js';
import type { TreeNode } from './blockTree.js';
import type { Branches } from './branches.js';
import { startFactor } from './events.js';
import type { FinalView } from './finalView.js';
import type { Genesis } from './genesis.js';
import type { Intake } from './intake.js';
import type { Judging } from './judging.js';
import { keptBlockBytes, readKeptBlock } from './keptBlocks.js';
import { positionRecord } from './records.js';
import type { Revocations } from './revocations.js';
import { standingGrants } from './standingGrants.js';
import type { LedgerStore } from './store.js';
import { storeKeys } from './storeKeys.js';
import { consentTable, floorTable, sourceTable } from './tables.js';
import type { Upgrade } from './upgrade.js';

/** How far a block or transaction has come. */
export type Grade = 'pending' | 'included' | 'confirmed' | 'final' | 'dropped';

export interface PeerStatus {
  chainId: Uint8Array;
  height: number;
  headSlot: number;
  headId: Uint8Array;
  finalHeight: number;
  finalSlot: number;
}

export interface LedgerStatus extends PeerStatus {
  finalId: Uint8Array;
  finalAgeMs: number;
  /** Of the final block. */
  stateRoot: Uint8Array;
  justifiedSlot: number;
  /** Another number whenever a revocation was seen that says something new, and only a greater one, over restarts too. */
  revocationsSeen: number;
  mempool: number;
  sources: number;
  studies: number;
  /** Rules version that the network goes by and this release doesn't know: it must be replaced. */
  upgradeTo?: number;
}

export interface TransactionEntry {
  bytes: Uint8Array;
  tuple: Tuple;
  grade: Grade;
  blockId?: Uint8Array;
  height?: number;
  slot?: number;
  /** Code of what keeps it from a block. */
  reason?: string;
}

export type SeqQuery =
  | { sourceKey: PublicKey }
  | { sourceKey: PublicKey; studyHash: Uint8Array; patientKey: PublicKey; requesterKey?: PublicKey };

const locatorLength = 32;

export interface LookupInit {
  readonly store: LedgerStore;
  readonly genesis: Genesis;
  readonly branches: Branches;
  readonly intake: Intake;
  readonly view: FinalView;
  readonly revocations: Revocations;
  readonly judging: Judging;
  readonly now: () => number;
  readonly upgrade: Upgrade;
  /** Number of this start of the store, larger than any before. */
  readonly start: number;
}

export class Lookup {
  readonly #p: LookupInit;

  constructor(p: LookupInit) {
    this.#p = p;
  }

  idOf(transaction: Uint8Array): Uint8Array {
    return sha256(transaction);
  }

  peerStatus(): PeerStatus {
    const { genesis, branches } = this.#p;
    const { head, final } = branches.shown;
    return {
      chainId: genesis.chainId,
      height: head.height,
      headSlot: head.slot,
      headId: head.id,
      finalHeight: final.height,
      finalSlot: final.slot,
    };
  }

  status(): LedgerStatus {
    const { branches, intake, view, now, upgrade, revocations, start } = this.#p;
    return view.status((checkpoint, final) => ({
      ...this.peerStatus(),
      finalHeight: final.height,
      finalSlot: checkpoint.slot,
      finalId: checkpoint.blockId,
      finalAgeMs: now() - checkpoint.timeMs,
      stateRoot: checkpoint.stateRoot,
      justifiedSlot: branches.shown.justified.slot,
      revocationsSeen: start * startFactor + revocations.seen,
      mempool: intake.pool.size,
      ...view.totals(),
      ...(upgrade.rulesVersion !== null && { upgradeTo: upgrade.rulesVersion }),
    }));
  }

  /** Ids of the head's chain, newest first, ever wider apart, genesis last; at most 32. */
  locator(): Uint8Array[] {
    const { genesis, branches } = this.#p;
    const { head } = branches.shown;
    const ids: Uint8Array[] = [];
    for (let height = head.height, step = 1; height > 0 && ids.length < locatorLength - 1; height -= step) {
      const id = this.#idAt(height);
      if (id) ids.push(id);
      if (ids.length >= 8) step *= 2;
    }
    ids.push(genesis.chainId);
    return ids;
  }

  /** Blocks of the head's chain behind the newest one that `locator` names, ascending; old ones without their votes' signatures. */
  async *blocksAfter(locator: readonly Uint8Array[], limit: number): AsyncIterable<Uint8Array> {
    let from = 1;
    for (const id of locator.slice(0, locatorLength)) {
      const height = this.#heightOnHead(id);
      if (height === null) continue;
      from = height + 1;
      break;
    }
    for (let height = from; height < from + limit; height++) {
      const id = this.#idAt(height);
      const block = id && keptBlockBytes(key => this.#p.store.get(key), id);
      if (!block) return;
      yield block;
    }
  }

  async transaction(id: Uint8Array): Promise<TransactionEntry | null> {
    const { store, branches, intake } = this.#p;
    const name = toHex(id);
    const stored = store.get(storeKeys.transaction(id));
    if (stored) {
      const [height, index] = positionRecord.decode(stored);
      const record = branches.records.at(height);
      const bytes = this.#readBlock(record.id)?.body.transactions[index];
      if (!bytes) return null;
      return { ...entryOf(bytes), grade: 'final', blockId: record.id, height, slot: record.slot };
    }
    const holding = branches.tree.holding(name);
    const node = holding.find(candidate => branches.tree.isOn(branches.shown.head.id, candidate.id));
    if (node) {
      const bytes = this.#transactionIn(node, name);
      if (!bytes) return null;
      const { id: blockId, height, slot } = node;
      return { ...entryOf(bytes), grade: this.#gradeOf(node), blockId, height, slot };
    }
    const waiting = intake.pool.get(name)?.transaction;
    if (waiting) return { ...entryOf(waiting.bytes), grade: 'pending' };
    const elsewhere = holding[0] && this.#transactionIn(holding[0], name);
    if (elsewhere) return { ...entryOf(elsewhere), grade: 'pending' };
    const dropped = intake.dropped(name);
    return dropped ? { ...entryOf(dropped.transaction.bytes), grade: 'dropped', reason: dropped.reason } : null;
  }

  /** A block by id, or by height on the head's chain; 'pending' = on another branch. Genesis is no block. */
  async block(
    idOrHeight: Uint8Array | number,
  ): Promise<{ block: Block; grade: Grade; transactionIds: Uint8Array[] } | null> {
    const id = typeof idOrHeight === 'number' ? this.#idAt(idOrHeight) : idOrHeight;
    const block = id && readKeptBlock(key => this.#p.store.get(key), id);
    if (!block) return null;
    const node = this.#p.branches.tree.block(block.id);
    const isFinal = this.#finalIdAt(block.header.height, block.id);
    if (!node && !isFinal) return null;
    const transactionIds = block.body.transactions.map(bytes => sha256(bytes));
    return { block, grade: isFinal || !node ? 'final' : this.#gradeOf(node), transactionIds };
  }

  /** The least seq that the head's state would take for a source's tuples, or a patient's word on a study. */
  seqBound(query: SeqQuery): number {
    const { branches, revocations } = this.#p;
    const state = branches.stateAt(branches.head.id);
    const { sourceKey } = query;
    if (!('studyHash' in query)) return (sourceTable.get(state, sourceKey)?.seq ?? 0) + 1;
    const { studyHash, patientKey, requesterKey } = query;
    const floor = floorTable.get(state, sourceKey, studyHash, patientKey)?.seq ?? 0;
    if (!requesterKey) {
      // A word to everyone is meant to end every grant that stands.
      const { seqs } = standingGrants(state, { sourceKey, studyHash, patientKey });
      return Math.max(floor, seqs.at(-1) ?? 0) + 1;
    }
    const standing = consentTable.get(state, sourceKey, studyHash, patientKey, requesterKey)?.seq ?? 0;
    const revoked = revocations.greatest({ sourceKey, studyHash, patientKey, requesterKey });
    return Math.max(standing, floor, revoked) + 1;
  }

  #gradeOf(node: TreeNode): Grade {
    const { tree, shown } = this.#p.branches;
    if (!tree.isOn(shown.head.id, node.id)) return 'pending';
    if (node.height <= shown.final.height) return 'final';
    return tree.isOn(shown.justified.id, node.id) ? 'confirmed' : 'included';
  }

  #finalIdAt(height: number, id: Uint8Array): boolean {
    const { branches } = this.#p;
    const record = height <= branches.shown.final.height ? branches.records.listed(height) : undefined;
    return record !== undefined && equalBytes(record.id, id);
  }

  /** Id at a height of the head's chain. */
  #idAt(height: number): Uint8Array | null {
    const { branches } = this.#p;
    if (height < 1 || height > branches.shown.head.height) return null;
    if (height <= branches.shown.final.height) return branches.records.listed(height)?.id ?? null;
    return branches.tree.path(branches.shown.head.id).find(node => node.height === height)?.id ?? null;
  }

  #heightOnHead(id: Uint8Array): number | null {
    const { branches } = this.#p;
    const node = branches.tree.block(id);
    if (node) return branches.tree.isOn(branches.shown.head.id, id) ? node.height : null;
    const block = this.#readBlock(id);
    return block && this.#finalIdAt(block.header.height, id) ? block.header.height : null;
  }

  #readBlock(id: Uint8Array): Block | null {
    const stored = this.#p.store.get(storeKeys.block(id));
    return stored ? this.#p.judging.parseKeptBlock(stored) : null;
  }

  #transactionIn(node: TreeNode, name: string): Uint8Array | null {
    const block = this.#readBlock(node.id);
    if (!block) return null;
    return block.body.transactions[transactionIdsOf(block).indexOf(name)] ?? null;
  }
}

function entryOf(bytes: Uint8Array): { bytes: Uint8Array; tuple: Tuple } {
  return { bytes, tuple: parseTransaction(bytes).tuple };
}
