import { beforeEach, describe, expect, it } from '@jest/globals';
import { SecretKey, sha256, utf8 } from '@radpass/core';
import { OwnClock } from '../dist/ownClock.js';
import { buildFirstBlock } from './firstBlock.js';

const slotMs = 4_000;
const key = (name: string) => SecretKey.fromSeed(sha256(utf8(name)));
let [now, ticks] = [0, 0];
let clock: OwnClock;
let signed: string[];
let logged: string[];
const { genesis, block } = buildFirstBlock(key, slotMs);
const slotStart = genesis.genesisTimeMs + block.header.slot * slotMs;

const begin = (): void => {
  signed = [];
  logged = [];
  clock = new OwnClock({ genesis, now: () => now, monotonic: () => ticks, log: event => logged.push(event) });
};
/** The code of the refusal, or 'signed'. */
async function sign(): Promise<string> {
  const guarded = clock.guard({
    nodeKey: key('node 0').publicKey,
    marks: { blockSlot: 0, eraDepth: 0, sourceSlot: 0, targetSlot: 0 },
    vrfProve: () => new Uint8Array(80),
    signBlock: async slot => {
      signed.push(`block ${slot}`);
      return new Uint8Array(64);
    },
    signVote: async () => new Uint8Array(64),
    close: async () => {},
  });
  try {
    await guarded.signBlock(7, new Uint8Array(32));
    return 'signed';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

beforeEach(() => {
  [now, ticks] = [slotStart + 500, 1_000];
  begin();
});

describe('before the clock was compared', () => {
  it('nothing is signed', async () => {
    expect(await sign()).toBe('NODE_CLOCK_UNCOMPARED');
    expect(signed).toEqual([]);
    expect(clock.doubt()).toBeNull();
  });
  it("a block on time, or a peer's head about this slot, is a comparison", async () => {
    clock.heard(block.bytes);
    expect(await sign()).toBe('signed');
    begin();
    clock.compareWith(() => [block.header.slot - 900, block.header.slot - 1]);
    expect(await sign()).toBe('signed');
  });
  it('heads far from the own slot decide nothing, and after two slots somebody has to begin', async () => {
    clock.compareWith(() => [block.header.slot - 900, block.header.slot - 800]);
    expect(await sign()).toBe('NODE_CLOCK_UNCOMPARED');
    ticks += 2 * slotMs - 1;
    expect(await sign()).toBe('NODE_CLOCK_UNCOMPARED');
    ticks += 1;
    expect(await sign()).toBe('signed');
    expect(clock.doubt()).toBeNull();
  });
});

describe('a clock that runs ahead', () => {
  it('is doubted at the first block, whatever the wait, and trusted again by one on time', async () => {
    now = slotStart + 3_600_000;
    ticks += 60_000;
    clock.heard(block.bytes);
    expect(await sign()).toBe('NODE_CLOCK');
    expect(clock.doubt()).toMatchObject({ side: 'ahead', byMs: 3_600_000 });
    now = slotStart + 100;
    clock.heard(block.bytes);
    expect(await sign()).toBe('signed');
    expect(logged).toEqual(['clock-doubted', 'clock-trusted']);
  });
  it('is not doubted for one late block once it was confirmed', async () => {
    clock.heard(block.bytes);
    now = slotStart + 3_600_000;
    clock.heard(block.bytes);
    expect(await sign()).toBe('signed');
  });
});

describe('a clock that lags', () => {
  const headsAhead = (...slots: number[]) => clock.compareWith(() => slots.map(slot => block.header.slot + slot));
  it('is told when more than half of the peers are far ahead', () => {
    headsAhead(8, 8, 0);
    expect(clock.doubt()).toMatchObject({ side: 'behind', byMs: 8 * slotMs - 500 });
    expect(clock.doubt()?.sentence).toBe("this machine's clock is about 32 s behind the network's: set it right");
  });
  it('is not when half or fewer are, or by little', () => {
    headsAhead(8, 0);
    expect(clock.doubt()).toBeNull();
    headsAhead(7, 7, 7);
    expect(clock.doubt()).toBeNull();
    headsAhead();
    expect(clock.doubt()).toBeNull();
  });
});
