/**
 * Gossip of transactions, blocks and votes over gossipsub 1.2. Messages are unsigned and carry no sender (StrictNoSign):
 * what they hold is signed already. A message is passed on only after its handler accepted it. Networks here are
 * small and slots short, so the mesh takes in every peer it can, at once (graft on subscribe), own messages go to all
 * peers (flood publish), and a peer that left may return to the mesh after a second.
 */
import { type GossipSub, type GossipsubOpts, gossipsub, StrictNoSign, TopicValidatorResult } from '@libp2p/gossipsub';
import { toHex } from '@radpass/core';
import type { Verdict } from './handlers.js';
import { limits } from './limits.js';
import { gossipScoreParams, gossipScoreThresholds, type PeerScores } from './score.js';
import { type Kind, kinds, messageId, type WireNames } from './topics.js';

const results: Readonly<Record<Verdict, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
};

/** The protocol of the streams that carry gossip; network.ts looks after them. */
export const gossipProtocolPrefix = '/meshsub/';

/** The gossipsub service for createLibp2p. */
export function gossipService(names: WireNames, scores: PeerScores): ReturnType<typeof gossipsub> {
  const options: Partial<GossipsubOpts> = {
    globalSignaturePolicy: StrictNoSign,
    msgIdFn: message => messageId(message.topic, message.data),
    msgIdToStrFn: toHex,
    allowedTopics: Object.values(names.topics),
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    fallbackToFloodsub: false,
    emitSelf: false,
    floodPublish: true,
    doPX: false,
    D: 8,
    Dlo: 6,
    Dhi: 16,
    Dscore: 4,
    Dout: 2,
    Dlazy: 6,
    heartbeatInterval: 500,
    mcacheLength: 12,
    mcacheGossip: 6,
    seenTTL: 30_000,
    pruneBackoff: 1_000,
    unsubcribeBackoff: 1_000,
    graftFloodThreshold: 500,
    opportunisticGraftTicks: 20,
    maxInboundStreams: 2,
    maxOutboundStreams: 2,
    maxInboundDataLength: limits.maxBlockBytes + limits.gossipFramingBytes,
    maxOutboundBufferSize: limits.maxGossipBacklogBytes,
    decodeRpcLimits: {
      maxSubscriptions: 16,
      maxMessages: 256,
      maxControlMessages: 64,
      maxIhaveMessageIDs: 1_024,
      maxIwantMessageIDs: 1_024,
      maxIdontwantMessageIDs: 256,
      maxPeerInfos: 0,
    },
    scoreParams: gossipScoreParams(names, scores),
    scoreThresholds: gossipScoreThresholds,
  };
  return gossipsub(options);
}

/** Subscribe to the three topics; every message goes through `judge` before it is passed on. */
export function joinTopics(
  pubsub: GossipSub,
  names: WireNames,
  judge: (kind: Kind, bytes: Uint8Array, peer: string) => Promise<Verdict>,
): void {
  for (const kind of kinds) {
    const topic = names.topics[kind];
    pubsub.topicValidators.set(topic, async (peer, message) => {
      return results[await judge(kind, message.data, peer.toString())];
    });
    pubsub.subscribe(topic);
  }
}
