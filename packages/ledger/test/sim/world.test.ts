import { describe, expect, it } from '@jest/globals';
import { nodeVerifier, sha256Node } from '@radpass/core/node';
import { tinyParams } from '../../dist/consensus/params.js';
import { runScenario, type Scenario, SimDisk, scenarios, World, type WorldPlan } from '../../dist/sim/index.js';
import type { StoreWrite } from '../../dist/store.js';

const platform = { verifier: nodeVerifier, hash: sha256Node };
const plan: WorldPlan = {
  ...platform,
  seed: 'test',
  members: Array.from({ length: 4 }, () => ({ weight: 30 })),
  params: tinyParams,
  conditions: { latencyMs: 50, jitter: 0.5, loss: 0, duplicates: 0, grainMs: 1 },
  diskMs: 2,
};
const named = (name: string): Scenario => scenarios.get(name)!;

describe('a world', () => {
  it('plays the same way again for the same seed, and another way for another', async () => {
    const play = (seed: number, shareWork = true) =>
      runScenario(named('faults'), { ...platform, shareWork, seeds: [seed, seed], options: { slots: 8 } });
    const [first, again, alone, other] = [await play(3), await play(3), await play(3, false), await play(4)];
    expect(again).toEqual(first);
    // Judging everything at every node changes nothing but the time that it takes.
    expect(alone).toEqual(first);
    expect(other.traceHash).not.toBe(first.traceHash);
    expect(first.violations).toEqual([]);
  });

  it('goes on when a block hands over to the next era while the head is on another branch', async () => {
    const { violations, figures } = await runScenario(named('faults'), {
      ...platform,
      seeds: [17, 17],
      options: { slots: 52 },
    });
    expect(violations).toEqual([]);
    expect(figures.numbers.handOvers).toBeGreaterThan(0);
  });

  it('asks another peer when an answer to a sync takes too long', async () => {
    const world = new World(plan);
    const late = world.nodes[3]!;
    world.startAll([3]);
    await world.runSlots(4);
    world.network.conditions = { ...world.usual, latencyMs: 600_000 };
    world.start(late);
    await world.runMs(100);
    late.sync();
    world.network.conditions = world.usual;
    const slots = 12_000 / world.slotMs;
    await world.runSlots(slots + 1);
    expect(world.hasOneHead(world.honest)).toBe(true);
    expect(world.invariants.violations).toEqual([]);
  });

  it('passes on what a node was shown alone, and only what it accepts', async () => {
    const world = new World(plan);
    const shown = async (bytes: Uint8Array) => {
      world.network.send(0, 1, { topic: 'transaction', bytes });
      await world.runMs(1_000);
      return world.network.relayed;
    };
    world.startAll();
    await world.runSlots(2);
    expect(await shown(Uint8Array.of(1, 2, 3))).toBe(0);
    const study = world.traffic.study(0, 1, world.schedule.now);
    expect(await shown(study)).toBe(2);
    const [id] = world.traffic.idsOf([study]);
    for (const { chain } of world.nodes.slice(1)) expect(await chain!.transaction(id!)).not.toBeNull();
  });

  it('without faults makes every block final soon and leaves none', async () => {
    const { violations, figures } = await runScenario(named('healthy'), {
      ...platform,
      seeds: [1, 1],
      options: { nodes: 4, slots: 16 },
    });
    expect(violations).toEqual([]);
    expect(figures.finalityMs.p95).toBeLessThan(5_000);
    expect(figures.numbers).toMatchObject({ missedSlots: 0, 'transactions acknowledged': 6 });
  });

  it('whose processes die loses nothing that was acknowledged', async () => {
    const { violations, figures } = await runScenario(named('crash'), {
      ...platform,
      seeds: [2, 2],
      options: { slots: 16 },
    });
    expect(violations).toEqual([]);
    expect(figures.numbers.crashes).toBeGreaterThan(5);
    expect(figures.numbers.finalBlocks).toBeGreaterThan(5);
  });
});

/** Says that a batch is durable when it is not. */
class HastyDisk extends SimDisk {
  override commit(writes: readonly StoreWrite[]): Promise<void> {
    void super.commit(writes);
    return Promise.resolve();
  }
}

describe('what is wrong in a world is seen', () => {
  async function stopped(over: Partial<WorldPlan>): Promise<string[]> {
    const world = new World({ ...plan, diskMs: 30, ...over });
    world.startAll();
    await world.runSlots(3);
    for (let i = 0; i < 12; i++) {
      const node = world.nodes[i % 4]!;
      world.submit(node, world.traffic.study(i % 4, i, world.schedule.now));
      await world.runMs(10);
      world.kill(node);
      world.start(node);
      await world.runSlots(2);
    }
    return world.invariants.violations.map(({ rule }) => rule);
  }

  it('an acknowledgement before the write is durable', async () => {
    expect(await stopped({})).toEqual([]);
    expect(await stopped({ makeDisk: init => new HastyDisk(init) })).not.toEqual([]);
  });

  it('a signing record that is older than what the chain shows: the node stays down', async () => {
    const world = new World(plan);
    world.startAll();
    await world.runSlots(6);
    const node = world.nodes[1]!;
    world.kill(node);
    node.p.signers[0]!.restore({ blockSlot: 0, eraDepth: 0, sourceSlot: 0, targetSlot: 0 });
    world.start(node);
    await world.runSlots(4);
    expect([node.isUp, world.counts.get('not-opened')]).toEqual([false, 1]);
    expect(world.trace.lines.some(line => line.includes('LEDGER_SIGNING_RECORD_OLD'))).toBe(true);
    expect(world.invariants.violations).toEqual([]);
  });

  it('a key that signs twice, or a vote around another', () => {
    const { invariants, genesis } = new World(plan);
    const { nodeKey } = genesis.founders[0]!;
    const id = (n: number) => new Uint8Array(32).fill(n);
    const vote = (sourceSlot: number, targetSlot: number, n = 1) => ({
      rootId: genesis.chainId,
      sourceSlot,
      sourceId: id(1),
      targetSlot,
      targetId: id(n),
    });
    invariants.block(nodeKey, 4, id(1));
    invariants.block(nodeKey, 4, id(1));
    invariants.vote(nodeKey, vote(3, 4), 0);
    invariants.vote(nodeKey, vote(3, 4), 0);
    expect(invariants.violations).toEqual([]);
    invariants.block(nodeKey, 4, id(2));
    invariants.vote(nodeKey, vote(3, 4, 2), 0);
    invariants.vote(nodeKey, vote(2, 5), 0);
    expect(invariants.violations.map(({ rule }) => rule)).toEqual(['double block', 'double vote', 'surround vote']);
  });
});
