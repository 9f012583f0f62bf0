/**
 * Numbers modulo p = 2^255 - 19 in floating point: several times as fast in JavaScript as BigInt, and without garbage.
 *
 * A number is the sum of twelve doubles in `limbs`, named by the index of the first. Limb i is a multiple of
 * 2^⌈21.25 i⌉, so that no sum or product below is ever rounded (Bernstein, "Curve25519: new Diffie-Hellman speed
 * records", 2006, has such limbs). Since 2^255 = 19 modulo p, what leaves limb 11 comes back into limb 0.
 *
 * A number is *carried* when no limb exceeds half the weight of the next by more than a fiftieth. Products come out
 * carried. A sum or difference of n carried numbers has limbs up to n times as large; factors of n and m may be
 * multiplied if nm is at most 15: every sum in a product then stays below 2^53 times the weight of its limb.
 *
 * The time that this takes depends on the numbers: it is for what everybody may know, never for secrets.
 */

export const limbCount = 12;
/** Bits below each limb; the last is what 19 wraps. */
const positions = Array.from({ length: limbCount + 1 }, (_, i) => Math.ceil(21.25 * i));
const weights = positions.map(bits => 2 ** bits);
/** How often the weight of a limb goes into that of the next. */
const spans = positions.slice(1).map((bits, i) => 2 ** (bits - positions[i]!));

/** Room for more would let more signatures share the cost of an equation. */
const limbSpace = 262_144;
const limbs = new Float64Array(limbSpace + limbCount);
/** All numbers that there are, 2 MB; points.ts and multiScalar.ts share them out. */
export const allLimbs: Float64Array = limbs;
/**
 * An index that went through this is within `limbs`, whatever it was. As the compiler sees that too (of an array that is
 * not exported), it checks no access: a third of the time.
 */
const within = limbSpace - 1;

/** What is above the last limb, as it comes back into the first. */
const wrap = 19 * 2 ** -255;
// Added and taken away again, 1.5 × 2^(52 + n) rounds a double to a multiple of 2^n, the weight of the next limb.
const round0 = 1.5 * 2 ** 74;
const round1 = 1.5 * 2 ** 95;
const round2 = 1.5 * 2 ** 116;
const round3 = 1.5 * 2 ** 137;
const round4 = 1.5 * 2 ** 159;
const round5 = 1.5 * 2 ** 180;
const round6 = 1.5 * 2 ** 201;
const round7 = 1.5 * 2 ** 222;
const round8 = 1.5 * 2 ** 244;
const round9 = 1.5 * 2 ** 265;
const round10 = 1.5 * 2 ** 286;
const round11 = 1.5 * 2 ** 307;

/**
 * Make each limb small again. Two rounds, in each of which every limb hands on at once: one after the other would be
 * one round, and wait for each addition.
 */
