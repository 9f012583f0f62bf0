/**
 * A small world whose every behaviour can be tried (exhaustive.ts): one committee an era, two eras, a few slots, any
 * blocks. What decides is what ships: chooseVote, marksForVote, judgeCertificate, opensEra, finalizes, isQuorum.
 *
 * It allows more than can happen, so that what it never shows never happens:
 *
 *  - What a voter knows is anything. A vote depends on a view through its source and its head alone, so every certified
 *    checkpoint of the era is tried as the source, every block as the head, each voter knowing nothing else.
 *  - Liars stand behind every link. A link is certified with the fewest honest votes that make a quorum: one vote less
 *    leaves a voter's marks lower, and lower marks forbid less. For the same reason nobody casts a vote that never
 *    becomes part of a quorum, and a block that no quorum votes for isn't made.
 *  - Votes are cast in the order of their target slots, whatever the order in time: a vote depends on certificates of
 *    lower target slots, on blocks of its own slot at most, and on its own voter's earlier votes, which have lower
 *    targets. Only entering an era depends on more, a final block that opens it, so the second era is tried after all
 *    that the first one can do.
 *  - The voters of the second era are others, who remember nothing. A voter of both only has to keep more promises.
 *  - Blocks of any parent, as many a slot as there are links that need one. A block carries a certificate only to open an
 *    era: what else it records only forbids, and what voters know is anything already. Nothing opens a third era, so
 *    votes of the second one stop nowhere.
 *
 * Bounds: the number of slots and the length of a period, two eras, two links a slot (under the shipped rules never more
 * than one), the committee.
 */
import { Tree, type TreeNode } from '../../blockTree.js';
import { judgeCertificate } from '../../consensus/certificates.js';
import type { Committee } from '../../consensus/committee.js';
import { opensEra } from '../../consensus/era.js';
import { applyLink, finalizes, genesisFinality, isQuorum } from '../../consensus/finality.js';
import { consensus } from '../../consensus/index.js';
import { type Params, tinyParams } from '../../consensus/params.js';
import type { VoteMessage } from '../../consensus/votes.js';
import { LedgerError } from '../../errors.js';
import { marksForVote, unsigned } from '../../signingRules.js';
import type { Standing } from '../../standing.js';
import { chooseVote } from '../../voting.js';
import { type SmallBlock, type SmallState, tidy } from './smallState.js';
import type { Variant } from './variants.js';

const nothing = new Uint8Array(0);
const voted = new Uint8Array(32);

const ids = Array.from({ length: 64 }, (_, index) => new Uint8Array(32).fill(index + 1));

/** Blocks and voters are told apart by index. */
function idOf(index: number): Uint8Array {
  return ids[index]!;
}

/** A checkpoint by its block's index. */
export interface Point {
  readonly slot: number;
  readonly block: number;
}

function linkOf(source: Point, target: Point): VoteMessage {
  const from = { rootId: idOf(0), sourceSlot: source.slot, sourceId: idOf(source.block) };
  return { ...from, targetSlot: target.slot, targetId: idOf(target.block) };
}

/** A block and what it stands on, up to its first ancestor. */
function pathTo(blocks: readonly SmallBlock[], index: number): number[] {
  const path: number[] = [];
  for (let at = index; at >= 0; at = blocks[at]!.parent) path.push(at);
  return path.reverse();
}

function subsets<T>(items: readonly T[]): T[][] {
  return Array.from({ length: 1 << items.length }, (_, set) => items.filter((_, bit) => set & (1 << bit)));
}

export interface SmallSetting {
  readonly variant: Variant;
  /** Slots that votes are cast in; of the first era, if `firstEraSlots` doesn't say less. */
  readonly slots: number;
  readonly firstEraSlots?: number | undefined;
  readonly periodSlots: number;
}

/** A link that became certified, among the blocks that there were. */
export interface SmallLink {
  readonly depth: number;
  readonly blocks: readonly SmallBlock[];
  readonly source: Point;
  readonly slot: number;
  readonly target: number;
}

