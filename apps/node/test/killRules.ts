/** What must hold after kills, however many. */
import { expect } from '@jest/globals';
import type { KillReport } from './kills.js';

export function expectNothingLost(report: KillReport, p: { kills: number; restartLimitMs: number }): void {
  expect(report.restartMs).toHaveLength(p.kills);
  expect(report.acknowledged).toBeGreaterThan(p.kills);
  expect(report.missing).toEqual([]);
  expect(report.roots).toEqual(Array(4).fill(report.roots[0]));
  expect(report.exitCodes).toEqual([0, 0, 0, 0]);
  expect(report.verified.filter(({ exitCode, ok }) => exitCode !== 0 || !ok)).toEqual([]);
  const rootOf = new Map(report.verified.map(({ finalHeight, stateRoot }) => [finalHeight, stateRoot]));
  expect(report.verified.filter(({ finalHeight, stateRoot }) => rootOf.get(finalHeight) !== stateRoot)).toEqual([]);
  // Last, so that a busy machine hides none of the rest.
  expect(report.restartMs.filter(ms => ms > p.restartLimitMs)).toEqual([]);
}
