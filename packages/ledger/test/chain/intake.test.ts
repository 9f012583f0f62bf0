import { describe, expect, it } from '@jest/globals';
import { createClaim, createDefineStudy, toHex } from '@radpass/core';
import { Mempool, poolLimits } from '../../dist/mempool.js';
import type { MemoryStore } from '../../dist/store.js';
import { seedKey, TestChain } from '../testChain.js';
import { allow, minute, revoke, studyHashOf, studyTransaction, World } from './world.js';

describe('a transaction from a user', () => {
  it('is on disk when it is acknowledged, and becomes final after a stop', async () => {
    const world = await World.create(1);
    const bytes = world.study(0, 'a');
    const { id, known } = await world.members[0]!.chain.submitTransaction(bytes);
    expect(known).toBe(false);
    expect((await world.members[0]!.chain.submitTransaction(bytes)).known).toBe(true);
    await world.restart(0, (world.members[0]!.store as MemoryStore).copy());
    const { chain } = world.members[0]!;
    expect(await chain.transaction(id)).toMatchObject({ grade: 'pending', bytes });
    await world.slots(4);
    expect(await chain.transaction(id)).toMatchObject({ grade: 'final', bytes });
    expect((await chain.submitTransaction(bytes)).known).toBe(true);
    // Nothing of it waits any more.
    expect(chain.status().mempool).toBe(0);
    const kept: string[] = [];
    for await (const [key] of world.members[0]!.store.entries('W', 'X')) kept.push(key);
    expect(kept).toEqual([]);
  });

  it('reaches the others, and any of them puts it into a block', async () => {
    const world = await World.create(4);
    const { id } = await world.members[2]!.chain.submitTransaction(world.study(2, 'a'));
    await world.clock.advance(50);
    for (const { chain } of world.members) expect((await chain.transaction(id))?.grade).toBe('pending');
    await world.slots(5);
    for (const { chain } of world.members) expect((await chain.transaction(id))?.grade).toBe('final');
  });

  it('waits for what an earlier block must bring', async () => {
    const world = await World.create(1);
    const { chain } = world.members[0]!;
    const seq = minute(world.clock.now());
    const grant = await chain.submitTransaction(allow(world, 0, 'a', 'doctor', seq).bytes);
    await chain.submitTransaction(world.study(0, 'a'));
    await world.slots(6);
    expect((await chain.transaction(grant.id))?.grade).toBe('final');
  });

  it('is refused by the rule that it breaks', async () => {
    const world = await World.create(1);
    const { chain } = world.members[0]!;
    const { chainId } = world.genesis;
    await chain.submitTransaction(world.study(0, 'a'));
    await world.slots(3);
    await expect(chain.submitTransaction(Uint8Array.of(1, 2))).rejects.toMatchObject({ code: 'CORE_DECODE' });
    const again = studyTransaction(world.genesis, 0, 'a', world.clock.now() + 60_000);
    await expect(chain.submitTransaction(again.bytes)).rejects.toMatchObject({ code: 'LEDGER_TX_NO_CHANGE' });
    const claim = createClaim({
      chainId,
      key: seedKey('patient'),
      sourceKey: seedKey('source 0').publicKey,
      studyHash: studyHashOf('b'),
    });
    const forged = createDefineStudy({ chainId, key: seedKey('thief'), time: minute(world.clock.now()), claim });
    await expect(chain.submitTransaction(forged.bytes)).rejects.toMatchObject({ code: 'LEDGER_TX_SIGNATURE' });
    expect(await chain.receiveTransaction(forged.bytes)).toBe('reject');
    expect(await chain.receiveTransaction(again.bytes)).toBe('ignore');
    const early = allow(world, 0, 'a', 'doctor', minute(world.clock.now()) + 3_600_000);
    await expect(chain.submitTransaction(early.bytes)).rejects.toMatchObject({
      code: 'LEDGER_TX_SEQ',
      detail: { problem: 'ahead', bound: expect.any(Number) },
    });
    expect(await chain.transaction(forged.id)).toBeNull();
  });

  it('is dropped with a reason when it can not become true', async () => {
    const world = await World.create(2);
    const { chain } = world.members[0]!;
    const first = studyTransaction(world.genesis, 0, 'a', world.clock.now());
    const second = studyTransaction(world.genesis, 0, 'a', world.clock.now() + 60_000);
    world.partition([0], [1]);
    await chain.submitTransaction(first.bytes);
    await world.members[1]!.chain.submitTransaction(second.bytes);
    world.heal();
    await chain.receiveTransaction(second.bytes);
    await world.slots(6);
    const grades = await Promise.all([first, second].map(async tx => (await chain.transaction(tx.id))!.grade));
    expect(grades.sort()).toEqual(['dropped', 'final']);
  });
});

describe('mempool', () => {
  const network = new TestChain(3);
  const paper = (source: number, name: string) => studyTransaction(network.genesis, source, name, 0);

  it('gives each transaction once, in lanes', () => {
    const pool = new Mempool();
    const study = paper(0, 'a');
    pool.add(study, 0);
    pool.add(study, 1);
    const world = { genesis: network.genesis } as World;
    pool.add(allow(world, 0, 'a', 'doctor', 5), 2);
    pool.add(revoke(world, 0, 'a', 'doctor', 6), 3);
    expect(pool.candidates().map(({ lane }) => lane)).toEqual(['revocations', 'grants', 'studies']);
    pool.remove(toHex(study.id));
    expect(pool.size).toBe(2);
    expect(pool.get(toHex(study.id))).toBeUndefined();
  });

  it('holds a bounded number of one study', () => {
    const pool = new Mempool();
    const world = { genesis: network.genesis } as World;
    for (let i = 0; i < poolLimits.study; i++) pool.add(allow(world, 0, 'a', `doctor ${i}`, 5), 0);
    const more = allow(world, 0, 'a', 'one more', 5);
    expect(() => pool.add(more, 0)).toThrow(
      expect.objectContaining({ detail: { code: 'LEDGER_MEMPOOL_FULL', scope: 'study' } }),
    );
    pool.add(allow(world, 0, 'b', 'one more', 5), 0);
    expect(pool.size).toBe(poolLimits.study + 1);
  });

  it('forgets what it held too long', () => {
    const pool = new Mempool();
    const tx = paper(0, 'a');
    pool.hold(tx, 1_000, false);
    expect(pool.isHeld(toHex(tx.id))).toBe(true);
    expect(pool.candidates()).toEqual([]);
    expect(pool.takeExpired(1_000 + poolLimits.heldMs - 1)).toEqual([]);
    expect(pool.takeExpired(1_000 + poolLimits.heldMs).map(({ id }) => id)).toEqual([toHex(tx.id)]);
    expect(pool.get(toHex(tx.id))).toBeUndefined();
  });

  it('lets a held transaction keep its time when it comes to wait', () => {
    const pool = new Mempool();
    const tx = paper(0, 'a');
    pool.hold(tx, 1_000, true);
    pool.add(tx, 5_000);
    expect(pool.get(toHex(tx.id))).toMatchObject({ receivedMs: 1_000 });
    expect(pool.isHeld(toHex(tx.id))).toBe(false);
  });
});
