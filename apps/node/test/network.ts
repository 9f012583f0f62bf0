/**
 * A network of real node processes on 127.0.0.1, made with the commands that README.md names; `key new` runs in this
 * process. Whatever happens to the tests, no process stays: a watchdog kills them when this process is gone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { NodeApi, type NodeStatus } from '@radpass/client';
import { nodeFetch } from '@radpass/client/node';
import { type PublicKey, parsePublicKey, type SecretKey, toHex } from '@radpass/core';
import { readKeyFile } from '@radpass/core/node';
import { newKeys } from '../dist/commands/key.js';
import { bin, run, runJson } from './commands.js';

export interface Ready {
  event: 'ready';
  pid: number;
  api: string;
  listen: string[];
  chainId: string;
  peerId: string;
  admin: string | null;
}

export interface NetworkOptions {
  founders?: number;
  slotMs?: number;
  slotsPerEpoch?: number;
  weight?: number;
  eraEpochs?: number;
  /** Every founder's source key signs checkpoints. */
  checkpointKeys?: boolean;
}

const readyLimitMs = 60_000;

/** Kills the processes whose ids come on its standard input, once that ends: with the tests' process, however it ends. */
const watchdogProgram = `let text = '';
process.stdin.on('data', part => { text += part; });
process.stdin.on('end', () => {
  for (const pid of text.split(' ').filter(Boolean)) try { process.kill(Number(pid), 'SIGKILL'); } catch { continue; }
});`;

export class TestNode {
  readonly dir: string;
  readonly dataDir: string;
  readonly api: NodeApi;
  readonly url: string;
  readonly listen: string;
  readonly apiPort: number;
  readonly nodeKeyFile: string;
  /** Everything that it ever wrote to stderr, over its restarts. */
  stderr = '';
  stdout = '';
  ready: Ready | undefined;
  readonly #network: TestNetwork;
  #child: ChildProcess | undefined;

  constructor(network: TestNetwork, name: string, ports: { api: number; listen: number }) {
    this.#network = network;
    this.dir = join(network.dir, name);
    this.dataDir = join(this.dir, 'data');
    this.nodeKeyFile = join(this.dir, 'node.key');
    this.apiPort = ports.api;
    this.url = `http://127.0.0.1:${ports.api}`;
    this.listen = `/ip4/127.0.0.1/tcp/${ports.listen}`;
    this.api = new NodeApi({ url: this.url, fetch: nodeFetch({ timeoutMs: 10_000 }) });
  }

  get sourceKey(): PublicKey {
    return parsePublicKey((JSON.parse(readFileSync(this.publicFile, 'utf8')) as { sourceKey: string }).sourceKey);
  }

  get publicFile(): string {
    return join(this.dir, 'source.pub.json');
  }

  async newKeys(): Promise<void> {
    const url = `https://${this.dir.split('/').at(-1)}.example/radpass`;
    await newKeys({ out: this.dir, url, insecurePlainKey: true });
  }

  sourceSecret(): Promise<SecretKey> {
    return readKeyFile(join(this.dir, 'source.key'), { role: 'source' });
  }