// biome-ignore format: the rows are a table
export function carry(number: number): void {
  const at = number & within;
  let h0 = limbs[at]!; let h1 = limbs[at + 1]!; let h2 = limbs[at + 2]!;
  let h3 = limbs[at + 3]!; let h4 = limbs[at + 4]!; let h5 = limbs[at + 5]!;
  let h6 = limbs[at + 6]!; let h7 = limbs[at + 7]!; let h8 = limbs[at + 8]!;
  let h9 = limbs[at + 9]!; let h10 = limbs[at + 10]!; let h11 = limbs[at + 11]!;
  let c0 = h0 + round0 - round0; let c1 = h1 + round1 - round1; let c2 = h2 + round2 - round2;
  let c3 = h3 + round3 - round3; let c4 = h4 + round4 - round4; let c5 = h5 + round5 - round5;
  let c6 = h6 + round6 - round6; let c7 = h7 + round7 - round7; let c8 = h8 + round8 - round8;
  let c9 = h9 + round9 - round9; let c10 = h10 + round10 - round10; let c11 = h11 + round11 - round11;
  h0 = h0 - c0 + wrap * c11; h1 = h1 - c1 + c0; h2 = h2 - c2 + c1;
  h3 = h3 - c3 + c2; h4 = h4 - c4 + c3; h5 = h5 - c5 + c4;
  h6 = h6 - c6 + c5; h7 = h7 - c7 + c6; h8 = h8 - c8 + c7;
  h9 = h9 - c9 + c8; h10 = h10 - c10 + c9; h11 = h11 - c11 + c10;
  c0 = h0 + round0 - round0; c1 = h1 + round1 - round1; c2 = h2 + round2 - round2;
  c3 = h3 + round3 - round3; c4 = h4 + round4 - round4; c5 = h5 + round5 - round5;
  c6 = h6 + round6 - round6; c7 = h7 + round7 - round7; c8 = h8 + round8 - round8;
  c9 = h9 + round9 - round9; c10 = h10 + round10 - round10; c11 = h11 + round11 - round11;
  h0 = h0 - c0 + wrap * c11; h1 = h1 - c1 + c0; h2 = h2 - c2 + c1;
  h3 = h3 - c3 + c2; h4 = h4 - c4 + c3; h5 = h5 - c5 + c4;
  h6 = h6 - c6 + c5; h7 = h7 - c7 + c6; h8 = h8 - c8 + c7;
  h9 = h9 - c9 + c8; h10 = h10 - c10 + c9; h11 = h11 - c11 + c10;
  limbs[at] = h0; limbs[at + 1] = h1; limbs[at + 2] = h2;
  limbs[at + 3] = h3; limbs[at + 4] = h4; limbs[at + 5] = h5;
  limbs[at + 6] = h6; limbs[at + 7] = h7; limbs[at + 8] = h8;
  limbs[at + 9] = h9; limbs[at + 10] = h10; limbs[at + 11] = h11;
}

/** product = left × right; may be either. */
// biome-ignore format: the rows are a table
export function multiply(product: number, left: number, right: number): void {
  const out = product & within; const a = left & within; const b = right & within;
  const a0 = limbs[a]!; const a1 = limbs[a + 1]!; const a2 = limbs[a + 2]!;
  const a3 = limbs[a + 3]!; const a4 = limbs[a + 4]!; const a5 = limbs[a + 5]!;
  const a6 = limbs[a + 6]!; const a7 = limbs[a + 7]!; const a8 = limbs[a + 8]!;
  const a9 = limbs[a + 9]!; const a10 = limbs[a + 10]!; const a11 = limbs[a + 11]!;
  const b0 = limbs[b]!; const b1 = limbs[b + 1]!; const b2 = limbs[b + 2]!;
  const b3 = limbs[b + 3]!; const b4 = limbs[b + 4]!; const b5 = limbs[b + 5]!;
  const b6 = limbs[b + 6]!; const b7 = limbs[b + 7]!; const b8 = limbs[b + 8]!;
  const b9 = limbs[b + 9]!; const b10 = limbs[b + 10]!; const b11 = limbs[b + 11]!;
  const w1 = wrap * b1; const w2 = wrap * b2; const w3 = wrap * b3;
  const w4 = wrap * b4; const w5 = wrap * b5; const w6 = wrap * b6;
  const w7 = wrap * b7; const w8 = wrap * b8; const w9 = wrap * b9;
  const w10 = wrap * b10; const w11 = wrap * b11;
  limbs[out] = a0*b0 + a1*w11 + a2*w10 + a3*w9 + a4*w8 + a5*w7 + a6*w6 + a7*w5 + a8*w4 + a9*w3 + a10*w2 + a11*w1;
  limbs[out + 1] = a0*b1 + a1*b0 + a2*w11 + a3*w10 + a4*w9 + a5*w8 + a6*w7 + a7*w6 + a8*w5 + a9*w4 + a10*w3 + a11*w2;
  limbs[out + 2] = a0*b2 + a1*b1 + a2*b0 + a3*w11 + a4*w10 + a5*w9 + a6*w8 + a7*w7 + a8*w6 + a9*w5 + a10*w4 + a11*w3;
  limbs[out + 3] = a0*b3 + a1*b2 + a2*b1 + a3*b0 + a4*w11 + a5*w10 + a6*w9 + a7*w8 + a8*w7 + a9*w6 + a10*w5 + a11*w4;
  limbs[out + 4] = a0*b4 + a1*b3 + a2*b2 + a3*b1 + a4*b0 + a5*w11 + a6*w10 + a7*w9 + a8*w8 + a9*w7 + a10*w6 + a11*w5;
  limbs[out + 5] = a0*b5 + a1*b4 + a2*b3 + a3*b2 + a4*b1 + a5*b0 + a6*w11 + a7*w10 + a8*w9 + a9*w8 + a10*w7 + a11*w6;
  limbs[out + 6] = a0*b6 + a1*b5 + a2*b4 + a3*b3 + a4*b2 + a5*b1 + a6*b0 + a7*w11 + a8*w10 + a9*w9 + a10*w8 + a11*w7;
  limbs[out + 7] = a0*b7 + a1*b6 + a2*b5 + a3*b4 + a4*b3 + a5*b2 + a6*b1 + a7*b0 + a8*w11 + a9*w10 + a10*w9 + a11*w8;
  limbs[out + 8] = a0*b8 + a1*b7 + a2*b6 + a3*b5 + a4*b4 + a5*b3 + a6*b2 + a7*b1 + a8*b0 + a9*w11 + a10*w10 + a11*w9;
  limbs[out + 9] = a0*b9 + a1*b8 + a2*b7 + a3*b6 + a4*b5 + a5*b4 + a6*b3 + a7*b2 + a8*b1 + a9*b0 + a10*w11 + a11*w10;
  limbs[out + 10] = a0*b10 + a1*b9 + a2*b8 + a3*b7 + a4*b6 + a5*b5 + a6*b4 + a7*b3 + a8*b2 + a9*b1 + a10*b0 + a11*w11;
  limbs[out + 11] = a0*b11 + a1*b10 + a2*b9 + a3*b8 + a4*b7 + a5*b6 + a6*b5 + a7*b4 + a8*b3 + a9*b2 + a10*b1 + a11*b0;
  carry(out);
}

