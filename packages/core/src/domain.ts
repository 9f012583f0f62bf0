/**
 * What a signature is over: "radpass/<purpose>/1" ‖ 0x00 ‖ chainId (32 bytes) ‖ message.
 *
 * So a signature serves one purpose on one network, and nobody can be talked into signing bytes that mean something
 * elsewhere. The list of purposes is closed; see docs/protocol.md, Signing preimages.
 */
import { concatBytes, utf8 } from './bytes.js';

export const purposes = [
  'tx-1',
  'tx-2',
  'tx-3',
  'tx-4',
  'tx-5',
  'tx-6',
  'tx-7',
  'tx-8',
  'tx-9',
  'claim',
  'reclaim',
  'node',
  'block',
  'vote',
  'ownership',
  'card',
  'access-receipt',
  'revocation-receipt',
  'consent-receipt',
  'disclosure',
  'checkpoint',
] as const;
export type Purpose = (typeof purposes)[number];

/** Bytes of a chainId, a studyHash and every other identifier. */
export const hashBytes = 32;

const prefixes: ReadonlyMap<string, Uint8Array> = new Map(purposes.map(purpose => [purpose, domainPrefix(purpose)]));

/** "radpass/<name>/1" ‖ 0x00, as it leads signing preimages and tagged hashes. */
export function domainPrefix(name: string): Uint8Array {
  return utf8(`radpass/${name}/1\0`);
}

/** @throws RangeError unless `chainId` is 32 bytes */
export function requireChainId(chainId: Uint8Array): void {
  if (chainId.length !== hashBytes) throw new RangeError(`expected a chainId of 32 bytes, got ${chainId.length}`);
}

/**
 * The bytes that a signature of `purpose` on network `chainId` covers.
 * @throws RangeError for a purpose outside the list or a chainId that is not 32 bytes
 */
export function signingPreimage(purpose: Purpose, chainId: Uint8Array, message: Uint8Array): Uint8Array {
  const prefix = prefixes.get(purpose);
  if (prefix === undefined) throw new RangeError(`unknown purpose ${purpose}`);
  requireChainId(chainId);
  return concatBytes(prefix, chainId, message);
}
