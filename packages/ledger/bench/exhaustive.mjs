/**
 * Every behaviour of a small world of four voters and two eras (src/sim/safety/smallWorld.ts): no conflict under the rules
 * that ship, and one under each broken variant, in the fewest slots that show it.
 *
 *   node packages/ledger/bench/exhaustive.mjs [--slots N] [--first-era-slots N] [--period N] [--variant NAME]
 *
 * Prints states, links tried, the longest list of links, CPU time and memory; for a conflict its links. --slots and
 * --first-era-slots are for the variant named, by default the rules that ship.
 */
import { parseArgs } from 'node:util';
import { searchAll, variants } from '../dist/sim/index.js';

const { values } = parseArgs({
  options: {
    slots: { type: 'string' },
    'first-era-slots': { type: 'string' },
    period: { type: 'string', default: '3' },
    variant: { type: 'string' },
  },
});
const asked = { slots: values.slots ?? '6', firstEraSlots: values['first-era-slots'] };
/** Where each broken variant shows. */
const worlds = {
  shipped: asked,
  'committee-by-target': { slots: 4 },
  unclamped: { slots: 5 },
  'slot-alone': { slots: 7, firstEraSlots: 4 },
  'last-block': { slots: 4 },
  'half-lies': { slots: 2 },
  'three-fifths': { slots: 2 },
};

let isAsExpected = true;
for (const name of values.variant ? [values.variant] : Object.keys(worlds)) {
  const variant = variants[name];
  if (!variant) throw new Error(`${name}: no such variant; there are ${Object.keys(worlds).join(', ')}`);
  const size = values.slots ? asked : worlds[name];
  const slots = Number(size.slots);
  const firstEraSlots = Number(size.firstEraSlots ?? slots);
  const before = process.cpuUsage();
  const result = searchAll({
    ...{ variant, slots, firstEraSlots, periodSlots: Number(values.period) },
    onProgress: says => process.stderr.write(`\r${name}: ${says} `),
  });
  process.stderr.write('\r');
  const { user, system } = process.cpuUsage(before);
  const { states, statesOfSecondEra, steps, depth, rootSlots, conflict } = result;
  const { honestSeats, lyingSeats } = variant.electorate;
  const where = `${honestSeats} honest voters and ${lyingSeats} lying, slots ${firstEraSlots} and ${slots}`;
  const counts = `${states} states (${statesOfSecondEra} of the second era, roots at slots ${rootSlots.join(' ') || '-'})`;
  const cost = `${((user + system) / 1e6).toFixed(0)} s, ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`;
  const outcome = conflict ? `conflict after ${conflict.length} links` : '0 conflicts';
  console.log(`${name}: ${where}: ${counts}, ${steps} steps, depth ${depth}: ${outcome} (${cost})`);
  for (const line of conflict ?? []) console.log(`  ${line}`);
  isAsExpected &&= (name === 'shipped') === (conflict === null);
}
process.exitCode = isAsExpected ? 0 : 1;
