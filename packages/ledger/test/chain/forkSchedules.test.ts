import { expect, it } from '@jest/globals';
import { nothingYet, runSchedule } from './forkSchedules.js';

it('tells of no grant before it is final, and takes back no revocation, whatever forks come and go', async () => {
  const outcome = nothingYet();
  for (let seed = 1; seed <= 2; seed++) await runSchedule(seed, 12, outcome);
  expect(outcome.wrong).toBeNull();
  expect(outcome.served).toBeGreaterThan(0);
  expect(outcome.abandonedBlocks).toBeGreaterThan(0);
}, 60_000);
