/** Gossip and block sync between Radpass nodes. See README.md. */
import './withResolvers.js';

export { P2pError, type P2pErrorDetail } from './errors.js';
export type { Log, NetworkHandlers, Verdict } from './handlers.js';
export { limits } from './limits.js';
export type { PeerStatus } from './messages.js';
export { createNetwork, type Network, type NetworkInit } from './network.js';
