/** What was acknowledged waits as long as it may come true; nothing that waits stands in another's way. */
import { describe, expect, it } from '@jest/globals';
import { bindNode, createDefineSource, stampBits, toHex } from '@radpass/core';
import { tinyParams } from '../../dist/consensus/params.js';
import type { MemoryStore } from '../../dist/store.js';
import { seedKey } from '../testChain.js';
import { allow, minute, studyTransaction, World } from './world.js';

/** A first registration whose stamp has exactly so many zero bits. */
function newSource({ genesis, clock }: World, name: string, bits: number) {
  const { chainId } = genesis;
  const [key, nodeKey] = [seedKey(name), seedKey(`${name} node`)];
  const of = { chainId, sourceKey: key.publicKey, seq: minute(clock.now()) };
  let stamp = 1;
  while (stampBits({ ...of, stamp }) !== bits) stamp++;
  const nodeSig = bindNode({ ...of, nodeKey });
  return createDefineSource({ ...of, key, url: 'https://new.example', nodeKey: nodeKey.publicKey, stamp, nodeSig });
}

describe('transactions that wait', () => {
  it('beyond a quota are kept over a restart and enter in the next epoch', async () => {
    const world = await World.create(1, { params: { ...tinyParams, maxStudiesPerSource: 2 } });
    const ids: Uint8Array[] = [];
    for (const name of ['a', 'b', 'c']) {
      ids.push((await world.members[0]!.chain.submitTransaction(world.study(0, name))).id);
    }
    await world.slots(3);
    await world.stop(0);
    await world.restart(0, (world.members[0]!.store as MemoryStore).copy());
    const { chain } = world.members[0]!;
    const grades = async () => (await Promise.all(ids.map(id => chain.transaction(id)))).map(entry => entry?.grade);
    expect((await grades()).sort()).toEqual(['final', 'final', 'pending']);
    await world.slots(2 * tinyParams.slotsPerEpoch);
    expect(await grades()).toEqual(['final', 'final', 'final']);
  });

  it('for an earlier block are looked at in turn, however many others wait in vain', async () => {
    const world = await World.create(1);
    const { chain } = world.members[0]!;
    const seq = minute(world.clock.now());
    for (let i = 0; i < 200; i++) await chain.receiveTransaction(allow(world, 0, `never ${i}`, 'doctor', seq).bytes);
    const { id } = await chain.submitTransaction(allow(world, 0, 'a', 'doctor', seq).bytes);
    await chain.submitTransaction(world.study(0, 'a'));
    await world.slots(8);
    expect((await chain.transaction(id))?.grade).toBe('final');
  });

  it('make room once they stand in blocks, though finality stalls', async () => {
    const world = await World.create(4);
    await world.stop(2);
    await world.stop(3);
    const tx = studyTransaction(world.genesis, 0, 'a', world.clock.now());
    await world.members[0]!.chain.submitTransaction(tx.bytes);
    await world.slots(30);
    for (const { chain } of world.members.slice(0, 2)) {
      expect((await chain.transaction(tx.id))?.grade).toBe('included');
      expect(chain.status().mempool).toBe(0);
    }
    await world.restart(2);
    await world.restart(3);
    await world.slots(30);
    expect(new Set(world.members.map(({ chain }) => toHex(chain.status().finalId))).size).toBe(1);
    for (const { chain } of world.members) expect((await chain.transaction(tx.id))?.grade).toBe('final');
  });
});

describe('a stamp that was enough before an epoch was full', () => {
  it('is refused without blame: whoever passed it on may be an epoch behind', async () => {
    const world = await World.create(1, { params: { ...tinyParams, stampBits: 2, maxFirstSources: 1 } });
    const { chain } = world.members[0]!;
    expect(await chain.receiveTransaction(newSource(world, 'cheat', 1).bytes)).toBe('reject');
    await chain.submitTransaction(newSource(world, 'first', 2).bytes);
    await world.slots(tinyParams.slotsPerEpoch);
    expect(await chain.receiveTransaction(newSource(world, 'late', 2).bytes)).toBe('ignore');
    expect(await chain.receiveTransaction(newSource(world, 'cheat', 1).bytes)).toBe('reject');
    expect(await chain.receiveTransaction(newSource(world, 'second', 3).bytes)).toBe('accept');
  });
});
