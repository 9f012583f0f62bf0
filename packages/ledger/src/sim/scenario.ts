/**
 * A scenario: who takes part, what the network is like, what happens, and what must come of it. One seed of one is a run;
 * `runScenario` (run.ts) plays many and sums them up.
 */
import type { Params } from '../consensus/params.js';
import { defaultParams } from '../consensus/params.js';
import type { GenesisContent } from '../genesis.js';
import type { Violation } from './invariants.js';
import type { ManySources } from './manySources.js';
import type { Histogram } from './measures.js';
import type { NetworkConditions } from './network.js';
import type { Part, PartFacts } from './part.js';
import type { SimNode } from './simNode.js';
import { type Member, type Platform, World } from './world.js';

/** What a command line can set; whole numbers. */
export interface Options {
  /** Sources, each with its node. */
  readonly nodes: number;
  /** Sources in all, whose keys the nodes hold among them, for scenarios that take so many; 0 = one a node. */
  readonly sources?: number;
  /** How many of a hundred are switched off. */
  readonly offline: number;
  /** Stake of the adversary in per cent. */
  readonly share: number;
  readonly slots: number;
  /** Mean time of a message from node to node. */
  readonly latencyMs: number;
  readonly slotMs: number;
}

/** One seed's run. */
export interface SeedOutcome {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly traceHash: string;
  readonly trace: readonly string[];
  readonly finality: Histogram;
  readonly reorganised: Histogram;
  /** Further numbers by name; summed up over seeds by `merge`. */
  readonly numbers: Readonly<Record<string, number>>;
  /** When blocks of one seed became final, for the plot. */
  readonly points: readonly { readonly slot: number; readonly ms: number }[];
  /** Share of the final blocks in per cent, by member, beside its stake. */
  readonly shares: readonly { readonly member: number; readonly stake: number; readonly blocks: number }[];
  /** When other threads played other nodes; joinParts makes one outcome of all. */
  readonly part?: PartFacts;
}

export interface RunContext extends Platform {
  readonly seed: number;
  /** Judge once for all nodes what they judge alike. */
  readonly shareWork: boolean;
  /** Told now and then how far the run is. */
  readonly progress: (done: number, of: number) => void;
  /** Which nodes to play, of a scenario that can be played in parts. */
  readonly part?: Part | undefined;
}

export interface Scenario {
  readonly name: string;
  readonly summary: string;
  readonly defaults: Options;
  /** Seeds played when none are named. */
  readonly seeds: readonly [from: number, to: number];
  /** How numbers of several seeds become one, by name; the others are added up. */
  readonly merge?: Readonly<Record<string, 'max' | 'mean'>>;
  /** Whether one seed may be played on several threads: its script reads no node but those that it plays (part.ts). */
  readonly inParts?: (options: Options) => boolean;
  play(options: Options, context: RunContext): Promise<SeedOutcome>;
  /** Goals that the figures of all seeds miss, in words. */
  missed(figures: Figures, options: Options): string[];
}

/** Sums over all seeds. */
export interface Figures {
  readonly finalityMs: { readonly p50: number; readonly p95: number; readonly max: number; readonly samples: number };
  readonly reorganisations: number;
  readonly deepestReorganisation: number;
  readonly numbers: Readonly<Record<string, number>>;
}

export const lan: Omit<NetworkConditions, 'latencyMs'> = { jitter: 0.5, loss: 0, duplicates: 0, grainMs: 1 };

export interface WorldSettings {
  readonly members: readonly Member[];
  readonly params?: Partial<Params>;
  readonly conditions?: Partial<NetworkConditions>;
  readonly diskMs?: number;
  readonly genesis?: Partial<GenesisContent>;
  readonly more?: ManySources | undefined;
}

export function makeWorld(name: string, options: Options, context: RunContext, settings: WorldSettings): World {
  return new World({
    seed: `${name} ${context.seed}`,
    members: settings.members,
    params: { ...defaultParams, slotMs: options.slotMs, ...settings.params },
    conditions: { ...lan, latencyMs: options.latencyMs, ...settings.conditions },
    diskMs: settings.diskMs ?? 2,
    genesis: settings.genesis,
    more: settings.more,
    shareWork: context.shareWork,
    verifier: context.verifier,
    hash: context.hash,
    rules: context.rules,
    part: context.part,
  });
}

export function equalMembers(count: number): Member[] {
  return Array.from({ length: count }, () => ({ weight: 30 }));
}

/** Run slots one by one, with something done before each; it ends early when that says false. */
export async function eachSlot(
  world: World,
  slots: number,
  context: RunContext,
  before: (slot: number) => unknown,
): Promise<void> {
  // A third into a slot everybody is open, and has the slot's block.
  if (world.schedule.now === 0) await world.runMs(Math.floor(world.slotMs / 3));
  for (let i = 0; i < slots; i++) {
    if ((await before(i)) === false) return;
    await world.runSlots(1);
    context.progress(i + 1, slots);
  }
}

/** A study now and then, through the node of its source; patients allow and revoke. */
export function publishing(world: World, everySlots: number): (slot: number) => void {
  const random = world.random.fork('traffic');
  const sources = Math.min(8, world.genesis.founders.length);
  let published = 0;
  return slot => {
    if (slot % everySlots !== 0) return;
    const source = random.below(sources);
    const now = world.schedule.now;
    const up = world.nodes.filter(node => node.isHonest && node.isUp);
    if (up.length === 0) return;
    world.submit(random.pick(up), world.traffic.study(source, published++, now));
  };
}

/** What every scenario checks at its end: one store replayed from genesis, what was acknowledged, the final block's state. */
export async function finish(
  world: World,
  context: RunContext,
  p: { acknowledged: boolean; numbers?: Record<string, number> },
): Promise<SeedOutcome> {
  const { invariants, measures } = world;
  const up = world.honest.filter(node => node.isUp);
  const replayed: SimNode | undefined = up[context.seed % Math.max(1, up.length)];
  if (replayed) await invariants.checkReplay(replayed, world.signatures);
  if (p.acknowledged) await invariants.checkAcknowledged(up, () => false);
  const { slots, missed } = measures.missedSlots();
  const total = world.genesis.founders.reduce((sum, { weight }) => sum + weight, 0);
  const counted = { messages: world.network.delivered, ...Object.fromEntries(world.counts) };
  const blocks = invariants.final.slice(1).map(id => world.memberOf(invariants.blocks.get(id)?.producer ?? ''));
  return {
    seed: context.seed,
    violations: invariants.violations,
    traceHash: world.trace.hash,
    trace: world.trace.lines,
    finality: measures.finality,
    reorganised: measures.reorganised,
    numbers: {
      slots,
      missedSlots: missed,
      finalBlocks: invariants.finalHeight,
      ...counted,
      ...p.numbers,
    },
    points: measures.firstFinal.filter(point => point !== undefined),
    shares: world.genesis.founders.map(({ weight }, member) => ({
      member,
      stake: (100 * weight) / total,
      blocks: (100 * blocks.filter(producer => producer === member).length) / Math.max(1, blocks.length),
    })),
    ...(context.part && {
      part: { lanes: world.trace.lanes(), final: invariants.final, summed: Object.keys(counted) },
    }),
  };
}
