/** Bad disks, bad records, a wrong clock: what needs more processes, more time, or the right to mount. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NodeApi } from '@radpass/client';
import { nodeFetch } from '@radpass/client/node';
import { errorLine, run } from './commands.js';
import { freePort, TestNetwork, type TestNode } from './network.js';
import { expectRefused } from './refusalRules.js';

const testFolder = join(dirname(fileURLToPath(import.meta.url)), '..', 'test');
let network: TestNetwork;
let node: TestNode;

beforeAll(async () => {
  network = await TestNetwork.started();
  node = network.nodes[0]!;
  await network.agreed(5);
}, 120_000);
afterAll(() => network.close());

const at = (...names: string[]): string => join(network.dir, ...names);

describe('a node whose clock runs an hour ahead', () => {
  it('says so, signs nothing more, and disturbs nobody', async () => {
    const wrong = network.nodes[3]!;
    await wrong.stop();
    await wrong.start([], { NODE_OPTIONS: `--import=${join(testFolder, 'clockAhead.mjs')}` });
    let health = await healthOf(wrong);
    for (let i = 0; i < 150 && health.status !== 503; i++) {
      await delay(200);
      health = await healthOf(wrong);
    }
    expect(health).toMatchObject({ status: 503, body: { ok: false } });
    expect(String(health.body.reason)).toMatch(/clock is about 3[56]\d\d s ahead of the network's: set it right/);
    const others = network.nodes.slice(0, 3);
    const refused = wrong.stderr.split('NODE_CLOCK').length;
    await delay(2_000);
    const { finalHeight } = (await network.agreed(1, { nodes: others }))[0]!;
    await network.agreed(finalHeight + 5, { nodes: others });
    expect(wrong.stderr.split('NODE_CLOCK').length).toBeGreaterThan(refused);

    await wrong.stop();
    await wrong.start();
    const all = await network.agreed(finalHeight + 5);
    expect(all).toHaveLength(4);
    expect(await healthOf(wrong)).toMatchObject({ status: 200, body: { ok: true } });
  }, 120_000);
});

async function healthOf(of: TestNode): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await nodeFetch({ timeoutMs: 5_000 })(`${of.url}/health`);
  const text = new TextDecoder().decode(await answer.arrayBuffer());
  return { status: answer.status, body: JSON.parse(text) as Record<string, unknown> };
}

describe('a stopped folder', () => {
  it('verifies; with a file of the store changed or cut off, verify says so; without its store it is fetched again', async () => {
    await network.agreed(20, { timeoutMs: 40_000 });
    expect(await node.stop()).toBe(0);
    expect((await run(['verify', '--data-dir', node.dataDir])).stdout).toMatch(/\d+ blocks are good/);
    const whole = at('whole');
    cpSync(node.dataDir, whole, { recursive: true });
    for (const spoil of [flipInside, cutOff]) {
      rmSync(node.dataDir, { recursive: true });
      cpSync(whole, node.dataDir, { recursive: true });
      spoil(largestTable(node.dataDir));
      const outcome = await node.verify();
      expect(outcome.exitCode).toBe(1);
      expect(['NODE_CHECK_FAILED', 'LEDGER_STORE_DAMAGED']).toContain(errorLine(outcome.stderr)?.code);
    }
    rmSync(join(node.dataDir, 'chain'), { recursive: true });
    await node.start();
    await network.agreed((await network.nodes[1]!.status()).finalHeight + 2);
    expect(await node.stop()).toBe(0);
    expect((await node.verify()).exitCode).toBe(0);
  }, 120_000);
});

function largestTable(dataDir: string): string {
  const folder = join(dataDir, 'chain', 'db');
  const tables = readdirSync(folder).filter(name => name.endsWith('.ldb'));
  const sizes = tables.map(name => ({ path: join(folder, name), bytes: statSync(join(folder, name)).size }));
  return sizes.sort((a, b) => b.bytes - a.bytes)[0]!.path;
}

function flipInside(path: string): void {
  const bytes = readFileSync(path);
  const place = Math.floor(bytes.length / 3);
  bytes[place] = (bytes[place] ?? 0) ^ 0x20;
  writeFileSync(path, bytes);
}

function cutOff(path: string): void {
  truncateSync(path, statSync(path).size >> 1);
}

describe('a signing record', () => {
  it('of another key, or damaged, is refused, and a key that others can read', async () => {
    mkdirSync(at('mixed'));
    const key = at('mixed', 'node.key');
    cpSync(node.nodeKeyFile, key);
    cpSync(at('source-2', 'node.key.record', 'record'), at('mixed', 'node.key.record', 'record'), { recursive: true });
    const flags = ['start', '--data-dir', at('unused'), '--genesis', network.genesisFile, '--key', key];
    await expectRefused(flags, { code: 'LEDGER_SIGNING_RECORD_KEY', says: 'belongs to node key' });
    truncateSync(at('mixed', 'node.key.record', 'record'), 30);
    await expectRefused(flags, { code: 'LEDGER_SIGNING_RECORD_DAMAGED', says: 'is damaged' });
    spawnSync('chmod', ['644', key]);
    await expectRefused(flags, { code: 'CORE_KEY_FILE', says: 'open to others' });
  }, 120_000);
});

async function answering(url: string): Promise<void> {
  const api = new NodeApi({ url, fetch: nodeFetch({ timeoutMs: 1_000 }) });
  for (let i = 0; i < 100; i++) {
    if (
      await api.status().then(
        ({ finalHeight }) => finalHeight > 0,
        () => false,
      )
    )
      return;
    await delay(100);
  }
  throw new Error(`${url} does not answer`);
}

/** A file system of its own in a folder, if this user may mount one. */
function mount(dir: string, options: string): boolean {
  mkdirSync(dir, { recursive: true });
  return spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dir]).status === 0;
}