/** result = root²; may be the root. */
// biome-ignore format: the rows are a table
export function square(result: number, root: number): void {
  const out = result & within; const a = root & within;
  const a0 = limbs[a]!; const a1 = limbs[a + 1]!; const a2 = limbs[a + 2]!;
  const a3 = limbs[a + 3]!; const a4 = limbs[a + 4]!; const a5 = limbs[a + 5]!;
  const a6 = limbs[a + 6]!; const a7 = limbs[a + 7]!; const a8 = limbs[a + 8]!;
  const a9 = limbs[a + 9]!; const a10 = limbs[a + 10]!; const a11 = limbs[a + 11]!;
  const d0 = 2 * a0; const d1 = 2 * a1; const d2 = 2 * a2;
  const d3 = 2 * a3; const d4 = 2 * a4; const d5 = 2 * a5;
  const d6 = 2 * a6; const d7 = 2 * a7; const d8 = 2 * a8;
  const d9 = 2 * a9; const d10 = 2 * a10;
  const w6 = wrap * a6; const w7 = wrap * a7; const w8 = wrap * a8;
  const w9 = wrap * a9; const w10 = wrap * a10; const w11 = wrap * a11;
  limbs[out] = a0*a0 + d1*w11 + d2*w10 + d3*w9 + d4*w8 + d5*w7 + w6*a6;
  limbs[out + 1] = d0*a1 + d2*w11 + d3*w10 + d4*w9 + d5*w8 + d6*w7;
  limbs[out + 2] = d0*a2 + a1*a1 + d3*w11 + d4*w10 + d5*w9 + d6*w8 + w7*a7;
  limbs[out + 3] = d0*a3 + d1*a2 + d4*w11 + d5*w10 + d6*w9 + d7*w8;
  limbs[out + 4] = d0*a4 + d1*a3 + a2*a2 + d5*w11 + d6*w10 + d7*w9 + w8*a8;
  limbs[out + 5] = d0*a5 + d1*a4 + d2*a3 + d6*w11 + d7*w10 + d8*w9;
  limbs[out + 6] = d0*a6 + d1*a5 + d2*a4 + a3*a3 + d7*w11 + d8*w10 + w9*a9;
  limbs[out + 7] = d0*a7 + d1*a6 + d2*a5 + d3*a4 + d8*w11 + d9*w10;
  limbs[out + 8] = d0*a8 + d1*a7 + d2*a6 + d3*a5 + a4*a4 + d9*w11 + w10*a10;
  limbs[out + 9] = d0*a9 + d1*a8 + d2*a7 + d3*a6 + d4*a5 + d10*w11;
  limbs[out + 10] = d0*a10 + d1*a9 + d2*a8 + d3*a7 + d4*a6 + a5*a5 + w11*a11;
  limbs[out + 11] = d0*a11 + d1*a10 + d2*a9 + d3*a8 + d4*a7 + d5*a6;
  carry(out);
}
/** sum = left + right and difference = left - right, neither carried; each may be either. */
export function sumAndDifference(sum: number, difference: number, left: number, right: number): void {
  const plus = sum & within;
  const minus = difference & within;
  const a = left & within;
  const b = right & within;
  for (let i = 0; i < limbCount; i++) {
    const x = limbs[a + i]!;
    const y = limbs[b + i]!;
    limbs[plus + i] = x + y;
    limbs[minus + i] = x - y;
  }
}

