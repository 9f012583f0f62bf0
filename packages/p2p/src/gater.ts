/** Who may connect: nobody while we are cut off on purpose, no banned peer, and only so many from one host. */
import type { Connection, ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface';
import { limits } from './limits.js';
import type { PeerScores } from './score.js';

/** The part of an address that tells hosts apart, e.g. `/ip4/192.0.2.1`. */
function hostOf(address: { toString(): string }): string {
  return address.toString().split('/').slice(0, 3).join('/');
}

export class Gater implements ConnectionGater {
  /** While true, nothing is dialled and nothing let in. */
  isolated = false;
  readonly #scores: PeerScores;
  readonly #connections: () => readonly Connection[];

  constructor(scores: PeerScores, connections: () => readonly Connection[]) {
    this.#scores = scores;
    this.#connections = connections;
  }

  // libp2p calls these as plain functions: they are bound.
  readonly denyDialPeer = (peer: PeerId): boolean => this.isolated || this.#scores.isBanned(peer.toString());

  readonly denyDialMultiaddr = (): boolean => this.isolated;

  readonly denyInboundConnection = (connection: MultiaddrConnection): boolean => {
    if (this.isolated) return true;
    const host = hostOf(connection.remoteAddr);
    const fromHost = this.#connections().filter(open => hostOf(open.remoteAddr) === host);
    return fromHost.length >= limits.maxConnectionsPerHost;
  };

  readonly denyInboundEncryptedConnection = (peer: PeerId): boolean => this.denyDialPeer(peer);

  readonly denyOutboundEncryptedConnection = (peer: PeerId): boolean => this.denyDialPeer(peer);
}
