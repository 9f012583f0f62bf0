/**
 * Random search for two final blocks that contradict each other, under arbitrary asynchrony: every voter sees blocks and
 * certificates late, in its own order or never, and each certificate has an audience of its own.
 */
import { Random } from '../random.js';
import { lateCommittee } from './lateCommittee.js';
import { type Action, Model, type Setting } from './model.js';
import type { Variant } from './variants.js';

export interface SearchPlan {
  readonly variant: Variant;
  readonly runs: number;
  readonly firstSeed: number;
  readonly onProgress?: (done: number) => void;
}

export interface Found {
  readonly setting: Setting;
  /** Every one of them is needed. */
  readonly trace: readonly Action[];
}

const slots = 24;
/** Slots until a certificate is heard of, each as likely. */
const delays = [0, 0, 0, 0, 1, 2, 4, 8];
const percent = (n: number): number => n * 10_000;
const targetSlotOf = (link: string): number => Number(/>\d+:(\d+)@/.exec(link)?.[1]);

/** Two sides that hear each other less than themselves; who is where changes now and then. */
class Sides {
  readonly #random: Random;
  /** How likely a voter changes sides in a slot, in millionths. */
  readonly #moves: number;
  readonly #voters: number[];
  readonly #things = new Map<string, number>();

  constructor(random: Random, voters: number) {
    this.#random = random;
    this.#moves = percent(random.below(20));
    this.#voters = Array.from({ length: voters }, () => random.below(2));
  }

  move(): void {
    this.#voters.forEach((_, voter) => {
      if (this.#random.chance(this.#moves)) this.#voters[voter] = this.#random.below(2);
    });
  }

  /** Where a block or a certificate was made; 2 is everywhere, 3 where hardly anybody hears of it. */
  of(thing: string): number {
    const side = this.#things.get(thing) ?? this.#random.below(4);
    this.#things.set(thing, side);
    return side;
  }

  areNear(voter: number, thing: string): boolean {
    return this.of(thing) === 2 || this.of(thing) === this.#voters[voter];
  }
}

/** One run: a list of actions that were possible, up to a conflict if there is one. */
export function randomRun(setting: Setting): { model: Model; actions: Action[] } {
  const random = new Random(`safety ${setting.seed}`);
  const model = new Model(setting);
  const actions: Action[] = [];
  const act = (action: Action): void => {
    if (!model.conflict && model.act(action)) actions.push(action);
  };
  if (setting.seed % 4 === 3) {
    lateCommittee(model, random, setting.periodSlots, act);
    return { model, actions };
  }
  // How much is shared differs from run to run: where little is heard nothing is ever justified.
  const [near, votes, forks] = [random.between(60, 100), random.between(60, 100), random.between(0, 60)].map(percent);
  const far = random.chance(percent(50)) ? 0 : percent(random.below(30));
  // In some runs both sides meet once, late: what one of them has held back for long is then news.
  const meet = random.chance(percent(50)) ? random.between(8, 18) : 0;
  const sides = new Sides(random, model.honest);
  const voters = Array.from({ length: model.honest }, (_, i) => i);
  // Each certificate has an audience of its own: in some runs those who are near, in others drawn once for all, each with
  // a time to hear of it, or never but from a block.
  const drawsAudiences = random.chance(percent(50));
  const audiences = new Map<string, number[]>();
  const told = percent(random.between(40, 100));
  const hearsOf = (link: string): number[] => {
    const draw = (): number =>
      random.chance(told) ? targetSlotOf(link) + random.pick(delays) : Number.POSITIVE_INFINITY;
    const audience = audiences.get(link) ?? voters.map(draw);
    audiences.set(link, audience);
    return audience;
  };
  const carried = drawsAudiences ? percent(random.between(20, 100)) : percent(100);
  for (let slot = 1; slot <= slots && !model.conflict; slot++) {
    if (slot >= meet) sides.move();
    for (let side = 0; side < 2; side++) {
      if (side > 0 && !random.chance(forks!)) break;
      const newest = model.blocks.length - 1;
      const parents = Array.from({ length: Math.min(5, newest + 1) }, (_, i) => newest - i);
      const parent = parents.find(block => [side, 2].includes(sides.of(`block ${block}`))) ?? newest;
      const known = random.chance(carried) ? random.shuffled(model.certified.slice(-8)).slice(0, 4) : [];
      known.sort((a, b) => targetSlotOf(a) - targetSlotOf(b));
      act({ do: 'block', parent, slot, links: model.usable({ parent, slot, links: known }).slice(0, 3) });
    }
    for (const voter of random.shuffled(voters)) {
      const hears = (thing: string): boolean =>
        random.chance(slot === meet || sides.areNear(voter, thing) ? near! : far);
      const from = slot === meet ? 1 : model.blocks.length - 8;
      for (let block = Math.max(1, from); block < model.blocks.length; block++) {
        if (hears(`block ${block}`)) act({ do: 'see', voter, block });
      }
      for (const link of model.certified) {
        if (drawsAudiences ? hearsOf(link)[voter]! <= slot : hears(link)) act({ do: 'learn', voter, link });
      }
      if (random.chance(votes!)) act({ do: 'vote', voter, slot: slot - (random.chance(percent(10)) ? 1 : 0) });
    }
  }
  return { model, actions };
}

/** The run that a list of actions is. */
export function replay(setting: Setting, actions: readonly Action[]): Model {
  const model = new Model(setting);
  for (const action of actions) if (!model.conflict) model.act(action);
  return model;
}

/** Take out what the conflict does without. Blocks are named by number, so one that others come after mostly stays. */
export function shorten(setting: Setting, actions: readonly Action[]): Action[] {
  let trace = [...actions];
  for (let size = trace.length; size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < trace.length; ) {
      const without = [...trace.slice(0, from), ...trace.slice(from + size)];
      if (replay(setting, without).conflict) trace = without;
      else from += size;
    }
  }
  return trace;
}

/** Run after run; stops at the first conflict. */
export function searchConflict(plan: SearchPlan): { runs: number; finals: number; eras: number; found: Found | null } {
  let finals = 0;
  let eras = 0;
  for (let i = 0; i < plan.runs; i++) {
    const setting: Setting = { variant: plan.variant, periodSlots: 3 + 2 * (i % 3), seed: plan.firstSeed + i };
    const { model, actions } = randomRun(setting);
    finals += model.finals;
    eras = Math.max(eras, model.deepest);
    if (model.conflict) return { runs: i + 1, finals, eras, found: { setting, trace: shorten(setting, actions) } };
    if (i % 1_000 === 999) plan.onProgress?.(i + 1);
  }
  return { runs: plan.runs, finals, eras, found: null };
}
