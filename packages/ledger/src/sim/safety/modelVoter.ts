/**
 * An honest voter of the model (model.ts): what it has learned, in order, what it takes as justified, final and standing
 * era from that, and what it has signed. chooseVote and the signing rules are those that ship.
 */
import { Tree } from '../../blockTree.js';
import { finalizes } from '../../consensus/finality.js';
import type { VoteMessage } from '../../consensus/votes.js';
import { LedgerError } from '../../errors.js';
import { type Marks, marksForVote, unsigned } from '../../signingRules.js';
import { chooseVote } from '../../voting.js';
import { ancestors, type Block, isOn } from './modelBlock.js';
import type { Variant } from './variants.js';

/** What a link's name stands for. */
export interface Link {
  readonly message: VoteMessage;
  readonly root: Block;
  readonly source: Block;
  readonly target: Block;
}

export class ModelVoter {
  readonly #p: { variant: Variant; linkOf: (name: string) => Link; block: (id: Uint8Array) => Block };
  /** Blocks seen that stand on the final one. */
  readonly #tree: Tree;
  readonly #seen: Set<Block>;
  readonly #links = new Set<string>();
  #marks: Marks = unsigned;
  #depth = 0;
  #root: Block;
  #justified: { slot: number; block: Block };
  #final: { slot: number; block: Block };

  constructor(
    genesis: Block,
    p: { variant: Variant; linkOf: (name: string) => Link; block: (id: Uint8Array) => Block },
  ) {
    this.#p = p;
    this.#tree = new Tree({ get: () => undefined }, genesis.node);
    this.#seen = new Set([genesis]);
    this.#root = genesis;
    this.#justified = { slot: 0, block: genesis };
    this.#final = this.#justified;
  }

  /** How many eras it went through. */
  get depth(): number {
    return this.#depth;
  }

  /** Of the era that it votes in. */
  get root(): Block {
    return this.#root;
  }

  /** Highest slot that it voted for. */
  get votedSlot(): number {
    return this.#marks.targetSlot;
  }

  hasSeen(block: Block): boolean {
    return this.#seen.has(block);
  }

  knows(link: string): boolean {
    return this.#links.has(link);
  }

  see(block: Block): void {
    for (const unseen of [...ancestors(block)].filter(at => !this.#seen.has(at)).reverse()) {
      this.#seen.add(unseen);
      if (this.#tree.block(unseen.node.parent)) this.#tree.add(unseen.node);
      for (const link of unseen.links) this.#links.add(link);
    }
    this.#settle();
  }

  learn(link: string): void {
    this.#links.add(link);
    this.#settle();
  }

  /** The vote of a slot, by what it has learned. */
  choose(slot: number): VoteMessage | null {
    const [root, justified] = [this.#root, this.#justified];
    return chooseVote({
      tree: this.#tree,
      slot,
      frozen: { arrivals: 0, rootId: root.id, justified: { slot: justified.slot, id: justified.block.id } },
      root: { slot: root.slot, id: root.id },
      openingOn: id => {
        const opening = this.#p.variant.unclamped ? null : this.#openingOn(this.#p.block(id));
        return (opening && this.#tree.block(opening.id)) ?? null;
      },
    });
  }

  /** Whether its signing record lets it sign. */
  sign(message: VoteMessage): boolean {
    try {
      this.#marks = marksForVote(this.#marks, message, this.#p.variant.bySlotAlone ? 0 : this.#depth);
      return true;
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      return false;
    }
  }

  /** What its node takes as justified, final and standing era, from all that it knows. */
  #settle(): void {
    const { bySlotAlone, unclamped, lastBlockHandsOver } = this.#p.variant;
    for (let changed = true; changed; ) {
      changed = false;
      for (const name of this.#links) {
        const { message, root, source, target } = this.#p.linkOf(name);
        if (message.targetSlot <= this.#justified.slot && message.sourceSlot <= this.#final.slot) continue;
        const isOfEra = root === this.#root;
        const isOld = bySlotAlone === true && !isOfEra && isOn(this.#root, root);
        if (!(isOfEra || isOld) || !this.#seen.has(target) || !isOn(target, this.#final.block)) continue;
        const waiting = this.#openingOn(target);
        if (waiting && waiting !== target && isOfEra && !unclamped) continue;
        if (message.targetSlot > this.#justified.slot) {
          this.#justified = { slot: message.targetSlot, block: target };
          changed = true;
        }
        const makesFinal = isOfEra && finalizes(message) && message.sourceSlot > this.#final.slot;
        if (!makesFinal || !isOn(target, source) || !isOn(source, this.#final.block)) continue;
        this.#final = { slot: message.sourceSlot, block: source };
        this.#tree.moveBase(source.id);
        changed = true;
        this.#enterEra(target);
      }
    }
    if (!lastBlockHandsOver) return;
    // Which block was the last one shows only later.
    const heads = [...this.#seen].filter(block => isOn(block, this.#final.block));
    if (heads.some(head => this.#enterEra(head))) this.#settle();
  }

  /** Whether the final block of a chain has begun an era that the voter was not in. */
  #enterEra(head: Block): boolean {
    const opening = this.#openingOn(head);
    if (!opening || !isOn(this.#final.block, opening)) return false;
    this.#depth++;
    this.#root = opening;
    if (!this.#p.variant.bySlotAlone) this.#justified = { slot: opening.slot, block: opening };
    return true;
  }

  /** The block of a chain that opens the era after the voter's, if one does. */
  #openingOn(head: Block): Block | null {
    let first: Block | null = null;
    for (const { opening } of ancestors(head, this.#root)) {
      if (opening && opening.height > this.#root.height) first = opening;
    }
    return first;
  }
}
