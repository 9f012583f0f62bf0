/**
 * The nonce of an epoch: randomness that nobody chose, for leaders and seats.
 *
 *   nonce 0 = SHA-256("radpass/nonce/1" ‖ 0x00 ‖ chainId)
 *   nonce n = SHA-256("radpass/nonce/1" ‖ 0x00 ‖ nonce n-1 ‖ u64be n ‖ VRF outputs of the blocks of epoch n-2)
 *
 * Outputs are 64 bytes each, in slot order, of this chain's blocks; nonce 1 has none. A producer can only withhold its
 * block: one bit a slot that it leads.
 */
import { concatBytes, domainPrefix, sha256, u64be } from '@radpass/core';

const noncePrefix = domainPrefix('nonce');
const vrfPrefix = domainPrefix('vrf');

/** 32 bytes. */
export function genesisNonce(chainId: Uint8Array): Uint8Array {
  return sha256(noncePrefix, chainId);
}

/**
 * The nonce of `epoch` (1 or later), 32 bytes.
 * @param outputs - of the blocks of epoch - 2, in slot order
 */
export function nextNonce(previous: Uint8Array, epoch: number, outputs: readonly Uint8Array[]): Uint8Array {
  return sha256(noncePrefix, previous, u64be(epoch), ...outputs);
}

/** What the leader of `slot` makes its VRF over: never content, so there is nothing to grind. */
export function vrfAlpha(chainId: Uint8Array, nonce: Uint8Array, slot: number): Uint8Array {
  return concatBytes(vrfPrefix, chainId, nonce, u64be(slot));
}
