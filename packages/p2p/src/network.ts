/**
 * A node among its peers: libp2p with tcp, noise, yamux, identify and gossipsub, and on it gossip, status, recent
 * messages and sync. Everything that lives as long as the process is wired here; the rules of each part are in its file.
 */
import './withResolvers.js';
import { noise } from '@chainsafe/libp2p-noise';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import type { GossipSub } from '@libp2p/gossipsub';
import { type Identify, identify } from '@libp2p/identify';
import type { Libp2p } from '@libp2p/interface';
import { FaultTolerance } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { P2pError } from './errors.js';
import { Gater } from './gater.js';
import { gossipService } from './gossip.js';
import type { Log, NetworkHandlers } from './handlers.js';
import { limits } from './limits.js';
import { Node } from './node.js';
import { PeerStore } from './peerStore.js';
import { PeerScores } from './score.js';
import { wireNames } from './topics.js';

export interface NetworkInit {
  /** 32 bytes: the peer identity's own seed, never a signing key's. */
  seed: Uint8Array;
  /** 32 bytes. */
  chainId: Uint8Array;
  /** Multiaddrs to listen on, e.g. `/ip4/0.0.0.0/tcp/4001`; port 0 takes a free one. */
  listen: string[];
  /** Multiaddrs of peers, with or without `/p2p/<peer id>`; dialled for ever. At most 64. */
  peers: string[];
  /** Folder for the peer store (peerStore.ts). Nothing is lost with it but addresses. Without it, memory only. */
  dataDir?: string;
  handlers: NetworkHandlers;
  log?: Log;
}

export interface Network {
  readonly peerId: string;
  /** Own multiaddrs, each with the peer id. */
  readonly addresses: string[];
  /** Connected peers that confirmed our chain. */
  peerCount(): number;
  /** Slots of their heads, as they last told. */
  peerHeads(): number[];
  /**
   * Send to all peers. Resolves when the message is handed to those who are there, if any; transactions and votes are
   * told to peers that connect within the next minute. After stop() it does nothing.
   *
   * @throws P2pError P2P_TOO_LARGE
   */
  publishTransaction(bytes: Uint8Array): Promise<void>;
  publishBlock(bytes: Uint8Array): Promise<void>;
  publishVote(bytes: Uint8Array): Promise<void>;
  /** Look for a peer that has more than we and catch up; returns at once. */
  requestSync(): void;
  /** Whether blocks are being fetched or imported. */
  syncing(): boolean;
  /** Cut all connections and refuse new ones, until reconnect(). */
  disconnect(): Promise<void>;
  reconnect(): void;
  /** Ends everything; no handler is called once it resolves. */
  stop(): Promise<void>;
}

export type Services = { identify: Identify; pubsub: GossipSub };

/**
 * Start a node's network.
 *
 * @throws P2pError P2P_CONFIG for a seed, chain id or address that cannot be used, P2P_LISTEN when an address cannot be
 *   listened on
 */
export async function createNetwork(init: NetworkInit): Promise<Network> {
  const log: Log = init.log ?? (() => undefined);
  if (init.seed.length !== 32) throw config('seed', 'the seed has 32 bytes');
  if (init.chainId.length !== 32) throw config('chainId', 'the chain id has 32 bytes');
  checkAddresses('listen', init.listen);
  const targets = checkAddresses('peers', init.peers);

  const now = () => performance.now();
  const names = wireNames(init.chainId);
  const scores = new PeerScores(now);
  const gater = new Gater(scores, () => host?.getConnections() ?? []);
  const datastore = init.dataDir === undefined ? undefined : new PeerStore(`${init.dataDir}/peers`, log);
  await datastore?.open();
  let host: Libp2p<Services> | undefined;
  try {
    host = await createLibp2p<Services>({
      start: false,
      privateKey: await generateKeyPairFromSeed('Ed25519', init.seed),
      ...(datastore === undefined ? {} : { datastore }),
      nodeInfo: { name: 'radpass', version: '1', userAgent: 'radpass/1' },
      addresses: { listen: init.listen },
      transportManager: { faultTolerance: FaultTolerance.FATAL_ALL },
      transports: [tcp({ outboundSocketInactivityTimeout: 60_000, inboundSocketInactivityTimeout: 60_000 })],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionGater: gater,
      connectionManager: {
        maxConnections: limits.maxConnections,
        maxParallelDials: limits.maxConfiguredPeers,
        maxIncomingPendingConnections: limits.maxPendingConnections,
        inboundConnectionThreshold: limits.maxNewConnectionsPerSecond,
        dialTimeout: limits.dialTimeoutMs,
        addressDialTimeout: limits.dialTimeoutMs,
        inboundUpgradeTimeout: limits.dialTimeoutMs,
        reconnectRetries: 0,
      },
      connectionMonitor: { pingInterval: limits.pingIntervalMs },
      services: { identify: identify(), pubsub: gossipService(names, scores) },
    });
    const node = new Node({
      host,
      gater,
      scores,
      names,
      chainId: init.chainId,
      targets,
      handlers: init.handlers,
      log,
      now,
    });
    await node.start();
    return asNetwork(node, host, datastore);
  } catch (error) {
    await host?.stop();
    await datastore?.close();
    if (error instanceof Error && error.name === 'UnsupportedListenAddressesError') {
      throw new P2pError(
        { code: 'P2P_LISTEN' },
        `cannot listen on ${init.listen.join(' and ')}: in use by another program, or not an address of this machine`,
        { cause: error },
      );
    }
    throw error;
  }
}

function asNetwork(node: Node, host: Libp2p<Services>, datastore: PeerStore | undefined): Network {
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    await node.stop();
    await datastore?.close();
  };
  return {
    peerId: host.peerId.toString(),
    get addresses() {
      return host.getMultiaddrs().map(String);
    },
    peerCount: () => node.peerCount(),
    peerHeads: () => node.peerHeads(),
    publishTransaction: bytes => node.publish('transactions', bytes),
    publishBlock: bytes => node.publish('blocks', bytes),
    publishVote: bytes => node.publish('votes', bytes),
    requestSync: () => node.sync.request(),
    syncing: () => node.sync.running,
    disconnect: () => node.disconnect(),
    reconnect: () => node.reconnect(),
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

function config(field: 'seed' | 'chainId' | 'listen' | 'peers', message: string): P2pError {
  return new P2pError({ code: 'P2P_CONFIG', field }, message);
}

function checkAddresses(field: 'listen' | 'peers', addresses: string[]) {
  if (field === 'peers' && addresses.length > limits.maxConfiguredPeers) {
    throw config(field, `at most ${limits.maxConfiguredPeers} peers can be configured`);
  }
  return addresses.map(address => {
    try {
      const parts = multiaddr(address).getComponents();
      return { address, peer: parts.findLast(part => part.name === 'p2p')?.value };
    } catch (cause) {
      throw new P2pError({ code: 'P2P_CONFIG', field }, `not a multiaddr: ${address}`, { cause });
    }
  });
}
