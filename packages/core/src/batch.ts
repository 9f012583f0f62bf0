/**
 * Many signatures judged at once, by the same rule as one (signature.ts).
 *
 *   [8] ( [-Σ zᵢSᵢ] B + Σ [zᵢ] Rᵢ + Σ [zᵢkᵢ] Aᵢ ) = 0        zᵢ: 128 bits of a hash of the whole batch
 *
 * All valid gives zero always; one invalid gives zero with a chance of 2^-128, as nobody can choose zᵢ: changing any
 * byte of the batch changes them all. Scalars may be reduced modulo L, since the cofactor 8 takes away what that adds to
 * points with a small-order part.
 */
import { platformLatin1, platformSha512 } from '#platform';
import { concatBytes, fromHex, sha256, u64be } from './bytes.js';
import { domainPrefix } from './domain.js';
import { isSmallOrderSum, maxPoints, pointAt, type Summand } from './multiScalar.js';
import { decodeAffine } from './points.js';
import { nobleVerifier, type SignedBytes, type Verifier } from './signature.js';

/** One signature in the terms of the equation; points by where they are kept. */
interface Term {
  readonly A: number;
  readonly R: number;
  readonly S: bigint;
  /** Not reduced. */
  readonly k: bigint;
  readonly z: bigint;
}

const order = 2n ** 252n + 27742317777372353535851937790883648493n;
const encodedBase = fromHex('5866666666666666666666666666666666666666666666666666666666666666', 32);
const prefix = domainPrefix('batch');
/** From this many on, the equation takes less time a signature than OpenSSL does. */
export const largeEnough = 64;
/** Below this many, one by one is as fast. */
const smallBatch = 4;
/** Signatures of one equation at most: there is room for the points R and A of each, and for B. */
const largeBatch = Math.floor((maxPoints - 1) / 2);

/** Lowest byte first; the length is a multiple of 8. */
function littleEndian(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let value = 0n;
  for (let at = bytes.length - 8; at >= 0; at -= 8) value = (value << 64n) | view.getBigUint64(at, true);
  return value;
}

/** A signature whose points are decoded. */
type Parsed = Omit<Term, 'z'> & { readonly digest: Uint8Array };

/** Decodes points into places that are not taken yet. One at a time: all use the same places. */
class PointRoom {
  /** The base point B. */
  readonly base = pointAt(0);
  #taken = 1;
  /** Keys decoded before: terms of one key share their A. */
  readonly #keys = new Map<string, number>();

  constructor() {
    decodeAffine(this.base, encodedBase);
  }

  /** undefined for bytes that are no point. */
  decode(bytes: Uint8Array): number | undefined {
    const at = pointAt(this.#taken);
    if (!decodeAffine(at, bytes)) return undefined;
    this.#taken++;
    return at;
  }

  decodeKey(key: Uint8Array): number | undefined {
    const name = platformLatin1([key]);
    const at = this.#keys.get(name) ?? this.decode(key);
    if (at !== undefined) this.#keys.set(name, at);
    return at;
  }
}

/** undefined where no signature of these lengths, S, R and A can verify. */
function parse({ signature, preimage, key }: SignedBytes, room: PointRoom): Parsed | undefined {
  if (signature.length !== 64 || key.length !== 32) return undefined;
  const S = littleEndian(signature.subarray(32));
  if (S >= order) return undefined;
  const A = room.decodeKey(key);
  const R = A === undefined ? undefined : room.decode(signature.subarray(0, 32));
  if (A === undefined || R === undefined) return undefined;
  const digest = platformSha512(concatBytes(signature.subarray(0, 32), key, preimage));
  return { A, R, S, k: littleEndian(digest), digest };
}

/** Give each signature its coefficient: a hash of R, A and message of all (in their digests) and of S of all. */
function withCoefficients(parsed: readonly Parsed[], checks: readonly SignedBytes[]): Term[] {
  const seed = sha256(prefix, ...parsed.flatMap(({ digest }, i) => [digest, checks[i]!.signature.subarray(32)]));
  return parsed.map(({ A, R, S, k }, i) => ({ A, R, S, k, z: littleEndian(sha256(seed, u64be(i)).subarray(0, 16)) }));
}

function allVerify(terms: readonly Term[], base: number): boolean {
  // Many signatures of one key cost one point.
  const keys = new Map<number, bigint>();
  const summands: Summand[] = [];
  let left = 0n;
  for (const { A, R, S, k, z } of terms) {
    left += z * S;
    summands.push({ point: R, scalar: z });
    keys.set(A, (keys.get(A) ?? 0n) + z * k);
  }
  for (const [point, scalar] of keys) summands.push({ point, scalar: scalar % order });
  summands.push({ point: base, scalar: order - (left % order) });
  return isSmallOrderSum(summands);
}

/**
 * The first from `start` on that the rule refuses, one by one. All refusals come from here: a fault of this file, or of
 * the machine, may cost time, never a valid block.
 */
function firstRefused(checks: readonly SignedBytes[], start: number): number | undefined {
  for (const [i, { signature, preimage, key }] of checks.entries()) {
    if (i >= start && !nobleVerifier.verify(signature, preimage, key)) return i;
  }
  return undefined;
}

/** The first that the rule refuses, of some that the equation refuses together: halves them until few are left. */
function locate(checks: readonly SignedBytes[], terms: readonly Term[], base: number): number | undefined {
  let [start, end] = [0, terms.length];
  while (end - start > smallBatch) {
    const middle = (start + end) >> 1;
    if (allVerify(terms.slice(start, middle), base)) start = middle;
    else end = middle;
  }
  return firstRefused(checks, start);
}

function firstInvalidTogether(checks: readonly SignedBytes[]): number | undefined {
  const room = new PointRoom();
  const parsed: Parsed[] = [];
  for (const check of checks) {
    const next = parse(check, room);
    if (next === undefined) break;
    parsed.push(next);
  }
  // Those before one that can't verify are judged all the same: the answer names the first.
  const terms = withCoefficients(parsed, checks);
  if (terms.length > 0 && !allVerify(terms, room.base)) return locate(checks, terms, room.base);
  return terms.length < checks.length ? firstRefused(checks, terms.length) : undefined;
}

function firstInvalidByRule(checks: readonly SignedBytes[]): number | undefined {
  if (checks.length <= smallBatch) return firstRefused(checks, 0);
  // Equal pieces: a small one would cost more a signature.
  const size = Math.ceil(checks.length / Math.ceil(checks.length / largeBatch));
  for (let start = 0; start < checks.length; start += size) {
    const at = firstInvalidTogether(checks.slice(start, start + size));
    if (at !== undefined) return start + at;
  }
  return undefined;
}

/**
 * The first of many signatures that the rule refuses; undefined if it accepts all. Same verdict as one by one.
 *
 * Of few, what the verifier's native code accepts is accepted, and the rest is judged together; of many, all are.
 * @returns index in `checks`
 */
export function findInvalidSignature(verifier: Verifier, checks: readonly SignedBytes[]): number | undefined {
  if (verifier.findInvalid) return verifier.findInvalid(checks);
  if (verifier === nobleVerifier || checks.length >= largeEnough) return firstInvalidByRule(checks);
  const open: number[] = [];
  checks.forEach(({ signature, preimage, key }, index) => {
    if (!verifier.verifyStrict(signature, preimage, key)) open.push(index);
  });
  const at = firstInvalidByRule(open.map(index => checks[index]!));
  return at === undefined ? undefined : open[at]!;
}