/** sum = left + right, not carried; may be either. */
export function add(sum: number, left: number, right: number): void {
  const out = sum & within;
  const a = left & within;
  const b = right & within;
  for (let i = 0; i < limbCount; i++) limbs[out + i] = limbs[a + i]! + limbs[b + i]!;
}

/** difference = left - right, not carried; may be either. */
export function subtract(difference: number, left: number, right: number): void {
  const out = difference & within;
  const a = left & within;
  const b = right & within;
  for (let i = 0; i < limbCount; i++) limbs[out + i] = limbs[a + i]! - limbs[b + i]!;
}

/** Set to an integer from 0 to 2^21. */
export function setSmall(out: number, value: number): void {
  limbs.fill(0, out, out + limbCount);
  limbs[out] = value;
}

/** Set to the low 255 bits of 32 bytes, the lowest first; p and above are numbers too. Carried. */
export function setBytes(out: number, bytes: Uint8Array): void {
  for (let i = 0; i < limbCount; i++) {
    const at = positions[i]! >> 3;
    const four = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | ((bytes[at + 3] ?? 0) << 24);
    limbs[out + i] = ((four >>> (positions[i]! & 7)) & (spans[i]! - 1)) * weights[i]!;
  }
  carry(out);
}

const digits = new Float64Array(limbCount);

/** Hand on what each digit has too much or too little. @returns what is left for 2^255 */
function normalize(): number {
  let over = 0;
  for (let i = 0; i < limbCount; i++) {
    const digit = digits[i]! + over;
    over = Math.floor(digit / spans[i]!);
    digits[i] = digit - over * spans[i]!;
  }
  return over;
}

/** Fill `digits` with those of the one number from 0 to p - 1 that equals a; a sum of up to 15 carried numbers. */
function reduce(a: number): void {
  for (let i = 0; i < limbCount; i++) digits[i] = limbs[a + i]! / weights[i]!;
  for (let over = normalize(); over !== 0; over = normalize()) digits[0]! += 19 * over;
  // From p on, 19 more reach 2^255; below, they are taken back.
  digits[0]! += 19;
  if (normalize() === 0) {
    digits[0]! -= 19;
    normalize();
  }
}

export function isZero(a: number): boolean {
  reduce(a);
  return digits.every(digit => digit === 0);
}

/** Whether the one number from 0 to p - 1 that equals a is odd. */
export function isOdd(a: number): boolean {
  reduce(a);
  return digits[0]! % 2 === 1;
}

/** The 32 bytes of the one number from 0 to p - 1 that equals a, the lowest first. */
export function toBytes(a: number): Uint8Array {
  reduce(a);
  const bytes = new Uint8Array(32);
  for (let i = 0; i < limbCount; i++) {
    let at = positions[i]! >> 3;
    for (let rest = digits[i]! * 2 ** (positions[i]! & 7); rest > 0; rest >>>= 8) bytes[at++]! |= rest & 255;
  }
  return bytes;
}
