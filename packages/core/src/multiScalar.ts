/**
 * Σ [scalar] point for many points at once, by buckets (Pippenger): all scalars are cut into digits; of each place, the
 * points of one digit are added once, and what each digit's points came to is weighted by running sums.
 */
import { allLimbs } from './field25519.js';
import {
  addAffine,
  addExtended,
  affineSize,
  double,
  extendedSize,
  freeLimbs,
  isNeutral,
  setNeutral,
} from './points.js';

const scalarBits = 253;
const shortBits = 128;
/** Bits of a digit at most. Digits are from -2^(width - 1) to 2^(width - 1): half as many buckets as without a sign. */
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
  /** From 0 to 2^253 - 1. */
  readonly scalar: bigint;
}

const placesOf = (bits: number, width: number): number => Math.ceil((bits + 1) / width);

/** The width that costs the fewest additions: each point once a place, and twice each bucket. */
function chooseWidth(summands: readonly Summand[]): number {
  const short = summands.filter(({ scalar }) => scalar >> BigInt(shortBits) === 0n).length;
  let best = { width: 0, cost: Number.POSITIVE_INFINITY };
  for (let width = 2; width <= maxWidth; width++) {
    const places = placesOf(scalarBits, width);
    const cost = short * placesOf(shortBits, width) + (summands.length - short) * places + places * 2 ** width;
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
    for (let word = 0; word < 4; word++) view.setBigUint64(8 * word, scalar >> BigInt(64 * word), true);
    let carried = 0;
    for (let place = 0; place < places; place++) {
      const bit = place * width;
      const low = ((view.getUint32(bit >> 3, true) >>> (bit & 7)) & (2 * half - 1)) + carried;
      carried = low > half ? 1 : 0;
      digits[place * summands.length + i] = low - carried * 2 * half;
    }
  });
  return digits;
}

/** Whether eight times the sum is the neutral point: the sum has no part of the curve's large order. */
export function isSmallOrderSum(summands: readonly Summand[]): boolean {
  const width = chooseWidth(summands);
  const places = placesOf(scalarBits, width);
  const digits = signedDigits(summands, width, places);
  const half = 2 ** (width - 1);
  setNeutral(total);
  for (let place = places - 1; place >= 0; place--) {
    for (let i = 0; i < width; i++) double(total);
    for (let i = 0; i < half; i++) setNeutral(buckets + i * extendedSize);
    summands.forEach(({ point }, i) => {
      const digit = digits[place * summands.length + i]!;
      if (digit !== 0) addAffine(buckets + (Math.abs(digit) - 1) * extendedSize, point, digit < 0);
    });
    setNeutral(running);
    for (let i = half - 1; i >= 0; i--) {
      addExtended(running, buckets + i * extendedSize);
      addExtended(total, running);
    }
  }
  for (let i = 0; i < 3; i++) double(total);
  return isNeutral(total);
}
