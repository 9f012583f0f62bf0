/** Networks in virtual time that cross eras, with tiny periods of 24 slots. */
import { describe, expect, it } from '@jest/globals';
import { toHex } from '@radpass/core';
import { eraOf } from '../../dist/consensus/chainTables.js';
import { tinyParams } from '../../dist/consensus/params.js';
import { MemoryStore } from '../../dist/store.js';
import { World } from './world.js';

const period = tinyParams.slotsPerEpoch * tinyParams.eraEpochs;

const headers = async (world: World, index = 0) => {
  const { chain } = world.members[index]!;
  const { height } = chain.status();
  const blocks = await Promise.all(Array.from({ length: height }, (_, i) => chain.block(i + 1)));
  return blocks.map(entry => entry!.block.header);
};
const finals = (world: World) => world.members.map(({ chain }) => chain.status().finalHeight);
const roots = async (world: World) => [...new Set((await headers(world)).map(header => header.root.slot))];

/** No member voted around what it had said, and all final blocks agree and verify. */
async function expectSound(world: World): Promise<void> {
  for (const { signer } of world.members) {
    signer.votes.forEach((vote, i) => {
      const before = signer.votes[i - 1];
      if (!before) return;
      expect(vote.targetSlot).toBeGreaterThan(before.targetSlot);
      expect(vote.eraDepth * 1e6 + vote.sourceSlot).toBeGreaterThanOrEqual(before.eraDepth * 1e6 + before.sourceSlot);
    });
  }
  const lowest = Math.min(...finals(world));
  for (let height = 1; height <= lowest; height++) {
    const found = await Promise.all(world.members.map(({ chain }) => chain.block(height)));
    expect(new Set(found.map(entry => toHex(entry!.block.id))).size).toBe(1);
  }
  const { store } = world.members[0]!;
  expect((await world.verify(store)).firstBad).toBeUndefined();
}

describe('four sources over three periods', () => {
  it('hand over twice without losing a slot of finality but one, while stake moves', async () => {
    const world = await World.create(4);
    for (let slot = 0; slot < 2 * period + 6; slot++) {
      if (slot % 3 === 1) {
        const bytes = world.study(slot % 2, `study ${slot}`);
        await world.members[0]!.chain.submitTransaction(bytes);
      }
      await world.slots(1);
    }
    expect(await roots(world)).toEqual([0, period, 2 * period]);
    for (const { chain } of world.members) {
      const status = chain.status();
      expect(status.headSlot - status.finalSlot).toBeLessThanOrEqual(2);
    }
    const committees = new Set((await headers(world)).map(header => toHex(header.committeeRoot)));
    expect(committees.size).toBe(3);
    await expectSound(world);
  });
});

describe('a stall', () => {
  const stallFrom = async (slot: number) => {
    const world = await World.create(4);
    await world.slots(slot);
    await world.stop(2);
    await world.stop(3);
    await world.slots(20);
    const stalled = Math.max(...finals(world));
    expect(stalled).toBeLessThanOrEqual(slot + 1);
    await world.restart(2);
    await world.restart(3);
    await world.sync(2);
    await world.sync(3);
    await world.slots(12);
    expect(Math.min(...finals(world))).toBeGreaterThan(stalled + 6);
    await expectSound(world);
    return world;
  };

  it('that begins just before the opening block is over when the voters are back', async () => {
    const world = await stallFrom(period - 1);
    // The first block of the period opens; as long as the others are gone it seats nobody.
    const [, root] = await roots(world);
    expect(root).toBeGreaterThanOrEqual(period);
    expect(root).toBeLessThan(period + 20);
  });

  it('that begins just after the opening block is over when the voters are back', async () => {
    const world = await stallFrom(period);
    expect(await roots(world)).toEqual([0, period]);
  });
});

describe('a node that was away', () => {
  it('restarts in the middle of a hand-over and goes on', async () => {
    const world = await World.create(4);
    for (let slot = 1; slot <= period + 5; slot++) {
      await world.slots(1);
      if (slot < period - 1) continue;
      await world.stop(0);
      await world.restart(0);
    }
    await world.slots(3);
    expect(await roots(world)).toEqual([0, period]);
    expect(Math.min(...finals(world))).toBeGreaterThanOrEqual(period + 5);
    await expectSound(world);
  });

  it('syncs across eras from nothing, and votes in the one that stands', async () => {
    const world = await World.create(4);
    await world.stop(3);
    await world.slots(2 * period + 8);
    await world.restart(3, new MemoryStore());
    await world.sync(3);
    const { chain, signer, store } = world.members[3]!;
    expect(chain.status().finalHeight).toBeGreaterThan(period);
    await world.slots(6);
    expect(signer.votes.at(-1)!.eraDepth).toBe(2);
    expect(eraOf(store)).toMatchObject({ opening: null });
    await expectSound(world);
  });

  it('sees an era through when one of four never hears single votes, only blocks and certificates', async () => {
    const world = await World.create(4);
    const { chain } = world.members[3]!;
    const receive = chain.receiveVote.bind(chain);
    world.members[3]!.chain = { ...chain, receiveVote: async bytes => (bytes[0] === 0x94 ? 'ignore' : receive(bytes)) };
    await world.slots(period + 8);
    const status = world.members[3]!.chain.status();
    expect(status.headSlot - status.finalSlot).toBeLessThanOrEqual(1);
    await expectSound(world);
  });
});
