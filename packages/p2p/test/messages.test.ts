import { describe, expect, it } from '@jest/globals';
import { encodeCanonical } from '@radpass/core';
import { limits } from '@radpass/p2p';
import {
  decodeCount,
  decodeRecent,
  decodeStatus,
  decodeSyncRequest,
  encodeCount,
  encodeRecent,
  encodeStatus,
  encodeSyncRequest,
} from '../dist/messages.js';
import { wireNames } from '../dist/topics.js';
import { block, chainId, TestChain } from './nodes.js';

const id = (n: number) => new Uint8Array(32).fill(n);

describe('messages', () => {
  it('come back as they were', () => {
    const status = { ...new TestChain(3).status(), finalHeight: 2 ** 53 - 1, finalSlot: 70_000 };
    expect(decodeStatus(encodeStatus(status))).toEqual(status);
    const request = { locator: [id(1), id(2), chainId], limit: 128 };
    expect(decodeSyncRequest(encodeSyncRequest(request))).toEqual(request);
    const recent = { kind: 'votes' as const, bytes: new Uint8Array([1, 2]) };
    expect(decodeRecent(encodeRecent(recent))).toEqual(recent);
    for (const count of [0, 1, 127, 128]) expect(decodeCount(encodeCount(count))).toBe(count);
  });

  it('keep the chain id at the end of a locator that is cut to its cap', () => {
    const locator = [...Array.from({ length: 60 }, (_, i) => id(i)), chainId];
    const { locator: cut } = decodeSyncRequest(encodeSyncRequest({ locator, limit: 1 }));
    expect(cut).toHaveLength(limits.maxLocatorEntries);
    expect(cut.slice(-2)).toEqual([id(30), chainId]);
  });

  it('tell a block from the number that ends an answer', () => {
    expect(decodeCount(block(1))).toBeUndefined();
    expect(encodeCount(0)).toEqual(new Uint8Array([0]));
  });

  const status = [chainId, 1, 1, id(1), 0, 0];
  it.each<[string, () => unknown]>([
    ['a status with a short id', () => decodeStatus(encodeCanonical([chainId.slice(1), ...status.slice(1)]))],
    ['a status with a field more', () => decodeStatus(encodeCanonical([...status, 0]))],
    ['a status with trailing bytes', () => decodeStatus(new Uint8Array([...encodeCanonical(status), 0]))],
    ['a request for 129 blocks', () => decodeSyncRequest(encodeCanonical([[chainId], limits.maxSyncBlocks + 1]))],
    ['a request without locator', () => decodeSyncRequest(encodeCanonical([[], 1]))],
    ['a locator of 33', () => decodeSyncRequest(encodeCanonical([Array.from({ length: 33 }, () => chainId), 1]))],
    ['a recent message of a fourth kind', () => decodeRecent(encodeCanonical([3, id(1)]))],
    ['an empty recent message', () => decodeRecent(encodeCanonical([0, new Uint8Array(0)]))],
    ['a number in a long form', () => decodeCount(new Uint8Array([0xcc, 5]))],
  ])('refuse %s', (_, decode) => {
    expect(decode).toThrow(expect.objectContaining({ code: 'CORE_DECODE' }));
  });

  it('know no recent message above the cap of its kind', () => {
    expect(decodeRecent(encodeCanonical([2, new Uint8Array(limits.maxVoteBytes + 1)]))).toBeUndefined();
  });
});

describe('wireNames', () => {
  it('carry the first half of the chain id', () => {
    expect(wireNames(chainId)).toEqual({
      topics: {
        transactions: '/radpass/0707070707070707/transactions',
        blocks: '/radpass/0707070707070707/blocks',
        votes: '/radpass/0707070707070707/votes',
      },
      status: '/radpass/0707070707070707/status/1',
      sync: '/radpass/0707070707070707/sync/1',
      recent: '/radpass/0707070707070707/recent/1',
    });
  });
});
