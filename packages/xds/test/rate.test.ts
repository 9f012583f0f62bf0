import { describe, expect, it } from '@jest/globals';
import { createRateLimiter, remoteRateKey } from '../dist/rate.js';

const limits = { perSecond: 2, burst: 3, totalPerSecond: 100, totalBurst: 100, maxKeys: 10 };
const taken = (limiter: ReturnType<typeof createRateLimiter>, key: string, at: number, tries: number) =>
  Array.from({ length: tries }, () => limiter.take(key, at)).filter(Boolean).length;

describe('createRateLimiter', () => {
  it('lets a burst through, then what is refilled', () => {
    const limiter = createRateLimiter(limits);
    expect(taken(limiter, 'a', 0, 10)).toBe(3);
    expect(taken(limiter, 'a', 499, 10)).toBe(0);
    expect(taken(limiter, 'a', 500, 10)).toBe(1);
    expect(taken(limiter, 'a', 60_000, 10)).toBe(3);
  });

  it('keeps keys apart', () => {
    const limiter = createRateLimiter(limits);
    expect(taken(limiter, 'a', 0, 10)).toBe(3);
    expect(taken(limiter, 'b', 0, 10)).toBe(3);
  });

  it('limits all together, however many keys one makes', () => {
    const limiter = createRateLimiter({ ...limits, totalBurst: 5, totalPerSecond: 1 });
    const passed = Array.from({ length: 100 }, (_, i) => limiter.take(`key ${i}`, 0)).filter(Boolean).length;
    expect(passed).toBe(5);
    expect(limiter.take('a', 1_000)).toBe(true);
    expect(limiter.take('b', 1_000)).toBe(false);
  });

  it('never holds more than maxKeys, and forgets the one that was idle longest', () => {
    const limiter = createRateLimiter({ ...limits, totalBurst: 1_000 });
    expect(taken(limiter, 'first', 0, 3)).toBe(3);
    expect(taken(limiter, 'kept', 0, 3)).toBe(3);
    for (let i = 0; i < 9; i++) {
      limiter.take(`key ${i}`, 1);
      limiter.take('kept', 1);
    }
    expect(limiter.keys()).toBe(10);
    expect(limiter.take('kept', 1)).toBe(false);
    expect(limiter.take('first', 1)).toBe(true);
  });

  it('refills nothing when its clock goes back', () => {
    const limiter = createRateLimiter(limits);
    expect(taken(limiter, 'a', 10_000, 10)).toBe(3);
    expect(taken(limiter, 'a', 0, 10)).toBe(0);
  });
});

describe('remoteRateKey', () => {
  it('counts IPv6 by its /64 in every spelling, and IPv4 whole', () => {
    expect(remoteRateKey('2001:db8:1:2:3:4:5:6')).toBe(remoteRateKey('2001:db8:1:2::9'));
    expect(remoteRateKey('2001:db8::1')).toBe(remoteRateKey('2001:db8:0:0::2'));
    expect(remoteRateKey('2001:db8:0:1::1')).not.toBe(remoteRateKey('2001:db8::1'));
    expect(remoteRateKey('192.0.2.1')).not.toBe(remoteRateKey('192.0.2.2'));
    expect(remoteRateKey('::ffff:192.0.2.1')).not.toBe(remoteRateKey('::ffff:192.0.2.2'));
  });
});
