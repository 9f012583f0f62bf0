/** The scenarios by name, in the order in which they are listed. */
import type { Scenario } from '../scenario.js';
import { adversary, censor, equivocator, exAnte } from './attacks.js';
import { crash } from './crash.js';
import { doubleVote } from './doubleVote.js';
import { mixedFaults } from './faults.js';
import { healthy } from './healthy.js';
import { join } from './join.js';
import { offline } from './offline.js';
import { partition } from './partition.js';
import { flood, grinding } from './rulesAlone.js';
import { skew } from './skew.js';

export const scenarios: ReadonlyMap<string, Scenario> = new Map(
  [
    healthy,
    offline,
    partition,
    adversary,
    doubleVote,
    exAnte,
    equivocator,
    flood,
    censor,
    skew,
    grinding,
    crash,
    mixedFaults,
    join,
  ].map(scenario => [scenario.name, scenario]),
);
