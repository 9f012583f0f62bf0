/** Play seeds of a scenario and sum them up. */
import { sha256, toHex, utf8 } from '@radpass/core';
import type { Violation } from './invariants.js';
import { Histogram } from './measures.js';
import type { Figures, Options, RunContext, Scenario, SeedOutcome } from './scenario.js';
import type { Platform } from './world.js';

export type SeedPlayer = (seed: number, progress: RunContext['progress']) => Promise<SeedOutcome>;

export interface RunPlan extends Platform {
  readonly options?: Partial<Options>;
  readonly seeds?: readonly [from: number, to: number];
  /** Default true; see sharedWork.ts. */
  readonly shareWork?: boolean;
  readonly progress?: (line: { seed: number; of: number; done: number; slots: number }) => void;
  /** Play the seeds side by side, each one at a time, on other threads for instance; if not given, they are played here. */
  readonly players?: readonly SeedPlayer[];
  /** Told of each seed when it is over. */
  readonly onSeed?: (outcome: SeedOutcome) => void;
}

export interface Report {
  readonly scenario: string;
  readonly options: Options;
  readonly seeds: readonly [from: number, to: number];
  /** Broken invariants, and goals missed (rule "goal"). */
  readonly violations: readonly (Violation & { readonly seed: number })[];
  readonly figures: Figures;
  /** SHA-256 over the traces of all seeds, hex. */
  readonly traceHash: string;
}

function sumUp(scenario: Scenario, outcomes: readonly SeedOutcome[]): Figures {
  const finality = new Histogram();
  const reorganised = new Histogram();
  const names = [...new Set(outcomes.flatMap(({ numbers }) => Object.keys(numbers)))].sort();
  for (const outcome of outcomes) {
    finality.merge(outcome.finality);
    reorganised.merge(outcome.reorganised);
  }
  const numbers = names.map(name => {
    const values = outcomes.map(outcome => outcome.numbers[name] ?? 0);
    const sum = values.reduce((total, value) => total + value, 0);
    const how = scenario.merge?.[name];
    return [name, how === 'max' ? Math.max(...values) : how === 'mean' ? sum / values.length : sum] as const;
  });
  return {
    finalityMs: {
      p50: finality.quantile(0.5),
      p95: finality.quantile(0.95),
      max: finality.quantile(1),
      samples: finality.total,
    },
    reorganisations: reorganised.total,
    deepestReorganisation: reorganised.quantile(1),
    numbers: Object.fromEntries(numbers),
  };
}

/** Play all seeds. The same plan gives the same report on any machine. */
export async function runScenario(scenario: Scenario, plan: RunPlan = {}): Promise<Report> {
  const options: Options = { ...scenario.defaults, ...plan.options };
  const [from, to] = plan.seeds ?? scenario.seeds;
  const { shareWork = true, verifier, hash, rules } = plan;
  const here: SeedPlayer = (seed, progress) =>
    scenario.play(options, { seed, shareWork, verifier, hash, rules, progress });
  const outcomes: SeedOutcome[] = [];
  let next = from;
  const playOn = async (play: SeedPlayer): Promise<void> => {
    while (next <= to) {
      const seed = next++;
      const progress = (done: number, slots: number): void => plan.progress?.({ seed, of: to, done, slots });
      const outcome = await play(seed, progress);
      outcomes[seed - from] = outcome;
      plan.onSeed?.(outcome);
    }
  };
  await Promise.all((plan.players ?? [here]).map(playOn));
  const figures = sumUp(scenario, outcomes);
  const missed = scenario.missed(figures, options).map(what => ({ seed: -1, atMs: 0, node: -1, rule: 'goal', what }));
  const broken = outcomes.flatMap(({ seed, violations }) => violations.map(violation => ({ seed, ...violation })));
  return {
    scenario: scenario.name,
    options,
    seeds: [from, to],
    violations: [...broken, ...missed],
    figures,
    traceHash: toHex(sha256(utf8(outcomes.map(({ traceHash }) => traceHash).join('\n')))),
  };
}
