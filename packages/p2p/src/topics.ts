/**
 * Names on the wire. Each carries the first 16 hex digits of the chain id, so that nodes of two chains share neither
 * topics nor protocols; the whole chain id is compared in the status (messages.ts).
 */
import { sha256, toHex, utf8 } from '@radpass/core';
import { limits } from './limits.js';

/** What is gossiped. The order is that of the wire (recent.ts): 0 transactions, 1 blocks, 2 votes. */
export const kinds = ['transactions', 'blocks', 'votes'] as const;
export type Kind = (typeof kinds)[number];

/** The cap of one message of each kind, in bytes. */
export const maxBytes: Readonly<Record<Kind, number>> = {
  transactions: limits.maxTransactionBytes,
  blocks: limits.maxBlockBytes,
  votes: limits.maxVoteBytes,
};

export interface WireNames {
  readonly topics: Readonly<Record<Kind, string>>;
  readonly status: string;
  readonly sync: string;
  readonly recent: string;
}

/** @param chainId - 32 bytes */
export function wireNames(chainId: Uint8Array): WireNames {
  const root = `/radpass/${toHex(chainId).slice(0, 16)}`;
  return {
    topics: { transactions: `${root}/transactions`, blocks: `${root}/blocks`, votes: `${root}/votes` },
    status: `${root}/status/1`,
    sync: `${root}/sync/1`,
    recent: `${root}/recent/1`,
  };
}

/** Gossip's message id: SHA-256(topic ‖ data), 32 bytes. Nobody signs gossip, so equal bytes are one message. */
export function messageId(topic: string, data: Uint8Array): Uint8Array {
  return sha256(utf8(topic), data);
}
