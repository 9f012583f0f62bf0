/**
 * What a peer has done wrong, in points that halve every minute. At `limits.banAt` it is cut off and refused for
 * `limits.banMs`. The points are also the application's part of gossipsub's score, so that a peer who feeds us junk
 * falls out of the mesh before it is banned (THREATS 30, 33).
 */
import { BoundedMap } from './boundedMap.js';
import { limits } from './limits.js';
import type { WireNames } from './topics.js';

/** Points by fault. */
export const charges = {
  /** A handler said 'reject': an honest node never forwards such a message. */
  'message rejected': 10,
  /** Above the rate or the judged-at-once share. */
  'message flood': 0.1,
  /** A frame or message that no honest node would send. */
  'protocol broken': 50,
  /** Sync: blocks that are not a chain, or not ours. */
  'blocks bad': limits.banAt,
  'sync stalled': 20,
  'sync truncated': 10,
  /** It said that it has more than we and brought nothing. */
  'sync empty': 10,
  'other chain': limits.banAt,
} as const;
export type Fault = keyof typeof charges;

interface Account {
  points: number;
  at: number;
  bannedUntil: number;
}

export class PeerScores {
  readonly #now: () => number;
  readonly #accounts: BoundedMap<string, Account>;

  /** @param now - monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
    // The peer with the fewest points makes room, so that a crowd of fresh identities cannot wash a banned one clean.
    this.#accounts = new BoundedMap(limits.maxScoredPeers, account => account.points + account.bannedUntil);
  }

  /** Add the fault's points. @returns whether the peer is banned now */
  charge(peer: string, fault: Fault): boolean {
    const now = this.#now();
    const points = this.#points(peer) + charges[fault];
    const before = this.#accounts.get(peer)?.bannedUntil ?? 0;
    const bannedUntil = points >= limits.banAt ? now + limits.banMs : before;
    this.#accounts.set(peer, { points, at: now, bannedUntil });
    return bannedUntil > now;
  }

  /** 0 or less: minus the points that are left. */
  score(peer: string): number {
    const points = this.#points(peer);
    return points < 1 ? 0 : -points;
  }

  isBanned(peer: string): boolean {
    return (this.#accounts.get(peer)?.bannedUntil ?? 0) > this.#now();
  }

  #points(peer: string): number {
    const account = this.#accounts.get(peer);
    if (account === undefined) return 0;
    return account.points * 0.5 ** ((this.#now() - account.at) / limits.chargeHalfLifeMs);
  }
}

/**
 * Gossipsub's own scoring: it does nothing without parameters for each topic. Delivering first earns a little, invalid
 * messages cost their count squared. The "too few deliveries" rules (P3, P3b) stay off: a quiet hospital is no liar.
 */
export function gossipScoreParams(names: WireNames, scores: PeerScores) {
  const topic = {
    topicWeight: 1,
    timeInMeshWeight: 0.01,
    timeInMeshQuantum: 1_000,
    timeInMeshCap: 600,
    firstMessageDeliveriesWeight: 0.2,
    firstMessageDeliveriesDecay: 0.99,
    firstMessageDeliveriesCap: 50,
    meshMessageDeliveriesWeight: 0,
    meshMessageDeliveriesDecay: 0.9,
    meshMessageDeliveriesCap: 1,
    meshMessageDeliveriesThreshold: 1,
    meshMessageDeliveriesWindow: 100,
    meshMessageDeliveriesActivation: 60_000,
    meshFailurePenaltyWeight: 0,
    meshFailurePenaltyDecay: 0.9,
    invalidMessageDeliveriesWeight: -1,
    invalidMessageDeliveriesDecay: 0.98,
  };
  return {
    topics: { [names.topics.transactions]: topic, [names.topics.blocks]: topic, [names.topics.votes]: topic },
    topicScoreCap: 30,
    appSpecificScore: (peer: string) => scores.score(peer),
    appSpecificWeight: 1,
    IPColocationFactorWeight: -5,
    IPColocationFactorThreshold: limits.maxConnectionsPerHost,
    IPColocationFactorWhitelist: new Set(['127.0.0.1', '::1']),
    behaviourPenaltyWeight: -1,
    behaviourPenaltyThreshold: 6,
    behaviourPenaltyDecay: 0.9,
    decayInterval: 1_000,
    decayToZero: 0.01,
    retainScore: 60_000,
  };
}

/** Below the first, no gossip about messages; below the second, none of ours is sent; below the third, none is read. */
export const gossipScoreThresholds = {
  gossipThreshold: -30,
  publishThreshold: -50,
  graylistThreshold: -80,
  acceptPXThreshold: 1_000,
  opportunisticGraftThreshold: 1,
};
