/**
 * Σ [scalar] point for many points at once, by buckets (Pippenger): all scalars are cut into digits; of each place, the
 * points of one digit are added once, and what each digit's points came to is weighted by running sums.
 */
import { allLimbs } from './field25519.js';
import {
  addAffine,
  addExtended,
  affineSize,
  decodeAffine,
  double,
  encodeExtended,
  extendedSize,
  freeLimbs,
  isNeutral,
  setNeutral,
} from './points.js';

const scalarBits = 253;
const shortBits = 128;
/**
 * Bits of a digit at most. Digits are from -2^(width - 1) to 2^(width - 1): half as many buckets as without a sign. A digit
 * of one bit is 0 or 1.
 */
const maxWidth = 9;

const total = freeLimbs;
const running = total + extendedSize;
const buckets = running + extendedSize;
const points = buckets + 2 ** (maxWidth - 1) * extendedSize;
/** Points that there is room for. */
export const maxPoints = Math.floor((allLimbs.length - points) / affineSize);

/** Where a point is kept, for decodeAffine to fill: i from 0 to maxPoints - 1. */
export function pointAt(i: number): number {
  return points + i * affineSize;
}

export interface Summand {
  /** From pointAt. */
  readonly point: number;
  /** Between -2^253 and 2^253. */
  readonly scalar: bigint;
}

const placesOf = (bits: number, width: number): number => Math.ceil((bits + 1) / width);

/** Additions that a width costs: each point once a place, and twice each bucket. One bit, half of them 0, needs no bucket. */
function costOf(width: number, short: number, long: number): number {
  const places = placesOf(scalarBits, width);
  const points = short * placesOf(shortBits, width) + long * places;
  return width === 1 ? points / 2 : points + places * 2 ** width;
}

function chooseWidth(summands: readonly Summand[]): number {
  const short = summands.filter(({ scalar }) => scalar >> BigInt(shortBits) === 0n).length;
  let best = { width: 0, cost: Number.POSITIVE_INFINITY };
  for (let width = 1; width <= maxWidth; width++) {
    const cost = costOf(width, short, summands.length - short);
    if (cost < best.cost) best = { width, cost };
  }
  return best.width;
}

/** The digits of all scalars, lowest place first: those of a place stand together. */
function signedDigits(summands: readonly Summand[], width: number, places: number): Int16Array {
  const digits = new Int16Array(places * summands.length);
  const bytes = new Uint8Array(36);
  const view = new DataView(bytes.buffer);
  const half = 2 ** (width - 1);
  summands.forEach(({ scalar }, i) => {
    const sign = scalar < 0n ? -1 : 1;
    const magnitude = scalar < 0n ? -scalar : scalar;
    for (let word = 0; word < 4; word++) view.setBigUint64(8 * word, magnitude >> BigInt(64 * word), true);
    let carried = 0;
    for (let place = 0; place < places; place++) {
      const bit = place * width;
      const low = ((view.getUint32(bit >> 3, true) >>> (bit & 7)) & (2 * half - 1)) + carried;
      carried = low > half ? 1 : 0;
      digits[place * summands.length + i] = sign * (low - carried * 2 * half);
    }
  });
  return digits;
}

/** Add the points of a place to `total`, each as often as its digit says. */
function addByBuckets(summands: readonly Summand[], digits: Int16Array, half: number): void {
  for (let i = 0; i < half; i++) setNeutral(buckets + i * extendedSize);
  summands.forEach(({ point }, i) => {
    const digit = digits[i]!;
    if (digit !== 0) addAffine(buckets + (Math.abs(digit) - 1) * extendedSize, point, digit < 0);
  });
  setNeutral(running);
  for (let i = half - 1; i >= 0; i--) {
    addExtended(running, buckets + i * extendedSize);
    addExtended(total, running);
  }
}

/** Set `total` to the sum. */
function sumUp(summands: readonly Summand[]): void {
  const width = chooseWidth(summands);
  const places = placesOf(scalarBits, width);
  const digits = signedDigits(summands, width, places);
  setNeutral(total);
  for (let place = places - 1; place >= 0; place--) {
    for (let i = 0; i < width; i++) double(total);
    const ofPlace = digits.subarray(place * summands.length, (place + 1) * summands.length);
    if (width > 1) addByBuckets(summands, ofPlace, 2 ** (width - 1));
    else {
      summands.forEach(({ point }, i) => {
        if (ofPlace[i] !== 0) addAffine(total, point, ofPlace[i]! < 0);
      });
    }
  }
}

/** Whether eight times the sum is the neutral point: the sum has no part of the curve's large order. */
export function isSmallOrderSum(summands: readonly Summand[]): boolean {
  sumUp(summands);
  for (let i = 0; i < 3; i++) double(total);
  return isNeutral(total);
}

/** A point as RFC 8032 encodes it, and how often it goes into a sum: between -2^253 and 2^253. */
export interface Multiple {
  readonly encoded: Uint8Array;
  readonly scalar: bigint;
}

/**
 * Σ [scalar] point of Ed25519's curve, encoded, for points and scalars that everybody may know: the time tells of them.
 * Nothing is reduced modulo L, so that parts of small order are summed too.
 * @returns undefined if one is no point; y may be p or more, and x = 0 carry a sign, as ZIP215 has it
 */
export function sumOfMultiples(multiples: readonly Multiple[]): Uint8Array | undefined {
  if (multiples.length > maxPoints)
    throw new RangeError(`expected at most ${maxPoints} points, got ${multiples.length}`);
  const summands: Summand[] = [];
  for (const [i, { encoded, scalar }] of multiples.entries()) {
    if (!decodeAffine(pointAt(i), encoded)) return undefined;
    summands.push({ point: pointAt(i), scalar });
  }
  sumUp(summands);
  return encodeExtended(total);
}
