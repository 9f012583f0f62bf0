/**
 * What an epoch of 16,000 sources costs in consensus: who votes (the draw of 512 seats) and who leads (900 slots).
 * Anchor: SHA-256 of as many inputs of the same length as the draw hashes. Run: node bench/committee.mjs [SEED]
 */
import { createHash } from 'node:crypto';
import { parsePublicKey, sha256, u64be, utf8 } from '@radpass/core';
import { consensus, defaultParams } from '../dist/index.js';

const seed = process.argv[2] ?? 'radpass';
const sources = 16_000;
const { seats, slotsPerEpoch } = defaultParams;
const hash = (...parts) => sha256(utf8(seed), ...parts);
const entries = Array.from({ length: sources }, (_, i) => ({
  sourceKey: parsePublicKey(hash(u64be(i))),
  nodeKey: parsePublicKey(hash(u64be(i), u64be(1))),
  weight: 1_000_000 * (1 + (hash(u64be(i), u64be(2))[0] ?? 0)),
})).sort((a, b) => Buffer.compare(a.sourceKey, b.sourceKey));
const total = entries.reduce((sum, { weight }) => sum + weight, 0);

/** CPU milliseconds of the quickest of several runs: the others were slowed by what else the machine did. */
function best(run, times = 15) {
  const taken = Array.from({ length: times }, (_, i) => {
    const before = process.cpuUsage();
    run(i);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...taken);
}

const input = Buffer.alloc(83);
const anchor = best(() => {
  for (let i = 0; i < sources; i++) createHash('sha256').update(input).digest();
});
const committee = best(i => consensus.committee.selectCommittee({ entries, total }, hash(u64be(i)), seats));
const leaders = best(i => {
  // A table of its own for each run: nothing is remembered of the one before.
  const table = [...entries];
  for (let slot = 0; slot < slotsPerEpoch; slot++) consensus.election.selectLeader(table, hash(u64be(i)), slot);
});
const ms = value => value.toFixed(1);
console.log(`${sources} sources, ${seats} seats, ${slotsPerEpoch} slots, seed ${seed}; CPU ms, best of 15`);
console.log(`committee ${ms(committee)}  leaders ${ms(leaders)}  together ${ms(committee + leaders)}`);
console.log(
  `anchor: ${sources} SHA-256 by node:crypto ${ms(anchor)}; ratio ${((committee + leaders) / anchor).toFixed(2)}`,
);
