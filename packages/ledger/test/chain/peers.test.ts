import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { toHex } from '@radpass/core';
import { openChain } from '../../dist/chain.js';
import { tinyParams } from '../../dist/consensus/params.js';
import { encodeVote, parseVote } from '../../dist/consensus/votes.js';
import { createGenesis } from '../../dist/genesis.js';
import { createSigningRecord, openLevelStore, openNodeSigner, verifyStore } from '../../dist/level/index.js';
import { MemoryStore } from '../../dist/store.js';
import { seedKey, TestChain, testContent, verifier } from '../testChain.js';
import { VirtualClock, World } from './world.js';

/** A chain of a founder of `chain` that signs nothing, its clock in the middle of `slot`. */
async function watcher(chain: TestChain, slot: number) {
  const { genesis } = chain;
  const clock = new VirtualClock(genesis.genesisTimeMs + (slot + 0.5) * genesis.params.slotMs);
  const syncs: number[] = [];
  const passedOn: string[] = [];
  const watching = await openChain({
    store: new MemoryStore(),
    genesis,
    verifier,
    signers: [],
    clock,
    broadcast: { transaction: () => {}, block: bytes => passedOn.push(toHex(bytes)), vote: () => {} },
    requestSync: () => syncs.push(1),
    log: () => {},
  });
  watching.start();
  return { watching, clock, syncs, passedOn };
}

describe('a block from a peer', () => {
  const network = new TestChain(4);
  const one = network.extend(network.start, 1);
  const two = network.extend(one, 2);
  const three = network.extend(two, 3);

  it('is passed on when it is valid, once', async () => {
    const { watching } = await watcher(network, 5);
    expect(await watching.receiveBlock(one.block!.bytes)).toBe('accept');
    expect(await watching.receiveBlock(one.block!.bytes)).toBe('ignore');
    expect(watching.status().height).toBe(1);
  });

  it('is rejected when it is not', async () => {
    const { watching } = await watcher(network, 5);
    const wrong = network.bend(one.block!, seedKey('node 0'), { header: { height: 7 } });
    expect(await watching.receiveBlock(wrong.bytes)).toBe('reject');
    expect(await watching.receiveBlock(Uint8Array.of(9))).toBe('reject');
    expect(await watching.importBlocks([one.block!.bytes, wrong.bytes])).toBe('bad');
    expect(watching.status().height).toBe(1);
  });

  it('waits for its parent, which is asked for', async () => {
    const { watching, syncs } = await watcher(network, 5);
    expect(await watching.receiveBlock(three.block!.bytes)).toBe('ignore');
    expect(await watching.receiveBlock(two.block!.bytes)).toBe('ignore');
    expect(syncs.length).toBe(2);
    expect(await watching.receiveBlock(one.block!.bytes)).toBe('accept');
    expect(watching.status().height).toBe(3);
  });

  it('waits for its slot when the clock is behind', async () => {
    const { watching, clock } = await watcher(network, 0);
    let verdict = '';
    void watching.receiveBlock(one.block!.bytes).then(result => {
      verdict = result;
    });
    await clock.advance(400);
    expect(verdict).toBe('');
    await clock.advance(200);
    expect(verdict).toBe('accept');
    // Further ahead it is not kept.
    expect(await watching.receiveBlock(three.block!.bytes)).toBe('ignore');
  });

  it('is imported with others in one batch, once', async () => {
    const { watching } = await watcher(network, 5);
    const batch = [one, two, three].map(link => link.block!.bytes);
    expect(await watching.importBlocks(batch)).toBe('ok');
    expect(await watching.importBlocks(batch)).toBe('stop');
    expect(await watching.importBlocks([])).toBe('stop');
    expect(watching.status().height).toBe(3);
  });

  it('is passed on when it is fresh, whatever way it came: nobody is shown a block alone', async () => {
    const { watching, passedOn } = await watcher(network, 3);
    await watching.importBlocks([one, two, three].map(link => link.block!.bytes));
    expect(passedOn).toEqual([two, three].map(link => toHex(link.block!.bytes)));
    await watching.importBlocks([one, two, three].map(link => link.block!.bytes));
    expect(passedOn.length).toBe(2);
  });

  it('is given to peers behind the newest that they name', async () => {
    const { watching } = await watcher(network, 5);
    await watching.importBlocks([one, two, three].map(link => link.block!.bytes));
    const served = async (locator: Uint8Array[], limit: number): Promise<string[]> => {
      const found: string[] = [];
      for await (const bytes of watching.blocksAfter(locator, limit)) found.push(toHex(bytes));
      return found;
    };
    const all = [one, two, three].map(link => toHex(link.block!.bytes));
    expect(await served([network.genesis.chainId], 128)).toEqual(all);
    expect(await served([one.view.id, network.genesis.chainId], 128)).toEqual(all.slice(1));
    expect(await served([], 2)).toEqual(all.slice(0, 2));
    expect(await served([three.view.id], 128)).toEqual([]);
    expect(watching.locator().map(toHex)).toEqual([three, two, one, network.start].map(link => toHex(link.view.id)));
  });

  it('makes what its certificates show final', async () => {
    const { watching } = await watcher(network, 12);
    const blocks: Uint8Array[] = [];
    for (let link = network.grow(network.start, 9); link.block; link = link.parent!) blocks.unshift(link.block.bytes);
    await watching.importBlocks(blocks);
    expect(watching.status()).toMatchObject({ height: 9, finalHeight: 7, justifiedSlot: 8 });
    expect((await watching.block(9))?.grade).toBe('included');
    expect((await watching.block(8))?.grade).toBe('confirmed');
    expect((await watching.block(7))?.grade).toBe('final');
  });
});

