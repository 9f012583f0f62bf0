/**
 * `radpass-node start`: store, chain, network and HTTP, wired. Stopping at any line leaves a folder that the next start
 * recovers: what was acknowledged is in the store, and the signing records know what was signed.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isLoopback, listenHttp, localToken, splitAddress, UsageError } from '@radpass/client/node';
import { equalBytes, toHex } from '@radpass/core';
import { createParallelVerifier, nodeVerifier, sha256Node } from '@radpass/core/node';
import { type Chain, type Genesis, type NodeSigner, openChain } from '@radpass/ledger';
import { openNodeSigner, type Restore } from '@radpass/ledger/level';
import type { Network } from '@radpass/p2p';
import { createAdminApi } from '../adminApi.js';
import { NodeError } from '../errors.js';
import { EventStreams } from '../eventStreams.js';
import { makeFolder, readBytes, readGenesis, writeNew } from '../files.js';
import { createHttpApi } from '../httpApi.js';
import { openKey } from '../keys.js';
import { holdToNamed, namedBlock } from '../named.js';
import { openStore } from '../openStore.js';
import { OwnClock } from '../ownClock.js';
import { type Log, systemClock } from '../runtime.js';
import { recordPathOf } from './key.js';
import { readRecoveries } from './recovery.js';

const seedBytes = 32;

export interface StartOptions {
  dataDir: string;
  genesis: string;
  keys: string[];
  /** Files of the recoveries of the network's history. */
  recoveries?: readonly string[] | undefined;
  /** Bring the keys' records back: nothing is signed before the end of this epoch. */
  restoreAfter?: number | undefined;
  listen: string[];
  peers: string[];
  api: string;
  admin?: string | undefined;
  /** Files of checkpoints, or SLOT:BLOCKID. */
  checkpoints: string[];
  tls?: { cert: string; key: string } | undefined;
  version: string;
  log: Log;
}

export interface RunningNode {
  api: string;
  admin: string | null;
  listen: string[];
  chainId: string;
  peerId: string;
  /** Resolves if the chain has to stop: end the process and start again. */
  failed: Promise<Error>;
  stop: () => Promise<void>;
}

