import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, fromHex, SecretKey, toHex, utf8 } from '@radpass/core';
import { dataDir, needs } from '../../../../tools/needs.mjs';
import { vrfOutput, vrfProve, vrfVerify } from '../../dist/consensus/vrf.js';

const seed = new Uint8Array(32).fill(7);
const publicKey = SecretKey.fromSeed(seed).publicKey;
const alpha = utf8('a slot');

interface Example {
  suite: string;
  SK: string;
  PK: string;
  alpha: string;
  pi: string;
  beta: string;
}

needs('vectors', describe)('ECVRF vectors of RFC 9381, appendix B.3', () => {
  it('give the proof, output and verdict of the RFC, all three', () => {
    const all: Example[] = JSON.parse(readFileSync(join(dataDir, 'vectors/rfc9381/ecvrf.json'), 'utf8'));
    const ours = all.filter(({ suite }) => suite === 'ECVRF-EDWARDS25519-SHA512-TAI');
    expect(ours).toHaveLength(3);
    for (const { SK, PK, alpha: given, pi, beta } of ours) {
      const message = fromHex(given);
      expect(toHex(vrfProve(fromHex(SK), message))).toBe(pi);
      expect(toHex(vrfVerify(fromHex(PK), message, fromHex(pi)) ?? new Uint8Array())).toBe(beta);
    }
  });
});

describe('vrfVerify', () => {
  const proof = vrfProve(seed, alpha);

  it('gives the output that the proof alone commits to', () => {
    expect(vrfVerify(publicKey, alpha, proof)).toEqual(vrfOutput(proof));
    expect(vrfVerify(publicKey, alpha, proof)).toHaveLength(64);
  });
  it('refuses another alpha, another key, and a key that is no point', () => {
    expect(vrfVerify(publicKey, utf8('another slot'), proof)).toBeNull();
    expect(vrfVerify(SecretKey.fromSeed(new Uint8Array(32).fill(8)).publicKey, alpha, proof)).toBeNull();
    expect(vrfVerify(new Uint8Array(32).fill(2), alpha, proof)).toBeNull();
  });
  it('refuses a change of any of the 80 bytes', () => {
    for (let at = 0; at < 80; at += 3) {
      const changed = Uint8Array.from(proof);
      changed[at]! ^= 0x10;
      expect(vrfVerify(publicKey, alpha, changed)).toBeNull();
    }
  });
  it('refuses the same s written as s + q: no second proof of one output', () => {
    const q = 2n ** 252n + 27742317777372353535851937790883648493n;
    let s = proof.slice(48).reduceRight((n, byte) => (n << 8n) | BigInt(byte), 0n) + q;
    const other = Uint8Array.from(proof);
    for (let at = 48; at < 80; at++, s >>= 8n) other[at] = Number(s & 0xffn);
    expect(s).toBe(0n);
    expect(vrfVerify(publicKey, alpha, other)).toBeNull();
  });
  it('refuses a key of small order, which would prove anything', () => {
    const identity = new Uint8Array(32);
    identity[0] = 1;
    expect(vrfVerify(identity, alpha, proof)).toBeNull();
  });
  it("accepts a Gamma with a part of small order where c is a multiple of 8, as the RFC's equations have it", () => {
    const { Point } = ed25519;
    const small = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a');
    const numberOf = (bytes: Uint8Array): bigint => bytes.reduceRight((n, byte) => (n << 8n) | BigInt(byte), 0n);
    const bytesOf = (n: bigint): Uint8Array =>
      Uint8Array.from({ length: 32 }, (_, i) => Number((n >> BigInt(8 * i)) & 255n));
    const { scalar } = ed25519.utils.getExtendedPublicKey(seed);
    const gamma = Point.fromBytes(proof.slice(0, 32)).add(small).toBytes();
    // From u = k B and v = k H: H = Gamma / x.
    const h = Point.fromBytes(proof.slice(0, 32)).multiply(Point.Fn.inv(scalar));
    let multiples = 0;
    for (let k = 1n; k < 40n; k++) {
      const points = [publicKey, h.toBytes(), gamma, Point.BASE.multiply(k).toBytes(), h.multiply(k).toBytes()];
      const c = sha512(concatBytes(Uint8Array.of(3, 2), ...points, Uint8Array.of(0))).slice(0, 16);
      const s = (k + numberOf(c) * scalar) % Point.Fn.ORDER;
      const output = vrfVerify(publicKey, alpha, concatBytes(gamma, c, bytesOf(s)));
      const isMultiple = c[0]! % 8 === 0;
      expect([k, output]).toEqual([k, isMultiple ? vrfOutput(proof) : null]);
      multiples += Number(isMultiple);
    }
    expect(multiples).toBeGreaterThan(0);
  });
  it('refuses wrong lengths', () => {
    expect(vrfVerify(publicKey, alpha, proof.slice(0, 79))).toBeNull();
    expect(vrfVerify(publicKey.slice(0, 31), alpha, proof)).toBeNull();
  });
});
