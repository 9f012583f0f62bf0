/**
 * Search for two final blocks that contradict each other: none may be found under the rules that ship, and one under each
 * broken variant.
 *
 *   node packages/ledger/bench/safety.mjs [--runs N] [--seed S] [--variant NAME] [--write FILE]
 *
 * Prints runs, blocks made final, eras and seeds; --write keeps the shortest trace of each variant as vectors.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { searchConflict, variants } from '../dist/sim/index.js';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    variant: { type: 'string' },
    write: { type: 'string' },
  },
});
const names = values.variant ? [values.variant] : Object.keys(variants);
const traces = [];
let isAsExpected = true;
for (const name of names) {
  const variant = variants[name];
  if (!variant) throw new Error(`${name}: no such variant; there are ${Object.keys(variants).join(', ')}`);
  const began = performance.now();
  const onProgress = done => process.stderr.write(`\r${name}: ${done} runs `);
  const { runs, finals, eras, found } = searchConflict({
    variant,
    runs: Number(values.runs),
    firstSeed: Number(values.seed),
    onProgress,
  });
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  const outcome = found ? `conflict at seed ${found.setting.seed}, ${found.trace.length} steps` : 'no conflict';
  process.stderr.write('\r');
  console.log(`${name}: ${runs} runs, ${finals} final blocks, ${eras} hand-overs at most: ${outcome} (${seconds} s)`);
  isAsExpected &&= (name === 'shipped') === (found === null);
  if (found)
    traces.push({
      variant: name,
      periodSlots: found.setting.periodSlots,
      seed: found.setting.seed,
      trace: found.trace,
    });
}
if (values.write) writeFileSync(values.write, `${JSON.stringify(traces)}\n`);
process.exitCode = isAsExpected ? 0 : 1;
