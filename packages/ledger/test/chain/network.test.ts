import { describe, expect, it } from '@jest/globals';
import { toHex } from '@radpass/core';
import { parseCertificate } from '../../dist/consensus/votes.js';
import { MemoryStore } from '../../dist/store.js';
import { testContent } from '../testChain.js';
import { World } from './world.js';

const ids = (world: World) => world.members.map(({ chain }) => toHex(chain.status().headId));
const finals = (world: World) => world.members.map(({ chain }) => chain.status().finalHeight);

/** Every final block of every member is the same at the same height. */
async function expectOneFinalChain(world: World): Promise<void> {
  const lowest = Math.min(...finals(world));
  for (let height = 1; height <= lowest; height++) {
    const found = await Promise.all(world.members.map(({ chain }) => chain.block(height)));
    expect(new Set(found.map(entry => toHex(entry!.block.id))).size).toBe(1);
  }
}

/** No member signed two blocks of a slot, two votes for a slot, or a vote around another. */
function expectHonest(world: World): void {
  for (const { signer } of world.members) {
    expect(new Set(signer.blocks.map(block => block.slot)).size).toBe(signer.blocks.length);
    signer.votes.forEach((vote, i) => {
      const before = signer.votes[i - 1];
      if (!before) return;
      expect(vote.targetSlot).toBeGreaterThan(before.targetSlot);
      expect(vote.eraDepth).toBeGreaterThanOrEqual(before.eraDepth);
      if (vote.eraDepth === before.eraDepth) expect(vote.sourceSlot).toBeGreaterThanOrEqual(before.sourceSlot);
    });
  }
}

describe('a network of one source', () => {
  it('makes a block each slot and finalises it in the next', async () => {
    const world = await World.create(1);
    await world.slots(10);
    const status = world.members[0]!.chain.status();
    expect(status.height).toBe(10);
    expect(status.finalHeight).toBe(9);
    expect(status.finalAgeMs).toBeLessThan(1_500);
  });

  it('comes to the same chain each time', async () => {
    const heads = [];
    for (let run = 0; run < 2; run++) {
      const world = await World.create(1);
      await world.slots(4);
      heads.push(ids(world)[0]);
    }
    expect(heads[0]).toBe(heads[1]);
  });
});

describe('a network of four sources', () => {
  it('agrees on head and final block', async () => {
    const world = await World.create(4);
    await world.slots(10);
    expect(new Set(ids(world)).size).toBe(1);
    expect(Math.min(...finals(world))).toBe(9);
    expectHonest(world);
    await expectOneFinalChain(world);
  });

  it('one told certificate brings up a node that missed the votes, before any block carries them', async () => {
    const world = await World.create(4);
    await world.slots(4);
    const told: number[] = [];
    let isFirst = true;
    // The fourth hears none of the others' votes, and of certificates the first of each slot alone.
    world.loses = (topic, bytes, to) => {
      if (topic !== 'vote' || to !== 3) return false;
      if (bytes[0] !== 0x93 || !isFirst) return true;
      isFirst = false;
      told.push(parseCertificate(bytes).message.targetSlot);
      return false;
    };
    for (let slot = 5; slot <= 10; slot++) {
      isFirst = true;
      await world.slots(1);
      expect(world.members.map(({ chain }) => chain.status().finalSlot)).toEqual(
        [slot, slot, slot, slot].map(at => at - 1),
      );
    }
    expect(told).toEqual([5, 6, 7, 8, 9, 10]);
    world.loses = (topic, _, to) => topic === 'vote' && to === 3;
    await world.slots(1);
    // Without it, what the block of the slot carries is all that the fourth knows.
    expect(world.members.map(({ chain }) => chain.status().finalSlot)).toEqual([10, 10, 10, 9]);
    expectHonest(world);
  });

  it('finalises nothing while it is split in halves, and goes on as one when they meet', async () => {
    const world = await World.create(4);
    await world.slots(6);
    const before = Math.max(...finals(world));
    world.partition([0, 1], [2, 3]);
    await world.slots(14);
    expect(Math.max(...finals(world))).toBeLessThanOrEqual(before + 1);
    world.heal();
    await world.slots(10);
    for (const { index } of world.members) await world.sync(index);
    await world.slots(10);
    expect(new Set(ids(world)).size).toBe(1);
    expect(Math.min(...finals(world))).toBeGreaterThan(before + 6);
    expectHonest(world);
    await expectOneFinalChain(world);
  });

  it('goes on with three, and takes the fourth back by a sync', async () => {
    const world = await World.create(4);
    await world.slots(4);
    world.partition([0, 1, 2], [3]);
    await world.slots(20);
    const { finalHeight } = world.members[0]!.chain.status();
    expect(finalHeight).toBeGreaterThan(5);
    world.heal();
    await world.sync(3);
    expect(world.members[3]!.chain.status().finalHeight).toBeGreaterThanOrEqual(finalHeight - 1);
    await world.slots(6);
    expect(new Set(ids(world)).size).toBe(1);
    expectHonest(world);
    await expectOneFinalChain(world);
  });

  it('resumes finality after two of four were stopped and came back', async () => {
    const world = await World.create(4);
    await world.slots(4);
    await world.stop(2);
    await world.stop(3);
    await world.slots(16);
    const stalled = Math.max(...finals(world));
    expect(stalled).toBeLessThanOrEqual(5);
    await world.restart(2);
    await world.restart(3);
    await world.sync(2);
    await world.sync(3);
    await world.slots(8);
    expect(Math.min(...finals(world))).toBeGreaterThan(stalled + 4);
    expectHonest(world);
    await expectOneFinalChain(world);
  });
});

describe('a node without any block', () => {
  it('catches up from genesis, more than a batch at a time', async () => {
    // A founder without weight only watches.
    const world = await World.create(2, {
      founders: [...testContent(2).founders].map((f, i) => ({ ...f, weight: i === 0 ? 30 : 0 })),
    });
    await world.stop(1);
    await world.slots(140);
    await world.restart(1, new MemoryStore());
    await world.sync(1);
    const [ahead, behind] = world.members.map(({ chain }) => chain.status());
    expect(behind!.height).toBe(ahead!.height);
    expect(behind!.finalHeight).toBeGreaterThanOrEqual(ahead!.finalHeight - 1);
  });
});
