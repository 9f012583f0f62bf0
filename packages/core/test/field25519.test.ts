import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  carry,
  isOdd,
  isZero,
  limbCount,
  allLimbs as limbs,
  multiply,
  setBytes,
  square,
  toBytes,
} from '../dist/field25519.js';

const p = 2n ** 255n - 19n;
const positions = Array.from({ length: limbCount + 1 }, (_, i) => Math.ceil(21.25 * i));
/** The largest limbs that a carried number may have, in units of the limb. */
const carried = Array.from({ length: limbCount }, (_, i) =>
  Math.floor(1.02 * 2 ** (positions[i + 1]! - positions[i]! - 1)),
);

/** Somewhere in `limbs` that no constant uses. */
const [a, b, out] = [3_000, 3_012, 3_024];
const modulo = (n: bigint): bigint => ((n % p) + p) % p;
/** Every limb is a whole number of its unit, or the sum would throw. */
const numberAt = (at: number): bigint =>
  modulo(Array.from(limbs.subarray(at, at + limbCount), limb => BigInt(limb)).reduce((sum, limb) => sum + limb, 0n));
const bytesOf = (n: bigint): Uint8Array =>
  Uint8Array.from({ length: 32 }, (_, i) => Number((n >> BigInt(8 * i)) & 255n));
const setLimbs = (at: number, shares: readonly number[], times: number): void =>
  shares.forEach((share, i) => {
    limbs[at + i] = Math.trunc(share * times * carried[i]!) * 2 ** positions[i]!;
  });
function expectCarried(at: number): void {
  for (let i = 0; i < limbCount; i++) {
    expect(Math.abs(limbs[at + i]! / 2 ** positions[i]!)).toBeLessThanOrEqual(carried[i]!);
  }
}

const share = fc.oneof(fc.constantFrom(-1, 1, 0), fc.double({ min: -1, max: 1, noNaN: true }));
const shares = fc.array(share, { minLength: limbCount, maxLength: limbCount });
/** How many carried numbers each factor is the sum of. */
const times = fc.constantFrom([1, 1], [2, 3], [3, 3], [4, 2], [4, 3], [5, 3], [15, 1]);

describe('a product', () => {
  it('is exact and carried for the largest factors that are allowed, with limbs of any sign', () => {
    fc.assert(
      fc.property(shares, shares, times, (left, right, [n, m]) => {
        setLimbs(a, left, n!);
        setLimbs(b, right, m!);
        const product = modulo(numberAt(a) * numberAt(b));
        multiply(out, a, b);
        expect(numberAt(out)).toBe(product);
        expectCarried(out);
        multiply(b, b, a);
        expect(numberAt(b)).toBe(product);
      }),
      { numRuns: 300, examples: [[Array(limbCount).fill(1), Array(limbCount).fill(1), [5, 3]]] },
    );
  });

  it('of a number with itself is its square', () => {
    fc.assert(
      fc.property(shares, fc.constantFrom(1, 2, 3), (all, n) => {
        setLimbs(a, all, n);
        const product = modulo(numberAt(a) ** 2n);
        square(out, a);
        expect(numberAt(out)).toBe(product);
        expectCarried(out);
        square(a, a);
        expect(numberAt(a)).toBe(product);
      }),
      { numRuns: 300, examples: [[Array(limbCount).fill(-1), 3]] },
    );
  });

  it('of the same numbers is wrong by a rounding when the factors are too large: the bound is not idle', () => {
    let wrong = 0;
    for (let seed = 1; seed <= 50; seed++) {
      const all = Array.from({ length: limbCount }, (_, i) => ((seed * (i + 7) * 7919) % 1000) / 1000);
      setLimbs(a, all, 64);
      setLimbs(b, all.toReversed(), 64);
      const product = modulo(numberAt(a) * numberAt(b));
      multiply(out, a, b);
      if (numberAt(out) !== product) wrong++;
    }
    expect(wrong).toBeGreaterThan(0);
  });
});

describe('a number', () => {
  const edges = [0n, 1n, 2n, 18n, 19n, 20n, p - 1n, p, p + 1n, p + 18n, 2n ** 255n - 1n, 2n ** 254n, (p - 1n) / 2n];

  it('is what its low 255 bits say, p and above too', () => {
    const numbers = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n });
    fc.assert(
      fc.property(numbers, n => {
        setBytes(a, bytesOf(n));
        const value = modulo(n % 2n ** 255n);
        expect(numberAt(a)).toBe(value);
        expectCarried(a);
        expect([isZero(a), isOdd(a)]).toEqual([value === 0n, value % 2n === 1n]);
        expect(toBytes(a)).toEqual(bytesOf(value));
      }),
      { examples: edges.flatMap(n => [[n], [n + 2n ** 255n]] as [bigint][]) },
    );
  });

  it('is zero or odd by its value, however it is written in limbs', () => {
    fc.assert(
      fc.property(shares, fc.constantFrom(1, 4, 15), (all, n) => {
        setLimbs(a, all, n);
        const value = numberAt(a);
        expect([isZero(a), isOdd(a)]).toEqual([value === 0n, value % 2n === 1n]);
        carry(a);
        expect([numberAt(a), isOdd(a)]).toEqual([value, value % 2n === 1n]);
      }),
    );
    // Multiples of p that are not written as zeros.
    for (const multiple of [-3, -1, 1, 2, 7]) {
      limbs.fill(0, a, a + limbCount);
      limbs[a] = -19 * multiple;
      limbs[a + limbCount - 1] = multiple * 2 ** 255;
      expect([multiple, isZero(a), isOdd(a)]).toEqual([multiple, true, false]);
    }
  });
});
