/**
 * The engine: a pure state machine, step(input) -> effects. It holds the branches, the loose votes, the waiting
 * transactions and a node's duties; it has no clock, no randomness, no disk and no await. The shell (chain.ts) feeds it
 * one input after the other and carries out the effects in their order: a `persist` first, if there is one, and nothing
 * behind it before the batch is on disk.
 */
import { CodedError, equalBytes, type PublicKey, type Transaction, toHex, type Verifier } from '@radpass/core';
import { type Block, encodeBlock } from './block.js';
import { transactionsOf } from './blockTransactions.js';
import type { TreeNode } from './blockTree.js';
import { dutyOfSlot, type SlotDuty } from './boundary.js';
import type { Branches } from './branches.js';
import { buildBlock } from './buildBlock.js';
import { type Consensus, consensus } from './consensus/index.js';
import type { StakeEntry } from './consensus/leader.js';
import { mustBeQuiet, proofFor, votesOf } from './duties.js';
import type { Effect, Input } from './effects.js';
import type { ChainEvent } from './events.js';
import type { Genesis } from './genesis.js';
import type { Intake } from './intake.js';
import { type Judging, judging } from './judging.js';
import { prunedFault } from './keptBlocks.js';
import { Orphans } from './orphans.js';
import type { Hash } from './stateTree.js';
import { judgeUnknown, type Upgrade } from './upgrade.js';
import { VoteCredit } from './voteCredit.js';
import { VoteIntake } from './voteIntake.js';
import type { FrozenView } from './voting.js';
import { Witness } from './witness.js';

/** A sync whose blocks are older than this many slots is catching up: no duties in the meantime. */
const catchUpSlots = 8;
/** Own transactions and revocations are heard again every so many slots. */
const broadcastSlots = 16;
/** Blocks of one slot taken from gossip; more are taken when a chain needs them. */
const blocksOfSlot = 4;

export interface EngineInit {
  readonly genesis: Genesis;
  readonly verifier: Verifier;
  readonly branches: Branches;
  readonly intake: Intake;
  /** Events that intake emitted during a step; the engine takes them. */
  readonly events: ChainEvent[];
  /** Evidence that the store kept. */
  readonly evidence: readonly Uint8Array[];
  /** Node keys that this node signs with. */
  readonly nodeKeys: readonly PublicKey[];
  readonly hash?: Hash | undefined;
  readonly rules?: Consensus | undefined;
  readonly judging?: Judging | undefined;
  /** Where the engine notes that the network has gone on to rules that it doesn't know. */
  readonly upgrade: Upgrade;
  /** Blocks that a recovery names and that are not yet on this node's final chain: until they are, no duties. */
  readonly awaited?: readonly Uint8Array[] | undefined;
}

export class Engine {
  readonly #p: EngineInit;
  readonly #rules: Consensus;
  readonly #judging: Judging;
  readonly #votes: VoteIntake;
  readonly #credit: VoteCredit;
  readonly #witness: Witness;
  readonly #orphans = new Orphans();
  #slot = 0;
  #nowMs = 0;
  #voted = true;
  #frozen: FrozenView;
  /** Slot in which `#frozen` was taken. */
  #frozenIn = -1;
  #quietUntilSlot = 0;
  /** When the next tick was asked for. */
  #timerMs = 0;
  #out: Effect[] = [];

  constructor(p: EngineInit) {
    this.#p = p;
    this.#rules = p.rules ?? consensus;
    this.#judging = p.judging ?? judging;
    this.#credit = new VoteCredit(key => p.branches.get(key), this.#judging);
    this.#witness = new Witness({ ...p, rules: this.#rules });
    this.#witness.resume(p.evidence);
    const emit = (effect: Effect): void => {
      this.#out.push(effect);
    };
    this.#votes = new VoteIntake({ ...p, rules: this.#rules, judging: this.#judging, witness: this.#witness, emit });
    this.#frozen = this.#view();
  }

