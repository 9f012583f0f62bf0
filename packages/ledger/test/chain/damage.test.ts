import { describe, expect, it } from '@jest/globals';
import { fromLatin1, toHex } from '@radpass/core';
import { damaged, MemoryStore, type StoreWrite } from '../../dist/store.js';
import { storeKeys } from '../../dist/storeKeys.js';
import { seedKey } from '../testChain.js';
import { allow, factsOf, minute, patientOf, revoke, studyHashOf, World } from './world.js';

/** Records rot under a running chain, until they are written anew. */
class RottingStore extends MemoryStore {
  #rotten: (key: string) => boolean = () => false;
  readonly #mended = new Set<string>();

  rot(rotten: (key: string) => boolean): void {
    this.#rotten = rotten;
    this.#mended.clear();
  }

  #check(key: string): void {
    if (this.#rotten(key) && !this.#mended.has(key))
      throw damaged('a record fails its checksum', { key: toHex(fromLatin1(key)) });
  }

  override get(key: string): Uint8Array | undefined {
    this.#check(key);
    return super.get(key);
  }

  override async *entries(from: string, below: string): AsyncIterable<readonly [string, Uint8Array]> {
    for await (const entry of super.entries(from, below)) {
      this.#check(entry[0]);
      yield entry;
    }
  }

  override async commit(writes: readonly StoreWrite[]): Promise<void> {
    for (const [key] of writes) this.#mended.add(key);
    await super.commit(writes);
  }
}

describe('a damaged record that only an answer to a peer meets', () => {
  it('stops the chain, and the next opening heals the store', async () => {
    const store = new RottingStore();
    const world = await World.create(1, {}, { stores: [store] });
    await world.slots(4);
    const { chain } = world.members[0]!;
    const { finalHeight } = chain.peerStatus();
    store.rot(key => key.startsWith('H'));
    expect(() => chain.locator()).toThrow('checksum');
    expect((await chain.failed).detail).toMatchObject({ reason: 'LEDGER_STORE_DAMAGED' });
    await expect(chain.receiveTransaction(world.study(0, 'a'))).rejects.toMatchObject({ code: 'LEDGER_CHAIN_STOPPED' });
    store.rot(() => false);
    await world.restart(0);
    expect(world.members[0]!.chain.peerStatus().finalHeight).toBe(finalHeight);
  });
});

describe('a damaged record of how an era ended', () => {
  it('is taken again from the blocks, and the chain goes on', async () => {
    const store = new RottingStore();
    const world = await World.create(1, {}, { stores: [store] });
    const { slotsPerEpoch, eraEpochs } = world.genesis.params;
    await world.slots(slotsPerEpoch * eraEpochs + 4);
    const handOver = storeKeys.handOver(world.genesis.chainId);
    const kept = store.get(handOver);
    expect(kept).toBeDefined();
    store.rot(key => key === handOver);
    expect(() => world.members[0]!.chain.light().handOvers(world.genesis.chainId)).toThrow('checksum');
    await world.members[0]!.chain.failed;
    await world.restart(0);
    expect(store.get(handOver)).toEqual(kept);
    const { finalHeight } = world.members[0]!.chain.peerStatus();
    await world.slots(3);
    expect(world.members[0]!.chain.peerStatus().finalHeight).toBeGreaterThan(finalHeight);
  });
});

describe('a record that nothing derives from', () => {
  async function granted(): Promise<{ world: World; store: RottingStore }> {
    const store = new RottingStore();
    const world = await World.create(1, {}, { stores: [store] });
    const { chain } = world.members[0]!;
    await world.slots(2);
    await chain.submitTransaction(world.study(0, 'knee'));
    await world.slots(4);
    for (const doctor of ['doctor', 'other'])
      await chain.submitTransaction(allow(world, 0, 'knee', doctor, minute(world.clock.now())).bytes);
    await world.slots(4);
    return { world, store };
  }

  it.each(['format', 'genesis', 'boot', 'rebuild', 'head', 'final', 'counts', 'certificates'] as const)(
    'is made anew: %s',
    async name => {
      const { world, store } = await granted();
      await world.stop(0);
      const { finalHeight } = world.members[0]!.chain.peerStatus();
      if (name === 'rebuild') await store.commit([[storeKeys.meta(name), new Uint8Array(1)]]);
      const writes: (readonly [string, Uint8Array])[] = [];
      for await (const entry of store.entries('', 'z')) writes.push(entry);
      const rotting = new RottingStore(writes);
      rotting.rot(key => (name === 'certificates' ? key.startsWith('K') : key === storeKeys.meta(name)));
      await world.restart(0, rotting);
      expect(world.members[0]!.chain.peerStatus().finalHeight).toBeGreaterThanOrEqual(finalHeight - 1);
      await world.slots(3);
      expect(world.members[0]!.chain.peerStatus().finalHeight).toBeGreaterThan(finalHeight);
      expect(world.log.some(({ event }) => event === 'store-healed')).toBe(name !== 'boot');
    },
  );

  it('is another network when its first block is, though the record that says so rotted', async () => {
    const { world, store } = await granted();
    const other = await World.create(1, { genesisTimeMs: world.genesis.genesisTimeMs + 60_000 });
    await world.stop(0);
    store.rot(key => key === storeKeys.meta('genesis'));
    await expect(other.restart(0, store)).rejects.toMatchObject({ code: 'LEDGER_STORE_GENESIS' });
  });

  it('ends what it stood for, and errs towards refusing: a revocation, with a transaction that waited', async () => {
    const { world, store } = await granted();
    await world.stop(0);
    const seq = minute(world.clock.now()) + 1;
    await world.restart(0);
    await world.members[0]!.chain.submitTransaction(revoke(world, 0, 'knee', 'doctor', seq).bytes);
    await world.members[0]!.chain.submitTransaction(world.study(0, 'ankle'));
    await world.stop(0);
    const { sourceKey } = world.genesis.founders[0]!;
    const of = [studyHashOf('knee'), patientOf('knee').publicKey] as const;
    store.rot(key => key.startsWith('R') || key.startsWith('W'));
    await world.restart(0);
    const lost = world.log.find(({ event }) => event === 'own-records-lost');
    expect(lost?.fields).toEqual({ revocations: 1, waiting: 2, evidence: 0 });
    const facts = await factsOf(world, 0, 0, 'knee', 'doctor');
    expect(facts.revokedSeq).toBeGreaterThanOrEqual(facts.grant!.seq);
    const others = await factsOf(world, 0, 0, 'knee', 'other');
    expect(others.revokedSeq).toBeLessThan(others.grant!.seq);
    const kept: string[] = [];
    for await (const [key] of store.entries('R', 'S')) kept.push(key);
    expect(kept).toEqual([storeKeys.revocation(sourceKey, ...of, seedKey('doctor').publicKey)]);
  });
});
