/**
 * Signatures of every make, honest and crafted, and whether all judges agree on each: plain JavaScript one by one, which is
 * the rule; OpenSSL, which may be stricter; and the equation over many of them.
 */
import { createHash } from 'node:crypto';
import { Point, utils } from '@noble/ed25519';
import {
  concatBytes,
  findInvalidSignature,
  fromHex,
  nobleVerifier,
  type SignedBytes,
  sha256,
  u64be,
} from '../dist/index.js';
import { nodeVerifier } from '../dist/node/index.js';

const { n: order, p } = Point.CURVE();
const generator8 = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a');
const torsion = Array.from({ length: 8 }, (_, i) => generator8.multiplyUnsafe(BigInt(i)));
const toBytes = (n: bigint): Uint8Array => fromHex(n.toString(16).padStart(64, '0')).reverse();
const toNumber = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);

/** Other encodings of points of small order: y of p or more, and x = 0 with the sign bit. */
const oddEncodings = [1n, p, p + 1n, p - 1n].flatMap(y => [toBytes(y), toBytes(y + 2n ** 255n)]);

/** Draws that follow from a seed. */
class Draws {
  #i = 0;
  constructor(readonly seed: number) {}
  bytes(): Uint8Array {
    return sha256(u64be(this.seed), u64be(this.#i++));
  }
  below(n: number): number {
    return Number(toNumber(this.bytes().subarray(0, 6)) % BigInt(n));
  }
}

/** S = nonce + k scalar: valid where A is scalar × B and R is nonce × B, but for what is of small order. */
function signedBy(scalar: bigint, key: Uint8Array, nonce: bigint, R: Uint8Array, preimage: Uint8Array): SignedBytes {
  const k = toNumber(createHash('sha512').update(R).update(key).update(preimage).digest());
  return { signature: concatBytes(R, toBytes((nonce + k * scalar) % order)), preimage, key };
}

/** One case: mostly valid by the rule, with parts of small order or nothing else; else spoilt in one of several ways. */
function draw(draws: Draws): SignedBytes {
  const preimage = draws.bytes().subarray(0, draws.below(33));
  const small = (): Uint8Array => {
    const encodings = draws.below(2) === 0 ? torsion.map(point => point.toBytes()) : oddEncodings;
    return encodings[draws.below(encodings.length)]!;
  };
  const multiple = (n: bigint): Uint8Array =>
    Point.BASE.multiply(n)
      .add(torsion[draws.below(2) * draws.below(8)]!)
      .toBytes();
  const { scalar } = utils.getExtendedPublicKey(sha256(u64be(draws.below(50))));
  const nonce = toNumber(draws.bytes()) % order;
  const isSmallKey = draws.below(7) === 0;
  const isSmallR = draws.below(7) === 0;
  const given = signedBy(
    isSmallKey ? 0n : scalar,
    isSmallKey ? small() : multiple(scalar),
    isSmallR ? 0n : nonce,
    isSmallR ? small() : multiple(nonce),
    preimage,
  );
  const { signature } = given;
  switch (draws.below(40)) {
    case 0: {
      const spoilt = new Uint8Array(signature);
      spoilt[draws.below(64)]! ^= 1 << draws.below(8);
      return { ...given, signature: spoilt };
    }
    case 1:
      return { ...given, key: draws.bytes() };
    case 2:
      return { ...given, signature: concatBytes(draws.bytes(), signature.subarray(32)) };
    case 3: {
      const S = toNumber(signature.subarray(32)) + BigInt(1 + draws.below(15)) * order;
      return { ...given, signature: concatBytes(signature.subarray(0, 32), toBytes(S)) };
    }
    default:
      return given;
  }
}

/** What a run came to; `wrong`: the first case that not all judged alike. */
export interface Agreement {
  cases: number;
  accepted: number;
  acceptedByOpenSsl: number;
  wrong: number | null;
}

/** Judge so many cases, so many together. */
export function judgeCrafted(p: { seed: number; cases: number; together: number }): Agreement {
  const draws = new Draws(p.seed);
  const found: Agreement = { cases: 0, accepted: 0, acceptedByOpenSsl: 0, wrong: null };
  while (found.cases < p.cases) {
    const checks = Array.from({ length: p.together }, () => draw(draws));
    const refused: number[] = [];
    for (const [i, { signature, preimage, key }] of checks.entries()) {
      const accepts = nobleVerifier.verify(signature, preimage, key);
      const strict = nodeVerifier.verifyStrict(signature, preimage, key);
      if (strict && !accepts) return { ...found, wrong: found.cases + i };
      found.accepted += Number(accepts);
      found.acceptedByOpenSsl += Number(strict);
      if (!accepts) refused.push(i);
    }
    // Each call names the first; the next one goes on behind it.
    for (let start = 0; start < checks.length; ) {
      const at = findInvalidSignature(nobleVerifier, checks.slice(start));
      const expected = refused.shift();
      if ((at === undefined ? undefined : start + at) !== expected) return { ...found, wrong: found.cases + start };
      start = expected === undefined ? checks.length : expected + 1;
    }
    found.cases += checks.length;
  }
  return found;
}
