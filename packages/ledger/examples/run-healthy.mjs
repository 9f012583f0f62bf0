/**
 * Play the healthy scenario under rules of one's own and print its figures:
 *
 *   node run-healthy.mjs ./round-robin.mjs
 *
 * The module exports `rules`, a Consensus with members replaced; without a module the shipped rules are played.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { consensus } from '@radpass/ledger';
import { runScenario, scenarios } from '@radpass/ledger/sim';

const [, , module] = process.argv;
const { rules } = module ? await import(pathToFileURL(resolve(module)).href) : { rules: consensus };

const blocks = [];
const { violations, figures, traceHash } = await runScenario(scenarios.get('healthy'), {
  rules,
  seeds: [1, 2],
  options: { nodes: 5, slots: 20 },
  onSeed: ({ shares }) => blocks.push(...shares.map(share => Math.round(share.blocks))),
});
const { p50, p95 } = figures.finalityMs;
console.log(`final after ${p50} ms (median), ${p95} ms (95 %); ${figures.numbers.finalBlocks} final blocks`);
console.log(`share of the blocks by source, in per cent, seed by seed: ${blocks.join(' ')}`);
console.log(`${violations.length} violations; trace ${traceHash}`);
process.exitCode = violations.length > 0 ? 1 : 0;
