/**
 * Transactions on their way into a block: judged when they come, again whenever the head changes, gone when final,
 * impossible or a day old. Revocations become sticky on the way.
 *
 * Those that came by this node's own API are written down before they are acknowledged and are broadcast again from time
 * to time and after a restart; so are revocations, whoever sent them.
 */
import {
  CodedError,
  CoreError,
  checkSignatures,
  parseTransaction,
  type RevokeAccess,
  type Transaction,
  toHex,
  type Verifier,
} from '@radpass/core';
import { checkLoose, type TransactionContext } from './applyTransaction.js';
import type { TreeNode } from './blockTree.js';
import { applyBoundary, transactionContext } from './boundary.js';
import type { Branches } from './branches.js';
import { type Consensus, consensus } from './consensus/index.js';
import { epochOf } from './consensus/params.js';
import { LedgerError } from './errors.js';
import type { ChainEvent } from './events.js';
import type { Genesis } from './genesis.js';
import { Mempool } from './mempool.js';
import { waitingRecord } from './records.js';
import { type Revocations, saysRevoked } from './revocations.js';
import { StateLayer, type StateSource } from './stateView.js';
import { storeKeys } from './storeKeys.js';
import { namedTable } from './tables.js';

/** Waiting longer than this is over. */
const maxWaitMs = 86_400_000;
/** How many waiting transactions are judged again when the head changes. */
const reviewed = 512;
const heldReviewed = 128;
const rebroadcast = 64;
const reasonsKept = 4_096;
/** What stands so many blocks below the head makes room in the pool; it comes back when its branch ends. */
const settledDepth = 4;
/** How far down that is looked for. */
const settledReach = 128;

export type Verdict = 'accept' | 'ignore' | 'reject';

/** What became of a transaction that came in. */
export interface Received {
  readonly verdict: Verdict;
  readonly known: boolean;
  /** Why it does not wait. */
  readonly error?: CodedError;
}

/** A transaction that will not enter a block unless it is sent again. */
export interface Dropped {
  readonly transaction: Transaction;
  readonly reason: string;
}

export class Intake {
  readonly pool = new Mempool();
  readonly #genesis: Genesis;
  readonly #verifier: Verifier;
  readonly #branches: Branches;
  readonly #revocations: Revocations;
  readonly #emit: (event: ChainEvent) => void;
  readonly #rules: Consensus;
  /** Ids of transactions of the own API that are not final; hex. */
  readonly #own = new Map<string, Transaction>();
  /** What went without becoming final and why, the last ones; hex ids. */
  readonly #dropped = new Map<string, Dropped>();
  #reviewAt = 0;
  #heldAt = 0;
  /** Id of the block down to which those that stand in blocks have left the pool; hex. */
  #roomMadeAt = '';
  /** The head's state at the start of an epoch, the last one asked for. */
  #started: { readonly head: string; readonly epoch: number; readonly state: StateSource } | null = null;
  #broadcastAt = 0;

  constructor(p: {
    genesis: Genesis;
    verifier: Verifier;
    branches: Branches;
    revocations: Revocations;
    emit: (event: ChainEvent) => void;
    rules?: Consensus | undefined;
  }) {
    this.#genesis = p.genesis;
    this.#verifier = p.verifier;
    this.#branches = p.branches;
    this.#revocations = p.revocations;
    this.#emit = p.emit;
    this.#rules = p.rules ?? consensus;
  }

  /** A transaction that was dropped, if it is remembered. */
  dropped(id: string): Dropped | undefined {
    return this.#dropped.get(id);
  }

