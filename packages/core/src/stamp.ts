/**
 * The stamp of a source's first registration: a proof of work that makes flooding the directory dear.
 *
 *   SHA-256("radpass/stamp/1" ‖ 0x00 ‖ chainId ‖ sourceKey ‖ u64be seq ‖ u64be stamp) begins with enough zero bits
 */
import { sha256 as sha256Stream } from '@noble/hashes/sha2.js';
import { concatBytes, sha256, u64be } from './bytes.js';
import { domainPrefix, requireChainId } from './domain.js';
import type { PublicKey } from './keys.js';

const prefix = domainPrefix('stamp');
const triesBetweenReports = 2 ** 14;

function leadingZeroBits(hash: Uint8Array): number {
  let bits = 0;
  for (const byte of hash) {
    if (byte !== 0) return bits + Math.clz32(byte) - 24;
    bits += 8;
  }
  return bits;
}

function preimage(p: { chainId: Uint8Array; sourceKey: PublicKey; seq: number; stamp: number }): Uint8Array {
  requireChainId(p.chainId);
  return concatBytes(prefix, p.chainId, p.sourceKey, u64be(p.seq), u64be(p.stamp));
}

/** How many zero bits the hash of this stamp begins with. */
export function stampBits(p: { chainId: Uint8Array; sourceKey: PublicKey; seq: number; stamp: number }): number {
  return leadingZeroBits(sha256(preimage(p)));
}

/**
 * Search the smallest stamp from 1 up whose hash begins with `bits` zero bits: about 2^bits tries.
 * Yields the number of tries now and then, so that a caller can show progress and let others run; returns the stamp.
 */
export function* findStamp(p: {
  chainId: Uint8Array;
  sourceKey: PublicKey;
  seq: number;
  bits: number;
}): Generator<number, number> {
  const message = preimage({ ...p, stamp: 0 });
  const view = new DataView(message.buffer, message.length - 8);
  // The first block of SHA-256 is the same for every stamp: hashed once, then copied, which halves the work.
  const fixed = sha256Stream.create().update(message.subarray(0, 64));
  const state = sha256Stream.create();
  const rest = message.subarray(64);
  const digest = new Uint8Array(32);
  for (let stamp = 1; ; stamp++) {
    view.setUint32(0, Math.floor(stamp / 0x1_0000_0000));
    view.setUint32(4, stamp % 0x1_0000_0000);
    fixed._cloneInto(state).update(rest).digestInto(digest);
    if (leadingZeroBits(digest) >= p.bits) return stamp;
    if (stamp % triesBetweenReports === 0) yield stamp;
  }
}
