/**
 * Every behaviour of a small world, slot by slot: the states after each slot, each once. Finds a conflict if there is one;
 * what smallWorld.ts allows beyond what can happen is said there.
 */
import { keyOf, type SmallState } from './smallState.js';
import { describeLink, type SmallLink, type SmallSetting, SmallWorld } from './smallWorld.js';

/** A state with how it was reached. */
interface Reached {
  readonly state: SmallState;
  readonly trace: Trace | null;
}

interface Trace {
  readonly link: SmallLink;
  readonly before: Trace | null;
  readonly length: number;
}

export interface ExhaustivePlan extends SmallSetting {
  readonly onProgress?: (says: string) => void;
}

export interface Exhausted {
  /** Distinct ones, over all slots of both eras. */
  readonly states: number;
  /** Of those, in the second era. */
  readonly statesOfSecondEra: number;
  /** Links tried. */
  readonly steps: number;
  /** The longest list of links that led to a state. */
  readonly depth: number;
  /** Slots in which the root of a second era stood. */
  readonly rootSlots: readonly number[];
  /** Whether the second era made a block above its root final. */
  readonly isFinalInBoth: boolean;
  /** The links that led to two final blocks that contradict each other. */
  readonly conflict: readonly string[] | null;
}

type Layer = Map<string, Reached>;

/** At most so many links of one target slot; under the shipped rules honest voters are enough for one. */
const linksPerSlot = 2;

function listOf(trace: Trace | null): string[] {
  const list: string[] = [];
  for (let at = trace; at; at = at.before) list.push(describeLink(at.link));
  return list.reverse();
}

/** Try everything; stops at the first conflict. */
export function searchAll(plan: ExhaustivePlan): Exhausted {
  const world = new SmallWorld(plan);
  const { slots, firstEraSlots = slots } = plan;
  const count = { states: 0, statesOfSecondEra: 0, steps: 0, depth: 0, isFinalInBoth: false };
  let conflict: string[] | null = null;

  /** States after a slot, from those before it. */
  const after = (before: Layer, slot: number): Layer => {
    const settled: Layer = new Map();
    const keep = ({ state, trace }: Reached): void => {
      const rest = world.settle(state, slot);
      const key = keyOf(rest);
      if (!settled.has(key)) settled.set(key, { state: rest, trace });
    };
    const open = [...before.values()].map(reached => ({ ...reached, links: 0 }));
    for (let at = open.pop(); at && !conflict; at = open.pop()) {
      keep(at);
      if (at.links === linksPerSlot) continue;
      for (const { link, state } of world.links(at.state, slot)) {
        count.steps++;
        const trace = { link, before: at.trace, length: (at.trace?.length ?? 0) + 1 };
        if (state) open.push({ state, trace, links: at.links + 1 });
        else conflict = listOf(trace);
        if (conflict) break;
      }
    }
    return settled;
  };
  const note = (layer: Layer, depth: number, slot: number): void => {
    count.states += layer.size;
    if (depth > 0) count.statesOfSecondEra += layer.size;
    for (const { trace } of layer.values()) count.depth = Math.max(count.depth, trace?.length ?? 0);
    plan.onProgress?.(`era ${depth}, slot ${slot}: ${layer.size} states, ${count.steps} steps`);
  };

  const genesis = world.start();
  let layer: Layer = new Map([[keyOf(genesis), { state: genesis, trace: null }]]);
  note(layer, 0, 0);
  for (let slot = 1; slot <= firstEraSlots && !conflict; slot++) {
    layer = after(layer, slot);
    note(layer, 0, slot);
  }
  const begun = new Map<number, Layer>();
  for (const { state, trace } of conflict ? [] : layer.values()) {
    for (const { slot, state: first } of world.secondEra(state)) {
      const roots = begun.get(slot) ?? new Map();
      begun.set(slot, roots);
      const key = keyOf(first);
      if (!roots.has(key)) roots.set(key, { state: first, trace });
    }
  }
  layer = new Map();
  for (let slot = 0; slot <= slots && !conflict; slot++) {
    layer = new Map([...after(layer, slot), ...(begun.get(slot) ?? [])]);
    note(layer, 1, slot);
    count.isFinalInBoth ||= [...layer.values()].some(({ state }) => state.final !== state.root);
  }
  return { ...count, rootSlots: [...begun.keys()].sort((a, b) => a - b), conflict };
}
