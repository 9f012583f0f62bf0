/** A replaced member of the rules is what the whole node runs by: blocks, votes, recovery and verify. */
import { describe, expect, it } from '@jest/globals';
import { toHex } from '@radpass/core';
import { testRules } from '../testChain.js';
import { World } from './world.js';

describe('rules with another member', () => {
  it('an election decides who makes the blocks, after a restart too', async () => {
    const rules = {
      ...testRules,
      election: { selectLeader: (table: Parameters<typeof testRules.election.selectLeader>[0]) => table[0]! },
    };
    const world = await World.create(2, {}, { rules });
    await world.slots(6);
    await world.stop(0);
    await world.restart(0);
    await world.slots(4);
    const first = toHex(world.genesis.founders[0]!.sourceKey);
    const { chain, store } = world.members[0]!;
    for (let height = 1; height <= 10; height++) {
      expect(toHex((await chain.block(height))!.block.header.producer)).toBe(first);
    }
    expect((await world.verify(store)).firstBad).toBeUndefined();
    const byShipped = await world.verify(store, testRules);
    expect(byShipped.firstBad).toMatchObject({ code: 'LEDGER_BLOCK_LEADER' });
  });

  it('a quorum of everybody waits for everybody', async () => {
    const isQuorum = (weight: number, total: number): boolean => weight === total;
    const rules = { ...testRules, finality: { ...testRules.finality, isQuorum } };
    const world = await World.create(4, {}, { rules });
    await world.slots(4);
    const { chain } = world.members[0]!;
    expect(chain.status().finalHeight).toBe(3);
    await world.stop(3);
    await world.slots(12);
    expect(chain.status().height).toBeGreaterThan(6);
    expect(chain.status().finalHeight).toBeLessThanOrEqual(4);
  });
});
