/**
 * All branches above the newest final block, which of them is the chain, and how far it is justified and final.
 *
 * Every change is gathered as writes; `takeWrites` gives them as one batch, and until `synced` is called (the batch is on
 * disk) they overlay the store. Whoever sees a head, a justified or a final checkpoint of this class may act on it only
 * after that batch: persist before promise.
 *
 * Justified and final are what certificates show: quorums that a block carries or that loose votes add up to. So they
 * may be ahead of what the head's header records; the certificates are kept on disk for that. So may the era: it begins
 * here when its opening block is known as final, and on the chain with the block that carries the certificate.
 */
import { equalBytes, toHex, type Verifier } from '@radpass/core';
import type { Block } from './block.js';
import { Tree, type TreeNode, treeNode } from './blockTree.js';
import { eraOf, finalityOf } from './consensus/chainTables.js';
import { type Consensus, consensus } from './consensus/index.js';
import type { Checkpoint, VoteSet } from './consensus/votes.js';
import { foldFinal } from './finalize.js';
import { FinalRecords } from './finalRecords.js';
import type { Genesis } from './genesis.js';
import type { ParentView } from './genesisState.js';
import { type Judging, judging } from './judging.js';
import { blockWrites, readKeptBlock } from './keptBlocks.js';
import { KeptCertificates } from './keptCertificates.js';
import { handOverWrites } from './light/handOvers.js';
import { Openings } from './openings.js';
import { ParentViews } from './parentViews.js';
import { type Counts, changesRecord, eraRecord, type FinalRecord } from './records.js';
import { type Restart, restartAt } from './restart.js';
import { type Era, eraAfterFinal, type Rulebook } from './standing.js';
import type { Hash } from './stateTree.js';
import { over, type StateSource } from './stateView.js';
import type { LedgerStore, StoreWrite } from './store.js';
import { damaged } from './store.js';
import { storeKeys } from './storeKeys.js';
import { UnsyncedStore } from './unsyncedStore.js';

export interface BranchesInit {
  readonly genesis: Genesis;
  readonly verifier: Verifier;
  readonly store: Pick<LedgerStore, 'get'>;
  readonly hash?: Hash | undefined;
  readonly rules?: Consensus | undefined;
  readonly judging?: Judging | undefined;
  readonly base: TreeNode;
  readonly final: FinalRecord;
  readonly counts: Counts;
}

export interface Settled {
  readonly headChanged: boolean;
  readonly finalChanged: boolean;
  readonly final: readonly TreeNode[];
  readonly stale: readonly TreeNode[];
}

/** What may be told to others: what is on disk. */
export interface Shown {
  readonly head: TreeNode;
  readonly justified: Checkpoint;
  readonly final: FinalRecord;
}

export class Branches {
  readonly tree: Tree;
  readonly #p: BranchesInit;
  readonly #rules: Consensus;
  readonly #judging: Judging;
  readonly #store: UnsyncedStore;
  /** Blocks added since the last settle. */
  #added: TreeNode[] = [];
  /** What became final and what ended since the last settle. */
  #moved: { final: TreeNode[]; stale: TreeNode[] } = { final: [], stale: [] };
  readonly #certificates: KeptCertificates;
  /** Blocks that open the next era, should they become final. */
  readonly openings: Openings;
  #era: Era;
  /** Always of the tree. */
  #head: TreeNode;
  /** The head that the last settle told. */
  #settledHead: TreeNode;
  /** Of the standing era. */
  #justified: Checkpoint;
  #final: FinalRecord;
  #wantedFinal: Checkpoint;
  /** Slot of the final checkpoint that the last settle told. */
  #settledFinal: number;
  #counts: Counts;
  #arrivals = 0;
  /** What is kept of final blocks. */
  readonly records: FinalRecords;
  readonly #parents: ParentViews;
  /** Blocks or checkpoints changed since the head was chosen. */
  #unchosen = true;
  #shown: Shown;