/** `(slot, block) -> (slot, block)`, a block being its slots from genesis up with a number that tells it from others. */
export function describeLink({ depth, blocks, source, slot, target }: SmallLink): string {
  const name = (index: number): string =>
    pathTo(blocks, index)
      .map(at => `${blocks[at]!.slot}${blocks[at]!.opens ? ' opening' : ''}${at > 0 ? `#${blocks[at]!.number}` : ''}`)
      .join('/');
  return `era ${depth}: (${source.slot}, ${name(source.block)}) -> (${slot}, ${name(target)})`;
}

export class SmallWorld {
  readonly #setting: SmallSetting;
  readonly #params: Params;
  readonly #committee: Committee;
  /** Honest votes that a quorum needs. */
  readonly #needed: number;
  /** Answers of the shipped functions, by what was asked. */
  readonly #targets = new Map<string, number>();
  readonly #allowed = new Map<number, boolean>();

  constructor(setting: SmallSetting) {
    this.#setting = setting;
    const { variant, periodSlots } = setting;
    const { honestSeats, lyingSeats } = variant.electorate;
    const stallSlots = variant.stalled ? 0 : Number.MAX_SAFE_INTEGER;
    this.#params = { ...tinyParams, slotsPerEpoch: 1, eraEpochs: periodSlots, stallSlots };
    const voters = Array.from({ length: honestSeats + lyingSeats }, (_, i) => {
      const key = idOf(i) as Committee['voters'][number]['nodeKey'];
      return { sourceKey: key, nodeKey: key, weight: 1 };
    });
    this.#committee = { voters, total: voters.length, root: idOf(0) };
    let needed = 0;
    while (!isQuorum(needed + lyingSeats, voters.length, variant.stalled === true)) needed++;
    this.#needed = needed;
  }

  /** Genesis alone; nobody has voted. */
  start(): SmallState {
    const genesis: SmallBlock = { number: 0, parent: -1, slot: 0, opens: false };
    const marks = Array<number>(this.#setting.variant.electorate.honestSeats).fill(0);
    return {
      depth: 0,
      made: 0,
      blocks: [genesis],
      points: [{ slot: 0, block: 0 }],
      finals: [],
      final: 0,
      marks,
      voted: [],
    };
  }

  /** All states that one more certified link of target slot `slot` leads to; null stands for a conflict. */
  *links(state: SmallState, slot: number): Generator<{ link: SmallLink; state: SmallState | null }> {
    const isLast = this.#isLast(state, slot) && !this.#setting.variant.bySlotAlone;
    for (const source of state.points) {
      // After the last slot only what is final matters.
      if (isLast && !finalizes(linkOf(source, { slot, block: source.block }))) continue;
      const groups = this.#groups(state, source.slot, slot);
      if (groups.length === 0) continue;
      for (const made of this.#heads(state, source.block, slot)) {
        const target = this.#targetOf(made, source, slot);
        if (target < 0) continue;
        for (const group of groups) yield this.#certify(made.state, { source, target, slot, group });
      }
    }
  }

  /** The state once a slot is over; what is no more of use is left out. */
  settle(state: SmallState, slot: number): SmallState {
    const { variant, periodSlots } = this.#setting;
    const isRedrawn = variant.committeeByTarget && (slot + 1) % periodSlots === 0;
    const isOver = this.#isLast(state, slot);
    const marks = isRedrawn || isOver ? state.marks.map(() => 0) : [...state.marks].sort((a, b) => a - b);
    const settled = { ...state, marks, voted: [] };
    const isUsed = ({ slot: from }: Point): boolean => !isOver && this.#groups(settled, from, slot + 1).length > 0;
    return tidy(settled, variant.committeeByTarget || variant.bySlotAlone ? () => true : isUsed);
  }

  /** How the second era can begin after all that the first one did; with the slot of its root. */
  *secondEra(state: SmallState): Generator<{ slot: number; state: SmallState }> {
    const { bySlotAlone, lastBlockHandsOver } = this.#setting.variant;
    for (const index of pathTo(state.blocks, state.final)) {
      const block = state.blocks[index]!;
      const handsOver = lastBlockHandsOver ? index > 0 && this.#canBeLast(state, index) : block.opens;
      if (!handsOver) continue;
      const point = { slot: block.slot, block: index };
      const path = new Set(pathTo(state.blocks, index));
      const old = bySlotAlone ? state.points.filter(({ slot, block: at }) => path.has(at) && slot > block.slot) : [];
      const marks = state.marks.map(() => 0);
      const points = [point, ...old];
      const begun: SmallState = { ...state, depth: 1, root: index, points, finals: [], marks, voted: [] };
      yield { slot: block.slot, state: tidy(begun, () => true) };
    }
  }

  #isLast({ depth }: SmallState, slot: number): boolean {
    const { slots, firstEraSlots = slots } = this.#setting;
    return slot === (depth > 0 ? slots : firstEraSlots);
  }

  /** Which voters can make a link certified: as few as needed; of voters with the same marks one choice stands for all. */
  #groups(state: SmallState, sourceSlot: number, slot: number): number[][] {
    const able = state.marks.flatMap((mark, voter) => {
      const last = state.voted.includes(voter) ? slot : slot - 1;
      return this.#maySign(state.depth, mark, last, { sourceSlot, slot }) ? [voter] : [];
    });
    if (able.length < this.#needed) return [];
    const seen = new Set<string>();
    return subsets(able).filter(group => {
      if (group.length !== this.#needed) return false;
      const name = group.map(voter => `${state.marks[voter]}${state.voted.includes(voter)}`).join();
      return !seen.has(name) && seen.add(name);
    });
  }

  #maySign(depth: number, mark: number, last: number, vote: { sourceSlot: number; slot: number }): boolean {
    const name = [mark, last, vote.sourceSlot, vote.slot].reduce(
      (all, n) => all * (this.#setting.slots + 1) + n,
      depth,
    );
    const known = this.#allowed.get(name);
    if (known !== undefined) return known;
    const marks = { ...unsigned, eraDepth: depth, sourceSlot: mark, targetSlot: last };
    const message = linkOf({ slot: vote.sourceSlot, block: 0 }, { slot: vote.slot, block: 0 });
    let may = true;
    try {
      marksForVote(last > 0 ? { ...marks, voteHash: voted } : marks, message, depth);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      may = false;
    }
    this.#allowed.set(name, may);
    return may;
  }

  /** Every block that can be a head for a voter with this source: those that are there, and new ones wherever they fit. */
  *#heads(state: SmallState, source: number, slot: number): Generator<{ state: SmallState; head: number }> {
    const { blocks, root = 0 } = state;
    const made = state.made + 1;
    const head = blocks.length;
    const withBlock = (rest: readonly SmallBlock[], block: Omit<SmallBlock, 'number'>): SmallState => {
      return { ...state, made, blocks: [...rest, { ...block, number: made }] };
    };
    const from = pathTo(blocks, root).includes(source) ? root : source;
    for (const [parent, { slot: parentSlot }] of blocks.entries()) {
      if (!pathTo(blocks, parent).includes(from)) continue;
      yield { state, head: parent };
      for (let at = parentSlot + 1; at <= slot; at++) {
        const children = [...blocks.keys()].filter(i => blocks[i]!.parent === parent && blocks[i]!.slot > at);
        for (const adopted of subsets(children)) {
          const moved = blocks.map((block, i) => (adopted.includes(i) ? { ...block, parent: head } : block));
          yield { state: withBlock(moved, { parent, slot: at, opens: false }), head };
        }
        if (this.#canOpen(state, parent, at)) {
          yield { state: withBlock(blocks, { parent, slot: at, opens: true }), head };
        }
      }
    }
  }

  /** Whether a block of `slot` on `parent` can carry what lets it open the second era. */
  #canOpen(state: SmallState, parent: number, slot: number): boolean {
    const { variant } = this.#setting;
    if (state.depth > 0 || variant.committeeByTarget || variant.lastBlockHandsOver) return false;
    return this.#opens(state, parent, slot);
  }

  /** Whether the block can turn out to be the last one before a block that opens. */
  #canBeLast(state: SmallState, index: number): boolean {
    const { slot } = state.blocks[index]!;
    for (let at = slot + 1; at <= this.#setting.slots; at++) if (this.#opens(state, index, at)) return true;
    return false;
  }

  #opens(state: SmallState, parent: number, slot: number): boolean {
    const path = pathTo(state.blocks, parent);
    const parentSlot = state.blocks[parent]!.slot;
    const before = this.#standing(state, path);
    return state.finals.some(({ slot: sourceSlot, source, target }) => {
      const message = linkOf({ slot: sourceSlot, block: source }, { slot: sourceSlot + 1, block: target });
      const { voters } = this.#committee;
      const count = this.#needed + this.#setting.variant.electorate.lyingSeats;
      const bitmap = new Uint8Array(Math.ceil(voters.length / 8));
      for (let bit = 0; bit < count; bit++) bitmap[bit >> 3]! |= 1 << (bit & 7);
      const set = { message, bitmap, signatures: Array.from({ length: count }, () => nothing) };
      const after = judgeCertificate(set, before, {
        chainId: idOf(0),
        params: this.#params,
        votersOf: () => this.#committee,
        slot,
        ancestor: id => {
          const height = path.indexOf(id[0]! - 1);
          return height < 0 ? undefined : { slot: state.blocks[path[height]!]!.slot, height };
        },
        verifier: null,
        rules: consensus,
      });
      if (typeof after === 'string') return false;
      return opensEra({ slot, parentSlot, record: after.record, opening: after.era.opening, params: this.#params });
    });
  }

  /** Of a chain that has recorded nothing but, perhaps, what opened the second era. */
  #standing({ blocks }: SmallState, path: readonly number[]): Standing {
    const seed = { tableId: idOf(0), nonce: idOf(0) };
    const height = path.findIndex(index => blocks[index]!.opens);
    const opening = height < 0 ? null : { ...seed, slot: blocks[path[height]!]!.slot, height };
    return { record: genesisFinality(idOf(0)), era: { ...seed, opening }, committee: this.#committee };
  }

  /** The block that an honest voter votes for whose highest justified checkpoint and head these are; -1 without a vote. */
  #targetOf(p: { state: SmallState; head: number }, source: Point, slot: number): number {
    const { blocks, root = 0 } = p.state;
    const path = pathTo(blocks, p.head).slice(pathTo(blocks, root).length - 1);
    const shape = path.map(index => `${blocks[index]!.slot}${blocks[index]!.opens ? 'o' : ''}`);
    const place = path.indexOf(source.block);
    const name = `${p.state.depth} ${slot} ${source.slot} ${place} ${shape.join()}`;
    let chosen = this.#targets.get(name);
    if (chosen === undefined) {
      const nodes = path.map((index, height): TreeNode => {
        const none = {
          header: null,
          arrival: 0,
          unsignedHeight: 0,
          changes: new Map(),
          transactionIds: [],
          vrfOutput: nothing,
        };
        return { id: idOf(height), parent: idOf(Math.max(height - 1, 0)), slot: blocks[index]!.slot, height, ...none };
      });
      chosen = this.#choose(nodes, { slot, source: { slot: source.slot, place }, opens: i => blocks[path[i]!]!.opens });
      this.#targets.set(name, chosen);
    }
    return chosen < 0 ? -1 : path[chosen]!;
  }

  #choose(
    nodes: readonly TreeNode[],
    p: { slot: number; source: { slot: number; place: number }; opens: (height: number) => boolean },
  ): number {
    const tree = new Tree({ get: () => undefined }, nodes[0]!);
    for (const node of nodes.slice(1)) tree.add(node);
    const root = { slot: nodes[0]!.slot, id: nodes[0]!.id };
    const sourceId = p.source.place < 0 ? new Uint8Array(32) : nodes[p.source.place]!.id;
    const opening = this.#setting.variant.unclamped
      ? undefined
      : nodes.find((_, height) => height > 0 && p.opens(height));
    const message: VoteMessage | null = chooseVote({
      tree,
      slot: p.slot,
      frozen: { arrivals: 0, rootId: root.id, justified: { slot: p.source.slot, id: sourceId } },
      root,
      openingOn: () => opening ?? null,
    });
    return message ? nodes.findIndex(({ id }) => id[0] === message.targetId[0]) : -1;
  }

  #certify(
    state: SmallState,
    p: { source: Point; target: number; slot: number; group: readonly number[] },
  ): { link: SmallLink; state: SmallState | null } {
    const { source, target, slot, group } = p;
    const { blocks } = state;
    const link = { depth: state.depth, blocks, source, slot, target };
    const marks = state.marks.map((mark, voter) => (group.includes(voter) ? source.slot : mark));
    const isNew = !state.points.some(point => point.slot === slot && point.block === target);
    const points = isNew ? [...state.points, { slot, block: target }] : state.points;
    const next = { ...state, marks, points, voted: [...state.voted, ...group] };
    const message = linkOf(source, { slot, block: target });
    if (!finalizes(message)) return { link, state: next };
    const isHigher = pathTo(blocks, source.block).includes(state.final);
    if (!isHigher && !pathTo(blocks, state.final).includes(source.block)) return { link, state: null };
    const heights = { source: 1, target: 1 };
    const counts = state.depth === 0 && applyLink(genesisFinality(idOf(0)), message, heights).finalOfEra;
    const made = counts ? [{ slot: source.slot, source: source.block, target }] : [];
    return {
      link,
      state: { ...next, final: isHigher ? source.block : state.final, finals: [...state.finals, ...made] },
    };
  }
}
