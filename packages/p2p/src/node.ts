/**
 * The life of a node on its libp2p host: connections come and go, statuses are exchanged, gossip streams are kept
 * whole, blocks are synced, the cut-off is switched.
 */
import type { Connection, Libp2p, PeerId } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { BoundedMap } from './boundedMap.js';
import { P2pError } from './errors.js';
import type { Gater } from './gater.js';
import { gossipProtocolPrefix, joinTopics } from './gossip.js';
import { type Log, type NetworkHandlers, peerLabel } from './handlers.js';
import { Intake } from './intake.js';
import { limits } from './limits.js';
import type { PeerStatus } from './messages.js';
import type { Services } from './network.js';
import { RecentMessages } from './recent.js';
import { RecentExchange } from './recentExchange.js';
import { Redial } from './redial.js';
import type { Fault, PeerScores } from './score.js';
import { Statuses } from './statuses.js';
import { isAhead, Sync } from './sync.js';
import { BlockExchange } from './syncStream.js';
import { type Kind, maxBytes, type WireNames } from './topics.js';

export interface NodeInit {
  host: Libp2p<Services>;
  gater: Gater;
  scores: PeerScores;
  names: WireNames;
  chainId: Uint8Array;
  targets: readonly { address: string; peer: string | undefined }[];
  handlers: NetworkHandlers;
  log: Log;
  /** Monotonic milliseconds. */
  now(): number;
}

export class Node {
  readonly sync: Sync;
  readonly #init: NodeInit;
  readonly #host: Libp2p<Services>;
  readonly #intake: Intake;
  readonly #recent: RecentMessages;
  readonly #recents: RecentExchange;
  readonly #blocks: BlockExchange;
  readonly #statuses: Statuses;
  readonly #redial: Redial;
  /** Status rounds in a row without a gossip stream to a peer. */
  readonly #misses = new BoundedMap<string, number>(limits.maxConnections * 2);
  /** Timers that stop() must end. */
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #stopped = false;

