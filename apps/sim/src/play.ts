/** Play a scenario or a kept seed, tell on stderr how far it is, and say in words what came out. */
import { nodeVerifier, sha256Node } from '@radpass/core/node';
import { type Options, type Report, runScenario, type Scenario, type SeedOutcome } from '@radpass/ledger/sim';
import type { Replay } from './files.js';
import { SeedTeam } from './seedTeam.js';
import { SeedThread, type Task } from './seedThread.js';

/** Nothing is said before a run has taken this long. */
const quietMs = 3_000;

export interface Played {
  readonly report: Report;
  readonly outcomes: readonly SeedOutcome[];
}

export async function play(
  scenario: Scenario,
  p: {
    options: Partial<Options>;
    seeds?: [number, number] | undefined;
    shareWork: boolean;
    /** How many threads play a scenario that ships; without, it is played in this one. */
    jobs?: number;
  },
): Promise<Played> {
  const outcomes: SeedOutcome[] = [];
  const { shareWork, jobs = 0 } = p;
  const options = { ...scenario.defaults, ...p.options };
  const seeds = p.seeds ?? scenario.seeds;
  const task = { scenario: scenario.name, options, shareWork };
  const players = playersOf(task, {
    jobs,
    seeds: seeds[1] - seeds[0] + 1,
    inParts: scenario.inParts?.(options) ?? false,
  });
  let saidMs = performance.now();
  const report = await runScenario(scenario, {
    options,
    seeds,
    ...(players.length > 0 && { players: players.map(({ play: playSeed }) => playSeed) }),
    shareWork,
    verifier: nodeVerifier,
    hash: sha256Node,
    onSeed: outcome => outcomes.push(outcome),
    progress: ({ seed, of, done, slots }) => {
      if (performance.now() - saidMs < quietMs) return;
      saidMs = performance.now();
      const broken = outcomes.reduce((sum, { violations }) => sum + violations.length, 0);
      process.stderr.write(`${scenario.name}: seed ${seed} of ${of}, slot ${done} of ${slots}, ${broken} violations\n`);
    },
  }).finally(() => Promise.all(players.map(player => player.close())));
  return { report, outcomes: outcomes.sort((a, b) => a.seed - b.seed) };
}

/** One a seed as long as there are threads; where they outnumber the seeds, several for each if a seed can be shared. */
function playersOf(task: Task, p: { jobs: number; seeds: number; inParts: boolean }): (SeedThread | SeedTeam)[] {
  const together = p.inParts ? Math.floor(p.jobs / p.seeds) : 1;
  return Array.from({ length: Math.min(p.jobs, p.seeds) }, () =>
    together > 1 ? new SeedTeam(task, together) : new SeedThread(task),
  );
}

export interface Replayed extends Report {
  readonly sameTrace: boolean;
}

/** Play a kept seed again and compare its trace. */
export async function replay(kept: Replay, scenarioNamed: (name: string) => Scenario): Promise<Replayed> {
  const scenario = scenarioNamed(kept.scenario);
  const { report, outcomes } = await play(scenario, {
    options: kept.options,
    seeds: [kept.seed, kept.seed],
    shareWork: true,
  });
  return { ...report, sameTrace: outcomes[0]?.traceHash === kept.traceHash };
}

/** The report in some lines of text. */
export function summary(report: Report): string {
  const { figures, violations, seeds, options } = report;
  const { finalityMs } = figures;
  const settings = Object.entries(options).map(([name, value]) => `${name} ${value}`);
  const lines = [
    `${report.scenario}, seeds ${seeds[0]}..${seeds[1]}: ${violations.length} violations`,
    `  ${settings.join(', ')}`,
    `  final after ${finalityMs.p50} ms (median), ${finalityMs.p95} ms (95 %), ${finalityMs.max} ms (longest), ${finalityMs.samples} samples`,
    `  ${figures.reorganisations} reorganisations, the deepest of ${figures.deepestReorganisation} blocks`,
    ...Object.entries(figures.numbers).map(([name, value]) => `  ${name}: ${value}`),
    ...violations
      .slice(0, 20)
      .map(({ seed, atMs, node, rule, what }) =>
        rule === 'goal'
          ? `  GOAL MISSED: ${what}`
          : `  VIOLATION seed ${seed}, ${atMs} ms, node ${node}: ${rule}: ${what}`,
      ),
    `  trace ${report.traceHash}`,
  ];
  return lines.join('\n');
}
