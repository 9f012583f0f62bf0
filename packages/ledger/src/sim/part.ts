/**
 * A world on several threads. Each plays some of the nodes and all play the same script, so what a script does to a node
 * must go through the World. Time is cut into turns, `lagTurns` of which are shorter than the shortest latency: so long
 * what a node sends is on its way. At the end of a turn a part hands over what its nodes sent across, and takes in what
 * may arrive in the next one: it waits for nobody who is fewer turns behind. On however many threads, a seed goes the same
 * way, message by message, and has the same trace.
 */
import { Histogram } from './measures.js';
import type { Message } from './network.js';
import type { SeedOutcome } from './scenario.js';
import { Trace } from './trace.js';

/** What is sent in a turn arrives so many turns later at the earliest. */
export const lagTurns = 5;

/** What goes from a node of one part to nodes of another. Times are those of arrival, in ms since the world began. */
export type Letter =
  | ({ readonly kind: 'message' } & Circular)
  | ({ readonly kind: 'question' } & Question)
  | ({ readonly kind: 'answer' } & Answer);

/** A message to several nodes, each of which it reaches at its own time. */
export interface Circular {
  readonly from: number;
  readonly message: Message;
  readonly to: number[];
  readonly atMs: number[];
}

/** A node asks another for what it lacks; `backMs` is how long the answer will take. */
export interface Question {
  readonly from: number;
  readonly to: number;
  readonly atMs: number;
  readonly number: number;
  readonly backMs: number;
  readonly locator: readonly Uint8Array[];
}

export interface Answer {
  readonly from: number;
  readonly to: number;
  readonly atMs: number;
  readonly number: number;
  readonly blocks: readonly Uint8Array[];
}

/** One thread's place in a world: node i is played by part i modulo `of`. */
export interface Part {
  readonly index: number;
  readonly of: number;
  /**
   * Hand over this turn's letters by the part that they go to. Gives those for this one that were sent in the turn
   * `lagTurns` before the next, in the order of the parts.
   */
  exchange(letters: readonly (readonly Letter[])[]): Promise<Letter[]>;
}

/** What of a part's outcome is needed to make one of all. */
export interface PartFacts {
  /** Of the trace, by node; see Trace. */
  readonly lanes: readonly string[];
  /** Ids of final blocks by height, in hex. */
  readonly final: readonly string[];
  /** Numbers that add up over the parts; the others are the network's. */
  readonly summed: readonly string[];
}

/** One outcome of those of all parts, in their order. */
export function joinParts(outcomes: readonly (SeedOutcome & { readonly part: PartFacts })[]): SeedOutcome {
  const furthest = outcomes.reduce((a, b) => (b.part.final.length > a.part.final.length ? b : a));
  const conflicts = outcomes.flatMap(({ part: { final } }) => {
    const height = final.findIndex((id, at) => id !== furthest.part.final[at]);
    const what = `height ${height}, between threads`;
    return height < 0 ? [] : [{ atMs: 0, node: -1, rule: 'conflicting final blocks', what }];
  });
  const finality = new Histogram();
  const reorganised = new Histogram();
  const summed: Record<string, number> = {};
  const firstMs = new Map<number, number>();
  for (const outcome of outcomes) {
    finality.merge(outcome.finality);
    reorganised.merge(outcome.reorganised);
    for (const name of outcome.part.summed) summed[name] = (summed[name] ?? 0) + (outcome.numbers[name] ?? 0);
    for (const { slot, ms } of outcome.points) firstMs.set(slot, Math.min(ms, firstMs.get(slot) ?? ms));
  }
  const { seed, shares, numbers } = furthest;
  return {
    seed,
    shares,
    finality,
    reorganised,
    numbers: { ...numbers, ...summed },
    violations: [...outcomes.flatMap(({ violations }) => violations), ...conflicts],
    traceHash: Trace.hashOf(lanesOf(outcomes.map(({ part }) => part.lanes))),
    trace: outcomes.flatMap(({ trace }) => trace).sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)),
    points: [...firstMs].sort(([a], [b]) => a - b).map(([slot, ms]) => ({ slot, ms })),
  };
}

/** Each lane from the part that plays its node; the world's own, which comes first, is the same in all. */
function lanesOf(parts: readonly (readonly string[])[]): string[] {
  const count = Math.max(...parts.map(lanes => lanes.length));
  return Array.from({ length: count }, (_, at) => parts[at === 0 ? 0 : (at - 1) % parts.length]![at]!);
}
