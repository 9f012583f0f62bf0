import { describe, expect, it } from '@jest/globals';
import { Point } from '@noble/ed25519';
import { fromHex, sha256, u64be } from '../dist/bytes.js';
import { isSmallOrderSum, maxPoints, pointAt, sumOfMultiples } from '../dist/multiScalar.js';
import { addAffine, addExtended, decodeAffine, double, isNeutral, setNeutral } from '../dist/points.js';

const order = Point.CURVE().n;
const p = Point.CURVE().p;
const generator8 = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a');
const torsion = Array.from({ length: 8 }, (_, i) => generator8.multiplyUnsafe(BigInt(i)));
const number = (i: number): bigint => BigInt(`0x${Buffer.from(sha256(u64be(i))).toString('hex')}`) % order;
/** Points of large order, of small order, and of both. */
const somePoints = [
  ...torsion,
  ...Array.from({ length: 8 }, (_, i) => Point.BASE.multiply(number(i))),
  ...torsion.slice(1).map((small, i) => Point.BASE.multiply(number(20 + i)).add(small)),
];

const [sum, other] = [pointAt(maxPoints - 4), pointAt(maxPoints - 8)];
/** An extended point at `at`, which decodeAffine alone can't make. */
function setPoint(at: number, point: Point): void {
  expect(decodeAffine(pointAt(0), point.toBytes())).toBe(true);
  setNeutral(at);
  addAffine(at, pointAt(0), false);
}
function expectPoint(at: number, point: Point): void {
  decodeAffine(pointAt(1), point.toBytes());
  addAffine(at, pointAt(1), true);
  expect(isNeutral(at)).toBe(true);
}

describe('decodeAffine', () => {
  const decodes = (bytes: Uint8Array): Point | undefined => {
    try {
      return Point.fromBytes(bytes, true);
    } catch {
      return undefined;
    }
  };

  it('decodes what the rule decodes, to the same point', () => {
    let points = 0;
    for (let i = 0; i < 200; i++) {
      const bytes = sha256(u64be(i));
      const point = decodes(bytes);
      expect([i, decodeAffine(pointAt(2), bytes)]).toEqual([i, point !== undefined]);
      if (point === undefined) continue;
      points++;
      setNeutral(sum);
      addAffine(sum, pointAt(2), false);
      expectPoint(sum, point);
    }
    expect(points).toBeGreaterThan(70);
    expect(points).toBeLessThan(130);
  });

  it('takes every y near 0 and p as the rule does, with either sign: not canonical, or x = 0', () => {
    const near = [-20n, -19n, -3n, -2n, -1n, 0n, 1n, 2n, 3n, 4n, 9n, 18n].flatMap(n => [n, n + p]);
    for (const y of near.filter(n => n >= 0n && n < 2n ** 255n)) {
      for (const sign of [0n, 2n ** 255n]) {
        const bytes = fromHex((y + sign).toString(16).padStart(64, '0')).reverse();
        const point = decodes(bytes);
        expect([y, decodeAffine(pointAt(2), bytes)]).toEqual([y, point !== undefined]);
        if (point === undefined) continue;
        setNeutral(sum);
        addAffine(sum, pointAt(2), false);
        expectPoint(sum, point);
      }
    }
  });
});

describe('sums of points', () => {
  it('are those of the library for every pair, equal, opposite, neutral and of small order', () => {
    for (const left of somePoints) {
      for (const right of [...somePoints.slice(0, 10), left, left.negate()]) {
        decodeAffine(pointAt(3), right.toBytes());
        for (const isNegative of [false, true]) {
          setPoint(sum, left);
          addAffine(sum, pointAt(3), isNegative);
          expectPoint(sum, isNegative ? left.subtract(right) : left.add(right));
        }
        setPoint(sum, left);
        setPoint(other, right);
        addExtended(sum, other);
        expectPoint(sum, left.add(right));
      }
      setPoint(sum, left);
      double(sum);
      double(sum);
      expectPoint(sum, left.multiplyUnsafe(4n));
    }
  });
});

describe('isSmallOrderSum', () => {
  const edges = [0n, 1n, 2n, 255n, 256n, 257n, 2n ** 128n - 1n, 2n ** 128n, order - 1n, 2n ** 253n - 1n];

  it.each([1, 5, 40, 300])('finds the one scalar that closes a sum of %i points, and no other', count => {
    const points = Array.from({ length: count }, (_, i) => somePoints[i % somePoints.length]!);
    const scalars = points.map(
      (_, i) => edges[i % (edges.length + 7)] ?? number(100 + i) >> BigInt(i % 2 === 0 ? 0 : 125),
    );
    for (const [i, point] of [...points, Point.BASE].entries()) decodeAffine(pointAt(i), point.toBytes());
    // Multiples of the base point alone: their sum is known without this code. The rest is of small order.
    const multiples = points.map((_, i) => {
      const at = i % somePoints.length;
      if (at < 8) return 0n;
      return at < 16 ? number(at - 8) : number(20 + at - 16);
    });
    const closing = order - (scalars.reduce((total, scalar, i) => total + scalar * multiples[i]!, 0n) % order);
    const summands = scalars.map((scalar, i) => ({ point: pointAt(i), scalar }));
    expect(isSmallOrderSum([...summands, { point: pointAt(count), scalar: closing }])).toBe(true);
    for (const wrong of [closing - 1n, (closing + 1n) % order, closing ^ 256n]) {
      expect(isSmallOrderSum([...summands, { point: pointAt(count), scalar: wrong }])).toBe(false);
    }
  });
});

describe('sumOfMultiples', () => {
  const ofLibrary = (multiples: readonly { point: Point; scalar: bigint }[]): Uint8Array =>
    multiples
      .reduce(
        (total, { point, scalar }) =>
          total.add(scalar < 0n ? point.multiplyUnsafe(-scalar).negate() : point.multiplyUnsafe(scalar)),
        Point.ZERO,
      )
      .toBytes();

  it("is the library's sum, encoded, of points of any order and scalars of any sign", () => {
    const edges = [0n, 1n, -1n, 8n, -7n, 2n ** 128n, 1n - 2n ** 128n, order - 1n, 1n - order];
    for (let i = 0; i < 60; i++) {
      const multiples = Array.from({ length: i % 4 }, (_, j) => ({
        point: somePoints[(5 * i + 7 * j) % somePoints.length]!,
        scalar: edges[(i + j) % 14] ?? (j % 2 === 0 ? number(i + j) : -number(i + j)),
      }));
      const sum = sumOfMultiples(multiples.map(({ point, scalar }) => ({ encoded: point.toBytes(), scalar })));
      expect([i, sum]).toEqual([i, ofLibrary(multiples)]);
    }
  });

  it('of what is no point is undefined', () => {
    const none = new Uint8Array(32).fill(2, 0, 1);
    expect(
      sumOfMultiples([
        { encoded: Point.BASE.toBytes(), scalar: 1n },
        { encoded: none, scalar: 0n },
      ]),
    ).toBeUndefined();
  });
});
