/**
 * Validating and storing a chain, as a node does that syncs: from the blocks' bytes to a synced store, a state root every
 * block. Anchor, in the same run: `openssl speed ed25519`, which counts processor time, times two cores: what
 * `-multi 2` gives on a quiet machine.
 * node packages/ledger/bench/chain.mjs [transactions, default 20000] [helpers]
 *
 * Processor time is told by part, as the machine may do other work: a share of it per core is what a quiet machine takes.
 * Made by bench/chainMaker.mjs in a process of its own, so that peak memory is that of the node's work.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createParallelVerifier, sha256Node } from '@radpass/core/node';
import { openChain } from '../dist/chain.js';
import { parseGenesis } from '../dist/genesis.js';
import { openLevelStore } from '../dist/level/index.js';
import { StateLayer } from '../dist/stateView.js';

const transactions = Number(process.argv[2] ?? 20_000);
const helpers = process.argv[3] === undefined ? availableParallelism() - 1 : Number(process.argv[3]);
const folder = mkdtempSync(join(tmpdir(), 'radpass-chain-'));
const file = join(folder, 'blocks');
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const maker = fileURLToPath(new URL('./chainMaker.mjs', import.meta.url));
execFileSync(process.execPath, ['--max-old-space-size=12000', maker, file, String(transactions)], { stdio: 'inherit' });
const input = openSync(file, 'r');
const read = length => {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const got = readSync(input, bytes, at, length - at, null);
    if (got === 0) return null;
    at += got;
  }
  return bytes;
};
const next = () => {
  const length = read(4);
  return length && read(Buffer.from(length).readUInt32BE(0));
};

const cores = 2;
/** Verifications a second of processor time, on all cores. */
function openssl() {
  const printed = execFileSync('openssl', ['speed', '-seconds', '3', 'ed25519'], { stdio: 'pipe' });
  return cores * Number(printed.toString().trim().split(/\s+/).at(-1));
}
const anchorBefore = openssl();

/** Milliseconds of processor time, all threads, and of the clock, that calls of a part took. */
const zero = () => ({ cpuMs: 0, wallMs: 0 });
const parts = { whole: zero(), signatures: zero(), root: zero(), commit: zero() };
function timed(name, run) {
  const part = parts[name];
  const cpu = process.cpuUsage();
  const wall = performance.now();
  const end = () => {
    const { user, system } = process.cpuUsage(cpu);
    part.cpuMs += (user + system) / 1000;
    part.wallMs += performance.now() - wall;
  };
  const result = run();
  if (result instanceof Promise) return result.finally(end);
  end();
  return result;
}

let signatures = 0;
const parallel = createParallelVerifier(helpers);
const verifier = {
  ...parallel,
  findInvalid: checks => {
    signatures += checks.length;
    return timed('signatures', () => parallel.findInvalid(checks));
  },
};
let changed = 0;
const { commitRoot } = StateLayer.prototype;
StateLayer.prototype.commitRoot = function counted() {
  for (const key of this.changes.keys()) if (key.startsWith('L')) changed++;
  return timed('root', () => commitRoot.call(this));
};
const level = await openLevelStore(join(folder, 'store'));
const store = {
  get: key => level.get(key),
  entries: (from, below) => level.entries(from, below),
  commit: writes => timed('commit', () => level.commit(writes)),
  clear: prefix => level.clear(prefix),
  close: () => level.close(),
};

const genesis = parseGenesis(next());
const now = genesis.genesisTimeMs + 1e12;
const chain = await openChain({
  ...{ store, genesis, verifier, signers: [], hash: sha256Node, requestSync: () => undefined, log: () => undefined },
  clock: { now: () => now, monotonic: () => now, setTimeout: () => () => undefined },
  broadcast: { transaction: () => undefined, block: () => undefined, vote: () => undefined },
});
for (const part of Object.values(parts)) Object.assign(part, zero());
changed = 0;
let blocks = 0;
const whole = () => timed('whole', importAll);
async function importAll() {
  for (;;) {
    const some = [];
    while (some.length < 16) {
      const block = next();
      if (!block) break;
      some.push(block);
    }
    if (some.length === 0) return;
    if ((await chain.importBlocks(some)) !== 'ok') throw new Error('a block was refused');
    blocks += some.length;
  }
}
await whole();
const { height, finalHeight } = chain.status();
await chain.stop();
await store.close();
await parallel.close();
closeSync(input);
if (height !== blocks || finalHeight < blocks - 2)
  throw new Error(`${blocks} blocks gave height ${height}, final ${finalHeight}`);

const anchor = (anchorBefore + openssl()) / 2;
const round = (n, digits = 1) => Number(n.toFixed(digits));
const { whole: all, signatures: signing, root, commit } = parts;
const made = (signatures / 1.5) | 0;
const perSecond = cpuMs => signatures / (cpuMs / 1000 / cores);
console.log(
  JSON.stringify(
    {
      ...{ transactions: made, signatures, blocks, helpers, anchorVerifiesPerSecond: round(anchor, 0) },
      anchorCpuUs: round((cores * 1e6) / anchor),
      cpuUsPerTransaction: Object.fromEntries(
        Object.entries({ ...parts, beside: { cpuMs: all.cpuMs - signing.cpuMs - root.cpuMs - commit.cpuMs } }).map(
          ([name, { cpuMs }]) => [name, round((cpuMs * 1000) / made)],
        ),
      ),
      wallSeconds: round(all.wallMs / 1000),
      timesAnchor: {
        signaturesAndStoreIfEveryCoreWorked: round(perSecond(signing.cpuMs + commit.cpuMs) / anchor, 2),
        wholeIfEveryCoreWorked: round(perSecond(all.cpuMs) / anchor, 2),
        wholeByTheClock: round(signatures / (all.wallMs / 1000) / anchor, 2),
      },
      rootUsPerChangedKey: round((root.cpuMs * 1000) / changed),
      changedKeys: changed,
      peakMb: round(process.resourceUsage().maxRSS / 1024, 0),
    },
    null,
    1,
  ),
);