  constructor(init: NodeInit) {
    const { host, handlers, log, now, names } = init;
    this.#init = init;
    this.#host = host;
    const charge = (peer: string, fault: Fault) => this.#charge(peer, fault);
    this.#recent = new RecentMessages(now);
    this.#intake = new Intake({
      names,
      handlers,
      charge,
      onAccepted: (kind, bytes, id) => this.#recent.add(kind, bytes, id),
      log,
      now,
    });
    this.#statuses = new Statuses({
      protocol: names.status,
      chainId: init.chainId,
      own: () => handlers.status(),
      charge,
      onStatus: (peer, status, isNew) => this.#onStatus(peer, status, isNew),
      now,
    });
    this.#blocks = new BlockExchange({ protocol: names.sync, handlers, charge });
    this.#recents = new RecentExchange({
      protocol: names.recent,
      recent: this.#recent,
      connection: peer => this.#connections(peer).at(-1),
      judge: (kind, bytes, peer) => this.#intake.judge(kind, bytes, peer),
      passOn: (kind, bytes) => this.#gossip(kind, bytes),
      charge,
      isBanned: peer => init.scores.isBanned(peer),
      log,
      now,
      after: (delayMs, task) => this.#after(delayMs, task),
    });
    this.sync = new Sync({
      handlers,
      statuses: () => this.#statuses.all(),
      refresh: () => this.#refresh(),
      ask: (peer, locator) => this.#blocks.ask(this.#connections(peer).at(-1), locator),
      charge,
      log,
      now,
    });
    this.#redial = new Redial({
      targets: init.targets,
      dial: address => this.#dial(address),
      isConnected: peer => this.#connections(peer).length > 0,
    });
  }

  /** Handlers are registered before the first connection can come, so that nobody misses a protocol. */
  async start(): Promise<void> {
    const { host, names } = this.#init;
    await host.handle(names.status, (stream, connection) => this.#statuses.serve(stream, connection), {
      maxInboundStreams: 4,
      maxOutboundStreams: 4,
    });
    await host.handle(names.sync, (stream, connection) => this.#blocks.serve(stream, connection), {
      maxInboundStreams: limits.maxSyncStreamsPerPeer,
      maxOutboundStreams: limits.maxSyncStreamsPerPeer,
    });
    await host.handle(names.recent, (stream, connection) => this.#recents.hear(stream, connection), {
      maxInboundStreams: 1,
      maxOutboundStreams: 1,
    });
    host.addEventListener('connection:open', event => this.#onOpen(event.detail));
    host.addEventListener('connection:close', event => this.#onClose(event.detail));
    host.addEventListener('peer:disconnect', event => this.#onGone(event.detail));
    host.services.pubsub.addEventListener('subscription-change', event => {
      if (event.detail.subscriptions.some(({ subscribe }) => subscribe)) this.#onSubscribed(event.detail.peerId);
    });
    await host.start();
    joinTopics(host.services.pubsub, names, (kind, bytes, peer) => this.#intake.judge(kind, bytes, peer));
    this.#redial.start();
    this.#every(limits.statusIntervalMs, () => this.#round());
    this.#every(limits.peerStoreSweepMs, () => this.#sweepPeerStore());
  }

  /** Ends in the order of dependence: no new work, then the work, then the connections. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#redial.stop();
    for (const timer of this.#timers) clearTimeout(timer);
    const synced = this.sync.stop();
    await this.#host.stop();
    await synced;
    await this.#intake.idle();
  }

  peerCount(): number {
    return this.#statuses.count;
  }

  peerHeads(): number[] {
    return this.#statuses.all().map(([, status]) => status.headSlot);
  }

  async publish(kind: Kind, bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0 || bytes.length > maxBytes[kind]) {
      const detail = { code: 'P2P_TOO_LARGE', kind, bytes: bytes.length, maxBytes: maxBytes[kind] } as const;
      throw new P2pError(detail, `${kind} have 1 to ${maxBytes[kind]} bytes, not ${bytes.length}`);
    }
    if (this.#stopped) return;
    this.#recent.add(kind, bytes, this.#intake.publish(kind, bytes));
    await this.#gossip(kind, bytes);
  }

  async disconnect(): Promise<void> {
    this.#init.gater.isolated = true;
    this.#redial.stop();
    this.#init.log('isolated', {});
    for (const connection of this.#host.getConnections()) connection.abort(new Error('disconnected on purpose'));
  }

  reconnect(): void {
    if (this.#stopped) return;
    this.#init.gater.isolated = false;
    this.#init.log('reconnecting', {});
    this.#redial.start();
  }

  // — connections —

  #onOpen(connection: Connection): void {
    const peer = connection.remotePeer.toString();
    if (this.#init.gater.isolated || this.#stopped) {
      connection.abort(new Error('not connecting'));
      return;
    }
    // A peer that restarted while its old connection looks alive: gossip would go on into the old one.
    for (const other of this.#connections(peer)) {
      if (connection.timeline.open - other.timeline.open > limits.supersededAfterMs) {
        other.abort(new Error('superseded by a newer connection'));
      }
    }
    void this.#statuses.ask(connection);
  }

  #onClose(connection: Connection): void {
    // Gossipsub opens its stream on one connection of a peer and does not move to another by itself.
    if (this.#connections(connection.remotePeer.toString()).length > 0) {
      this.#after(100, () => this.#mendGossip(connection.remotePeer.toString()));
    }
  }

  #onGone(id: PeerId): void {
    const peer = id.toString();
    this.#statuses.forget(peer);
    this.sync.forget(peer);
    this.#recents.forget(peer);
    this.#misses.delete(peer);
    this.#init.log('peer-gone', { peer: peerLabel(peer), peers: this.peerCount() });
    this.#redial.check();
  }

  #onStatus(peer: string, status: PeerStatus, isNew: boolean): void {
    if (isNew) this.#init.log('peer-confirmed', { peer: peerLabel(peer), peers: this.peerCount() });
    this.#redial.confirmed(peer);
    this.sync.consider(peer, status);
  }

  async #dial(address: string): Promise<string> {
    const connection = await this.#host.dial(multiaddr(address), {
      signal: AbortSignal.timeout(limits.dialTimeoutMs),
    });
    // Kept when libp2p has to choose whom to drop.
    const tags = { configured: { value: 100 } };
    await this.#host.peerStore.merge(connection.remotePeer, { tags });
    return connection.remotePeer.toString();
  }

  #connections(peer: string): Connection[] {
    return this.#host.getConnections().filter(open => open.remotePeer.toString() === peer && open.status === 'open');
  }

  #charge(peer: string, fault: Fault): void {
    if (!this.#init.scores.charge(peer, fault)) return;
    this.#init.log('peer-banned', { peer: peerLabel(peer), fault });
    for (const connection of this.#connections(peer)) connection.abort(new Error(`banned: ${fault}`));
  }

  /**
   * Every two seconds: status with all whose own is not fresh (of those in step, every eight), gossip streams whole, missing
   * peers dialled.
   */
  async #round(): Promise<void> {
    this.#redial.check();
    const peers = new Set(this.#host.getPeers().map(String));
    for (const peer of peers) this.#mendGossip(peer);
    const due = [...peers].filter(peer => !this.#statuses.isFresh(peer));
    await Promise.all(due.map(peer => this.#askStatus(peer)));
  }

  async #askStatus(peer: string): Promise<void> {
    const connection = this.#connections(peer).at(-1);
    if (connection !== undefined) await this.#statuses.ask(connection);
  }

  /** All peers anew; done as soon as one is ahead. */
  async #refresh(): Promise<void> {
    const own = this.#init.handlers.status();
    const asked = this.#host.getPeers().map(async id => {
      const peer = id.toString();
      await this.#askStatus(peer);
      const status = this.#statuses.get(peer);
      if (status === undefined || !isAhead(status, own)) throw new Error('not ahead');
    });
    await Promise.any(asked).catch((error: unknown) => {
      if (!(error instanceof AggregateError)) throw error;
    });
  }

  // — gossip —

  async #gossip(kind: Kind, bytes: Uint8Array): Promise<void> {
    await this.#host.services.pubsub.publish(this.#init.names.topics[kind], bytes);
  }

  /** Identify makes gossipsub look at the peer again; when that does not help, the connection is renewed. */
  #mendGossip(peer: string): void {
    const connections = this.#connections(peer);
    const connection = connections.at(-1);
    const hasStream = connections.some(open =>
      open.streams.some(stream => stream.direction === 'outbound' && stream.protocol.startsWith(gossipProtocolPrefix)),
    );
    if (connection === undefined || hasStream) {
      this.#misses.delete(peer);
      return;
    }
    const misses = (this.#misses.get(peer) ?? 0) + 1;
    this.#misses.set(peer, misses);
    if (misses > limits.maxGossipMisses) {
      this.#init.log('gossip-renewed', { peer: peerLabel(peer) });
      for (const open of connections) open.abort(new Error('no gossip stream'));
      return;
    }
    this.#host.services.identify.identify(connection).catch((error: unknown) => {
      this.#init.log('identify-failed', {
        peer: peerLabel(peer),
        error: error instanceof Error ? error.name : 'unknown',
      });
    });
  }

  /** Gossip has begun: what was said just before is told, and a block that was missed shows in the status. */
  #onSubscribed(id: PeerId): void {
    const peer = id.toString();
    if (!this.#recents.begin(peer)) return;
    for (const delayMs of [limits.recentFirstMs, limits.recentSecondMs]) {
      this.#after(delayMs, () => this.#askStatus(peer));
    }
  }

  // — time —

  #after(delayMs: number, task: () => void | Promise<void>): void {
    if (this.#stopped) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#guarded(task);
    }, delayMs);
    this.#timers.add(timer);
  }

  /** Again and again, each time `periodMs` after the last has ended. */
  #every(periodMs: number, task: () => Promise<void>): void {
    this.#after(periodMs, async () => {
      await this.#guarded(task);
      this.#every(periodMs, task);
    });
  }

  async #guarded(task: () => void | Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.#init.log('task-failed', { error: error instanceof Error ? error.name : 'unknown' });
    }
  }

  /** Whoever connects is written to the peer store; beyond the cap, those not connected go. */
  async #sweepPeerStore(): Promise<void> {
    const stored = await this.#host.peerStore.all();
    const idle = stored.filter(({ id }) => this.#connections(id.toString()).length === 0);
    const surplus = idle.filter(({ id }) => !this.#redial.isConfigured(id.toString()));
    for (const { id } of surplus.slice(0, Math.max(0, stored.length - limits.maxStoredPeers))) {
      await this.#host.peerStore.delete(id);
    }
  }
}