  /**
   * Judge a transaction against the head.
   * @param own - it came by this node's API: a rule that it misses is the sender's to know, and it is written down
   */
  receive(bytes: Uint8Array, nowMs: number, own: boolean): Received {
    let transaction: Transaction;
    try {
      transaction = parseTransaction(bytes);
    } catch (error) {
      if (error instanceof CodedError) return { verdict: 'reject', known: false, error };
      throw error;
    }
    const id = toHex(transaction.id);
    if (this.#isFinal(transaction)) return { verdict: 'ignore', known: true };
    if (this.pool.get(id) || this.#isOnHead(id)) {
      if (own) this.#keep(transaction, nowMs);
      return { verdict: 'ignore', known: true };
    }
    try {
      this.#check(transaction, nowMs, false);
      this.#enter(transaction, nowMs);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      if (!this.#mayComeTrue(transaction, error)) return this.#refusal(error);
      try {
        this.pool.hold(transaction, nowMs, own);
      } catch (noRoom) {
        if (noRoom instanceof CodedError) return this.#refusal(noRoom);
        throw noRoom;
      }
      if (own) this.#keep(transaction, nowMs);
      return { verdict: own ? 'accept' : 'ignore', known: false, error };
    }
    if (own) this.#keep(transaction, nowMs);
    return { verdict: 'accept', known: false };
  }

  /** Take up again what was written down before a restart. */
  resume(bytes: Uint8Array, receivedMs: number, nowMs: number): void {
    const transaction = parseTransaction(bytes);
    const id = toHex(transaction.id);
    this.#own.set(id, transaction);
    const { error } = this.receive(bytes, Math.min(receivedMs, nowMs), false);
    if (this.#isFinal(transaction)) this.#forget(id);
    // It was acknowledged, and quotas open again with the next epoch.
    else if (error?.code === 'LEDGER_TX_QUOTA' && !this.pool.isHeld(id)) this.pool.add(transaction, receivedMs);
    else if (error && !this.pool.isHeld(id)) this.#drop(transaction, error.code);
  }

  /** Let the revocations that are not final wait for a block again, after a restart. */
  resumeRevocations(nowMs: number): void {
    for (const bytes of this.#revocations.pending()) this.receive(bytes, nowMs, false);
  }

  /** Revocations in a block that applied, on whatever branch. */
  sawBlock(transactions: readonly Transaction[], { parent }: TreeNode): void {
    for (const { tuple, ...rest } of transactions) {
      if (tuple.type === 4) this.#stick(tuple, { ...rest, tuple }, this.#branches.stateAt(parent));
    }
  }

  /** The head changed: judge again what waits. Returns transactions to broadcast now that they apply. */
  review(nowMs: number): Uint8Array[] {
    this.#makeRoom();
    const waiting = this.pool.candidates();
    const start = this.#reviewAt < waiting.length ? this.#reviewAt : 0;
    for (const { id, transaction, receivedMs } of waiting.slice(start, start + reviewed)) {
      if (nowMs - receivedMs >= maxWaitMs) this.#drop(transaction, 'LEDGER_TX_EXPIRED');
      else this.#reviewOne(id, transaction, nowMs);
    }
    this.#reviewAt = start + reviewed;
    for (const { transaction } of this.pool.takeExpired(nowMs)) this.#drop(transaction, 'LEDGER_TX_NOT_YET');
    const held = this.pool.held();
    const heldStart = this.#heldAt < held.length ? this.#heldAt : 0;
    this.#heldAt = heldStart + heldReviewed;
    return held
      .slice(heldStart, heldStart + heldReviewed)
      .filter(({ transaction }) => this.#reviewHeld(transaction, nowMs))
      .map(({ transaction }) => transaction.bytes);
  }

  /** Blocks became final: their transactions are done; those of ended branches may come again. */
  sawFinal(final: readonly TreeNode[], staleTransactions: readonly Uint8Array[], nowMs: number): void {
    for (const id of final.flatMap(node => node.transactionIds)) {
      this.pool.remove(id);
      this.#forget(id);
    }
    for (const bytes of staleTransactions) this.receive(bytes, nowMs, false);
    const state = this.#branches.stateAt(this.#branches.tree.base.id);
    this.#revocations.settle(bytes => {
      const { tuple } = parseTransaction(bytes);
      return tuple.type === 4 && saysRevoked(state, tuple);
    });
  }

  /** Some of what should be heard again: own transactions and revocations, in turn. */
  toBroadcast(nowMs: number): Uint8Array[] {
    const own = Array.from(this.#own.values(), ({ id, bytes }) => (this.pool.isHeld(toHex(id)) ? null : bytes));
    const all = [...this.#revocations.pending(), ...own.filter(bytes => bytes !== null)];
    if (this.#broadcastAt >= all.length) this.#broadcastAt = 0;
    const some = all.slice(this.#broadcastAt, this.#broadcastAt + rebroadcast);
    this.#broadcastAt += rebroadcast;
    // A revocation that this node doesn't let wait any more (a restart, a day) waits again.
    for (const bytes of some) this.receive(bytes, nowMs, false);
    return some;
  }

  #makeRoom(): void {
    const { tree, head } = this.#branches;
    let node: TreeNode | undefined = head;
    for (let depth = 0; node && depth < settledDepth; depth++) node = tree.block(node.parent);
    const newest = node;
    for (let i = 0; node && i < settledReach && toHex(node.id) !== this.#roomMadeAt; i++) {
      for (const id of node.transactionIds) this.pool.remove(id);
      node = tree.block(node.parent);
    }
    if (newest) this.#roomMadeAt = toHex(newest.id);
  }

  #isFinal(transaction: Transaction): boolean {
    return this.#branches.get(storeKeys.transaction(transaction.id)) !== undefined;
  }

  #isOnHead(id: string): boolean {
    const { tree, head } = this.#branches;
    return tree.holding(id).some(node => tree.isOn(head.id, node.id));
  }

  /** Judge a transaction as one of the next block. @throws LedgerError LEDGER_TX_… */
  #check(transaction: Transaction, nowMs: number, skipSignatures: boolean): void {
    const { genesisTimeMs, params } = this.#genesis;
    const { head } = this.#branches;
    const clockSlot = Math.floor((nowMs - genesisTimeMs) / params.slotMs);
    const slot = Math.max(head.slot + 1, clockSlot);
    const state = this.#stateIn(epochOf(slot, params));
    const context: TransactionContext = transactionContext({
      genesis: this.#genesis,
      state,
      slot,
      verifier: this.#verifier,
      skipSignatures,
      rules: this.#rules,
    });
    checkLoose(state, transaction, context);
  }

  /** The head's state with the work between epochs done, which takes a walk over all sources: once for a head. */
  #stateIn(epoch: number): StateSource {
    const { head } = this.#branches;
    const id = toHex(head.id);
    if (this.#started?.head !== id || this.#started.epoch !== epoch) {
      const state = new StateLayer(this.#branches.stateAt(head.id));
      applyBoundary(state, { genesis: this.#genesis, parentHeight: head.height, epoch, rules: this.#rules });
      this.#started = { head: id, epoch, state };
    }
    return this.#started.state;
  }

  #enter(transaction: Transaction, nowMs: number): void {
    const evicted = this.pool.add(transaction, nowMs);
    if (evicted) this.#drop(evicted.transaction, 'LEDGER_MEMPOOL_FULL');
    this.#dropped.delete(toHex(transaction.id));
    if (transaction.tuple.type === 4) {
      this.#stick(transaction.tuple, transaction, this.#branches.stateAt(this.#branches.head.id));
    }
    this.#emit({ kind: 'transaction', id: transaction.id });
  }

  /**
   * Whether a refused transaction is worth holding. A patient's revocation counts at once, whatever keeps it from the next
   * block: a quota, a full pool, or a later word at the head that may never become final.
   */
  #mayComeTrue(transaction: Transaction, error: CodedError): boolean {
    if (error.code === 'LEDGER_TX_NOT_YET') return true;
    const { tuple } = transaction;
    if (tuple.type !== 4) return false;
    const isLow = error.code === 'LEDGER_TX_SEQ' && 'problem' in error.detail && error.detail.problem === 'low';
    if (!isLow && error.code !== 'LEDGER_TX_QUOTA' && error.code !== 'LEDGER_MEMPOOL_FULL') return false;
    const { head, tree } = this.#branches;
    if (isLow && saysRevoked(this.#branches.stateAt(tree.base.id), tuple)) return false;
    const state = this.#branches.stateAt(head.id);
    if (namedTable.get(state, tuple.sourceKey, tuple.studyHash, tuple.patientKey) === undefined) return false;
    try {
      checkSignatures(transaction, this.#genesis.chainId, undefined, this.#verifier, 'strict');
    } catch (invalid) {
      if (invalid instanceof CoreError) return false;
      throw invalid;
    }
    this.#stick(tuple, transaction, state);
    return !isLow;
  }

  #refusal(error: CodedError): Received {
    // A stamp that is enough at other times may have been so where it came from.
    const { stampBits } = this.#genesis.params;
    const isBare = error.code === 'LEDGER_TX_STAMP' && 'bits' in error.detail && Number(error.detail.bits) < stampBits;
    const invalid = error.code === 'LEDGER_TX_SIGNATURE' || isBare;
    return { verdict: invalid ? 'reject' : 'ignore', known: false, error };
  }

  /** @param state - before it: whether it ends a grant */
  #stick(tuple: RevokeAccess, transaction: Transaction, state: StateSource): void {
    const writes = this.#revocations.add(tuple, transaction, state);
    if (writes.length === 0) return;
    this.#branches.write(...writes);
    this.#emit({ kind: 'revocation', transaction: transaction.bytes });
  }

  #reviewOne(id: string, transaction: Transaction, nowMs: number): void {
    // On some branch already: it comes back if that branch ends.
    if (this.#branches.tree.isHeld(id)) return;
    try {
      this.#check(transaction, nowMs, true);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      // Quotas open again with the next epoch.
      if (error.code !== 'LEDGER_TX_QUOTA') this.#drop(transaction, error.code);
    }
  }

  /** Whether a held transaction applies by now; then it waits like the others. */
  #reviewHeld(transaction: Transaction, nowMs: number): boolean {
    try {
      this.#check(transaction, nowMs, false);
      this.#enter(transaction, nowMs);
      return true;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      const patient = ['LEDGER_TX_NOT_YET', 'LEDGER_TX_QUOTA', 'LEDGER_MEMPOOL_FULL'];
      if (!patient.includes(error.code)) this.#drop(transaction, error.code);
      return false;
    }
  }

  #keep(transaction: Transaction, nowMs: number): void {
    this.#own.set(toHex(transaction.id), transaction);
    this.#branches.write([storeKeys.waiting(transaction.id), waitingRecord.encode([nowMs, transaction.bytes])]);
  }

  #drop(transaction: Transaction, reason: string): void {
    const id = toHex(transaction.id);
    this.pool.remove(id);
    this.#forget(id);
    if (this.#dropped.size >= reasonsKept) this.#dropped.delete(this.#dropped.keys().next().value!);
    this.#dropped.set(id, { transaction, reason });
  }

  #forget(id: string): void {
    const own = this.#own.get(id);
    if (!own) return;
    this.#own.delete(id);
    this.#branches.write([storeKeys.waiting(own.id), null]);
  }
}
