/** A chain without keys that is fed by hand: blocks before their slot, and blocks of branches that final blocks ended. */
import { describe, expect, it } from '@jest/globals';
import { openChain } from '../../dist/chain.js';
import { MemoryStore } from '../../dist/store.js';
import { testRules, verifier } from '../testChain.js';
import { VirtualClock, World } from './world.js';

async function blocksOf(world: World, index: number): Promise<Uint8Array[]> {
  const blocks: Uint8Array[] = [];
  const { chain } = world.members[index]!;
  for await (const block of chain.blocksAfter([world.genesis.chainId], 128)) blocks.push(block);
  return blocks;
}

async function observer({ genesis }: World, clock: VirtualClock) {
  let syncs = 0;
  const silent = (): void => undefined;
  const chain = await openChain({
    store: new MemoryStore(),
    genesis,
    verifier,
    signers: [],
    clock,
    broadcast: { transaction: silent, block: silent, vote: silent },
    requestSync: () => syncs++,
    log: silent,
    rules: testRules,
  });
  chain.start();
  return { chain, syncs: () => syncs };
}

/** Timers of a real clock may fire a little before their time. */
class EarlyClock extends VirtualClock {
  override setTimeout(run: () => void, ms: number): () => void {
    return super.setTimeout(run, ms > 1 ? ms - 1 : ms);
  }
}

describe('a block of the next slot', () => {
  it('is judged when its slot begins, though the timer fires early', async () => {
    const world = await World.create(1);
    await world.slots(5);
    const blocks = await blocksOf(world, 0);
    const { genesisTimeMs, params } = world.genesis;
    const clock = new EarlyClock(genesisTimeMs + 3.5 * params.slotMs);
    const { chain } = await observer(world, clock);
    expect(await chain.importBlocks(blocks.slice(0, 3))).toBe('ok');
    const verdict = chain.receiveBlock(blocks[3]!);
    expect(await chain.receiveBlock(blocks[4]!)).toBe('ignore');
    expect(chain.status().height).toBe(3);
    await clock.advance(params.slotMs);
    expect(chain.status().height).toBe(4);
    expect(await verdict).toBe('accept');
  });
});

describe('a block of a branch that a final block ended', () => {
  it('asks nobody for anything', async () => {
    const world = await World.create(4);
    world.partition([0, 1, 2], [3]);
    await world.slots(12);
    const [good, stale] = [await blocksOf(world, 0), await blocksOf(world, 3)];
    const { chain, syncs } = await observer(world, new VirtualClock(world.clock.now()));
    expect(await chain.importBlocks(good)).toBe('ok');
    expect(chain.status().finalHeight).toBeGreaterThan(stale.length);
    const before = syncs();
    expect(stale.length).toBeGreaterThan(0);
    for (const block of stale) expect(await chain.receiveBlock(block)).toBe('ignore');
    expect(syncs()).toBe(before);
    expect(await chain.importBlocks(stale)).toBe('stop');
  });
});

describe('a long sync', () => {
  it('lets other work in between its blocks', async () => {
    const world = await World.create(1);
    await world.slots(40);
    const { chain } = await observer(world, new VirtualClock(world.clock.now()));
    const order: string[] = [];
    const sync = chain.importBlocks(await blocksOf(world, 0)).then(outcome => order.push(outcome));
    await chain.receiveVote(Uint8Array.of(1)).then(verdict => order.push(verdict));
    await sync;
    expect(order).toEqual(['reject', 'ok']);
    expect(chain.status().height).toBe(40);
  });
});
