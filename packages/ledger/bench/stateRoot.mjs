/**
 * The state root of a block in a large state, and the proof of one of its values: both from a store on disk.
 * node packages/ledger/bench/stateRoot.mjs [keys, default 1000000] [changes a block, default 2000]
 *
 * Anchor, in the same run: SHA-256 of 65 bytes, what a node of the tree takes. Told is processor time of this process, its
 * reads of the store in it, its writes not. Half of a block's changes are of keys that stand, half are new; keys are spread as hashes are.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sha256, u64be } from '@radpass/core';
import { sha256Node } from '@radpass/core/node';
import { openLevelStore } from '../dist/level/index.js';
import { proveState } from '../dist/stateProof.js';
import { leafKey, StateLayer } from '../dist/stateView.js';

const keys = Number(process.argv[2] ?? 1_000_000);
const perBlock = Number(process.argv[3] ?? 2_000);
const together = 20_000;
const blocks = 25;
const table = 2;
const folder = mkdtempSync(join(tmpdir(), 'radpass-root-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const cpuUs = since => {
  const { user, system } = process.cpuUsage(since);
  return user + system;
};
/** 64 bytes, as a study's key; its name is the same whatever block sets it. */
const nameOf = i => {
  const half = sha256(u64be(i));
  return [half, sha256(half)];
};
const value = new Uint8Array(110);
const store = await openLevelStore(join(folder, 'store'));
const stored = { get: key => store.get(key) };

let made = 0;
while (made < keys) {
  const layer = new StateLayer(stored, sha256Node);
  for (const end = Math.min(keys, made + together); made < end; made++)
    layer.set(leafKey(table, ...nameOf(made)), value);
  layer.commitRoot();
  await store.commit([...layer.changes]);
}

/** LevelDB goes on merging what was written, in a thread of its own: that is the price of writing and not of the root. */
async function quiet() {
  for (;;) {
    const since = process.cpuUsage();
    await delay(100);
    if (cpuUs(since) < 3_000) return;
  }
}

let rootUs = 0;
let pages = 0;
let worst = 0;
for (let block = 0; block < blocks; block++) {
  const layer = new StateLayer(stored, sha256Node);
  for (let i = 0; i < perBlock; i++) {
    const isNew = i % 2 === 0;
    const of = isNew ? made++ : (block * 7_919_993 + i * 104_729) % keys;
    layer.set(leafKey(table, ...nameOf(of)), u64be(block));
  }
  await quiet();
  const since = process.cpuUsage();
  layer.commitRoot();
  const us = cpuUs(since);
  // The first blocks warm up the code's compiler and the store's memory.
  if (block >= 5) {
    rootUs += us;
    worst = Math.max(worst, us / perBlock);
    for (const key of layer.changes.keys()) if (key.startsWith('N')) pages++;
  }
  await store.commit([...layer.changes]);
}
const measured = (blocks - 5) * perBlock;

const proofs = Array.from({ length: 1_000 }, (_, i) => (i * 999_983) % made);
const since = process.cpuUsage();
const sizes = proofs.map(i => proveState(store, table, Buffer.concat(nameOf(i))).length);
const proofUs = cpuUs(since) / proofs.length;

const block = new Uint8Array(65).fill(1);
const before = process.cpuUsage();
for (let i = 0; i < 200_000; i++) sha256Node(block);
const hashUs = cpuUs(before) / 200_000;
await store.close();
const round = n => Number(n.toFixed(2));
console.log(
  JSON.stringify(
    {
      ...{ keys: made, changesABlock: perBlock, blocks: blocks - 5 },
      rootUsPerChangedKey: round(rootUs / measured),
      worstBlockUsPerChangedKey: round(worst),
      hashUs: round(hashUs),
      timesHash: round(rootUs / measured / hashUs),
      pagesPerChangedKey: round(pages / measured),
      proofBytes: { mean: round(sizes.reduce((a, b) => a + b, 0) / sizes.length), max: Math.max(...sizes) },
      proofUs: round(proofUs),
      peakMb: round(process.resourceUsage().maxRSS / 1024),
    },
    null,
    1,
  ),
);
