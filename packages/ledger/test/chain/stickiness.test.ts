/** Revocations count from when they are first seen, whatever keeps them from the next block. */
import { describe, expect, it } from '@jest/globals';
import { tinyParams } from '../../dist/consensus/params.js';
import { poolLimits } from '../../dist/mempool.js';
import { MemoryStore } from '../../dist/store.js';
import { seedKey } from '../testChain.js';
import { allow, factsOf, minute, patientOf, revoke, studyHashOf, World } from './world.js';

async function withGrant(count: number, over: Parameters<typeof World.create>[1] = {}): Promise<[World, number]> {
  const world = await World.create(count, over);
  const { chain } = world.members[0]!;
  const seq = minute(world.clock.now());
  await chain.submitTransaction(world.study(0, 'a'));
  await world.slots(3);
  await chain.submitTransaction(allow(world, 0, 'a', 'doctor', seq).bytes);
  await world.slots(4);
  expect((await factsOf(world, 0, 0, 'a', 'doctor')).grant).toMatchObject({ seq });
  return [world, seq];
}

describe('a revocation that can not wait like others', () => {
  it('counts though the pool has no room for its study', async () => {
    const [world, seq] = await withGrant(1);
    const { chain } = world.members[0]!;
    for (let i = 0; i < poolLimits.study; i++) {
      expect(await chain.receiveTransaction(allow(world, 0, 'a', `other ${i}`, seq).bytes)).toBe('accept');
    }
    await chain.submitTransaction(revoke(world, 0, 'a', 'doctor', seq + 1).bytes);
    expect((await factsOf(world, 0, 0, 'a', 'doctor')).revokedSeq).toBe(seq + 1);
  });

  it('counts though the head, not final, holds a later grant', async () => {
    const [world, seq] = await withGrant(2);
    const { chain } = world.members[0]!;
    world.partition([0], [1]);
    const later = allow(world, 0, 'a', 'doctor', seq + 2);
    await chain.submitTransaction(later.bytes);
    for (let i = 0; i < 20 && (await chain.transaction(later.id))?.grade === 'pending'; i++) await world.slots(1);
    expect((await chain.transaction(later.id))?.grade).toBe('included');
    const between = revoke(world, 0, 'a', 'doctor', seq + 1);
    await expect(chain.submitTransaction(between.bytes)).rejects.toMatchObject({ code: 'LEDGER_TX_SEQ' });
    expect(await factsOf(world, 0, 0, 'a', 'doctor')).toMatchObject({ grant: { seq }, revokedSeq: seq + 1 });
  });
});

describe('revocations first seen in blocks', () => {
  it('end the grants that they name and no other, however many they are', async () => {
    const [world, seq] = await withGrant(1, { params: { ...tinyParams, maxConsentsPerOwner: 200 } });
    const { chain } = world.members[0]!;
    const names = Array.from({ length: 70 }, (_, i) => `reader ${i}`);
    for (const make of [allow, revoke]) {
      for (const half of [names.slice(0, 35), names.slice(35)]) {
        for (const name of half) await chain.submitTransaction(make(world, 0, 'a', name, seq + 1).bytes);
        await world.slots(3);
      }
    }
    const blocks: Uint8Array[] = [];
    for await (const block of chain.blocksAfter([world.genesis.chainId], 128)) blocks.push(block);
    await world.stop(0);
    await world.restart(0, new MemoryStore());
    expect(await world.members[0]!.chain.importBlocks(blocks)).toBe('ok');
    expect((await factsOf(world, 0, 0, 'a', 'reader 69')).revokedSeq).toBe(seq + 1);
    expect(await factsOf(world, 0, 0, 'a', 'doctor')).toMatchObject({ grant: { seq }, revokedSeq: 0 });
  });
});

describe('the seq of a word to everyone', () => {
  it('is above every grant that stands', async () => {
    const [world, seq] = await withGrant(1);
    const { chain } = world.members[0]!;
    const of = {
      sourceKey: seedKey('source 0').publicKey,
      studyHash: studyHashOf('a'),
      patientKey: patientOf('a').publicKey,
    };
    expect(chain.seqBound(of)).toBe(seq + 1);
    await chain.submitTransaction(revoke(world, 0, 'a', null, seq + 5).bytes);
    await world.slots(3);
    expect(chain.seqBound(of)).toBe(seq + 6);
  });
});
