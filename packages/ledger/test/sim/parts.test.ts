import { describe, expect, it } from '@jest/globals';
import { parsePublicKey, sha256, utf8 } from '@radpass/core';
import { storeSuite } from '../../dist/compliance/storeSuite.js';
import { Histogram, Random, Schedule, SimDisk, SimSignatures } from '../../dist/sim/index.js';
import type { StoreWrite } from '../../dist/store.js';

describe('randomness from a seed', () => {
  it('is the same on every machine', () => {
    const random = new Random('seed 1');
    expect([random.next(), random.next(), random.next(), random.below(1_000)]).toEqual([
      1860490947, 924445609, 3607436765, 947,
    ]);
  });

  it('of a fork does not depend on what was drawn before', () => {
    const [fresh, used] = [new Random('a'), new Random('a')];
    for (let i = 0; i < 10; i++) used.next();
    expect(used.fork('b').next()).toBe(fresh.fork('b').next());
    expect(fresh.fork('b').next()).not.toBe(fresh.fork('c').next());
  });

  it('hits a chance as often as it says, and a range at both ends', () => {
    const random = new Random('often');
    const hits = Array.from({ length: 20_000 }, () => random.chance(250_000)).filter(Boolean).length;
    expect(Math.abs(hits - 5_000)).toBeLessThan(250);
    const drawn = new Set(Array.from({ length: 200 }, () => random.between(3, 6)));
    expect([...drawn].sort()).toEqual([3, 4, 5, 6]);
  });
});

describe('virtual time', () => {
  it('runs events by time, then by whom they concern and who caused them, whatever the order of asking', async () => {
    const schedule = new Schedule();
    const seen: string[] = [];
    const add = (inMs: number, to: number, from: number) =>
      schedule.addTimer({ inMs, to, from, run: () => seen.push(`${schedule.now}:${to}<${from}`) });
    add(5, 1, 2);
    add(5, 1, 0);
    add(5, 0, 3);
    add(2, 7, 7);
    const cancel = add(3, 0, 0);
    cancel();
    await schedule.run(10, () => undefined);
    expect(seen).toEqual(['2:7<7', '5:0<3', '5:1<0', '5:1<2']);
    expect(schedule.now).toBe(10);
  });

  it('lets promises settle between two milliseconds', async () => {
    const schedule = new Schedule();
    const seen: string[] = [];
    const slowly = async () => {
      for (let i = 0; i < 20; i++) await null;
      seen.push('settled');
    };
    schedule.add({ inMs: 1, to: 0, from: 0, run: () => void slowly() });
    schedule.add({ inMs: 2, to: 0, from: 0, run: () => seen.push('next') });
    await schedule.run(2, () => undefined);
    expect(seen).toEqual(['settled', 'next']);
  });
});

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const now = (_ms: number, run: () => void): void => run();

storeSuite(
  { describe, it: (name, body) => void it(name, body), expect: actual => expect(actual) },
  'SimDisk',
  async () => {
    const disk = new SimDisk({ random: new Random('suite'), delay: now, commitMs: 1 });
    // The disks of a world share values that nobody changes; a caller that does gets a copy here.
    const open = async () => {
      const store = disk.open();
      const copied = (writes: readonly StoreWrite[]) =>
        writes.map(([key, value]) => [key, value && new Uint8Array(value)] as const);
      return { ...store, commit: (writes: readonly StoreWrite[]) => store.commit(copied(writes)) };
    };
    return { open, remove: async () => undefined };
  },
);

describe('a disk that is stopped', () => {
  const writes = Array.from({ length: 6 }, (_, i) => [`A${i}`, bytes(i)] as const);

  it('has the batch under way wholly or not at all, and tells a torn one', async () => {
    const found = new Set<number>();
    let torn = 0;
    for (let seed = 0; seed < 60; seed++) {
      const disk = new SimDisk({ random: new Random(`${seed}`), delay: () => undefined, commitMs: 1 });
      void disk.open().commit(writes);
      disk.stop();
      const kept = writes.filter(([key]) => disk.open().get(key)).length;
      found.add(kept);
      torn += disk.torn;
    }
    expect([...found].sort()).toEqual([0, writes.length]);
    expect(torn).toBeGreaterThan(5);
  });

  it('answers nothing to the process that died', async () => {
    const disk = new SimDisk({ random: new Random('x'), delay: now, commitMs: 1 });
    const old = disk.open();
    disk.stop();
    let answered = false;
    void old.commit(writes).then(() => {
      answered = true;
    });
    await new Promise(resolve => setImmediate(resolve));
    expect([answered, disk.open().get('A0')]).toEqual([false, undefined]);
  });

  it('shows rot instead of returning it, until the record is written again', async () => {
    const disk = new SimDisk({ random: new Random('rot'), delay: now, commitMs: 0 });
    await disk.commit([['A0', bytes(1)]]);
    expect(disk.rot()).toBe('A');
    expect(() => disk.get('A0')).toThrow(/checksum/);
    await disk.commit([['A0', bytes(2)]]);
    expect(disk.get('A0')).toEqual(bytes(2));
  });
});

describe('signatures of the simulation', () => {
  const key = parsePublicKey(sha256(utf8('a node 2')));
  const other = parsePublicKey(sha256(utf8('another node')));
  const signatures = new SimSignatures();
  signatures.register(key, utf8('secret'));
  signatures.register(other, utf8('other secret'));
  const signature = signatures.sign(key, utf8('message'));

  it('hold for the message and the key alone', () => {
    expect(signatures.verify(signature, utf8('message'), key)).toBe(true);
    expect(signatures.verify(signature, utf8('massage'), key)).toBe(false);
    expect(signatures.verify(signature, utf8('message'), other)).toBe(false);
    expect(signatures.verify(signatures.sign(other, utf8('message')), utf8('message'), key)).toBe(false);
    for (let at = 0; at < 64; at += 7) {
      const bent = new Uint8Array(signature);
      bent[at]! ^= 1;
      expect(signatures.verify(bent, utf8('message'), key)).toBe(false);
    }
  });
});

describe('a histogram', () => {
  it('gives the value that a share of the samples does not exceed', () => {
    const histogram = new Histogram();
    for (let i = 1; i <= 100; i++) histogram.add(i * 10);
    expect([0.01, 0.5, 0.95, 1].map(share => histogram.quantile(share))).toEqual([10, 500, 950, 1_000]);
    expect(new Histogram().quantile(0.5)).toBe(0);
  });
});
