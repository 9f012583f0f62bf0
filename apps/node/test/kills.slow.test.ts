/** Fifty hard kills. */
import { describe, it } from '@jest/globals';
import { expectNothingLost } from './killRules.js';
import { killAgainAndAgain, seedOfRun } from './kills.js';

const restartLimitMs = 3_000;

describe('four nodes', () => {
  const seed = seedOfRun();
  it(`lose nothing when any one of them is killed hard, fifty times (RADPASS_SEED=${seed})`, async () => {
    expectNothingLost(await killAgainAndAgain({ kills: 50, seed }), { kills: 50, restartLimitMs });
  }, 1_200_000);
});
