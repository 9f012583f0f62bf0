/** radpass-sim: the command line of the simulator. This file reads flags; play.ts plays, files.ts writes. */
import { availableParallelism, homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { layerOptions, printJson, runCommandLine, UsageError, versionBeside, wholeNumber } from '@radpass/client/node';
import { type Options, type Scenario, scenarios } from '@radpass/ledger/sim';
import { Command } from 'commander';
import { readReplay, writeFiles } from './files.js';
import { play, replay, summary } from './play.js';

const program = new Command('radpass-sim')
  .description(
    'Plays networks of nodes in virtual time: the shipped engine and chain on simulated networks, disks and clocks.',
  )
  .version(versionBeside(import.meta.url))
  .option('--config <file>', 'settings (JSON): any flag by its name, e.g. {"slots": 200}')
  .option('--home <dir>', 'where a relative --out lies', join(homedir(), '.radpass-sim'))
  .option('--json', 'print one JSON object')
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });

function seedRange(text: string): [from: number, to: number] {
  const [, from, to] = /^(\d{1,9})\.\.(\d{1,9})$/.exec(text) ?? [];
  const range: [number, number] = [Number(from), Number(to)];
  if (from === undefined || range[1] < range[0]) throw new UsageError(`${text}: expected seeds as A..B, like 1..25`);
  return range;
}

function scenarioNamed(name: string | undefined): Scenario {
  const scenario = scenarios.get(name ?? '');
  if (!scenario)
    throw new UsageError(`${name ?? '(no name)'}: no such scenario; there are ${[...scenarios.keys()].join(', ')}`);
  return scenario;
}

program
  .command('list')
  .description('the scenarios, what each must show, and its numbers')
  .action(() => {
    const all = [...scenarios.values()].map(({ name, summary: text, defaults, seeds }) => ({
      name,
      summary: text,
      defaults,
      seeds,
    }));
    if (program.opts().json) printJson({ scenarios: all });
    else for (const entry of all) process.stdout.write(`${entry.name.padEnd(12)} ${entry.summary}\n`);
  });

program
  .command('run')
  .description('play a scenario; exits with 1 when an invariant breaks or a goal is missed')
  .argument('[scenario]', 'its name, as list shows it')
  .option('--seeds <range>', 'seeds, A..B', seedRange)
  .option('--nodes <n>', 'sources, each with its node', wholeNumber)
  .option('--sources <n>', 'sources in all, their keys held by the nodes (healthy)', wholeNumber)
  .option('--offline <n>', 'per cent of the nodes that are switched off', wholeNumber)
  .option('--share <n>', "the adversary's stake in per cent", wholeNumber)
  .option('--slots <n>', 'slots of virtual time', wholeNumber)
  .option('--latency-ms <n>', 'mean time of a message', wholeNumber)
  .option('--slot-ms <n>', 'length of a slot', wholeNumber)
  .option(
    '--jobs <n>',
    'threads: seeds are played at the same time; a single one of many nodes on several (healthy)',
    wholeNumber,
    availableParallelism(),
  )
  .option(
    '--out <dir>',
    'write the report, figures as CSV, a plot as SVG, and each failing seed as a file that replays',
  )
  .option('--replay <file>', 'play a failing seed again')
  .option('--no-shared-work', 'let every node judge everything by itself: slower, the same trace')
  .action(async (name, flags) => {
    const json = Boolean(program.opts().json);
    if (flags.replay !== undefined) {
      const outcome = await replay(readReplay(flags.replay), scenarioNamed);
      if (json) printJson(outcome);
      else process.stdout.write(`${outcome.sameTrace ? 'the same trace' : 'ANOTHER TRACE'}; ${summary(outcome)}\n`);
      if (!outcome.sameTrace || outcome.violations.length > 0) process.exitCode = 1;
      return;
    }
    const { nodes, sources, offline, share, slots, latencyMs, slotMs } = flags;
    const given = Object.entries({ nodes, sources, offline, share, slots, latencyMs, slotMs }).filter(
      ([, value]) => value !== undefined,
    );
    const scenario = scenarioNamed(name);
    const { report, outcomes } = await play(scenario, {
      options: Object.fromEntries(given) as Partial<Options>,
      seeds: flags.seeds,
      shareWork: flags.sharedWork,
      jobs: flags.jobs,
    });
    if (flags.out !== undefined) writeFiles(resolve(program.opts().home, flags.out), report, outcomes);
    if (json) printJson(report);
    else process.stdout.write(`${summary(report)}\n`);
    if (report.violations.length > 0) process.exitCode = 1;
  });

await runCommandLine(async () => {
  layerOptions(program, { envPrefix: 'RADPASS_SIM' });
  await program.parseAsync();
});
