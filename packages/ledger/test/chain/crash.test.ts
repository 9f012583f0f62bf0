import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { toHex } from '@radpass/core';
import { openLevelStore, verifyStore } from '../../dist/level/index.js';
import { type LedgerStore, MemoryStore, type StoreWrite } from '../../dist/store.js';
import { testRules as rules, verifier } from '../testChain.js';
import { World } from './world.js';

/** A memory store whose process dies at commit number `diesAt`: before the batch is on disk, or right after. */
class DyingStore extends MemoryStore {
  commits = 0;
  readonly diesAt: number;
  readonly after: boolean;

  constructor(diesAt: number, after: boolean) {
    super();
    this.diesAt = diesAt;
    this.after = after;
  }

  get isDead(): boolean {
    return this.commits >= this.diesAt;
  }

  override async commit(writes: readonly StoreWrite[]): Promise<void> {
    if (this.isDead) return new Promise(() => {});
    this.commits++;
    if (!this.isDead || this.after) await super.commit(writes);
    // A dead process neither resolves nor rejects.
    if (this.isDead) return new Promise(() => {});
  }
}

describe('a stop at any write', () => {
  const states = [3, 4, 5, 6, 7, 8].flatMap(at => [[at, 'before', false] as const, [at, 'after', true] as const]);

  it.each(states)(
    'at commit %i, %s it is on disk: recovers what was acknowledged and goes on',
    async (at, _, after) => {
      const store = new DyingStore(at, after);
      const world = await World.create(1, {}, { stores: [store] });
      const acknowledged: Uint8Array[] = [];
      const told: string[] = [];
      world.members[0]!.chain.events(0, event => {
        if (event.kind === 'head') told.push(toHex(event.id));
      });
      for (let i = 0; i < 12 && !store.isDead; i++) {
        const bytes = world.study(0, `${i}`);
        void world.members[0]!.chain.submitTransaction(bytes).then(({ id }) => acknowledged.push(id));
        await world.slots(0.5);
      }
      expect(store.isDead).toBe(true);
      const disk = store.copy();
      await world.restart(0, disk);
      const { chain } = world.members[0]!;
      // Every head that was announced is there, and so is every transaction that was acknowledged.
      for (const id of told) expect(await disk.get(`B${Buffer.from(id, 'hex').toString('latin1')}`)).toBeDefined();
      for (const id of acknowledged) expect(await chain.transaction(id)).not.toBeNull();
      await world.slots(8);
      for (const id of acknowledged) expect((await chain.transaction(id))?.grade).toBe('final');
      expect(world.log.filter(({ event }) => event === 'store-healed')).toEqual([]);
      expect((await verifyStore(disk, world.genesis, verifier, { rules })).firstBad).toBeUndefined();
    },
  );
});

describe('a chain on disk', () => {
  async function inFolder(body: (dir: string) => Promise<void>): Promise<void> {
    const dir = await mkdtemp(join(tmpdir(), 'radpass-chain-'));
    try {
      await body(dir);
    } finally {
      await rm(dir, { recursive: true });
    }
  }

  /** A network of one source that ran for some slots, with studies in its blocks, and its closed folder. */
  async function ranFor(dir: string, slots: number): Promise<World> {
    const store = await openLevelStore(dir);
    const world = await World.create(1, {}, { stores: [store] });
    for (let slot = 0; slot < slots; slot++) {
      if (slot < 3) await world.members[0]!.chain.submitTransaction(world.study(0, `${slot}`));
      await diskSlots(world, 1);
    }
    return world;
  }

  /** Slots of virtual time in steps; after each, what it began is on disk: a vote's turn comes only then. */
  async function diskSlots(world: World, count: number): Promise<void> {
    for (let i = 0; i < count * 4; i++) {
      await world.slots(0.25);
      expect(await world.members[0]!.chain.receiveVote(Uint8Array.of(1))).toBe('reject');
    }
  }

  it('starts again at the same head with the same state', () =>
    inFolder(async dir => {
      const world = await ranFor(dir, 6);
      await world.stop(0);
      const before = world.members[0]!.chain.status();
      await world.members[0]!.store.close();
      const store = await openLevelStore(dir);
      await world.restart(0, store);
      const after = world.members[0]!.chain.status();
      expect(before.finalHeight).toBeGreaterThan(2);
      expect(after.studies).toBe(3);
      // What counts from each start, or passes with time.
      const others = { finalAgeMs: 0, mempool: 0, revocationsSeen: 0 };
      expect({ ...after, ...others }).toEqual({ ...before, ...others });
      await diskSlots(world, 3);
      expect(world.members[0]!.chain.status().height).toBeGreaterThan(before.height);
      await world.stop(0);
      const report = await verifyStore(store, world.genesis, verifier, { rules });
      expect(report).toMatchObject({ finalHeight: world.members[0]!.chain.status().finalHeight });
      expect(report.firstBad).toBeUndefined();
      await store.close();
    }));

  it('shows one flipped byte anywhere in its files', () =>
    inFolder(async dir => {
      const good = join(dir, 'good');
      const world = await ranFor(good, 5);
      await world.stop(0);
      expect(world.members[0]!.chain.status().finalHeight).toBeGreaterThan(2);
      await world.members[0]!.store.close();
      // Most records in a table, the last in a log.
      await (await openLevelStore(good)).close();
      const files = (await readdir(join(good, 'db'))).filter(name =>
        /^(CURRENT|MANIFEST.*|.*\.ldb|.*\.log)$/.test(name),
      );
      let tried = 0;
      for (const name of files) {
        const { size } = await stat(join(good, 'db', name));
        const step = Math.max(1, Math.floor(size / 9));
        for (let at = Math.floor(step / 2); at < size; at += step) {
          tried++;
          const bad = join(dir, `bad${tried}`);
          await cp(good, bad, { recursive: true });
          const bytes = await readFile(join(bad, 'db', name));
          bytes[at]! ^= 1 << (tried % 8);
          await writeFile(join(bad, 'db', name), bytes);
          expect({ name, at, verdict: await verdictOn(bad, world) }).not.toEqual({ name, at, verdict: 'sound' });
          await rm(bad, { recursive: true });
        }
      }
      expect(tried).toBeGreaterThan(20);
      expect(await verdictOn(good, world)).toBe('sound');
    }));

  async function verdictOn(dir: string, world: World): Promise<string> {
    let store: LedgerStore;
    try {
      store = await openLevelStore(dir);
    } catch (error) {
      return String(error);
    }
    try {
      const { firstBad } = await verifyStore(store, world.genesis, verifier, { rules });
      return firstBad ? `bad at ${firstBad.height}` : 'sound';
    } catch (error) {
      return String(error);
    } finally {
      await store.close();
    }
  }
});

