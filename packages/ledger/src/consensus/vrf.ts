/**
 * ECVRF-EDWARDS25519-SHA512-TAI of RFC 9381: a proof that only the key's holder can make, and an output that
 * nobody can choose: one key and one alpha have one output, whoever proves.
 *
 * Proof: Gamma (32 bytes) ‖ c (16 bytes) ‖ s (32 bytes), numbers little-endian. Output: 64 bytes.
 * alpha is public here (a slot and the epoch's nonce), so hashing to the curve by trial leaks nothing.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, equalBytes, sumOfMultiples } from '@radpass/core';

const Point = ed25519.Point;
type Point = InstanceType<typeof Point>;
const order = Point.Fn.ORDER;
const base = Point.BASE.toBytes();
const suite = 0x03;
const encodeToCurveFront = 0x01;
const challengeFront = 0x02;
const proofToHashFront = 0x03;
const back = Uint8Array.of(0x00);

/** Proof length in bytes. */
export const vrfProofLength = 80;
/** Output length in bytes. */
export const vrfOutputLength = 64;

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((n, byte) => (n << 8n) | BigInt(byte), 0n);
}

function toLittleEndian(n: bigint, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Number((n >> BigInt(8 * i)) & 0xffn));
}

/** RFC 8032 section 5.1.3, strict; undefined when the bytes are no point. */
function decodePoint(bytes: Uint8Array): Point | undefined {
  try {
    return Point.fromBytes(bytes);
  } catch {
    return undefined;
  }
}

/** Section 5.4.1.1: the salt is the public key; about two tries on average. */
function encodeToCurve(publicKey: Uint8Array, alpha: Uint8Array): Point {
  for (let counter = 0; counter < 256; counter++) {
    const hash = sha512(
      concatBytes(Uint8Array.of(suite, encodeToCurveFront), publicKey, alpha, Uint8Array.of(counter), back),
    );
    const point = decodePoint(hash.subarray(0, 32))?.clearCofactor();
    if (point && !point.is0()) return point;
  }
  throw new RangeError('no counter below 256 gives a point: the chance is 2^-256');
}

/** Section 5.4.3 */
function challenge(...encoded: Uint8Array[]): Uint8Array {
  return sha512(concatBytes(Uint8Array.of(suite, challengeFront), ...encoded, back)).slice(0, 16);
}

/** Section 5.2 */
function outputOf(gamma: Point): Uint8Array {
  return sha512(concatBytes(Uint8Array.of(suite, proofToHashFront), gamma.clearCofactor().toBytes(), back));
}

/**
 * Prove (section 5.1).
 * @param seed - the Ed25519 seed, 32 bytes
 * @returns 80 bytes
 */
export function vrfProve(seed: Uint8Array, alpha: Uint8Array): Uint8Array {
  const { scalar, prefix, point, pointBytes } = ed25519.utils.getExtendedPublicKey(seed);
  const h = encodeToCurve(pointBytes, alpha);
  const hBytes = h.toBytes();
  const gamma = h.multiply(scalar).toBytes();
  // Section 5.4.2.2: the nonce of RFC 8032, over the point.
  const k = littleEndian(sha512(concatBytes(prefix, hBytes))) % order;
  const c = challenge(point.toBytes(), hBytes, gamma, Point.BASE.multiply(k).toBytes(), h.multiply(k).toBytes());
  const s = (k + littleEndian(c) * scalar) % order;
  return concatBytes(gamma, c, toLittleEndian(s, 32));
}

/**
 * Verify (section 5.3, with key validation) and give the output.
 * @returns 64 bytes; null when the proof, whatever its bytes, doesn't hold
 */
export function vrfVerify(publicKey: Uint8Array, alpha: Uint8Array, proof: Uint8Array): Uint8Array | null {
  if (publicKey.length !== 32 || proof.length !== vrfProofLength) return null;
  const y = decodePoint(publicKey);
  const gamma = decodePoint(proof.subarray(0, 32));
  if (!y || !gamma || y.isSmallOrder()) return null;
  const c = littleEndian(proof.subarray(32, 48));
  const s = littleEndian(proof.subarray(48));
  if (s >= order) return null;
  const gammaBytes = proof.subarray(0, 32);
  const h = encodeToCurve(publicKey, alpha).toBytes();
  const u = sumOfMultiples([
    { encoded: base, scalar: s },
    { encoded: publicKey, scalar: -c },
  ]);
  const v = sumOfMultiples([
    { encoded: h, scalar: s },
    { encoded: gammaBytes, scalar: -c },
  ]);
  const isProven = u && v && equalBytes(challenge(publicKey, h, gammaBytes, u, v), proof.subarray(32, 48));
  return isProven ? outputOf(gamma) : null;
}

/**
 * The output that a proof commits to, without checking the proof (section 5.2): for blocks that were checked before.
 * @returns 64 bytes; null when the proof holds no point
 */
export function vrfOutput(proof: Uint8Array): Uint8Array | null {
  const gamma = proof.length === vrfProofLength ? decodePoint(proof.subarray(0, 32)) : undefined;
  return gamma ? outputOf(gamma) : null;
}
