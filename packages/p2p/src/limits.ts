/**
 * Every cap of the network room in one table: bytes, counts, queues and times. Whatever a remote can make grow is held
 * below one of these, and checked before memory is given to it (docs/limits.md).
 */
export const limits = {
  /** One gossiped message of each kind, in bytes. Certificates of 512 voters travel with the votes. */
  maxTransactionBytes: 4_096,
  maxVoteBytes: 36_864,
  maxBlockBytes: 786_432,
  /** Room for gossipsub's own framing around the largest message, in bytes. */
  gossipFramingBytes: 65_536,
  /** Unsent gossip that may wait for one slow peer, in bytes; beyond it that peer's connection is renewed. */
  maxGossipBacklogBytes: 8_388_608,

  /** Messages of one peer that may be under judgement at once, by kind; the rest is dropped and charged. */
  maxJudgedTransactionsPerPeer: 256,
  maxJudgedVotesPerPeer: 256,
  maxJudgedBlocksPerPeer: 8,
  /** All peers together may have this many times the share of one. */
  judgedPeersAtOnce: 4,
  /** A verdict that takes longer counts as 'ignore'. */
  verdictTimeoutMs: 10_000,
  /** Messages a second that one peer may send on and on, and at once after a silence. */
  messagesPerSecond: 1_000,
  messageBurst: 4_000,
  /** Remembered verdicts, so that a message which comes twice is judged once. */
  maxVerdicts: 8_192,

  /** Own and accepted transactions and votes that are told again to a peer that has just connected. */
  maxRecentMessages: 1_024,
  maxRecentBytes: 1_048_576,
  recentAgeMs: 60_000,
  recentTimeoutMs: 5_000,
  /** They are told this long after the peer's subscription, and once more what came in between. */
  recentFirstMs: 50,
  recentSecondMs: 1_000,
  /** Attempts at each, `recentSecondMs` apart: a connection may close while its twin stays. */
  recentTries: 5,

  /** Status exchange. */
  maxStatusBytes: 128,
  statusIntervalMs: 2_000,
  /** A peer that told its status within this time, asked or not, is not asked in this round. */
  statusFreshMs: 1_500,
  /** The same for one whose head was ours then: what comes next comes by gossip, and the question is for what gossip lost. */
  statusInStepMs: 7_500,
  statusTimeoutMs: 3_000,

  /** Sync: one request, one answer. */
  maxLocatorEntries: 32,
  maxSyncRequestBytes: 2_048,
  maxSyncBlocks: 128,
  maxSyncBatchBytes: 16_777_216,
  syncFrameTimeoutMs: 10_000,
  /** A whole answer; what came until then is used, and the peer rests. */
  syncBatchTimeoutMs: 60_000,
  syncDebounceMs: 50,
  /** How long a peer that answered badly, or brought nothing new, is passed over. */
  syncFaultRestMs: 10_000,
  syncIdleRestMs: 1_000,
  /** Answers served at once: to one peer, to all. */
  maxSyncStreamsPerPeer: 2,
  maxSyncStreams: 8,

  /** Connections: in all, from one host, and fresh ones a second from one host. */
  maxConnections: 64,
  maxConnectionsPerHost: 16,
  maxNewConnectionsPerSecond: 32,
  maxPendingConnections: 32,
  maxStreamsPerConnection: 64,
  /** A connection of the same peer that is older than this is dead once a new one is there. */
  supersededAfterMs: 5_000,
  /** So many status rounds without a gossip stream to a peer, and its connection is renewed. */
  maxGossipMisses: 3,
  pingIntervalMs: 10_000,

  /** Redial of the configured peers. */
  maxConfiguredPeers: 64,
  dialTimeoutMs: 3_000,
  firstRedialMs: 150,
  maxRedialMs: 3_000,

  /** Score: a peer at `banAt` points is cut off for `banMs`; points halve every `chargeHalfLifeMs`. */
  banAt: 100,
  banMs: 60_000,
  chargeHalfLifeMs: 60_000,
  maxScoredPeers: 1_024,
  /** Peers kept in the peer store. */
  maxStoredPeers: 256,
  peerStoreSweepMs: 60_000,
  /** Changes of the peer store reach the disk no later than this, if the disk takes them. */
  peerStoreWriteMs: 30_000,
} as const;
