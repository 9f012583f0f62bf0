/** What a run leaves in a folder: report.json, finality.csv, shares.csv, plot.svg, and SCENARIO-SEED.json for each seed that failed. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '@radpass/client/node';
import { finalityCsv, type Options, plotSvg, type Report, type SeedOutcome, sharesCsv } from '@radpass/ledger/sim';

/** A seed that failed: enough to play it again, and what was seen. */
export interface Replay {
  readonly scenario: string;
  readonly options: Options;
  readonly seed: number;
  readonly traceHash: string;
}

export function writeFiles(folder: string, report: Report, outcomes: readonly SeedOutcome[]): void {
  mkdirSync(folder, { recursive: true });
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  write('report.json', `${JSON.stringify(report, null, 2)}\n`);
  write('finality.csv', finalityCsv(outcomes));
  write('shares.csv', sharesCsv(outcomes));
  write('plot.svg', plotSvg(report, outcomes));
  for (const { seed, violations, traceHash, trace } of outcomes) {
    if (violations.length === 0) continue;
    const { scenario, options } = report;
    write(
      `${scenario}-${seed}.json`,
      `${JSON.stringify({ scenario, options, seed, traceHash, violations, trace }, null, 2)}\n`,
    );
  }
}

/** @throws UsageError for a file that is no kept seed */
export function readReplay(path: string): Replay {
  try {
    const { scenario, options, seed, traceHash } = JSON.parse(readFileSync(path, 'utf8'));
    const isRight =
      typeof scenario === 'string' &&
      typeof traceHash === 'string' &&
      Number.isSafeInteger(seed) &&
      Object.values(options).every(Number.isSafeInteger);
    if (isRight) return { scenario, options, seed, traceHash };
  } catch {
    // Named below, whatever is wrong with it.
  }
  throw new UsageError(`${path}: not a seed that radpass-sim kept`);
}
