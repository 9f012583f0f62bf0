/** The scenarios by name, in the order in which they are listed. */
import type { Scenario } from '../scenario.js';
import { crash } from './crash.js';
import { mixedFaults } from './faults.js';
import { healthy } from './healthy.js';

export const scenarios: ReadonlyMap<string, Scenario> = new Map(
  [healthy, crash, mixedFaults].map(scenario => [scenario.name, scenario]),
);