describe('a store that lost or changed records', () => {
  async function network(members: number): Promise<{ world: World; store: MemoryStore }> {
    const world = await World.create(members);
    await world.members[0]!.chain.submitTransaction(world.study(0, 'a'));
    await world.slots(5);
    await world.stop(0);
    const store = world.members[0]!.store;
    if (!(store instanceof MemoryStore)) throw new Error('the world runs on memory stores');
    return { world, store };
  }

  async function keysOf(store: MemoryStore, prefix: string): Promise<string[]> {
    const keys: string[] = [];
    for await (const [key] of store.entries(prefix, `${prefix}\xff\xff`)) keys.push(key);
    return keys;
  }

  it.each([
    ['a block of the final chain', 2, 'B', null],
    ['the entry of a height', 2, 'H', null],
    ['a value of the state', 1, 'L\x02', null],
    ['a page of the tree', 1, 'N', null],
    ['a list entry', 1, 'p', null],
    ['a transaction entry', 1, 'T', null],
    ['the changes of a block above the final one', 1, 'C', Uint8Array.of(0xc0)],
    ['the final checkpoint', 1, 'Mfinal', null],
    ['the head', 1, 'Mhead', null],
    ['the counts', 1, 'Mcounts', Uint8Array.of(0x90)],
  ])('is found wanting, then heals: %s', async (_, members, prefix, value) => {
    const { world, store } = await network(members);
    const { finalHeight } = world.members[0]!.chain.status();
    const keys = await keysOf(store, prefix);
    await store.commit([[keys[Math.floor(keys.length / 2)]!, value]]);
    const report = await verifyStore(store, world.genesis, verifier, { rules });
    expect(report.firstBad).toBeDefined();
    await world.restart(0);
    await world.sync(0);
    await world.slots(members === 1 ? 3 : 5);
    const status = world.members[0]!.chain.status();
    expect(status.finalHeight).toBeGreaterThan(finalHeight);
    expect(new Set(world.members.map(({ chain }) => toHex(chain.status().headId))).size).toBe(1);
    expect((await verifyStore(store, world.genesis, verifier, { rules })).firstBad).toBeUndefined();
  });

  it('is found wanting when a value of the state is another', async () => {
    const { world, store } = await network(1);
    const [key] = await keysOf(store, 'L\x02');
    await store.commit([[key!, store.get(key!)!.map((byte, i) => (i === 40 ? byte ^ 1 : byte))]]);
    expect((await verifyStore(store, world.genesis, verifier, { rules })).firstBad).toMatchObject({
      code: 'LEDGER_STORE_DAMAGED',
    });
  });

  it('names the first bad block', async () => {
    const { world, store } = await network(1);
    const block = await world.members[0]!.chain.block(3);
    const key = (await keysOf(store, 'B')).find(name => Buffer.from(name.slice(1), 'latin1').equals(block!.block.id))!;
    const bytes = new Uint8Array(store.get(key)!);
    bytes[300]! ^= 1;
    await store.commit([[key, bytes]]);
    const { firstBad, finalHeight } = await verifyStore(store, world.genesis, verifier, { rules });
    expect(firstBad).toMatchObject({ height: 3, id: toHex(block!.block.id) });
    expect(finalHeight).toBe(2);
  });

  it('is refused for another network', async () => {
    const { store } = await network(1);
    const other = await World.create(2);
    await expect(verifyStore(store, other.genesis, verifier, { rules })).rejects.toMatchObject({
      code: 'LEDGER_STORE_GENESIS',
    });
  });
});
