/**
 * Bytes of the protocols, in core's canonical form. Every message is one frame: its length as an unsigned varint, then
 * its bytes.
 *
 *   status/1   both sides: [chainId bin32, height, headSlot, headId bin32, finalHeight, finalSlot]
 *   sync/1     request:    [[block id bin32 … newest first, the chain id last], limit 1..128]
 *              answer:     a frame for each block, ascending; then the number of blocks as a frame of its own.
 *                          A block is an array, so its first byte is never that of a number.
 *   recent/1   a frame for each message [kind 0..2, bin]; then their number.
 *
 * Example: the answer without blocks is the two bytes 01 00: a frame of one byte, the number 0.
 */
import { bytes, bytesUpTo, decodeCanonical, encodeCanonical, list, tuple, uint } from '@radpass/core';
import { limits } from './limits.js';
import { type Kind, kinds, maxBytes } from './topics.js';

/** What a node says of itself. Heights and slots are integers; ids have 32 bytes. */
export interface PeerStatus {
  chainId: Uint8Array;
  height: number;
  headSlot: number;
  headId: Uint8Array;
  finalHeight: number;
  finalSlot: number;
}

export interface SyncRequest {
  locator: Uint8Array[];
  limit: number;
}

export interface RecentMessage {
  kind: Kind;
  bytes: Uint8Array;
}

const statusSchema = tuple<[Uint8Array, number, number, Uint8Array, number, number]>(
  bytes(32),
  uint(),
  uint(),
  bytes(32),
  uint(),
  uint(),
);
const requestSchema = tuple<[Uint8Array[], number]>(
  list(bytes(32), limits.maxLocatorEntries, 1),
  uint(limits.maxSyncBlocks),
);
const recentSchema = tuple<[number, Uint8Array]>(uint(kinds.length - 1), bytesUpTo(limits.maxBlockBytes, 1));

export function encodeStatus(s: PeerStatus): Uint8Array {
  return encodeCanonical([s.chainId, s.height, s.headSlot, s.headId, s.finalHeight, s.finalSlot]);
}

/** @throws CodedError CORE_DECODE */
export function decodeStatus(frame: Uint8Array): PeerStatus {
  const [chainId, height, headSlot, headId, finalHeight, finalSlot] = decodeCanonical(
    frame,
    statusSchema,
    limits.maxStatusBytes,
  );
  return { chainId, height, headSlot, headId, finalHeight, finalSlot };
}

/** A locator that is longer than the cap loses its middle: the last entry, the chain id, always travels. */
export function encodeSyncRequest({ locator, limit }: SyncRequest): Uint8Array {
  const fits =
    locator.length <= limits.maxLocatorEntries
      ? locator
      : [...locator.slice(0, limits.maxLocatorEntries - 1), ...locator.slice(-1)];
  return encodeCanonical([fits, limit]);
}

/** @throws CodedError CORE_DECODE */
export function decodeSyncRequest(frame: Uint8Array): SyncRequest {
  const [locator, limit] = decodeCanonical(frame, requestSchema, limits.maxSyncRequestBytes);
  return { locator, limit };
}

export function encodeRecent({ kind, bytes: message }: RecentMessage): Uint8Array {
  return encodeCanonical([kinds.indexOf(kind), message]);
}

/** @returns the message, or undefined when it is above the cap of its kind. @throws CodedError CORE_DECODE */
export function decodeRecent(frame: Uint8Array): RecentMessage | undefined {
  const [index, message] = decodeCanonical(frame, recentSchema, limits.maxBlockBytes + 16);
  const kind = kinds[index];
  return kind === undefined || message.length > maxBytes[kind] ? undefined : { kind, bytes: message };
}

export function encodeCount(count: number): Uint8Array {
  return encodeCanonical(count);
}

/** @returns the number that ends an answer, or undefined when the frame is not a number (an array: a block). */
export function decodeCount(frame: Uint8Array): number | undefined {
  const first = frame[0];
  const isNumber = first !== undefined && (first < 0x80 || (first >= 0xcc && first <= 0xcf));
  return isNumber ? decodeCanonical(frame, uint(), 9) : undefined;
}
