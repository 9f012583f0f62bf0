/** Three hard kills; fifty are in kills.slow.test.ts. */
import { describe, it } from '@jest/globals';
import { expectNothingLost } from './killRules.js';
import { killAgainAndAgain, seedOfRun } from './kills.js';

/** Three seconds on a machine of its own; here the tests of other packages run beside. */
const restartLimitMs = 10_000;

describe('four nodes', () => {
  const seed = seedOfRun();
  it(`lose nothing when any one of them is killed hard, three times (RADPASS_SEED=${seed})`, async () => {
    expectNothingLost(await killAgainAndAgain({ kills: 3, seed }), { kills: 3, restartLimitMs });
  }, 300_000);
});
