/**
 * Voting stripped to what decides safety: blocks, links, eras. Everything else is given to an adversary: it makes blocks
 * anywhere with any certificates, shows each block and each certificate to whom it likes and when, and votes with the
 * liars' seats as often as it likes. Honest voters run what ships: chooseVote on their own tree, the signing rules on
 * their own marks; blocks are judged by judgeCertificate, eras begin by opensEra and afterLink.
 *
 * Epochs have one slot, periods `periodSlots`. An action that is impossible where it stands does nothing, so any part of
 * a list of actions is a list of actions: that is how a trace is made shorter.
 */
import { toHex } from '@radpass/core';
import { Tree, type TreeNode } from '../../blockTree.js';
import { judgeCertificate } from '../../consensus/certificates.js';
import type { Committee } from '../../consensus/committee.js';
import { beginEra, type EraSeed, opensEra } from '../../consensus/era.js';
import { finalizes, genesisFinality, isQuorum } from '../../consensus/finality.js';
import { consensus } from '../../consensus/index.js';
import { type Params, tinyParams } from '../../consensus/params.js';
import type { VoteMessage, VoteSet } from '../../consensus/votes.js';
import { LedgerError } from '../../errors.js';
import { type Marks, marksForVote, unsigned } from '../../signingRules.js';
import type { Standing } from '../../standing.js';
import { chooseVote } from '../../voting.js';
import { Random } from '../random.js';
import type { Variant } from './variants.js';

/** Names of blocks are numbers in the order of making; genesis is 0. A link: `source:slot>target:slot@root`. */
export type Action =
  | { readonly do: 'block'; readonly parent: number; readonly slot: number; readonly links: readonly string[] }
  | { readonly do: 'see'; readonly voter: number; readonly block: number }
  | { readonly do: 'learn'; readonly voter: number; readonly link: string }
  | { readonly do: 'vote'; readonly voter: number; readonly slot: number };

interface Block {
  readonly number: number;
  readonly id: Uint8Array;
  readonly parent: Block | null;
  readonly slot: number;
  readonly height: number;
  standing: Standing;
  readonly links: readonly string[];
  /** The block of its chain that waits to open the next era. */
  opening: Block | null;
  /** As voters' trees hold it. */
  readonly node: TreeNode;
}

interface Tally {
  readonly message: VoteMessage;
  readonly root: Block;
  readonly source: Block;
  readonly target: Block;
  readonly voters: Set<number>;
}

/** What an honest voter has learned, in order, and what it has signed. */
interface Voter {
  /** Blocks seen that stand on the final one. */
  readonly tree: Tree;
  readonly seen: Set<Block>;
  readonly links: Set<string>;
  marks: Marks;
  depth: number;
  root: Block;
  justified: { slot: number; block: Block };
  final: { slot: number; block: Block };
}

const nothing = new Uint8Array(0);

function idOf(number: number): Uint8Array {
  const id = new Uint8Array(32);
  new DataView(id.buffer).setUint32(28, number);
  return id;
}

function numberOf(id: Uint8Array): number {
  return new DataView(id.buffer).getUint32(28);
}

/** Pseudo-random and other for each block, so that ties go either way. */
function outputOf(number: number): Uint8Array {
  const output = new Uint8Array(64);
  new DataView(output.buffer).setUint32(0, Math.imul(number + 1, 0x9e37_79b1));
  return output;
}

function nodeOf(number: number, parent: Uint8Array, slot: number, height: number): TreeNode {
  const none = { header: null, unsignedHeight: 0, arrival: 0, changes: new Map(), transactionIds: [] };
  return { id: idOf(number), parent, slot, height, vrfOutput: outputOf(number), ...none };
}

/** The block and what it stands on, down to but without `end`. */
function* ancestors(block: Block, end: Block | null = null): Generator<Block> {
  for (let at: Block | null = block; at && at !== end; at = at.parent) yield at;
}

function isOn(head: Block, block: Block): boolean {
  let at: Block | null = head;
  while (at && at.height > block.height) at = at.parent;
  return at === block;
}

export interface Conflict {
  readonly final: readonly [number, number];
}

export interface Setting {
  readonly variant: Variant;
  readonly periodSlots: number;
  /** Committees are drawn by it. */
  readonly seed: number;
}

