import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { chooseSeq, findStamp, SecretKey, stampBits, u64be, utf8 } from '../dist/index.js';

const registration = {
  chainId: new Uint8Array(32).fill(7),
  sourceKey: SecretKey.fromSeed(new Uint8Array(32).fill(1)).publicKey,
  seq: 1_790_000_040_000,
};

function search(bits: number): { stamp: number; reports: number[] } {
  const reports: number[] = [];
  const steps = findStamp({ ...registration, bits });
  for (;;) {
    const { value, done } = steps.next();
    if (done) return { stamp: value, reports };
    reports.push(value);
  }
}

describe('findStamp', () => {
  it('returns the smallest stamp with so many zero bits', () => {
    const { stamp } = search(9);
    expect(stampBits({ ...registration, stamp })).toBeGreaterThanOrEqual(9);
    for (let smaller = 1; smaller < stamp; smaller++) {
      expect(stampBits({ ...registration, stamp: smaller })).toBeLessThan(9);
    }
    expect(search(0).stamp).toBe(1);
  });

  it('reports after every 16,384 tries', () => {
    const { stamp, reports } = search(15);
    expect(reports).toEqual(Array.from({ length: Math.floor((stamp - 1) / 16384) }, (_, i) => (i + 1) * 16384));
  });
});

describe('stampBits', () => {
  it('counts the zero bits that lead the tagged hash', () => {
    for (let stamp = 0; stamp < 300; stamp++) {
      const digest = createHash('sha256')
        .update(utf8('radpass/stamp/1\0'))
        .update(registration.chainId)
        .update(registration.sourceKey)
        .update(u64be(registration.seq))
        .update(u64be(stamp))
        .digest();
      const bits = [...digest].map(byte => byte.toString(2).padStart(8, '0')).join('');
      expect(stampBits({ ...registration, stamp })).toBe(bits.indexOf('1'));
    }
  });
});

describe('chooseSeq', () => {
  it('is the minute, or one more than what stands', () => {
    expect(chooseSeq(1_790_000_059_999)).toBe(1_790_000_040_000);
    expect(chooseSeq(1_790_000_059_999, 5, 1_790_000_039_999)).toBe(1_790_000_040_000);
    expect(chooseSeq(1_790_000_059_999, 1_790_000_040_000, 3)).toBe(1_790_000_040_001);
  });
});