  startFlags(): string[] {
    const peers = this.#network.nodes.filter(node => node !== this).map(node => node.listen);
    return [
      ...['start', '--data-dir', this.dataDir, '--genesis', this.#network.genesisFile, '--key', this.nodeKeyFile],
      ...['--listen', this.listen, '--api', `127.0.0.1:${this.apiPort}`],
      ...(peers.length > 0 ? ['--peers', peers.join(',')] : []),
    ];
  }

  /** Start the process. Resolves with its ready line, and how long that took. */
  async start(moreFlags: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Ready & { tookMs: number }> {
    const begun = performance.now();
    const child = spawn(process.execPath, [bin, '--json', ...this.startFlags(), ...moreFlags], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.#child = child;
    this.#network.watch(child);
    child.stderr?.setEncoding('utf8').on('data', (part: string) => {
      this.stderr += part;
    });
    let lines = '';
    const ready = new Promise<Ready>((resolve, reject) => {
      child.stdout?.setEncoding('utf8').on('data', (part: string) => {
        this.stdout += part;
        lines += part;
        const end = lines.indexOf('\n');
        if (end > 0) resolve(JSON.parse(lines.slice(0, end)) as Ready);
      });
      child.once('close', code => reject(new Error(`exit ${code} before it was ready: ${this.stderr.slice(-2000)}`)));
      const late = new Error(`not ready after ${readyLimitMs} ms`);
      setTimeout(() => reject(late), readyLimitMs).unref();
    });
    this.ready = await ready;
    return { ...this.ready, tookMs: performance.now() - begun };
  }

  /** End the process; resolves with its exit code, null when a signal ended it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const closed = once(child, 'close') as Promise<[number | null]>;
    child.kill(signal);
    const [code] = await closed;
    return code;
  }

  status(): Promise<NodeStatus> {
    return this.api.status();
  }

  verify(): ReturnType<typeof run> {
    return run(['--json', 'verify', '--data-dir', this.dataDir]);
  }
}

export class TestNetwork {
  readonly dir = mkdtempSync(join(tmpdir(), 'radpass-nodes-'));
  readonly genesisFile = join(this.dir, 'genesis');
  readonly nodes: TestNode[] = [];
  readonly slotMs: number;
  chainId = new Uint8Array(32);
  readonly #watchdog = spawn(process.execPath, ['-e', watchdogProgram], { stdio: ['pipe', 'ignore', 'ignore'] });
  readonly #children = new Set<ChildProcess>();

  private constructor(slotMs: number) {
    this.slotMs = slotMs;
  }

  /** Keys of every founder and the genesis; nothing runs yet. */
  static async create(p: NetworkOptions = {}): Promise<TestNetwork> {
    const network = new TestNetwork(p.slotMs ?? 500);
    const count = p.founders ?? 4;
    for (let i = 0; i < count; i++) await network.addNode(`source-${i + 1}`);
    await Promise.all(network.nodes.map(node => node.newKeys()));
    const made = await runJson([
      ...['genesis', 'new', '--source', ...network.nodes.map(node => node.publicFile)],
      ...['--weight', String(p.weight ?? 1000), '--slot-ms', String(network.slotMs), '--policy', 'open'],
      ...['--slots-per-epoch', String(p.slotsPerEpoch ?? 16), '--era-epochs', String(p.eraEpochs ?? 24)],
      ...(p.checkpointKeys ? ['--checkpoint-key', ...network.nodes.map(node => toHex(node.sourceKey))] : []),
      ...['--out', network.genesisFile],
    ]);
    network.chainId = new Uint8Array(Buffer.from(String(made.chainId), 'hex'));
    return network;
  }

  static async started(p: NetworkOptions = {}): Promise<TestNetwork> {
    const network = await TestNetwork.create(p);
    try {
      await Promise.all(network.nodes.map(node => node.start()));
    } catch (error) {
      await network.close();
      throw error;
    }
    return network;
  }

  async addNode(name: string): Promise<TestNode> {
    const node = new TestNode(this, name, { api: await freePort(), listen: await freePort() });
    this.nodes.push(node);
    return node;
  }

  watch(child: ChildProcess): void {
    this.#children.add(child);
    this.#watchdog.stdin.write(`${child.pid} `);
    child.once('close', () => this.#children.delete(child));
  }

  /** Wait until every node names one final height, at least `height`; then what they say. */
  async agreed(height: number, p: { timeoutMs?: number; nodes?: readonly TestNode[] } = {}): Promise<NodeStatus[]> {
    const deadline = performance.now() + (p.timeoutMs ?? 20_000);
    let last = '';
    while (performance.now() < deadline) {
      const found = await Promise.all((p.nodes ?? this.nodes).map(statusOrNull));
      const all = found.filter(status => status !== null);
      const first = all[0];
      last = all.map(status => `${status.finalHeight} of ${status.height}`).join(', ');
      const same = all.every(status => status.finalHeight === first?.finalHeight);
      if (first && all.length === found.length && same && first.finalHeight >= height) return all;
      await delay(50);
    }
    const logs = this.nodes.map(node => `--- ${node.dir}\n${node.stderr.slice(-1500)}`).join('\n');
    throw new Error(`no common final height >= ${height}: ${last}\n${logs}`);
  }

  /** Kill what still runs and remove the folder. */
  async close(): Promise<void> {
    await Promise.all(
      [...this.#children].map(async child => {
        const closed = once(child, 'close');
        child.kill('SIGKILL');
        await closed;
      }),
    );
    this.#watchdog.kill('SIGKILL');
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function statusOrNull(node: TestNode): Promise<NodeStatus | null> {
  try {
    return await node.status();
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

/** Where all stand, for comparing: final height and state root. */
export function roots(all: readonly NodeStatus[]): string[] {
  return all.map(({ finalHeight, stateRoot }) => `${finalHeight} ${toHex(stateRoot)}`);
}

const given = new Set<number>();
/**
 * Below the range that systems hand out for outgoing connections, so that it is still free after a restart; and of each of
 * the test runner's workers its own, as a port that was free is taken only when its node starts.
 */
const ports = 3_000;
const lowestPort = 20_000 + (Number(process.env.JEST_WORKER_ID ?? 1) % 4) * ports;

export async function freePort(): Promise<number> {
  for (;;) {
    const port = lowestPort + Math.floor(Math.random() * ports);
    if (given.has(port) || !(await canListen(port))) continue;
    given.add(port);
    return port;
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
