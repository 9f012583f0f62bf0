/**
 * The stage: four sources with their keys, a genesis that names them as founders, a node each. One of them becomes the
 * paper's hospital H. Everything lies below one folder.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NodeApi } from '@radpass/client';
import { nodeFetch } from '@radpass/client/node';
import { type Genesis, genesisState, leaderOfSlot, parseGenesis } from '@radpass/ledger';
import { askLocal } from './localApi.js';
import { freePorts } from './ports.js';
import type { Processes, Running } from './processes.js';

export const slotMs = 2000;
export const sourceCount = 4;
/** Notional studies of each founder, so that four sources without studies have weight. */
const founderWeight = 1000;
/** What `genesis new` is told of the demo's network. */
const demoGenesis = ['--weight', String(founderWeight), '--slot-ms', String(slotMs), '--policy', 'open'];
/**
 * When the demo comes to its two failures, in slots, when nothing is slow. Leaders are public and drawn by the genesis:
 * H is the source that leads most slots of the first, so that the wait for a slot of H's is short; the node that dies
 * is one that leads few of the second, so that few stay empty.
 */
const cutOffSlots = { from: 11, to: 20 };
const killSlots = { from: 17, to: 26 };

/** A source of the network with the node that it runs. */
export interface Source {
  /** Names its folder and its log. */
  name: string;
  /** 64 hex characters. */
  sourceKey: string;
  /** Where its gateway answers, or would: only H runs one here. */
  url: string;
  gatewayPort: number;
  keyDir: string;
  dataDir: string;
  api: NodeApi;
  node: Running;
  startNode: () => Promise<Running>;
}

export interface Stage {
  dir: string;
  processes: Processes;
  genesis: Genesis;
  genesisFile: string;
  sources: Source[];
  hospital: Source;
  /** The three whose nodes are not H's: those that patient and doctor trust, and the one that dies. */
  others: [Source, Source, Source];
}

type Prepared = Omit<Source, 'node'>;

export async function setStage(
  dir: string,
  processes: Processes,
  genesisFlags: readonly string[] = demoGenesis,
): Promise<Stage> {
  const ports = await freePorts(sourceCount * 4);
  const prepared = await Promise.all(
    Array.from({ length: sourceCount }, (_, i) => prepareSource(dir, processes, i, ports)),
  );
  const genesisFile = join(dir, 'genesis');
  const publicFiles = prepared.map(({ keyDir }) => join(keyDir, 'source.pub.json'));
  await processes.run('node', [
    ...['genesis', 'new', '--source', ...publicFiles],
    ...[...genesisFlags, '--out', genesisFile],
  ]);
  const genesis = parseGenesis(new Uint8Array(readFileSync(genesisFile)));
  const sources = await Promise.all(prepared.map(async source => ({ ...source, node: await source.startNode() })));
  const [hospital, ...rest] = byLedSlots(genesis, sources, cutOffSlots) as [Source, ...Source[]];
  const others = byLedSlots(genesis, rest, killSlots) as Stage['others'];
  return { dir, processes, genesis, genesisFile, sources, hospital, others };
}

/** Make a source's keys; its ports are the i-th of each kind. */
async function prepareSource(
  dir: string,
  processes: Processes,
  i: number,
  ports: readonly number[],
): Promise<Prepared> {
  const name = `source-${i + 1}`;
  const [gatewayPort, apiPort, adminPort] = [0, 1, 2].map(kind => ports[kind * sourceCount + i] ?? 0);
  const peerPorts = ports.slice(3 * sourceCount);
  const keyDir = join(dir, name, 'keys');
  const dataDir = join(dir, name, 'node');
  mkdirSync(join(dir, name), { recursive: true, mode: 0o700 });
  const url = `https://127.0.0.1:${gatewayPort}/iti43`;
  const keys = await processes.run('node', ['key', 'new', '--out', keyDir, '--url', url, '--insecure-plain-key']);
  const peer = (port: number | undefined): string => `/ip4/127.0.0.1/tcp/${port}`;
  const args = [
    ...['start', '--data-dir', dataDir, '--genesis', join(dir, 'genesis'), '--key', join(keyDir, 'node.key')],
    ...[
      '--listen',
      peer(peerPorts[i]),
      '--peers',
      peerPorts
        .filter((_, j) => j !== i)
        .map(peer)
        .join(','),
    ],
    ...['--api', `127.0.0.1:${apiPort}`, '--admin', `127.0.0.1:${adminPort}`],
  ];
  return {
    name,
    sourceKey: String(keys.sourceKey),
    url,
    gatewayPort: gatewayPort ?? 0,
    keyDir,
    dataDir,
    api: new NodeApi({ url: `http://127.0.0.1:${apiPort}`, fetch: nodeFetch() }),
    startNode: () => processes.start(`${name}-node`, 'node', args),
  };
}

/** The sources that lead most of these slots first. */
function byLedSlots(genesis: Genesis, sources: readonly Source[], slots: { from: number; to: number }): Source[] {
  const led = (source: Source): number => {
    let count = 0;
    for (let slot = slots.from; slot <= slots.to; slot++) {
      if (leads(genesis, source, slot)) count += 1;
    }
    return count;
  };
  return [...sources].sort((a, b) => led(b) - led(a));
}

/**
 * Whether the source leads a slot of epoch 0, whose leaders the genesis alone decides. (With 900 slots of 2 s the demo
 * ends long before epoch 1.)
 */
export function leads(genesis: Genesis, source: Source, slot: number): boolean {
  const leader = leaderOfSlot(genesis, genesisState(genesis).layer, slot);
  return Buffer.from(leader.sourceKey).toString('hex') === source.sourceKey;
}

/** Cut a node off from all peers, or let it join them again, by its admin surface. */
export async function setConnected(source: Source, connected: boolean): Promise<void> {
  const admin = { url: String(source.node.ready.admin), tokenFile: join(source.dataDir, 'admin.token') };
  await askLocal(admin, connected ? '/admin/reconnect' : '/admin/disconnect', { post: true });
}

/** Unix ms at which a slot begins. */
export function slotTime(genesis: Genesis, slot: number): number {
  return genesis.genesisTimeMs + slot * genesis.params.slotMs;
}
