/**
 * Many signatures judged at once, by the same rule as one (signature.ts).
 *
 *   [8] ( [Σ zᵢSᵢ] B − Σ [zᵢ] Rᵢ − Σ [zᵢkᵢ] Aᵢ ) = 0        zᵢ: 128 bits of a hash of the whole batch
 *
 * All valid gives zero always; one invalid gives zero with a chance of 2^-128, as nobody can choose zᵢ: changing any
 * byte of the batch changes them all. Scalars may be reduced modulo L, since the cofactor 8 takes away what that adds to
 * points with a small-order part. A block of signatures crafted so that native code refuses them thus costs a third.
 */
import { Point } from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, sha256, toHex, u64be } from './bytes.js';
import { domainPrefix } from './domain.js';
import { nobleVerifier, type Verifier } from './signature.js';

/** A signature that must verify. */
export interface SignedBytes {
  signature: Uint8Array;
  preimage: Uint8Array;
  key: Uint8Array;
}

/** One signature in the terms of the equation. */
interface Term {
  A: Point;
  R: Point;
  S: bigint;
  k: bigint;
}

const order = Point.CURVE().n;
const prefix = domainPrefix('batch');
const coefficientBytes = 16;
/** Below this many, one by one is as fast. */
const smallBatch = 4;

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(new Uint8Array(bytes).reverse())}`);
}

/** undefined where no signature of these lengths, S, R and A can verify. */
function parseTerm({ signature, preimage, key }: SignedBytes): Term | undefined {
  if (signature.length !== 64 || key.length !== 32) return undefined;
  const R = signature.subarray(0, 32);
  const S = littleEndian(signature.subarray(32));
  if (S >= order) return undefined;
  try {
    const k = littleEndian(sha512(concatBytes(R, key, preimage))) % order;
    return { A: Point.fromBytes(key, true), R: Point.fromBytes(R, true), S, k };
  } catch {
    return undefined; // bytes that are no point: the library throws
  }
}

/** Σ [scalar] point by buckets (Pippenger): the points of one digit are added once, then weighted by running sums. */
function weightedSum(points: readonly Point[], scalars: readonly bigint[]): Point {
  const window = Math.max(2, Math.min(12, Math.floor(Math.log2(points.length)) - 1));
  const mask = (1n << BigInt(window)) - 1n;
  let total = Point.ZERO;
  for (let shift = Math.ceil(253 / window) * window; shift >= 0; shift -= window) {
    for (let i = 0; i < window; i++) total = total.double();
    const buckets: (Point | undefined)[] = new Array(Number(mask) + 1).fill(undefined);
    points.forEach((point, i) => {
      const digit = Number((scalars[i]! >> BigInt(shift)) & mask);
      if (digit !== 0) buckets[digit] = buckets[digit]?.add(point) ?? point;
    });
    let running = Point.ZERO;
    for (let digit = Number(mask); digit > 0; digit--) {
      const bucket = buckets[digit];
      if (bucket !== undefined) running = running.add(bucket);
      total = total.add(running);
    }
  }
  return total;
}

function allVerify(terms: readonly Term[], seed: Uint8Array): boolean {
  const points: Point[] = [];
  const scalars: bigint[] = [];
  let base = 0n;
  terms.forEach(({ A, R, S, k }, i) => {
    const z = littleEndian(sha256(seed, u64be(i)).subarray(0, coefficientBytes));
    base = (base + z * S) % order;
    points.push(R, A);
    scalars.push(z, (z * k) % order);
  });
  const left = base === 0n ? Point.ZERO : Point.BASE.multiply(base);
  return left.subtract(weightedSum(points, scalars)).clearCofactor().is0();
}

/** Index of the first that doesn't verify, in a stretch of which one doesn't; halves it until few are left. */
function locate(checks: readonly SignedBytes[], terms: readonly Term[], seed: Uint8Array): number {
  let [start, end] = [0, checks.length];
  while (end - start > smallBatch) {
    const middle = (start + end) >> 1;
    if (allVerify(terms.slice(start, middle), seed)) start = middle;
    else end = middle;
  }
  while (
    start < end - 1 &&
    nobleVerifier.verify(checks[start]!.signature, checks[start]!.preimage, checks[start]!.key)
  ) {
    start++;
  }
  return start;
}

function firstInvalidByRule(checks: readonly SignedBytes[]): number | undefined {
  if (checks.length <= smallBatch) {
    const at = checks.findIndex(({ signature, preimage, key }) => !nobleVerifier.verify(signature, preimage, key));
    return at === -1 ? undefined : at;
  }
  const terms: Term[] = [];
  for (const check of checks) {
    const term = parseTerm(check);
    if (term === undefined) break;
    terms.push(term);
  }
  // Those before one that can't verify are judged all the same: the answer names the first.
  const judged = checks.slice(0, terms.length);
  const digests = judged.map(({ signature, preimage, key }) => sha256(signature, key, preimage));
  const seed = sha256(prefix, ...digests);
  if (terms.length > 0 && !allVerify(terms, seed)) return locate(judged, terms, seed);
  return terms.length < checks.length ? terms.length : undefined;
}

/**
 * The first of many signatures that the rule refuses; undefined if it accepts all. Same verdict as one by one.
 *
 * What the verifier's native code accepts is accepted; the rest is judged together.
 * @returns index in `checks`
 */
export function findInvalidSignature(verifier: Verifier, checks: readonly SignedBytes[]): number | undefined {
  const open = checks
    .map((check, index) => ({ check, index }))
    .filter(
      ({ check: { signature, preimage, key } }) =>
        verifier === nobleVerifier || !verifier.verifyStrict(signature, preimage, key),
    );
  const at = firstInvalidByRule(open.map(({ check }) => check));
  return at === undefined ? undefined : open[at]!.index;
}