  constructor(p: BranchesInit) {
    this.#p = p;
    this.#rules = p.rules ?? consensus;
    this.#judging = p.judging ?? judging;
    this.#store = new UnsyncedStore(p.store);
    const get = (key: string): Uint8Array | undefined => this.get(key);
    this.tree = new Tree({ get }, p.base);
    this.records = new FinalRecords(get);
    const { evidenceWindowSlots } = p.genesis.params;
    this.#parents = new ParentViews({ tree: this.tree, records: this.records, get, evidenceWindowSlots, hash: p.hash });
    this.openings = new Openings(this.tree, this.#book);
    this.#head = p.base;
    this.#settledHead = p.base;
    this.#final = p.final;
    this.#wantedFinal = p.final;
    this.#settledFinal = p.final.slot;
    this.#counts = p.counts;
    this.#certificates = new KeptCertificates(this.#rules.finality);
    this.#era = this.#standingEra();
    this.#justified = this.#isRoot(p.base.id) ? this.#era.root : p.final;
    this.#shown = { head: p.base, justified: this.#justified, final: p.final };
  }

  /** Head and checkpoints of the last batch that is on disk. */
  get shown(): Shown {
    return this.#shown;
  }

  get head(): TreeNode {
    return this.#head;
  }

  get justified(): Checkpoint {
    return this.#justified;
  }

  get final(): FinalRecord {
    return this.#final;
  }

  /** The era whose voters decide what is final next. */
  get era(): Era {
    return this.#era;
  }

  get certificates(): readonly VoteSet[] {
    return this.#certificates.all;
  }

  /** Blocks added so far, in this process. */
  get arrivals(): number {
    return this.#arrivals;
  }

  /** A record of the store as it will be once all gathered writes are on disk. */
  get(key: string): Uint8Array | undefined {
    return this.#store.get(key);
  }

  /** State after a block of the tree. */
  stateAt(id: Uint8Array): StateSource {
    return this.tree.stateAt(id);
  }

  /** A block of the tree as others are judged on it. */
  parentView(node: TreeNode): ParentView {
    return this.#parents.of(node);
  }

  /**
   * Judge a block whose parent is in the tree, and add it.
   * @param skipSignatures - for blocks of this store, judged before
   * @throws LedgerError LEDGER_BLOCK_…, changing nothing; LEDGER_STORE_DAMAGED
   */
  addBlock(block: Block, transactionIds: readonly string[], skipSignatures = false): TreeNode {
    const parent = this.tree.block(block.header.parent);
    if (!parent) throw new RangeError('the parent is not in the tree');
    const { genesis, verifier, hash } = this.#p;
    const changes = this.#judging.changesOf({
      genesis,
      parent: this.parentView(parent),
      block,
      verifier,
      skipSignatures,
      rules: this.#rules,
      ...(hash && { hash }),
    });
    const node = this.addApplied(block, transactionIds, changes);
    this.write(...blockWrites(block));
    this.#added.push(node);
    return node;
  }

  /** Add a block whose changes are known: one that this store holds already. */
  addApplied(block: Block, transactionIds: readonly string[], changes: TreeNode['changes']): TreeNode {
    const output = this.#rules.beacon.vrfOutput(block.header.vrfProof);
    if (!output)
      throw damaged('a stored block has no VRF output', { height: block.header.height, id: toHex(block.id) });
    const parent = this.tree.block(block.header.parent);
    if (!parent) throw new RangeError('the parent is not in the tree');
    const node = treeNode({ block, parent, vrfOutput: output, arrival: ++this.#arrivals, changes, transactionIds });
    const restart = restartAt({ ...node, state: over(this.tree.stateAt(node.parent), changes) }, this.#book);
    this.tree.add(node);
    this.#unchosen = true;
    this.openings.consider(node);
    if (!block.pruned) for (const certificate of block.body.certificates) this.learn(certificate);
    // What a chain records is believed if it shows the signatures; what it only says may be made up.
    if (node.unsignedHeight <= this.tree.base.height) {
      const { root, justified, finalized } = block.header;
      this.#raiseFinal(finalized);
      if (this.#isRoot(root.id)) this.#justify(justified);
    }
    if (restart) this.#restart(node, restart);
    return node;
  }

  /**
   * Take in a certificate that was verified: in a block that applied, or made of loose votes.
   * @returns whether it raised what is justified or final here
   */
  learn(certificate: VoteSet): boolean {
    const { message: link } = certificate;
    const { finalizes } = this.#rules.finality;
    if (this.#certificates.has(link)) return false;
    const source = { slot: link.sourceSlot, id: link.sourceId };
    if (!this.#isRoot(link.rootId)) {
      // One that made the era's root final, read again from the store.
      const { root } = finalityOf(this.tree.stateAt(this.tree.base.id));
      const isRestart = this.#rules.finality.recoveries(this.#era.root.id) !== undefined;
      const handsOver = !isRestart && !this.#isRoot(root.id) && equalBytes(root.id, link.rootId);
      if (handsOver && finalizes(link) && this.#isRoot(link.sourceId)) {
        this.#certificates.handOver(this.#era.root.id, certificate);
      }
      return false;
    }
    const target = this.tree.block(link.targetId);
    if (!target || target.slot > link.targetSlot) return false;
    const opening = this.openings.on(target.id);
    if (opening && opening !== target) return false;
    const makesFinal = finalizes(link) && source.slot > this.#wantedFinal.slot;
    if (link.targetSlot <= this.#justified.slot && !makesFinal) return false;
    this.#certificates.add(certificate);
    this.#justify({ slot: link.targetSlot, id: link.targetId });
    if (makesFinal && this.tree.isOn(link.targetId, link.sourceId)) this.#raiseFinal(source);
    return true;
  }

  /** Take in again a certificate that the store keeps. */
  learnStored(certificate: VoteSet): void {
    this.#certificates.read(certificate);
    this.learn(certificate);
  }

  /** Certificates for a block on `parent`. */
  certificatesFor(parent: TreeNode): VoteSet[] {
    const state = this.tree.stateAt(parent.id);
    const isOn = (id: Uint8Array): boolean => this.tree.isOn(parent.id, id);
    const { id, slot, height } = parent;
    const record = restartAt({ id, slot, height, state }, this.#book)?.record ?? finalityOf(state);
    return this.#certificates.forBlock(state, record, { rootId: this.#era.root.id, isOn });
  }

  /** Take a block of the tree as final that was so before: when a store is written anew from its blocks. */
  makeFinal(checkpoint: Checkpoint): void {
    this.#raiseFinal(checkpoint);
  }

  /** Whether a block is in the tree or in the final chain. */
  knows(id: Uint8Array, height: number): boolean {
    if (this.tree.block(id)) return true;
    return height > 0 && height < this.tree.base.height && equalBytes(this.records.at(height).id, id);
  }

  /** Gather a write for the next batch. */
  write(...writes: readonly StoreWrite[]): void {
    this.#store.write(writes);
  }

  /** Choose final block, head and pointers anew. */
  settle(): Settled {
    if (this.#wantedFinal.slot > this.#final.slot) this.#advance();
    const { final, stale } = this.#moved;
    this.#moved = { final: [], stale: [] };
    for (const node of this.#added) {
      if (this.tree.block(node.id) && node.height > this.tree.base.height) {
        this.write([storeKeys.changes(node.id), changesRecord.encode(node.changes)]);
      }
    }
    this.#added = [];
    if (this.#unchosen) {
      const best = this.#rules.forkChoice.selectHead(this.tree, this.#justified.id);
      this.#head = (best && this.tree.block(best.id)) ?? this.tree.base;
      this.#unchosen = false;
    }
    const headChanged = !equalBytes(this.#settledHead.id, this.#head.id);
    this.#settledHead = this.#head;
    if (headChanged) this.write([storeKeys.meta('head'), this.#head.id]);
    this.write(...this.#certificates.takeWrites());
    const finalChanged = this.#final.slot > this.#settledFinal;
    this.#settledFinal = this.#final.slot;
    return { headChanged, finalChanged, final, stale };
  }

  /** All gathered writes: the batch to be synced before anyone acts on what they hold. */
  takeWrites(): StoreWrite[] {
    return this.#store.writes();
  }

  /** A block that the gathered writes remove. */
  staleBlock(id: Uint8Array): Block | null {
    return readKeptBlock(key => this.#p.store.get(key), id);
  }

  /** The batch of the last settle is on disk. */
  synced(): void {
    this.#store.synced();
    this.#shown = { head: this.#head, justified: this.#justified, final: this.#final };
  }

  get #book(): Rulebook {
    return { genesis: this.#p.genesis, rules: this.#rules };
  }

  #isRoot(id: Uint8Array): boolean {
    return equalBytes(id, this.#era.root.id);
  }

  /** The era that stands after the base, which is final. */
  #standingEra(): Era {
    const { base } = this.tree;
    const idAt = (height: number): Uint8Array => (height === base.height ? base.id : this.records.at(height).id);
    return eraAfterFinal(this.tree.stateAt(base.id), { ...this.#book, final: base, idAt });
  }

  #justify(justified: Checkpoint): void {
    if (justified.slot <= this.#justified.slot || !this.tree.block(justified.id)) return;
    this.#justified = justified;
    this.#unchosen = true;
  }

  #raiseFinal(final: Checkpoint): void {
    const node = this.tree.block(final.id);
    if (!node || final.slot <= this.#wantedFinal.slot) return;
    this.#wantedFinal = final;
    // What comes next may be of the era that begins there.
    const { opening } = eraOf(this.tree.stateAt(final.id));
    const rootSlot =
      opening && opening.height <= node.height ? opening.slot : finalityOf(this.tree.stateAt(final.id)).root.slot;
    if (rootSlot !== this.#era.root.slot) this.#advance();
  }

  /** Fold what has become final. */
  #advance(): void {
    const wanted = this.#wantedFinal;
    const node = this.tree.block(wanted.id);
    if (!node) return;
    for (const era of this.openings.eras(wanted.id)) this.#writeEra(era);
    const rootBefore = finalityOf(this.tree.stateAt(this.tree.base.id)).root.id;
    const moved = this.tree.moveBase(wanted.id);
    this.#unchosen = true;
    // The rest of the step reads the head's state; the head itself may have ended with its branch.
    if (!this.tree.block(this.#head.id)) this.#head = this.tree.base;
    const checkpoint = { slot: wanted.slot, id: wanted.id, height: node.height };
    const fold = foldFinal({
      flat: { get: key => this.get(key) },
      counts: this.#counts,
      ...moved,
      checkpoint,
      recordAt: height => this.records.at(height),
      headerOf: id => this.records.header(id),
      params: this.#p.genesis.params,
    });
    this.write(...fold.writes);
    this.write(
      ...handOverWrites({
        genesis: this.#p.genesis,
        final: moved.final,
        rootId: rootBefore,
        get: key => this.get(key),
        votersOf: id => this.records.era(id),
      }),
    );
    this.#counts = fold.counts;
    this.#final = checkpoint;
    this.#moved.final.push(...moved.final);
    this.#moved.stale.push(...moved.stale);
    this.openings.prune();
    this.#followEra();
  }

  /** After the base moved: which era stands, and what is justified in it. */
  #followEra(): void {
    const era = this.#standingEra();
    if (!this.#isRoot(era.root.id)) {
      this.#era = era;
      this.#certificates.handOver(era.root.id);
      this.#justified = era.root;
    }
    if (this.#isRoot(finalityOf(this.tree.stateAt(this.tree.base.id)).root.id)) this.#certificates.recorded();
    // The justified block descends from the final one, or it could not be final.
    const isBehind = !this.tree.block(this.#justified.id) || this.#justified.slot < this.#final.slot;
    if (isBehind && !this.#isRoot(this.#final.id)) this.#justified = this.#final;
  }

  /** Take the block as final, and its voters as those who go on. */
  #restart(node: TreeNode, { record, committee }: Restart): void {
    const { finalized } = record;
    this.#writeEra({ ...record, committee });
    this.#wantedFinal = { slot: Math.max(finalized.slot, this.#wantedFinal.slot), id: node.id };
    this.#advance();
  }

  #writeEra({ depth, root, committee }: Era): void {
    this.write([storeKeys.era(root.id), eraRecord.encode({ depth, slot: root.slot, voters: committee.voters })]);
  }
}
