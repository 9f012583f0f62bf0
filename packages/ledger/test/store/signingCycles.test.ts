import { describe, expect, it } from '@jest/globals';
import { signingCycles } from './signingCycles.js';

describe('a node key over kills, older copies of its record, clocks set back and two processes', () => {
  it('makes no two signatures that contradict each other', async () => {
    const report = await signingCycles({ cycles: 4, attemptsEach: 40, seed: 20_261_126 });
    expect(report.conflicts).toEqual([]);
    expect(report.signed).toBeGreaterThan(5);
    expect(report.attempts - report.signed).toBeGreaterThan(20);
    // One of two processes finds the record locked; without its record, or with an older one, it refuses.
    expect(report.closed).toHaveProperty('LEDGER_SIGNING_RECORD_LOCKED');
  }, 120_000);

  it('would be seen to: a record made anew each time', async () => {
    const report = await signingCycles({ cycles: 3, attemptsEach: 30, seed: 1, forgets: true, kinds: ['clock back'] });
    expect(report.conflicts.length).toBeGreaterThan(0);
  }, 120_000);
});