  /** @throws LedgerError LEDGER_STORE_DAMAGED: the store must be opened again */
  step(input: Input): Effect[] {
    this.#out = [];
    this.#nowMs = input.nowMs;
    switch (input.kind) {
      case 'tick':
        this.#tick();
        break;
      case 'blocks':
        this.#onBlocks(input.blocks, input.from);
        break;
      case 'evidence':
        this.#out.push({ kind: 'verdict', known: false, added: 0, ...this.#witness.receive(input.bytes) });
        break;
      case 'votes':
        this.#out.push({
          kind: 'votes judged',
          verdicts: input.received.map(bytes => this.#votes.receive(bytes, this.#nowMs)),
        });
        break;
      case 'transactions':
        for (const { bytes, own } of input.received) this.#onTransaction(bytes, own);
        break;
      case 'proved':
        this.#build(input.slot, input.leader, input.proof);
        break;
      case 'block signed':
        this.#onBlocks([encodeBlock(input).bytes], 'self');
        break;
      case 'vote signed':
        this.#votes.cast(input.vote, this.#nowMs);
        break;
    }
    return this.#settle();
  }

  /** The batch that a step gave is on disk; called before the next step. */
  synced(): void {
    this.#p.branches.synced();
  }

  /** Slot that a time falls into. */
  slotAt(nowMs: number): number {
    const { genesisTimeMs, params } = this.#p.genesis;
    return Math.floor((nowMs - genesisTimeMs) / params.slotMs);
  }

  #startOf(slot: number): number {
    const { genesisTimeMs, params } = this.#p.genesis;
    return genesisTimeMs + slot * params.slotMs;
  }

  #view(): FrozenView {
    const { arrivals, justified, era } = this.#p.branches;
    return { arrivals, justified, rootId: era.root.id };
  }

  #tick(): void {
    const slot = this.slotAt(this.#nowMs);
    const { slotMs } = this.#p.genesis.params;
    if (slot > this.#slot) {
      // A tick that comes too late to freeze takes the view as it is now.
      if (this.#frozenIn !== slot - 1) this.#frozen = this.#view();
      // Duties begin with the first whole slot: its peers may have much to tell to a node that just started.
      const whole = this.#slot > 0 || this.#nowMs < this.#startOf(slot + 0.25);
      this.#slot = slot;
      this.#voted = slot < 1 || !whole;
      this.#votes.advance(slot);
      this.#witness.advance(slot);
      if (whole && this.#nowMs < this.#startOf(slot + 0.75)) this.#lead();
      if (slot % broadcastSlots === 0) this.#broadcastAgain();
    }
    // The wall clock went back: nothing is due before it reaches the slot again.
    if (slot < this.#slot) {
      this.#wake(this.#startOf(this.#slot + 1));
      return;
    }
    this.#votes.tell(this.#nowMs);
    const [half, freeze, next] = [slot + 0.5, slot + 0.75, slot + 1].map(s => Math.ceil(this.#startOf(s)));
    if (this.#nowMs >= half! || this.#hasBlockOfSlot()) this.#castVotes();
    if (this.#nowMs >= freeze! && this.#frozenIn !== slot) {
      this.#frozen = this.#view();
      this.#frozenIn = slot;
    }
    const due = this.#nowMs < half! ? half! : this.#nowMs < freeze! ? freeze! : next!;
    this.#wake(Math.max(Math.min(due, this.#votes.nextMs), this.#nowMs + Math.min(1, slotMs)));
  }

  #wake(atMs: number): void {
    this.#timerMs = atMs;
    this.#out.push({ kind: 'timer', atMs });
  }

  #hasBlockOfSlot(): boolean {
    return this.#p.branches.tree.hasBlockOf(this.#slot);
  }

  #isQuiet(): boolean {
    return this.#slot <= this.#quietUntilSlot || mustBeQuiet(this.#p);
  }

  #lead(): void {
    const { head } = this.#p.branches;
    if (this.#slot < 1 || head.slot >= this.#slot || this.#isQuiet()) return;
    const duty = this.#dutyOf(this.#slot, head.id);
    this.#out.push(...proofFor({ ...this.#p, slot: this.#slot, duty, rules: this.#rules }));
  }

  #dutyOf(slot: number, parentId: Uint8Array): SlotDuty {
    const { branches, genesis } = this.#p;
    return dutyOfSlot({ genesis, state: branches.stateAt(parentId), slot, rules: this.#rules });
  }

  #build(slot: number, leader: StakeEntry, vrfProof: Uint8Array): void {
    const { branches, genesis, verifier, intake, hash } = this.#p;
    if (slot !== this.#slot || branches.head.slot >= slot) return;
    const fromSlot = Math.max(1, slot - genesis.params.voteWindowSlots);
    const { header, body, id } = buildBlock({
      genesis,
      parent: branches.parentView(branches.head),
      slot,
      producer: leader,
      vrfProof,
      certificates: branches.certificatesFor(branches.head),
      voteSets: this.#credit.missing(this.#votes.setsBetween(fromSlot, slot), branches.head.id, fromSlot),
      evidence: this.#witness.candidates(),
      candidates: intake.pool.candidates().map(entry => entry.transaction),
      verifier,
      rules: this.#rules,
      ...(hash && { hash }),
    });
    this.#out.push({ kind: 'sign block', header, body, id, nodeKey: leader.nodeKey });
  }

  #castVotes(): void {
    if (this.#voted || this.#isQuiet()) return;
    this.#voted = true;
    this.#out.push(...votesOf({ ...this.#p, slot: this.#slot, frozen: this.#frozen, rules: this.#rules }));
  }

  #onBlocks(received: readonly Uint8Array[], from: 'gossip' | 'sync' | 'self'): void {
    const clockSlot = this.slotAt(this.#nowMs);
    const last = received.length - 1;
    let added = 0;
    for (const [i, bytes] of received.entries()) {
      const outcome = this.#onBlock(bytes, clockSlot, from);
      if (outcome === 'added') added++;
      else if (outcome !== 'known') {
        const refused = outcome instanceof CodedError ? ({ verdict: 'reject', error: outcome } as const) : null;
        this.#out.push({ kind: 'verdict', verdict: 'ignore', known: false, added, ...refused });
        return;
      }
      if (i === last) this.#out.push({ kind: 'verdict', verdict: added > 0 ? 'accept' : 'ignore', known: true, added });
    }
    const newest = this.#p.branches.tree.nodes().reduce((slot, node) => Math.max(slot, node.slot), 0);
    if (from === 'sync' && added > 0 && newest + catchUpSlots < clockSlot) this.#quietUntilSlot = clockSlot + 1;
  }

  /** One block, and those that waited for it. */
  #onBlock(
    bytes: Uint8Array,
    clockSlot: number,
    from: 'gossip' | 'sync' | 'self',
  ): 'added' | 'known' | 'orphan' | 'early' | 'surplus' | 'ended' | CodedError {
    const { branches } = this.#p;
    let block: Block;
    try {
      block = from === 'sync' ? this.#judging.parseKeptBlock(bytes) : this.#judging.parseBlock(bytes);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      return error.code === 'LEDGER_BLOCK_VERSION' ? this.#onUnknownRules(bytes, clockSlot, error) : error;
    }
    const { header, id } = block;
    if (branches.knows(id, header.height)) return 'known';
    // A branch that a final block ended is never gone back to.
    if (header.height <= branches.tree.base.height) return 'ended';
    if (header.slot > clockSlot) {
      if (header.slot === clockSlot + 1 && from !== 'sync')
        this.#out.push({ kind: 'later', atMs: this.#startOf(header.slot) });
      return 'early';
    }
    const parent = branches.tree.block(header.parent);
    if (!parent) {
      if (from !== 'sync') {
        this.#orphans.add(block);
        this.#out.push({ kind: 'sync' });
      }
      return 'orphan';
    }
    const ofSlot = branches.tree.nodes().filter(node => node.slot === header.slot).length;
    if (from === 'gossip' && ofSlot >= blocksOfSlot) return 'surplus';
    const refused =
      prunedFault(block, { parent, clockSlot, params: this.#p.genesis.params }) ?? this.#apply(block, from === 'self');
    if (refused) return refused;
    // A fresh block that came by a sync may have been shown to this node alone: in few views, it would split the votes.
    const isShownAlone = from === 'sync' && header.slot >= clockSlot - 1 && ofSlot < blocksOfSlot;
    if (from === 'self' || isShownAlone) this.#out.push({ kind: 'broadcast', topic: 'block', bytes });
    for (const child of this.#orphans.take(id)) this.#onBlock(child, clockSlot, 'gossip');
    return 'added';
  }

  /** A block of rules that this release doesn't know: upgrade.ts. */
  #onUnknownRules(bytes: Uint8Array, clockSlot: number, error: CodedError): 'orphan' | 'early' | CodedError {
    const { branches, genesis, verifier, upgrade, events } = this.#p;
    const verdict = judgeUnknown(bytes, {
      chainId: genesis.chainId,
      clockSlot,
      verifier,
      parentOf: id => branches.tree.block(id),
      leaderOf: (slot, parentId) => this.#dutyOf(slot, parentId).leader,
    });
    if (verdict === 'refuse') return error;
    if (verdict === 'early') return 'early';
    if (verdict === 'no parent') this.#out.push({ kind: 'sync' });
    else {
      if (upgrade.rulesVersion === null) events.push({ kind: 'upgrade', rulesVersion: verdict });
      upgrade.rulesVersion = verdict;
    }
    return 'orphan';
  }

  /** @param own - just built here: its signatures, the VRF's and those inside were made or checked in this process */
  #apply(block: Block, own: boolean): CodedError | null {
    const { branches, intake, nodeKeys } = this.#p;
    let transactions: Transaction[];
    let node: TreeNode;
    try {
      transactions = transactionsOf(block);
      node = branches.addBlock(
        block,
        transactions.map(({ id }) => toHex(id)),
        own,
      );
    } catch (error) {
      if (!(error instanceof CodedError) || error.code === 'LEDGER_STORE_DAMAGED') throw error;
      if (!block.pruned) this.#witness.sawRefused(block, error.code);
      return error;
    }
    intake.sawBlock(transactions, node);
    this.#votes.sawBlock(block);
    // Its own state still has the table and the nonce of its epoch, and its parent may have left the tree.
    const { leader } = this.#dutyOf(node.slot, node.id);
    this.#witness.sawBlock(block, leader.nodeKey);
    if (nodeKeys.some(key => equalBytes(key, leader.nodeKey))) {
      this.#out.push({ kind: 'seen', nodeKey: leader.nodeKey, what: 'block', slot: node.slot });
    }
    return null;
  }

  #onTransaction(bytes: Uint8Array, own: boolean): void {
    const { verdict, known, error } = this.#p.intake.receive(bytes, this.#nowMs, own);
    this.#out.push({ kind: 'verdict', verdict, known, added: 0, ...(error && { error }) });
    if (own && verdict === 'accept' && !error) this.#out.push({ kind: 'broadcast', topic: 'transaction', bytes });
  }

  #broadcastAgain(): void {
    for (const bytes of this.#p.intake.toBroadcast(this.#nowMs))
      this.#out.push({ kind: 'broadcast', topic: 'transaction', bytes });
    for (const bytes of this.#witness.candidates()) this.#out.push({ kind: 'broadcast', topic: 'block', bytes });
  }

  /** One batch of all that changed, then everything that had to wait for it. */
  #settle(): Effect[] {
    const { branches, intake, events } = this.#p;
    const settled = branches.settle();
    if (settled.finalChanged) {
      const { final } = branches;
      this.#witness.sawFinal();
      intake.sawFinal(settled.final, this.#transactionsOf(settled.stale), this.#nowMs);
      const timeMs = this.#startOf(final.slot);
      events.push({ kind: 'final', slot: final.slot, timeMs, height: final.height, id: final.id });
      if (settled.final.some(node => node.transactionIds.length > 0)) events.push({ kind: 'change' });
    }
    if (settled.headChanged) {
      const { head } = branches;
      events.push({ kind: 'head', slot: head.slot, height: head.height, id: head.id });
      for (const bytes of intake.review(this.#nowMs))
        this.#out.push({ kind: 'broadcast', topic: 'transaction', bytes });
    }
    if (!this.#voted && this.slotAt(this.#nowMs) === this.#slot && this.#hasBlockOfSlot()) this.#castVotes();
    for (const bytes of this.#witness.takeFound()) this.#out.push({ kind: 'broadcast', topic: 'block', bytes });
    if (this.#votes.nextMs < this.#timerMs) this.#wake(this.#votes.nextMs);
    const writes = branches.takeWrites();
    const out = this.#out;
    this.#out = [];
    if (writes.length === 0 && events.length === 0) return out;
    const effects: Effect[] = writes.length > 0 ? [{ kind: 'persist', writes }] : [];
    for (const event of events.splice(0)) effects.push({ kind: 'event', event });
    return effects.concat(out);
  }

  /** Transactions of blocks that will be removed, read while they are there. */
  #transactionsOf(stale: readonly TreeNode[]): Uint8Array[] {
    return stale
      .filter(node => node.transactionIds.length > 0)
      .flatMap(node => this.#p.branches.staleBlock(node.id)?.body.transactions ?? []);
  }
}
