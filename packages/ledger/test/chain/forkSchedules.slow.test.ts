/** The same with 1,000 schedules, of which RADPASS_SEED names the first. Prints what each hundred came to. */
import { expect, it } from '@jest/globals';
import { nothingYet, runSchedule } from './forkSchedules.js';

const first = Number(process.env.RADPASS_SEED ?? 1_001);
const each = 100;
const hundreds = Array.from({ length: 10 }, (_, i) => first + i * each);

it.each(hundreds)(
  '100 fork schedules from seed %d: no grant before final, no revocation undone',
  async from => {
    const outcome = nothingYet();
    for (let seed = from; seed < from + each && outcome.wrong === null; seed++) await runSchedule(seed, 10, outcome);
    process.stdout.write(`seeds from ${from}: ${JSON.stringify(outcome)}\n`);
    expect(outcome).toMatchObject({ schedules: each, wrong: null });
  },
  3_600_000,
);
