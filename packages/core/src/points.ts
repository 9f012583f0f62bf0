/**
 * Points of the curve of Ed25519, -x² + y² = 1 + d x² y², for sums that everybody may know: see field25519.ts.
 *
 *   extended   X, Y, Z, T: x = X/Z, y = Y/Z, T = XY/Z
 *   affine     y + x, y - x, 2dxy: a point as it was decoded, in the form that an addition wants
 *
 * Formulas of Hisil, Wong, Carter and Dawson, "Twisted Edwards curves revisited", 2008, sections 3.1 and 3.3. They hold
 * for all pairs of points, those of small order and the neutral one among them.
 */
import { fromHex } from './bytes.js';
import {
  add,
  carry,
  isOdd,
  isZero,
  limbCount,
  multiply,
  setBytes,
  setSmall,
  square,
  subtract,
  sumAndDifference,
  toBytes,
} from './field25519.js';

export const extendedSize = 4 * limbCount;
export const affineSize = 3 * limbCount;
/** Limbs before this one are this file's own. */
export const freeLimbs = 20 * limbCount;

const own = (i: number): number => i * limbCount;
const one = own(0);
const d = own(1);
const twoD = own(2);
const rootOfMinusOne = own(3);
setSmall(one, 1);
setBytes(d, fromHex('a3785913ca4deb75abd841414d0a700098e879777940c78c73fe6f2bee6c0352', 32));
add(twoD, d, d);
carry(twoD);
setBytes(rootOfMinusOne, fromHex('b0a00e4a271beec478e42fad0618432fa7d7fb3d99004d2b0bdfc14f8024832b', 32));

// What an addition or a doubling has in between, by the paper's letters.
const a = own(4);
const b = own(5);
const c = own(6);
const e = own(7);
const f = own(8);
const g = own(9);
const h = own(10);

/** Make an extended point the neutral one: (0, 1). */
export function setNeutral(point: number): void {
  setSmall(point, 0);
  setSmall(point + limbCount, 1);
  setSmall(point + 2 * limbCount, 1);
  setSmall(point + 3 * limbCount, 0);
}

export function isNeutral(point: number): boolean {
  subtract(a, point + limbCount, point + 2 * limbCount);
  return isZero(point) && isZero(a);
}

/** X = EF, Y = GH, T = EH, Z = FG: the end of each formula. Factors are sums of at most four carried numbers. */
function setProducts(point: number): void {
  multiply(point, e, f);
  multiply(point + limbCount, g, h);
  multiply(point + 2 * limbCount, f, g);
  multiply(point + 3 * limbCount, e, h);
}

/** Add one extended point to another. */
export function addExtended(point: number, other: number): void {
  sumAndDifference(h, e, point + limbCount, point);
  sumAndDifference(b, a, other + limbCount, other);
  multiply(a, a, e);
  multiply(b, b, h);
  multiply(c, point + 3 * limbCount, other + 3 * limbCount);
  multiply(c, c, twoD);
  multiply(f, point + 2 * limbCount, other + 2 * limbCount);
  add(f, f, f);
  sumAndDifference(h, e, b, a);
  sumAndDifference(g, f, f, c);
  setProducts(point);
}

/** Add an affine point to an extended one, or take it away: -(x, y) is (-x, y). */
export function addAffine(point: number, affine: number, isNegative: boolean): void {
  sumAndDifference(h, e, point + limbCount, point);
  multiply(a, e, isNegative ? affine : affine + limbCount);
  multiply(b, h, isNegative ? affine + limbCount : affine);
  multiply(c, point + 3 * limbCount, affine + 2 * limbCount);
  add(f, point + 2 * limbCount, point + 2 * limbCount);
  sumAndDifference(h, e, b, a);
  if (isNegative) sumAndDifference(f, g, f, c);
  else sumAndDifference(g, f, f, c);
  setProducts(point);
}

/** Double an extended point. */
export function double(point: number): void {
  add(e, point, point + limbCount);
  square(e, e);
  square(a, point);
  square(b, point + limbCount);
  square(c, point + 2 * limbCount);
  sumAndDifference(h, g, a, b);
  subtract(e, h, e);
  add(f, c, c);
  add(f, f, g);
  setProducts(point);
}

// What a power and a square root have in between.
const z5 = own(11);
const z10 = own(12);
const z50 = own(13);
const power = own(14);
const y = own(15);
const u = own(16);
const v = own(17);
const x = own(18);
const check = own(19);

/** out = a^(2^times) b: with a = z^(2^m - 1) and b = z^(2^times - 1), z^(2^(m + times) - 1). */
function squaredTimes(out: number, from: number, times: number, by: number): void {
  square(power, from);
  for (let i = 1; i < times; i++) square(power, power);
  multiply(out, power, by);
}

/** out = z^((p - 5)/8) = z^(2^252 - 3); zn is z^(2^n - 1). */
function raise(out: number, z: number): void {
  squaredTimes(out, z, 1, z);
  squaredTimes(out, out, 2, out);
  squaredTimes(z5, out, 1, z);
  squaredTimes(z10, z5, 5, z5);
  squaredTimes(out, z10, 10, z10);
  squaredTimes(out, out, 20, out);
  squaredTimes(z50, out, 10, z10);
  squaredTimes(out, z50, 50, z50);
  squaredTimes(out, out, 100, out);
  squaredTimes(out, out, 50, z50);
  squaredTimes(out, out, 2, z);
}

/**
 * Decode a point (RFC 8032 section 5.1.3) as ZIP215 does: y may be p or more, and x = 0 may carry a sign.
 * @param encoded - 32 bytes
 * @returns false, and what `affine` holds means nothing, if there is no point with this y
 */
export function decodeAffine(affine: number, encoded: Uint8Array): boolean {
  setBytes(y, encoded);
  square(v, y);
  subtract(u, v, one);
  multiply(v, v, d);
  add(v, v, one);
  // x = u v³ (u v⁷)^((p - 5)/8) is a square root of u/v, of -u/v, or there is none.
  square(x, v);
  multiply(x, x, v);
  square(check, x);
  multiply(check, check, v);
  multiply(check, check, u);
  multiply(x, x, u);
  raise(a, check);
  multiply(x, x, a);
  square(check, x);
  multiply(check, check, v);
  sumAndDifference(a, b, check, u);
  if (isZero(a)) multiply(x, x, rootOfMinusOne);
  else if (!isZero(b)) return false;
  if (isOdd(x) !== encoded[31]! >= 128) {
    setSmall(a, 0);
    subtract(x, a, x);
  }
  multiply(affine + 2 * limbCount, x, y);
  multiply(affine + 2 * limbCount, affine + 2 * limbCount, twoD);
  sumAndDifference(affine, affine + limbCount, y, x);
  return true;
}

/** The 32 bytes of an extended point (RFC 8032 section 5.1.2). */
export function encodeExtended(point: number): Uint8Array {
  const z = point + 2 * limbCount;
  // 1/z = z^(p - 2), and p - 2 = 8 (p - 5)/8 + 3.
  raise(a, z);
  for (let i = 0; i < 3; i++) square(a, a);
  square(b, z);
  multiply(b, b, z);
  multiply(a, a, b);
  multiply(x, point, a);
  multiply(y, point + limbCount, a);
  const encoded = toBytes(y);
  if (isOdd(x)) encoded[31]! |= 0x80;
  return encoded;
}
