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
import { nobleVerifier, type SignedBytes, type Verifier } from './signature.js';

/** One signature in the terms of the equation. */
interface Term {
  /** Key in hex: terms of one key share their A. */
  name: string;
  A: Point;
  R: Point;
  S: bigint;
  k: bigint;
}

const order = Point.CURVE().n;
const prefix = domainPrefix('batch');
const coefficientBytes = 16;
/** Refusals of native code after which it is asked no more. */
export const maxNativeRefusals = 64;
/** Below this many, one by one is as fast. */
const smallBatch = 4;

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(new Uint8Array(bytes).reverse())}`);
}

/**
 * undefined where no signature of these lengths, S, R and A can verify.
 * @param keys - decoded before, by their hex
 */
function parseTerm({ signature, preimage, key }: SignedBytes, keys: Map<string, Point>): Term | undefined {
  if (signature.length !== 64 || key.length !== 32) return undefined;
  const R = signature.subarray(0, 32);
  const S = littleEndian(signature.subarray(32));
  if (S >= order) return undefined;
  try {
    const k = littleEndian(sha512(concatBytes(R, key, preimage))) % order;
    const name = toHex(key);
    const A = keys.get(name) ?? Point.fromBytes(key, true);
    keys.set(name, A);
    return { name, A, R: Point.fromBytes(R, true), S, k };
  } catch {
    return undefined; // bytes that are no point: the library throws
  }
}

/** A scalar in digits of `width` bits, lowest first, each from -2^(width-1) to 2^(width-1): half as many buckets. */
function signedDigits(scalar: bigint, width: number, count: number): Int32Array {
  const digits = new Int32Array(count);
  const mask = (1n << BigInt(width)) - 1n;
  const half = 1 << (width - 1);
  let rest = scalar;
  for (let i = 0; rest > 0n; i++) {
    const low = Number(rest & mask);
    rest >>= BigInt(width);
    digits[i] = low > half ? low - 2 * half : low;
    if (low > half) rest += 1n;
  }
  return digits;
}

/** Additions of points that a width costs: each point once a digit, and twice each bucket. */
function costOf(width: number, bits: readonly number[]): number {
  const digits = (length: number): number => Math.ceil((length + 1) / width);
  const longest = Math.max(...bits);
  return bits.reduce((sum, length) => sum + digits(length), 0) + digits(longest) * 2 ** width;
}

/** Σ [scalar] point by buckets (Pippenger): the points of one digit are added once, then weighted by running sums. */
function weightedSum(points: readonly Point[], scalars: readonly bigint[]): Point {
  const bits = scalars.map(scalar => (scalar >> 128n === 0n ? 128 : 253));
  const costs = Array.from({ length: 13 }, (_, i) => ({ width: i + 2, cost: costOf(i + 2, bits) }));
  const { width } = costs.reduce((best, next) => (next.cost < best.cost ? next : best));
  const count = Math.ceil(254 / width);
  const digits = scalars.map(scalar => signedDigits(scalar, width, count));
  let total = Point.ZERO;
  for (let at = count - 1; at >= 0; at--) {
    for (let i = 0; i < width; i++) total = total.double();
    const buckets: (Point | undefined)[] = new Array(2 ** (width - 1) + 1).fill(undefined);
    points.forEach((point, i) => {
      const digit = digits[i]![at]!;
      if (digit === 0) return;
      const signed = digit < 0 ? point.negate() : point;
      const bucket = Math.abs(digit);
      buckets[bucket] = buckets[bucket]?.add(signed) ?? signed;
    });
    let running = Point.ZERO;
    for (let digit = buckets.length - 1; digit > 0; digit--) {
      const bucket = buckets[digit];
      if (bucket !== undefined) running = running.add(bucket);
      total = total.add(running);
    }
  }
  return total;
}

function allVerify(terms: readonly Term[], seed: Uint8Array): boolean {
  // Many signatures of one key cost one point.
  const keys = new Map<string, { A: Point; scalar: bigint }>();
  const points: Point[] = [];
  const scalars: bigint[] = [];
  let base = 0n;
  terms.forEach(({ name, A, R, S, k }, i) => {
    const z = littleEndian(sha256(seed, u64be(i)).subarray(0, coefficientBytes));
    base = (base + z * S) % order;
    points.push(R);
    scalars.push(z);
    keys.set(name, { A, scalar: ((keys.get(name)?.scalar ?? 0n) + z * k) % order });
  });
  for (const { A, scalar } of keys.values()) {
    points.push(A);
    scalars.push(scalar);
  }
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
  const keys = new Map<string, Point>();
  for (const check of checks) {
    const term = parseTerm(check, keys);
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
 * What the verifier's native code accepts is accepted; the rest is judged together. Native code is asked no more once it
 * has refused maxNativeRefusals: then the signatures were made to be slow, and asking is time lost too.
 * @returns index in `checks`
 */
export function findInvalidSignature(verifier: Verifier, checks: readonly SignedBytes[]): number | undefined {
  if (verifier.findInvalid) return verifier.findInvalid(checks);
  const isAsked = verifier !== nobleVerifier;
  const open: number[] = [];
  checks.forEach(({ signature, preimage, key }, index) => {
    const isFast = isAsked && open.length < maxNativeRefusals;
    if (!isFast || !verifier.verifyStrict(signature, preimage, key)) open.push(index);
  });
  const at = firstInvalidByRule(open.map(index => checks[index]!));
  return at === undefined ? undefined : open[at]!;
}
