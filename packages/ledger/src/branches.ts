/**
 * All branches above the newest final block, which of them is the chain, and how far it is justified and final.
 *
 * Every change is gathered as writes; `takeWrites` gives them as one batch, and until `synced` is called (the batch is on
 * disk) they overlay the store. Whoever sees a head, a justified or a final checkpoint of this class may act on it only
 * after that batch: persist before promise.
 *
 * Justified and final are what certificates show: quorums that a block carries or that loose votes add up to. So they
 * may be ahead of what the head's header records; the certificates are kept on disk for that.
 */
import { equalBytes, toHex, type Verifier } from '@radpass/core';
import { type Block, parseBlock } from './block.js';
import { Tree, type TreeNode, treeNode } from './blockTree.js';
import { finalityOf } from './consensus/chainTables.js';
import { type Consensus, consensus } from './consensus/index.js';
import type { Checkpoint, VoteSet } from './consensus/votes.js';
import { foldFinal } from './finalize.js';
import type { Genesis } from './genesis.js';
import type { ParentView } from './genesisState.js';
import { type Judging, judging } from './judging.js';
import { type Counts, certificatesRecord, changesRecord, type FinalRecord, heightRecord } from './records.js';
import type { Hash } from './stateTree.js';
import type { StateSource } from './stateView.js';
import type { LedgerStore, StoreWrite } from './store.js';
import { damaged } from './store.js';
import { storeKeys } from './storeKeys.js';
import { undoneState } from './undoneState.js';
import { isSameMessage } from './voting.js';