export async function startNode(p: StartOptions): Promise<RunningNode> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of stops.reverse()) {
      try {
        await end();
      } catch (error) {
        // The rest is closed all the same: what matters was synced when it was acknowledged.
        p.log('stop-incomplete', { reason: error instanceof Error ? error.message : String(error) });
      }
    }
  };
  try {
    return { ...(await open(p, stops)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function open(p: StartOptions, stops: (() => Promise<void>)[]): Promise<Omit<RunningNode, 'stop'>> {
  const genesis = prepareFolder(p);
  const named = p.checkpoints.map(given => namedBlock(given, genesis));
  const clock = new OwnClock({ genesis, ...systemClock, log: p.log });
  const signers: NodeSigner[] = [];
  for (const path of p.keys) {
    const key = await openKey(path, 'node');
    const signer = await openNodeSigner({
      key,
      recordPath: recordPathOf(path),
      chainId: genesis.chainId,
      restore: restoreOf(p, genesis),
    });
    if (signer.restoredSlot !== undefined) p.log('key-waits', { untilSlot: signer.marks.targetSlot });
    signers.push(clock.guard(signer));
    stops.push(() => signer.close());
  }
  const store = await openStore(p.dataDir);
  stops.push(() => store.close());

  let network: Network | undefined;
  const publish = (kind: 'publishTransaction' | 'publishBlock' | 'publishVote') => (bytes: Uint8Array) => {
    network?.[kind](bytes).catch((error: unknown) => p.log('publish-failed', { kind, reason: String(error) }));
  };
  const verifier = createParallelVerifier();
  stops.push(() => verifier.close());
  const chain = await openChain({
    store,
    genesis,
    verifier,
    signers,
    clock: systemClock,
    broadcast: {
      transaction: publish('publishTransaction'),
      block: publish('publishBlock'),
      vote: publish('publishVote'),
    },
    requestSync: () => network?.requestSync(),
    log: p.log,
    hash: sha256Node,
    recoveries: readRecoveries(p.recoveries ?? [], genesis),
  });
  stops.push(() => chain.stop());
  const held = await holdToNamed({ chain, genesis, named, nowMs: systemClock.now() });
  stops.push(async () => held.stop());
  // Half of what a start loads, and the half that a refusal until here does without.
  const { createNetwork } = await import('@radpass/p2p');
  network = await createNetwork({
    seed: peerSeed(p.dataDir),
    chainId: genesis.chainId,
    listen: p.listen,
    peers: p.peers,
    dataDir: p.dataDir,
    handlers: {
      onTransaction: bytes => chain.receiveTransaction(bytes),
      onBlock: async bytes => {
        const verdict = await chain.receiveBlock(bytes);
        if (verdict === 'accept') clock.heard(bytes);
        return verdict;
      },
      onVote: bytes => chain.receiveVote(bytes),
      status: () => chain.peerStatus(),
      locator: () => chain.locator(),
      blocksAfter: (locator, limit) => chain.blocksAfter(locator, limit),
      importBlocks: blocks => chain.importBlocks(blocks),
    },
    log: p.log,
  });
  const running = network;
  clock.compareWith(() => running.peerHeads());
  stops.push(() => running.stop());
  const surfaces = await serve(p, { chain, genesis, clock, network: running, producing: signers.length > 0 }, stops);
  chain.start();
  return {
    ...surfaces,
    listen: running.addresses,
    chainId: toHex(genesis.chainId),
    peerId: running.peerId,
    failed: Promise.race([chain.failed, held.contradicted]),
  };
}

/** The whole epoch after the present one is waited at least: time in which another process would be seen. */
function restoreOf({ restoreAfter }: StartOptions, { genesisTimeMs, params }: Genesis): Restore | undefined {
  if (restoreAfter === undefined) return undefined;
  const nowSlot = Math.max(0, Math.floor((systemClock.now() - genesisTimeMs) / params.slotMs));
  return { nowSlot, untilSlot: (restoreAfter + 1) * params.slotsPerEpoch - 1, leastSlots: params.slotsPerEpoch };
}

interface Parts {
  chain: Chain;
  genesis: Genesis;
  clock: OwnClock;
  network: Network;
  producing: boolean;
}

async function serve(
  p: StartOptions,
  parts: Parts,
  stops: (() => Promise<void>)[],
): Promise<{ api: string; admin: string | null }> {
  const events = new EventStreams(parts.chain);
  const app = createHttpApi({
    chain: parts.chain,
    genesis: parts.genesis,
    clock: parts.clock,
    peerCount: () => parts.network.peerCount(),
    version: p.version,
    signatureBackend: nodeVerifier.backend,
    unsafeFlags: [],
    producing: parts.producing,
    events,
    log: p.log,
  });
  const tls = p.tls && { cert: readText(p.tls.cert), key: readText(p.tls.key) };
  const api = await listenHttp({ address: p.api, handler: app, tls });
  stops.push(api.close);
  stops.push(async () => events.close());
  if (!p.admin) return { api: api.url, admin: null };
  if (!isLoopback(splitAddress(p.admin).host))
    throw new UsageError('--admin: the local surface listens on loopback only');
  const token = await localToken(join(p.dataDir, 'admin.token'));
  const handler = createAdminApi({ token, network: parts.network, chain: parts.chain, log: p.log });
  const admin = await listenHttp({ address: p.admin, handler });
  stops.push(admin.close);
  return { api: api.url, admin: admin.url };
}

function readText(path: string): string {
  return new TextDecoder().decode(readBytes(path));
}

/** Make or check the folder; it keeps the genesis, so that `verify` needs nothing else. */
function prepareFolder(p: StartOptions): Genesis {
  const genesis = readGenesis(p.genesis);
  makeFolder(p.dataDir);
  const own = join(p.dataDir, 'genesis');
  if (!existsSync(own)) writeNew(own, genesis.bytes);
  else if (!equalBytes(readBytes(own), genesis.bytes)) {
    const reason = 'it belongs to another network';
    throw new NodeError({ code: 'NODE_DATA_DIR', path: p.dataDir, reason }, `${p.dataDir} can't be used: ${reason}`);
  }
  return genesis;
}

function peerSeed(dataDir: string): Uint8Array {
  const path = join(dataDir, 'peer.seed');
  if (!existsSync(path)) writeFileSync(path, randomBytes(seedBytes), { mode: 0o600, flag: 'wx' });
  const seed = readBytes(path);
  if (seed.length !== seedBytes) {
    const reason = `it has ${seed.length} bytes, not ${seedBytes}`;
    const sentence = `${path} is no peer identity: ${reason}; without the file the node makes a new one`;
    throw new NodeError({ code: 'NODE_FILE_UNREADABLE', path, reason }, sentence);
  }
  return seed;
}
