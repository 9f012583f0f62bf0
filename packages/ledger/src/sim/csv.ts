/** Figures as tables for other programs: comma-separated, a header line, a line break after each row. */
import type { SeedOutcome } from './scenario.js';

function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [header, ...rows].map(row => `${row.join(',')}\n`).join('');
}

/** When each block of each seed became final: slot, and ms from the slot's beginning to the first node that had it final. */
export function finalityCsv(outcomes: readonly SeedOutcome[]): string {
  const rows = outcomes.flatMap(({ seed, points }) => points.map(({ slot, ms }) => [seed, slot, ms]));
  return table(['seed', 'slot', 'final_after_ms'], rows);
}

/** Stake and share of the final blocks, in per cent, a member a row. */
export function sharesCsv(outcomes: readonly SeedOutcome[]): string {
  const rows = outcomes.flatMap(({ seed, shares }) =>
    shares.map(({ member, stake, blocks }) => [seed, member, stake.toFixed(3), blocks.toFixed(3)]),
  );
  return table(['seed', 'member', 'stake_percent', 'blocks_percent'], rows);
}