describe('a vote from a peer', () => {
  it('is passed on once, and only if a voter signed it', async () => {
    const world = await World.create(4);
    await world.slots(2);
    const sent: Uint8Array[] = [];
    const { chainId } = world.genesis;
    const network = new TestChain(4);
    const slot = world.members[0]!.chain.status().headSlot;
    world.partition([0], [1, 2, 3]);
    const set = network.votes(
      { slot: slot - 1, id: chainId },
      { slot, id: world.members[0]!.chain.status().headId },
      [0, 1],
    );
    set.signatures.forEach((signature, voter) => {
      const nodeKey = network.genesis.founders[voter]!.nodeKey;
      sent.push(encodeVote({ message: set.message, voter, nodeKey, signature }));
    });
    const { chain } = world.members[0]!;
    expect(await chain.receiveVote(sent[1]!)).toBe('accept');
    expect(await chain.receiveVote(sent[1]!)).toBe('ignore');
    const vote = parseVote(sent[0]!);
    expect(await chain.receiveVote(encodeVote({ ...vote, signature: parseVote(sent[1]!).signature }))).toBe('reject');
    expect(await chain.receiveVote(encodeVote({ ...vote, voter: 3 }))).toBe('reject');
    expect(await chain.receiveVote(Uint8Array.of(1))).toBe('reject');
    const old = { ...vote, message: { ...vote.message, targetSlot: slot + 5, sourceSlot: 0 } };
    expect(await chain.receiveVote(encodeVote(old))).toBe('ignore');
    const together = chain.receiveVotes([encodeVote(old), Uint8Array.of(1), sent[0]!, sent[0]!]);
    expect([await together, await chain.receiveVotes([])]).toEqual([['ignore', 'reject', 'accept', 'ignore'], []]);
  });
});