/** Mount one for a moment: whether this user may is known by trying. */
function mayMount(): boolean {
  const probe = mkdtempSync(join(tmpdir(), 'radpass-mount-'));
  const mounted = mount(probe, 'size=1m');
  if (mounted) spawnSync('umount', [probe]);
  rmSync(probe, { recursive: true });
  return mounted;
}

const [onDisk, why] = mayMount()
  ? [describe, '']
  : [describe.skip, ' [skipped: this user may not mount a file system]'];
onDisk(`a disk${why}`, () => {
  it('that is read-only is refused in words', async () => {
    const dir = at('read-only');
    expect(mount(dir, 'ro,size=1m')).toBe(true);
    try {
      const refused = { code: 'NODE_DATA_DIR', says: 'the file system is read-only' };
      await expectRefused(['start', '--data-dir', join(dir, 'data'), '--genesis', network.genesisFile], refused);
      const keys = ['key', 'new', '--out', join(dir, 'keys'), '--url', 'https://a.example/r', '--insecure-plain-key'];
      await expectRefused(keys, refused);
    } finally {
      spawnSync('umount', [dir]);
    }
  }, 120_000);

  it('that becomes full ends the node with a sentence, and the folder is whole once there is room', async () => {
    const dir = at('full');
    expect(mount(dir, 'size=8m')).toBe(true);
    try {
      const data = join(dir, 'data');
      const api = `127.0.0.1:${await freePort()}`;
      const flags = ['--genesis', network.genesisFile, '--peers', network.nodes[1]!.listen, '--api', api];
      const running = run(['--json', 'start', '--data-dir', data, ...flags]);
      await answering(`http://${api}`);
      // Long enough that gossip is under way: the first block that can't be stored ends the node.
      await delay(5_000);
      spawnSync('dd', ['if=/dev/zero', `of=${join(dir, 'filler')}`, 'bs=4k']);
      const { exitCode, stderr } = await running;
      expect({ exitCode, code: errorLine(stderr)?.code }).toEqual({ exitCode: 1, code: 'LEDGER_CHAIN_STOPPED' });
      rmSync(join(dir, 'filler'));
      expect((await run(['verify', '--data-dir', data])).exitCode).toBe(0);
    } finally {
      spawnSync('umount', [dir]);
    }
  }, 120_000);
});
