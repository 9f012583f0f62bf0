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
import { judgeCertificate } from '../../consensus/certificates.js';
import type { Committee } from '../../consensus/committee.js';
import { beginEra, type EraSeed, opensEra } from '../../consensus/era.js';
import { finalizes, genesisFinality, isQuorum } from '../../consensus/finality.js';
import { consensus } from '../../consensus/index.js';
import { type Params, tinyParams } from '../../consensus/params.js';
import type { VoteMessage, VoteSet } from '../../consensus/votes.js';
import type { Standing } from '../../standing.js';
import { Random } from '../random.js';
import { ancestors, type Block, idOf, isOn, nodeOf, numberOf } from './modelBlock.js';
import { type Link, ModelVoter } from './modelVoter.js';
import type { Variant } from './variants.js';

/** Names of blocks are numbers in the order of making; genesis is 0. A link: `source:slot>target:slot@root`. */
export type Action =
  | { readonly do: 'block'; readonly parent: number; readonly slot: number; readonly links: readonly string[] }
  | { readonly do: 'see'; readonly voter: number; readonly block: number }
  | { readonly do: 'learn'; readonly voter: number; readonly link: string }
  | { readonly do: 'vote'; readonly voter: number; readonly slot: number };

interface Tally extends Link {
  /** Honest ones. */
  readonly voters: Set<number>;
}

const nothing = new Uint8Array(0);

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
  readonly #voters: ModelVoter[];
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
    const p = {
      variant,
      linkOf: (name: string) => this.#tallies.get(name)!,
      block: (of: Uint8Array) => this.#block(of),
    };
    this.#voters = Array.from({ length: variant.electorate.honest }, () => new ModelVoter(genesis, p));
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
        if (!block || !voter || voter.hasSeen(block)) return false;
        voter.see(block);
        return true;
      }
      case 'learn': {
        const voter = this.#voters[action.voter];
        if (!voter || !this.certified.includes(action.link) || voter.knows(action.link)) return false;
        voter.learn(action.link);
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

  #vote(number: number, slot: number): boolean {
    const voter = this.#voters[number];
    if (!voter || slot <= voter.votedSlot) return false;
    const { variant } = this.#setting;
    const byRoot = variant.committeeByTarget ? null : this.#committee({ tableId: voter.root.id, nonce: voter.root.id });
    if (byRoot && !this.#members(byRoot).includes(number)) return false;
    const message = voter.choose(slot);
    if (!message) return false;
    const [ofRoot, source, target] = [message.rootId, message.sourceId, message.targetId].map(id => this.#block(id));
    const name = `${source!.number}:${message.sourceSlot}>${target!.number}:${slot}@${ofRoot!.number}`;
    if (!this.#members(this.#votersOf(message)).includes(number)) return false;
    if (!voter.sign(message)) return false;
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
