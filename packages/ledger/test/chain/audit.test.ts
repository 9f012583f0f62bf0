import { beforeAll, describe, expect, it } from '@jest/globals';
import { toHex } from '@radpass/core';
import { auditRootKey, parseAuditRows, verifyAuditRow } from '../../dist/audit.js';
import { tinyParams } from '../../dist/consensus/params.js';
import { encodeVote, signVote } from '../../dist/consensus/votes.js';
import { committeeOfGenesis } from '../../dist/genesisState.js';
import { verifyStateProof } from '../../dist/stateProof.js';
import { leafKey } from '../../dist/stateView.js';
import { MemoryStore } from '../../dist/store.js';
import { storeKeys } from '../../dist/storeKeys.js';
import { tables } from '../../dist/tables.js';
import { World } from './world.js';

describe('the audit of a network of four, one of which is away for an epoch', () => {
  let world: World;
  const store = (i: number) => world.members[i]!.store as MemoryStore;
  const audited = (of: MemoryStore) => world.audit(of);

  beforeAll(async () => {
    world = await World.create(4, { params: { ...tinyParams, voteWindowSlots: 8, eraEpochs: 1_000 } });
    await world.slots(7);
    await world.stop(3);
    await world.slots(8);
    await world.restart(3);
    await world.slots(20);
  });

  it('is the same bytes on every node and in an offline recomputation', async () => {
    const offline = await audited(store(0));
    expect(offline.map(({ epoch }) => epoch)).toEqual([0, 1, 2]);
    for (const { epoch, root } of offline) {
      const kept = [0, 1, 2, 3].map(i => toHex(store(i).get(storeKeys.audit(epoch))!));
      expect(new Set(kept).size).toBe(1);
      const leaves = [0, 1, 2, 3].map(i => toHex(store(i).get(leafKey(tables.audit, auditRootKey(epoch)))!));
      expect(new Set(leaves)).toEqual(new Set([`92c420${toHex(root)}04`]));
    }
  });

  it('shows who was away, and that the others were not', async () => {
    const [, away] = await audited(store(1));
    const absent = toHex(
      world.genesis.founders.find(f => toHex(f.nodeKey) === toHex(world.members[3]!.signer.nodeKey))!.sourceKey,
    );
    for (const row of away!.rows) {
      const isAbsent = toHex(row.sourceKey) === absent;
      expect([row.votesDue, row.assigned]).toEqual([8, row.produced + row.missed]);
      // It is back in the epoch's last slot.
      expect(row.cast).toBe(isAbsent ? Math.min(row.cast, 1) : 8);
      if (!isAbsent) expect(row.missed).toBe(0);
    }
  });

  it('is read with proofs that hold against the final state root', () => {
    const reading = world.members[0]!.chain.audit(1)!;
    const value = store(0).get(leafKey(tables.audit, auditRootKey(1)))!;
    const at = { root: reading.checkpoint.stateRoot, table: tables.audit, tableKey: auditRootKey(1), value };
    expect(verifyStateProof({ ...at, proof: reading.proof })).toBe(true);
    expect(parseAuditRows(store(0).get(storeKeys.audit(1))!)).toEqual(reading.rows);
    expect(verifyAuditRow({ row: reading.rows[2]!, index: 2, root: reading, proof: [] })).toBe(false);
    expect(world.members[0]!.chain.audit()!.epoch).toBe(2);
    expect(world.members[0]!.chain.audit(3)).toBeNull();
  });

  it('is found damaged when a row on disk is another, by reading, by audit and by verify', async () => {
    const bad = store(2).copy();
    const rows = new Uint8Array(bad.get(storeKeys.audit(1))!);
    rows[rows.length - 1]! ^= 1;
    await bad.commit([[storeKeys.audit(1), rows]]);
    await expect(audited(bad)).rejects.toThrow('the audit rows of epoch 1 are others');
    expect((await world.verify(bad)).firstBad?.reason).toContain('a record of kind A is wrong');
    await bad.commit([[storeKeys.audit(1), null]]);
    await expect(audited(bad)).rejects.toThrow('the audit rows of epoch 1 are others');
  });
});

describe('the audit of a network that handed over to further eras', () => {
  it('is the same bytes on every node, one that joined after pruning included, and offline, with an offence in it', async () => {
    const world = await World.create(4, { params: { ...tinyParams, voteWindowSlots: 8 } });
    const { genesis } = world;
    const period = tinyParams.slotsPerEpoch * tinyParams.eraEpochs;
    await world.slots(10);
    const { key, nodeKey, votes } = world.members[1]!.signer;
    const { eraDepth: _, ...last } = votes.at(-1)!;
    const message = { ...last, targetId: last.sourceId };
    const voter = committeeOfGenesis(genesis).voters.findIndex(v => toHex(v.nodeKey) === toHex(nodeKey));
    const signature = signVote(key, genesis.chainId, message);
    await world.members[0]!.chain.receiveVote(encodeVote({ message, voter, nodeKey, signature }));
    await world.slots(3 * period + 6);
    await world.restart(3, new MemoryStore());
    await world.sync(3);
    const stores = world.members.map(member => member.store as MemoryStore);
    const offline = await world.audit(stores[3]!);
    const { block } = (await world.members[0]!.chain.block(world.members[0]!.chain.status().finalHeight))!;
    expect(block.header.root.slot).toBeGreaterThanOrEqual(3 * period);
    expect(offline.flatMap(({ rows }) => rows.map(({ doubleVotes }) => doubleVotes)).filter(n => n > 0)).toEqual([1]);
    for (const { epoch } of offline) {
      expect(new Set(stores.map(store => toHex(store.get(storeKeys.audit(epoch))!))).size).toBe(1);
    }
  });
});

describe('the replay of a store', () => {
  it('goes on where a batch of blocks ends, also when the next one leaves fewer values than it found', async () => {
    const params = { ...tinyParams, slotsPerEpoch: 43, voteWindowSlots: 8, eraEpochs: 1_000 };
    const world = await World.create(1, { params });
    // The second batch of 128 is one block, the first of epoch 3, which closes the audit of epoch 1.
    await world.slots(130);
    const [{ store, chain }] = world.members as [(typeof world.members)[0]];
    expect(chain.status().finalHeight).toBe(129);
    const audits = await world.audit(store, { first: 1, last: 9 });
    expect(audits.map(({ epoch, rows }) => [epoch, rows[0]!.produced])).toEqual([[1, 43]]);
    expect((await world.verify(store)).firstBad).toBeUndefined();
  });
});
