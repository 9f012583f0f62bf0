import { expect, it } from '@jest/globals';
import { signingCycles } from './signingCycles.js';

it('10,000 attempts over 200 cycles make no two signatures that contradict each other', async () => {
  const seed = Number(process.env.RADPASS_SEED ?? 1);
  const report = await signingCycles({ cycles: 200, attemptsEach: 70, seed });
  process.stdout.write(`${JSON.stringify({ ...report, conflicts: report.conflicts.length })}\n`);
  expect(report.conflicts).toEqual([]);
  expect(report.cycles).toBe(200);
  expect(report.attempts).toBeGreaterThanOrEqual(10_000);
}, 900_000);