describe('a signing record from a backup', () => {
  it('is refused when the chain shows later signatures', async () => {
    const world = await World.create(1);
    await world.slots(6);
    await world.stop(0);
    const { store, signer } = world.members[0]!;
    signer.marks = { ...signer.marks, blockSlot: signer.marks.blockSlot - 3 };
    await expect(world.restart(0)).rejects.toMatchObject({
      detail: { code: 'LEDGER_SIGNING_RECORD_OLD', what: 'block' },
    });
    signer.marks = { ...signer.marks, blockSlot: 100, targetSlot: signer.marks.targetSlot - 4 };
    await expect(world.restart(0)).rejects.toMatchObject({
      detail: { code: 'LEDGER_SIGNING_RECORD_OLD', what: 'vote' },
    });
    signer.marks = { ...signer.marks, targetSlot: 100 };
    await world.restart(0, store);
  });

  it('stops signing when peers show later signatures', async () => {
    const world = await World.create(2);
    await world.stop(0);
    await world.slots(1);
    // A second process with the same key ran elsewhere, unknown to this record.
    const twin = world.members[1]!;
    world.members[0]!.signer.marks = { blockSlot: 0, eraDepth: 0, sourceSlot: 0, targetSlot: 0 };
    await world.restart(0, new MemoryStore());
    await world.slots(4);
    expect(twin.chain.status().finalHeight).toBeGreaterThan(0);
    expect(world.log.filter(({ event }) => event === 'signing-stopped')).toEqual([]);
    await world.stop(0);
    const before = world.members[0]!.signer.votes.length;
    world.members[0]!.signer.marks = { blockSlot: 1, eraDepth: 0, sourceSlot: 0, targetSlot: 1 };
    await world.restart(0, new MemoryStore());
    await world.sync(0);
    await world.slots(4);
    expect(world.log.map(({ event }) => event)).toContain('signing-stopped');
    expect(world.members[0]!.signer.votes.length).toBeLessThanOrEqual(before + 1);
  });
});

describe('a store that fails', () => {
  it('stops the chain, which says so', async () => {
    const world = await World.create(1);
    await world.slots(2);
    const { chain, store } = world.members[0]!;
    store.commit = async () => {
      throw new Error('EIO');
    };
    await world.slots(1);
    expect((await chain.failed).code).toBe('LEDGER_CHAIN_STOPPED');
    await expect(chain.submitTransaction(world.study(0, 'a'))).rejects.toMatchObject({ code: 'LEDGER_CHAIN_STOPPED' });
  });
});

describe('on real time and disk', () => {
  it('keeps finalising with slots of 250 ms', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'radpass-real-'));
    const content = testContent(1, { params: { ...tinyParams, slotMs: 250 }, genesisTimeMs: Date.now() });
    const genesis = createGenesis(content);
    const key = seedKey('node 0');
    const recordPath = join(dir, 'record');
    await createSigningRecord(recordPath, key.publicKey);
    const signer = await openNodeSigner({ key, recordPath, chainId: genesis.chainId });
    const store = await openLevelStore(join(dir, 'chain'));
    const chain = await openChain({
      store,
      genesis,
      verifier,
      signers: [signer],
      clock: {
        now: () => Date.now(),
        monotonic: () => performance.now(),
        setTimeout: (run, ms) => {
          const timer = setTimeout(run, ms);
          return () => clearTimeout(timer);
        },
      },
      broadcast: { transaction: () => {}, block: () => {}, vote: () => {} },
      requestSync: () => {},
      log: () => {},
    });
    chain.start();
    // A machine with much else to do misses slots; those that it makes become final.
    const isFinalising = (): boolean => {
      const { finalHeight, finalAgeMs } = chain.status();
      return finalHeight >= 4 && finalAgeMs < 1_500;
    };
    for (let i = 0; i < 400 && !isFinalising(); i++) await new Promise(resolve => setTimeout(resolve, 50));
    expect(isFinalising()).toBe(true);
    await chain.stop();
    expect((await verifyStore(store, genesis, verifier)).firstBad).toBeUndefined();
    await store.close();
    await signer.close();
    await rm(dir, { recursive: true });
  }, 30_000);
});