/** Certificates kept: the newest, of which a block carries at most three. */
const certificatesKept = 8;

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
  /** Writes not yet known to be on disk, the latest for each key. */
  readonly #unsynced = new Map<string, Uint8Array | null>();
  /** Blocks added since the last settle. */
  #added: TreeNode[] = [];
  #certificates: VoteSet[] = [];
  #certificatesChanged = false;
  #head: TreeNode;
  #justified: Checkpoint;
  #final: FinalRecord;
  #wantedFinal: Checkpoint;
  #counts: Counts;
  #arrivals = 0;
  /** Blocks or checkpoints changed since the head was chosen. */
  #unchosen = true;
  #shown: Shown;

  constructor(p: BranchesInit) {
    this.#p = p;
    this.#rules = p.rules ?? consensus;
    this.#judging = p.judging ?? judging;
    this.tree = new Tree({ get: key => this.get(key) }, p.base);
    this.#head = p.base;
    this.#final = p.final;
    this.#wantedFinal = p.final;
    this.#justified = p.final;
    this.#counts = p.counts;
    this.#shown = { head: p.base, justified: p.final, final: p.final };
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

  get certificates(): readonly VoteSet[] {
    return this.#certificates;
  }

  /** Blocks added so far, in this process. */
  get arrivals(): number {
    return this.#arrivals;
  }

  /** A record of the store as it will be once all gathered writes are on disk. */
  get(key: string): Uint8Array | undefined {
    const value = this.#unsynced.get(key);
    return value === undefined ? this.#p.store.get(key) : (value ?? undefined);
  }

  /** State after a block of the tree. */
  stateAt(id: Uint8Array): StateSource {
    return this.tree.stateAt(id);
  }

  /** A block of the tree as others are judged on it. */
  parentView(node: TreeNode): ParentView {
    return {
      header: { slot: node.slot, height: node.height },
      id: node.id,
      state: this.tree.stateAt(node.id),
      ancestor: id => this.#ancestor(node, id),
      at: id => this.#viewAt(node, id),
    };
  }

  /** A block of the node's chain as a parent, also one that final blocks have passed. */
  #viewAt(node: TreeNode, id: Uint8Array): ParentView | undefined {
    const inTree = this.tree.block(id);
    if (inTree) return this.tree.isOn(node.id, id) ? this.parentView(inTree) : undefined;
    const { base } = this.tree;
    const oldest = base.slot - this.#p.genesis.params.evidenceWindowSlots;
    for (let height = base.height - 1; height >= 0; height--) {
      const record = this.heightRecord(height);
      if (record.slot < oldest) return undefined;
      if (equalBytes(record.id, id)) return this.#finalView(height);
    }
    return undefined;
  }

  #finalView(height: number): ParentView {
    const { id, slot } = this.heightRecord(height);
    const state = undoneState({ get: key => this.get(key), height, finalHeight: this.tree.base.height });
    const { finalizedHeight } = finalityOf(state);
    const below = (wanted: Uint8Array, lowest: number): number | undefined => {
      for (let at = height; at >= lowest; at--) if (equalBytes(this.heightRecord(at).id, wanted)) return at;
      return undefined;
    };
    return {
      header: { slot, height },
      id,
      state,
      ancestor: wanted => {
        const at = below(wanted, finalizedHeight);
        return at === undefined ? undefined : { slot: this.heightRecord(at).slot, height: at };
      },
      // Nothing that is judged on this view asks further back: evidence does not nest.
      at: wanted => (equalBytes(wanted, id) ? this.#finalView(height) : undefined),
    };
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
    this.write([storeKeys.block(block.id), block.bytes]);
    this.#added.push(node);
    return node;
  }

  /** Add a block whose changes are known: one that this store holds already. */
  addApplied(block: Block, transactionIds: readonly string[], changes: TreeNode['changes']): TreeNode {
    const output = this.#rules.beacon.vrfOutput(block.header.vrfProof);
    if (!output)
      throw damaged('a stored block has no VRF output', { height: block.header.height, id: toHex(block.id) });
    const node = treeNode({ block, vrfOutput: output, arrival: ++this.#arrivals, changes, transactionIds });
    this.tree.add(node);
    this.#unchosen = true;
    for (const certificate of block.body.certificates) this.learn(certificate);
    this.#raise(block.header.justified, block.header.finalized);
    return node;
  }

  /** Take in a certificate that was verified: in a block that applied, or made of loose votes. */
  learn(certificate: VoteSet): void {
    const { message: link } = certificate;
    const { finalizes } = this.#rules.finality;
    const target = this.tree.block(link.targetId);
    if (!target || target.slot > link.targetSlot || !equalBytes(link.rootId, this.#p.genesis.chainId)) return;
    if (this.#certificates.some(({ message }) => isSameMessage(message, link))) return;
    const source = { slot: link.sourceSlot, id: link.sourceId };
    if (link.targetSlot <= this.#justified.slot && !(finalizes(link) && source.slot > this.#wantedFinal.slot)) return;
    this.#certificates = [...this.#certificates, certificate]
      .sort((a, b) => a.message.targetSlot - b.message.targetSlot)
      .slice(-certificatesKept);
    this.#certificatesChanged = true;
    const onTargetsChain = this.tree.isOn(link.targetId, link.sourceId);
    this.#raise({ slot: link.targetSlot, id: link.targetId }, finalizes(link) && onTargetsChain ? source : null);
  }

  /** Certificates for a block on `parent`: the newest that makes final and the one that justifies highest. */
  certificatesFor(parent: TreeNode): VoteSet[] {
    const { finalizes, raises } = this.#rules.finality;
    const record = finalityOf(this.tree.stateAt(parent.id));
    const usable = this.#certificates.filter(
      ({ message }) => raises(record, message) && this.tree.isOn(parent.id, message.targetId),
    );
    const finalizing = usable.findLast(({ message }) => finalizes(message));
    const highest = usable.at(-1);
    return [...new Set([finalizing, highest])].filter(certificate => certificate !== undefined);
  }

  /** Take a block of the tree as final that was so before: when a store is written anew from its blocks. */
  makeFinal(checkpoint: Checkpoint): void {
    this.#raise(checkpoint, checkpoint);
  }

  /** Whether a block is in the tree or in the final chain. */
  knows(id: Uint8Array, height: number): boolean {
    if (this.tree.block(id)) return true;
    return height > 0 && height < this.tree.base.height && equalBytes(this.heightRecord(height).id, id);
  }

  /** Gather a write for the next batch. */
  write(...writes: readonly StoreWrite[]): void {
    for (const [key, value] of writes) {
      this.#unsynced.delete(key);
      this.#unsynced.set(key, value);
    }
  }

  /** Choose final block, head and pointers anew. */
  settle(): Settled {
    const oldHead = this.#head;
    const advance = this.#wantedFinal.slot > this.#final.slot ? this.#advance() : { final: [], stale: [] };
    const finalChanged = advance.finalChanged ?? false;
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
    const headChanged = !equalBytes(oldHead.id, this.#head.id);
    if (headChanged) this.write([storeKeys.meta('head'), this.#head.id]);
    if (this.#certificatesChanged) {
      this.write([storeKeys.meta('certificates'), certificatesRecord.encode(this.#certificates)]);
      this.#certificatesChanged = false;
    }
    return { headChanged, finalChanged, final: advance.final, stale: advance.stale };
  }

  /** All gathered writes: the batch to be synced before anyone acts on what they hold. */
  takeWrites(): StoreWrite[] {
    return [...this.#unsynced];
  }

  /** A block that the gathered writes remove. */
  staleBlock(id: Uint8Array): Block | null {
    const stored = this.#p.store.get(storeKeys.block(id));
    return stored ? parseBlock(stored) : null;
  }

  /** The batch of the last settle is on disk. */
  synced(): void {
    this.#unsynced.clear();
    this.#shown = { head: this.#head, justified: this.#justified, final: this.#final };
  }

  #raise(justified: Checkpoint, final: Checkpoint | null): void {
    if (justified.slot > this.#justified.slot && this.tree.block(justified.id)) {
      this.#justified = justified;
      this.#unchosen = true;
    }
    if (final && final.slot > this.#wantedFinal.slot && this.tree.block(final.id)) this.#wantedFinal = final;
  }

  #advance(): { finalChanged?: boolean; final: TreeNode[]; stale: TreeNode[] } {
    const wanted = this.#wantedFinal;
    const node = this.tree.block(wanted.id);
    if (!node) return { final: [], stale: [] };
    const moved = this.tree.moveBase(wanted.id);
    this.#unchosen = true;
    const checkpoint = { slot: wanted.slot, id: wanted.id, height: node.height };
    const fold = foldFinal({
      flat: { get: key => this.get(key) },
      counts: this.#counts,
      ...moved,
      checkpoint,
      slotAt: height => this.heightRecord(height).slot,
    });
    this.write(...fold.writes);
    this.#counts = fold.counts;
    this.#final = checkpoint;
    // The justified block descends from the final one, or it could not be final.
    if (!this.tree.block(this.#justified.id) || this.#justified.slot < wanted.slot) this.#justified = wanted;
    return { finalChanged: true, ...moved };
  }

  /** What is recorded of a final block. @throws LedgerError LEDGER_STORE_DAMAGED */
  heightRecord(height: number): ReturnType<typeof heightRecord.decode> {
    const stored = this.get(storeKeys.height(height));
    if (!stored) throw damaged(`final block ${height} is not listed`, { height });
    return heightRecord.decode(stored);
  }

  #ancestor(node: TreeNode, id: Uint8Array): { slot: number; height: number } | undefined {
    const inTree = this.tree.block(id);
    if (inTree) return this.tree.isOn(node.id, id) ? { slot: inTree.slot, height: inTree.height } : undefined;
    // Below the base: asked for no further than the final block that the node's chain records.
    const { finalizedHeight } = finalityOf(this.tree.stateAt(node.id));
    for (let height = this.tree.base.height - 1; height >= finalizedHeight; height--) {
      const record = this.heightRecord(height);
      if (equalBytes(record.id, id)) return { slot: record.slot, height };
    }
    return undefined;
  }
}
