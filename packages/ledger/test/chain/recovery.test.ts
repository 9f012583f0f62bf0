/** Half of the voters are gone for good: people name a block, and finality starts anew from it with those who are left. */
import { describe, expect, it } from '@jest/globals';
import { toHex } from '@radpass/core';
import type { Consensus } from '../../dist/consensus/index.js';
import { tinyParams } from '../../dist/consensus/params.js';
import type { StakePolicy } from '../../dist/consensus/stakePolicy.js';
import { withRecoveries } from '../../dist/restart.js';
import { MemoryStore } from '../../dist/store.js';
import { seedKey, testRules } from '../testChain.js';
import { type Member, World } from './world.js';

const period = tinyParams.slotsPerEpoch * tinyParams.eraEpochs;
const gone = [2, 3].map(i => seedKey(`source ${i}`).publicKey.join());

/** The network's own policy, but for sources 2 and 3, which it counts as asleep from epoch 3 on. */
const asleep: StakePolicy = input => {
  const awake = testRules.stake.open(input);
  const isAsleep = (i: number): boolean => input.epoch >= 3 && gone.includes(input.sources[i]!.sourceKey.join());
  return { ...awake, weights: awake.weights.map((weight, i) => (isAsleep(i) ? 0 : weight)) };
};
const rules: Consensus = { ...testRules, stake: { ...testRules.stake, open: asleep } };

async function stalledSince(slot: number): Promise<World> {
  const world = await World.create(4, {}, { rules });
  await world.slots(slot);
  await world.stop(2);
  await world.stop(3);
  await world.slots(period);
  return world;
}

const statusOf = ({ chain }: Member) => chain.status();
const alive = (world: World) => world.members.slice(0, 2);

/** All take the head of one of them; the others' blocks beyond it end. */
async function recover(world: World): Promise<void> {
  const [first] = alive(world) as [Member];
  world.recoveries = [await world.recoveryAt(first, 'two hospitals closed')];
  await world.slots(2);
  for (const { index } of alive(world)) await world.stop(index);
  for (const { index } of alive(world)) await world.restart(index);
}

async function expectRecovered(world: World, before: number): Promise<void> {
  const [named] = world.recoveries;
  for (const member of alive(world)) {
    const status = statusOf(member);
    expect(status.finalHeight).toBeGreaterThan(before);
    expect(status.headSlot - status.finalSlot).toBeLessThanOrEqual(6);
    const { block } = (await member.chain.block(status.finalHeight))!;
    expect(block.header.root.slot).toBeGreaterThanOrEqual(named!.slot);
    expect(await member.chain.block(named!.blockId)).toMatchObject({ grade: 'final' });
  }
  const [a, b] = alive(world) as [Member, Member];
  const height = Math.min(statusOf(a).finalHeight, statusOf(b).finalHeight);
  const ids = await Promise.all([a, b].map(async ({ chain }) => toHex((await chain.block(height))!.block.id)));
  expect(ids[0]).toBe(ids[1]);
  const report = await world.verify(a.store, withRecoveries(rules, [named!]));
  expect(report.firstBad).toBeUndefined();
  // Without the recovery the same folder is not a chain of the rules.
  expect((await world.verify(a.store)).firstBad).toMatchObject({
    code: expect.stringMatching(/^LEDGER_BLOCK_(ROOT|CERTIFICATE)$/),
  });
}

describe('a recovery checkpoint', () => {
  it.each([
    ['in the middle of an era', 10],
    ['just before an opening block', period - 1],
    ['just after an opening block', period],
    ['just after the era began', period + 2],
  ])('brings finality back when the stall began %s', async (_, slot) => {
    const world = await stalledSince(slot);
    const stalled = Math.max(...alive(world).map(member => statusOf(member).finalHeight));
    expect(stalled).toBeLessThanOrEqual(slot + 1);
    await recover(world);
    await world.slots(16);
    await expectRecovered(world, stalled + 6);
    for (const { signer } of alive(world)) {
      signer.votes.forEach((vote, i) => {
        const last = signer.votes[i - 1];
        if (!last) return;
        expect(vote.targetSlot).toBeGreaterThan(last.targetSlot);
        expect(vote.eraDepth * 1e6 + vote.sourceSlot).toBeGreaterThanOrEqual(last.eraDepth * 1e6 + last.sourceSlot);
      });
    }
  });

  it.each([tinyParams.slotsPerEpoch, tinyParams.slotsPerEpoch + 2])(
    'goes on into the next era when it names a block %i slots before that period',
    async early => {
      const world = await stalledSince(10);
      const [first] = alive(world) as [Member];
      // The tables stand still, so the one of the period's first epoch still counts who is gone.
      await world.slots(2 * period - early - statusOf(first).headSlot);
      await recover(world);
      await world.slots(period + 4);
      await expectRecovered(world, 14);
      for (const { chain } of alive(world)) {
        const { headSlot, finalSlot, finalHeight } = chain.status();
        expect(headSlot - finalSlot).toBeLessThanOrEqual(2);
        const { root } = (await chain.block(finalHeight))!.block.header;
        expect(root.slot).toBeGreaterThan(world.recoveries[0]!.slot);
      }
    },
  );

  it('lets a new node sync over it, survives restarts, and is refused where it contradicts what is final', async () => {
    const world = await stalledSince(10);
    await recover(world);
    await world.slots(8);
    await world.restart(3, new MemoryStore());
    await world.sync(3);
    expect(statusOf(world.members[3]!).finalHeight).toBeGreaterThanOrEqual(statusOf(world.members[0]!).finalHeight - 2);
    await world.stop(0);
    await world.restart(0);
    await world.slots(8);
    await expectRecovered(world, 14);
    await world.stop(1);
    const [named] = world.recoveries as [World['recoveries'][number]];
    world.recoveries = [{ ...named, slot: 3, blockId: new Uint8Array(32).fill(9) }];
    await expect(world.restart(1)).rejects.toMatchObject({ code: 'LEDGER_CHECKPOINT' });
  });

  it('is refused when it names other voters than the chain gives, and nothing is signed before its block is there', async () => {
    const world = await stalledSince(10);
    const [first, second] = alive(world) as [Member, Member];
    const named = await world.recoveryAt(first, 'closed');
    await world.stop(0);
    world.recoveries = [{ ...named, committeeRoot: new Uint8Array(32).fill(1) }];
    await expect(world.restart(0)).rejects.toMatchObject({ code: 'LEDGER_CHECKPOINT' });
    world.recoveries = [{ ...named, slot: named.slot + 100, blockId: new Uint8Array(32).fill(9) }];
    await world.restart(0);
    const signed = first.signer.votes.length + first.signer.blocks.length;
    await world.slots(6);
    expect(first.signer.votes.length + first.signer.blocks.length).toBe(signed);
    expect(second.signer.votes.length).toBeGreaterThan(0);
  });
});
