/** Signatures of votes leave the store once evidence is over; who joins later checks what stays. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { toHex } from '@radpass/core';
import { type Block, parseBlock, parseKeptBlock } from '../../dist/block.js';
import { tinyParams } from '../../dist/consensus/params.js';
import { keepsWitness, readKeptBlock } from '../../dist/keptBlocks.js';
import { heightRecord } from '../../dist/records.js';
import { openBranches } from '../../dist/recovery.js';
import { MemoryStore } from '../../dist/store.js';
import { storeKeys } from '../../dist/storeKeys.js';
import { verifier } from '../testChain.js';
import { World } from './world.js';

const windowSlots = 64;
let world: World;
let store: MemoryStore;
let blocks: Block[];

function finalBlocks(of: MemoryStore): Block[] {
  const found: Block[] = [];
  for (let height = 1; ; height++) {
    const stored = of.get(storeKeys.height(height));
    if (!stored) return found;
    found.push(readKeptBlock(key => of.get(key), heightRecord.decode(stored).id)!);
  }
}

const mustBeWhole = (block: Block, i: number, all: readonly Block[]): boolean =>
  block.header.slot + windowSlots >= all.at(-1)!.header.slot ||
  keepsWitness(block.header, all[i - 1]?.header ?? null, tinyParams);

beforeAll(async () => {
  world = await World.create(2);
  await world.slots(windowSlots + 34);
  store = world.members[0]!.store as MemoryStore;
  blocks = finalBlocks(store);
}, 60_000);

describe('the votes in final blocks', () => {
  it('lose their signatures 64 slots below the newest final block, but for one block an epoch and each hand-over', () => {
    const expected = blocks.map(mustBeWhole);
    // The first block carries no votes.
    expect(blocks.slice(1).map(({ pruned }) => !pruned)).toEqual(expected.slice(1));
    const old = blocks.filter(({ pruned }) => pruned);
    expect(old.length).toBeGreaterThan(20);
    for (const { bytes, header } of old) {
      expect(() => parseBlock(bytes)).toThrow(`the header says a body of ${header.bodySize} bytes`);
      expect(toHex(parseKeptBlock(bytes).id)).toMatch(/^[0-9a-f]{64}$/);
    }
    const handsOver = blocks.filter(({ header }, i) => i > 0 && header.root.slot !== blocks[i - 1]!.header.root.slot);
    expect(handsOver.length).toBeGreaterThan(2);
    expect(handsOver.every(({ pruned }) => !pruned)).toBe(true);
  });

  it('are the same on every node, and the folder passes verify and the audit', async () => {
    for (const { index } of world.members) {
      const other = finalBlocks(world.members[index]!.store as MemoryStore);
      expect(other.slice(0, 40).map(({ bytes }) => toHex(bytes))).toEqual(blocks.slice(0, 40).map(b => toHex(b.bytes)));
    }
    expect((await world.verify(store)).firstBad).toBeUndefined();
    expect((await world.audit(store)).length).toBeGreaterThan(5);
  });

  it.each([
    [
      'one that is kept for ever',
      (block: Block, i: number) =>
        block.header.height > 10 && keepsWitness(block.header, blocks[i - 1]!.header, tinyParams),
    ],
    ['a young one', (block: Block) => block.header.height === blocks.length - 3],
  ])('are found missing where they must be there: %s', async (_, pick) => {
    const bad = store.copy();
    const victim = blocks.find(pick)!;
    await bad.commit([[storeKeys.witness(victim.id), null]]);
    expect((await world.verify(bad)).firstBad).toMatchObject({
      height: victim.header.height,
      id: toHex(victim.id),
      code: 'LEDGER_STORE_DAMAGED',
    });
    const { healed } = await openBranches({ store: bad, genesis: world.genesis, verifier });
    expect(healed?.message).toContain(`the signatures of the votes in block ${victim.header.height} are missing`);
  });

  it('are not the same votes when a signature in a kept witness is another', async () => {
    const bad = store.copy();
    const victim = blocks.find((block, i) => i > 10 && keepsWitness(block.header, blocks[i - 1]!.header, tinyParams))!;
    const witness = new Uint8Array(bad.get(storeKeys.witness(victim.id))!);
    witness[witness.length - 1]! ^= 1;
    await bad.commit([[storeKeys.witness(victim.id), witness]]);
    expect((await world.verify(bad)).firstBad).toMatchObject({
      height: victim.header.height,
      code: 'LEDGER_BLOCK_BODY_ROOT',
    });
  });
});

describe('who joins a network that has pruned', () => {
  const given = async (): Promise<Uint8Array[]> => {
    const all: Uint8Array[] = [];
    for await (const block of world.members[0]!.chain.blocksAfter([], 128)) all.push(block);
    return all;
  };

  it('gets to the same final block by the quorums that are kept, and keeps and gives the same blocks', async () => {
    await world.restart(1, new MemoryStore());
    await world.sync(1);
    const joined = world.members[1]!;
    expect(joined.chain.status().finalHeight).toBeGreaterThanOrEqual(blocks.length - 1);
    const kept = finalBlocks(joined.store as MemoryStore);
    expect(kept.slice(0, 40).map(({ bytes }) => toHex(bytes))).toEqual(blocks.slice(0, 40).map(b => toHex(b.bytes)));
    expect((await world.verify(joined.store)).firstBad).toBeUndefined();
    await world.stop(1);
    await world.restart(1);
    expect(world.log.filter(({ event }) => event === 'store-healed')).toEqual([]);
    await world.slots(8);
    expect(joined.chain.status().finalHeight).toBeGreaterThan(blocks.length);
  });

  it('believes nothing to be final before a quorum that shows its signatures', async () => {
    await world.restart(1, new MemoryStore());
    const { chain } = world.members[1]!;
    const all = await given();
    const first = blocks.findIndex(({ pruned }) => pruned);
    const kept = blocks.findIndex((_, i) => i > first && mustBeWhole(blocks[i]!, i, blocks));
    expect(await chain.importBlocks(all.slice(0, kept))).toBe('ok');
    const before = chain.status();
    expect(before.height).toBe(kept);
    expect(blocks[kept - 1]!.header.finalized.slot).toBeGreaterThan(before.finalSlot);
    expect(await chain.importBlocks(all.slice(kept, kept + 1))).toBe('ok');
    expect(chain.status().finalSlot).toBe(blocks[kept]!.header.finalized.slot);
  });

  it('refuses a block without signatures that is young, or that never loses them, or that comes by gossip', async () => {
    const all = await given();
    const without = (i: number): Uint8Array => store.get(storeKeys.block(blocks[i]!.id))!;
    const kept = blocks.findIndex((block, i) => i > 10 && !block.pruned);
    for (const at of [kept, blocks.length - 2]) {
      await world.restart(1, new MemoryStore());
      const { chain } = world.members[1]!;
      expect(await chain.importBlocks(all.slice(0, at))).toBe('ok');
      expect(await chain.importBlocks([without(at)])).toBe('bad');
      expect(world.log.at(-1)).toMatchObject({ event: 'sync-refused', fields: { code: 'LEDGER_BLOCK_PRUNED' } });
      expect(await chain.receiveBlock(without(at))).toBe('reject');
      expect(chain.status().height).toBe(at);
    }
  });
});
