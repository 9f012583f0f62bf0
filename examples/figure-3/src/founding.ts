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
/**
 * Slots in which the cut-off step falls when nothing is slow. H is the source that leads most of them: leaders are
 * public and drawn by the genesis, and the less the demo waits for a slot of H's the shorter it is.
 */
const cutOffSlots = { from: 11, to: 20 };

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
  /** The three whose nodes are not H's. */
  others: [Source, Source, Source];
}

type Prepared = Omit<Source, 'node'>;

export async function setStage(dir: string, processes: Processes): Promise<Stage> {
  const ports = await freePorts(sourceCount * 4);
  const prepared = await Promise.all(
    Array.from({ length: sourceCount }, (_, i) => prepareSource(dir, processes, i, ports)),
  );
  const genesisFile = join(dir, 'genesis');
  const publicFiles = prepared.map(({ keyDir }) => join(keyDir, 'source.pub.json'));
  await processes.run('node', [
    ...['genesis', 'new', '--source', ...publicFiles],
    ...['--weight', String(founderWeight), '--slot-ms', String(slotMs), '--policy', 'open', '--out', genesisFile],
  ]);
  const genesis = parseGenesis(new Uint8Array(readFileSync(genesisFile)));
  const sources = await Promise.all(prepared.map(async source => ({ ...source, node: await source.startNode() })));
  const hospital = chooseHospital(genesis, sources);
  const others = sources.filter(source => source !== hospital) as [Source, Source, Source];
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

function chooseHospital(genesis: Genesis, sources: readonly Source[]): Source {
  const led = (source: Source): number => {
    let slots = 0;
    for (let slot = cutOffSlots.from; slot <= cutOffSlots.to; slot++) {
      if (leads(genesis, source, slot)) slots += 1;
    }
    return slots;
  };
  return sources.reduce((best, source) => (led(source) > led(best) ? source : best));
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