export class Model {
  readonly blocks: Block[] = [];
  readonly #setting: Setting;
  readonly #params: Params;
  readonly #committees = new Map<string, Committee>();
  readonly #tallies = new Map<string, Tally>();
  readonly #voters: Voter[];
  readonly #finals = new Set<Block>();
  /** Links that a quorum stands behind, the liars' seats counted in. */
  readonly certified: string[] = [];
  conflict: Conflict | null = null;

  constructor(setting: Setting) {
    this.#setting = setting;
    const { variant, periodSlots } = setting;
    const stallSlots = variant.stalled ? 0 : Number.MAX_SAFE_INTEGER;
    this.#params = { ...tinyParams, slotsPerEpoch: 1, eraEpochs: periodSlots, stallSlots };
    const id = idOf(0);
    const seed: EraSeed = { tableId: id, nonce: id };
    const standing: Standing = {
      record: genesisFinality(id),
      era: { ...seed, opening: null },
      committee: this.#committee(seed),
    };
    const node = nodeOf(0, id, 0, 0);
    const genesis: Block = {
      number: 0,
      id,
      parent: null,
      slot: 0,
      height: 0,
      standing,
      links: [],
      opening: null,
      node,
    };
    this.blocks.push(genesis);
    const start = { slot: 0, block: genesis };
    this.#voters = Array.from({ length: variant.electorate.honest }, () => ({
      tree: new Tree({ get: () => undefined }, node),
      seen: new Set([genesis]),
      links: new Set<string>(),
      marks: unsigned,
      depth: 0,
      root: genesis,
      justified: start,
      final: start,
    }));
  }

  get honest(): number {
    return this.#voters.length;
  }

  /** Blocks made final. */
  get finals(): number {
    return this.#finals.size;
  }

  /** How many eras any voter went through. */
  get deepest(): number {
    return Math.max(...this.#voters.map(({ depth }) => depth));
  }

  /** Those of `links` that a block could carry, one after the other. */
  usable(p: { parent: number; slot: number; links: readonly string[] }): string[] {
    const parent = this.blocks[p.parent];
    if (!parent) return [];
    let { standing } = parent;
    return p.links.filter(link => {
      const after = this.#judge(link, standing, parent, p.slot);
      standing = after ?? standing;
      return after !== null;
    });
  }

  /** @returns whether the action was possible */
  act(action: Action): boolean {
    switch (action.do) {
      case 'block':
        return this.#make(action);
      case 'see': {
        const block = this.blocks[action.block];
        const voter = this.#voters[action.voter];
        if (!block || !voter || voter.seen.has(block)) return false;
        this.#see(voter, block);
        return true;
      }
      case 'learn': {
        const voter = this.#voters[action.voter];
        if (!voter || !this.certified.includes(action.link) || voter.links.has(action.link)) return false;
        this.#learn(voter, action.link);
        return true;
      }
      case 'vote':
        return this.#vote(action.voter, action.slot);
    }
  }

  #block(id: Uint8Array): Block {
    const block = this.blocks[numberOf(id)];
    if (!block) throw new RangeError('no such block in the model');
    return block;
  }

  /** The voters that a root seats: drawn by the seed, other for each root. */
  #committee({ nonce }: EraSeed): Committee {
    const name = toHex(nonce);
    const known = this.#committees.get(name);
    if (known) return known;
    const { honest, liars, honestSeats, lyingSeats } = this.#setting.variant.electorate;
    const random = new Random(`committee ${this.#setting.seed} ${name}`);
    const draw = (from: number, count: number, seats: number): number[] =>
      random.shuffled(Array.from({ length: count }, (_, i) => from + i)).slice(0, seats);
    const members = [...draw(0, honest, honestSeats), ...draw(honest, liars, lyingSeats)];
    const voters = members.map(member => {
      const key = idOf(member) as Committee['voters'][number]['nodeKey'];
      return { sourceKey: key, nodeKey: key, weight: 1 };
    });
    const committee = { voters, total: voters.length, root: nonce };
    this.#committees.set(name, committee);
    return committee;
  }

  /** Who votes on a link. */
  #votersOf({ rootId, targetId, targetSlot }: VoteMessage): Committee {
    const { variant, periodSlots } = this.#setting;
    if (!variant.committeeByTarget) return this.#committee({ tableId: rootId, nonce: rootId });
    const period = Math.floor(targetSlot / periodSlots);
    const before = [...ancestors(this.#block(targetId))].find(({ slot }) => slot < period * periodSlots);
    const nonce = idOf(((before?.number ?? 0) << 8) | period);
    return this.#committee({ tableId: nonce, nonce });
  }

  #members(committee: Committee): number[] {
    return committee.voters.map(({ nodeKey }) => numberOf(nodeKey));
  }

  /** Quorum of those who voted on a link, and of all liars. */
  #votesOn({ message, voters }: Tally): { set: VoteSet; isQuorum: boolean } {
    const committee = this.#votersOf(message);
    const { honest } = this.#setting.variant.electorate;
    const bitmap = new Uint8Array(Math.ceil(committee.voters.length / 8));
    let weight = 0;
    this.#members(committee).forEach((member, bit) => {
      if (member < honest && !voters.has(member)) return;
      bitmap[bit >> 3]! |= 1 << (bit & 7);
      weight++;
    });
    const set = { message, bitmap, signatures: Array.from({ length: weight }, () => nothing) };
    return { set, isQuorum: isQuorum(weight, committee.total, this.#params.stallSlots === 0) };
  }

  #make({ parent: number, slot, links }: Extract<Action, { do: 'block' }>): boolean {
    const parent = this.blocks[number];
    if (!parent || slot <= parent.slot) return false;
    const { variant } = this.#setting;
    let { standing } = parent;
    for (const link of links) {
      const after = this.certified.includes(link) ? this.#judge(link, standing, parent, slot) : null;
      if (!after) return false;
      standing = after;
    }
    const own = this.blocks.length;
    const height = parent.height + 1;
    const { record, era } = standing;
    const opens = opensEra({
      slot,
      parentSlot: parent.slot,
      record,
      opening: era.opening,
      params: this.#params,
    });
    const waiting = era.opening?.height;
    const block: Block = {
      ...{ number: own, id: idOf(own), parent, slot, height, standing, links },
      node: nodeOf(own, parent.id, slot, height),
      opening: waiting === undefined ? null : ([...ancestors(parent)].find(at => at.height === waiting) ?? null),
    };
    if (opens && !variant.committeeByTarget) {
      block.opening = variant.lastBlockHandsOver ? parent : block;
      const { id } = block.opening;
      const opening = { slot: block.opening.slot, height: block.opening.height, tableId: id, nonce: id };
      block.standing = { ...standing, era: { ...era, opening } };
    }
    this.blocks.push(block);
    return true;
  }

  #judge(link: string, before: Standing, parent: Block, slot: number): Standing | null {
    const tally = this.#tallies.get(link);
    if (!tally) return null;
    const { variant } = this.#setting;
    const { set } = this.#votesOn(tally);
    const { opening } = before.era;
    const given = {
      ...before,
      committee: this.#votersOf(tally.message),
      era: variant.unclamped ? { ...before.era, opening: null } : before.era,
    };
    const verdict = judgeCertificate(set, given, {
      chainId: idOf(0),
      params: this.#params,
      votersOf: seed => this.#committee(seed),
      slot,
      ancestor: id => {
        const block = this.#block(id);
        return isOn(parent, block) ? block : undefined;
      },
      verifier: null,
      rules: consensus,
    });
    if (typeof verdict === 'string') return null;
    if (!variant.unclamped || !opening || verdict.record.finalizedHeight < opening.height) {
      return variant.unclamped ? { ...verdict, era: before.era } : verdict;
    }
    const root = { slot: opening.slot, id: opening.nonce };
    const record = { ...beginEra(verdict.record, opening), root, justified: root };
    return { record, era: { ...opening, opening: null }, committee: this.#committee(opening) };
  }

  #see(voter: Voter, block: Block): void {
    for (const unseen of [...ancestors(block)].filter(at => !voter.seen.has(at)).reverse()) {
      voter.seen.add(unseen);
      if (voter.tree.block(unseen.node.parent)) voter.tree.add(unseen.node);
      for (const link of unseen.links) voter.links.add(link);
    }
    this.#settle(voter);
  }

  #learn(voter: Voter, link: string): void {
    voter.links.add(link);
    this.#settle(voter);
  }

  /** What the voter's node takes as justified, final and standing era, from all that it knows. */
  #settle(voter: Voter): void {
    const { bySlotAlone, unclamped, lastBlockHandsOver } = this.#setting.variant;
    for (let changed = true; changed; ) {
      changed = false;
      for (const name of voter.links) {
        const { message, root, source, target } = this.#tallies.get(name)!;
        if (message.targetSlot <= voter.justified.slot && message.sourceSlot <= voter.final.slot) continue;
        const isOfEra = root === voter.root;
        const isOld = bySlotAlone === true && !isOfEra && isOn(voter.root, root);
        if (!(isOfEra || isOld) || !voter.seen.has(target) || !isOn(target, voter.final.block)) continue;
        const waiting = this.#openingOn(target, voter);
        if (waiting && waiting !== target && isOfEra && !unclamped) continue;
        if (message.targetSlot > voter.justified.slot) {
          voter.justified = { slot: message.targetSlot, block: target };
          changed = true;
        }
        const makesFinal = isOfEra && finalizes(message) && message.sourceSlot > voter.final.slot;
        if (!makesFinal || !isOn(target, source) || !isOn(source, voter.final.block)) continue;
        voter.final = { slot: message.sourceSlot, block: source };
        voter.tree.moveBase(source.id);
        changed = true;
        this.#enterEra(voter, target);
      }
    }
    if (!lastBlockHandsOver) return;
    // Which block was the last one shows only later.
    const heads = [...voter.seen].filter(block => isOn(block, voter.final.block));
    if (heads.some(head => this.#enterEra(voter, head))) this.#settle(voter);
  }

  /** Whether the final block of a chain has begun an era that the voter was not in. */
  #enterEra(voter: Voter, head: Block): boolean {
    const opening = this.#openingOn(head, voter);
    if (!opening || !isOn(voter.final.block, opening)) return false;
    voter.depth++;
    voter.root = opening;
    if (!this.#setting.variant.bySlotAlone) voter.justified = { slot: opening.slot, block: opening };
    return true;
  }

  /** The block of a chain that opens the era after the voter's, if one does. */
  #openingOn(head: Block, { root }: Voter): Block | null {
    let first: Block | null = null;
    for (const { opening } of ancestors(head, root)) {
      if (opening && opening.height > root.height) first = opening;
    }
    return first;
  }

  #vote(number: number, slot: number): boolean {
    const voter = this.#voters[number];
    if (!voter || slot <= voter.marks.targetSlot) return false;
    const { variant } = this.#setting;
    const byRoot = variant.committeeByTarget ? null : this.#committee({ tableId: voter.root.id, nonce: voter.root.id });
    if (byRoot && !this.#members(byRoot).includes(number)) return false;
    const { tree, root, justified, depth } = voter;
    const message = chooseVote({
      tree,
      slot,
      frozen: { arrivals: 0, rootId: root.id, justified: { slot: justified.slot, id: justified.block.id } },
      root: { slot: root.slot, id: root.id },
      openingOn: id => {
        const opening = variant.unclamped ? null : this.#openingOn(this.#block(id), voter);
        return (opening && tree.block(opening.id)) ?? null;
      },
    });
    if (!message) return false;
    const [ofRoot, source, target] = [message.rootId, message.sourceId, message.targetId].map(id => this.#block(id));
    const name = `${source!.number}:${message.sourceSlot}>${target!.number}:${slot}@${ofRoot!.number}`;
    if (!this.#members(this.#votersOf(message)).includes(number)) return false;
    try {
      voter.marks = marksForVote(voter.marks, message, variant.bySlotAlone ? 0 : depth);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      return false;
    }
    const fresh = { message, root: ofRoot!, source: source!, target: target!, voters: new Set<number>() };
    const tally = this.#tallies.get(name) ?? fresh;
    tally.voters.add(number);
    this.#tallies.set(name, tally);
    this.#count(name, tally);
    return true;
  }

  /** Note a quorum, and whether what it makes final contradicts what was final before. */
  #count(name: string, tally: Tally): void {
    if (this.certified.includes(name) || !this.#votesOn(tally).isQuorum) return;
    this.certified.push(name);
    const { source, target } = tally;
    if (!finalizes(tally.message) || !isOn(target, source)) return;
    for (const other of this.#finals) {
      if (!isOn(source, other) && !isOn(other, source)) this.conflict ??= { final: [other.number, source.number] };
    }
    this.#finals.add(source);
  }
}
