/** Chains that see offences: what they find, keep, tell and record. */
import { describe, expect, it } from '@jest/globals';
import { type PublicKey, sign } from '@radpass/core';
import { type Block, encodeBlock } from '../../dist/block.js';
import { encodeEvidence, equivocation, parseEvidence } from '../../dist/consensus/evidence.js';
import { encodeVote, encodeVoteMessage, type VoteMessage } from '../../dist/consensus/votes.js';
import { evidenceLimits } from '../../dist/evidencePool.js';
import { committeeOfGenesis } from '../../dist/genesisState.js';
import { rebuildMark } from '../../dist/identity.js';
import type { MemoryStore } from '../../dist/store.js';
import { tables } from '../../dist/tables.js';
import { World } from './world.js';

const sourceKeyOf = (world: World, index: number): PublicKey =>
  world.genesis.founders.find(({ nodeKey }) => nodeKey.join() === world.members[index]!.signer.nodeKey.join())!
    .sourceKey;

/** Kinds of evidence in the blocks of a member's chain, in their order. */
async function recorded(world: World, index: number): Promise<string[]> {
  const { chain } = world.members[index]!;
  const kinds: string[] = [];
  for (let height = 1; height <= chain.status().height; height++) {
    const found = await chain.block(height);
    for (const record of found?.block.body.evidence ?? []) kinds.push(parseEvidence(record).kind);
  }
  return kinds;
}

function voteOf(world: World, index: number, message: VoteMessage): Uint8Array {
  const { key, nodeKey } = world.members[index]!.signer;
  const voter = committeeOfGenesis(world.genesis).voters.findIndex(v => v.nodeKey.join() === nodeKey.join());
  const signature = sign(key, 'vote', world.genesis.chainId, encodeVoteMessage(message));
  return encodeVote({ message, voter, nodeKey, signature });
}

const lastVote = (world: World, index: number): VoteMessage => world.members[index]!.signer.votes.at(-1)!;

async function headOf(world: World): Promise<Block> {
  const { chain } = world.members[0]!;
  return (await chain.block(chain.status().height))!.block;
}

/** The same block with another state root, signed by its leader. */
function invalidTwin(world: World, block: Block): Block {
  const leader = world.genesis.founders.find(({ sourceKey }) => sourceKey.join() === block.header.producer.join())!;
  const { key } = world.members.find(({ signer }) => signer.nodeKey.join() === leader.nodeKey.join())!.signer;
  const header = { ...block.header, stateRoot: world.genesis.chainId };
  const unsigned = encodeBlock({ header, body: block.body, signature: new Uint8Array(64) });
  return encodeBlock({ header, body: block.body, signature: sign(key, 'block', world.genesis.chainId, unsigned.id) });
}

async function jailedUntil(world: World, index: number, source: PublicKey): Promise<Uint8Array | null> {
  return world.members[index]!.chain.proof(tables.jail, source).value;
}

describe('offences', () => {
  it('two votes of one slot, told to one node, are recorded by all', async () => {
    const world = await World.create(4);
    await world.slots(4);
    const vote = lastVote(world, 1);
    const other = { ...vote, targetId: vote.sourceId };
    expect(await world.members[0]!.chain.receiveVote(voteOf(world, 1, other))).toBe('accept');
    await world.slots(6);
    for (const { index } of world.members) expect(await recorded(world, index)).toEqual(['doubleVote']);
    expect(await jailedUntil(world, 3, sourceKeyOf(world, 1))).not.toBeNull();
    expect(await jailedUntil(world, 3, sourceKeyOf(world, 2))).toBeNull();
  });

  it('a vote around an earlier one is recorded', async () => {
    const world = await World.create(4);
    await world.slots(5);
    const vote = lastVote(world, 2);
    const around = { ...vote, sourceSlot: vote.sourceSlot - 2, targetSlot: vote.targetSlot + 1 };
    expect(await world.members[0]!.chain.receiveVote(voteOf(world, 2, around))).toBe('accept');
    await world.slots(6);
    expect((await recorded(world, 3)).sort()).toEqual(['doubleVote', 'surroundVote']);
  });

  it('a block that its leader signed and the rules refuse is recorded, and as the second of its slot', async () => {
    const world = await World.create(4);
    await world.slots(4);
    const twin = invalidTwin(world, await headOf(world));
    expect(await world.members[0]!.chain.receiveBlock(twin.bytes)).toBe('reject');
    await world.slots(6);
    for (const { index } of world.members) {
      expect((await recorded(world, index)).sort()).toEqual(['doubleBlock', 'invalidBlock']);
    }
  });

  it('nobody is accused by what another signed', async () => {
    const world = await World.create(4);
    await world.slots(4);
    const { chain } = world.members[0]!;
    const head = await headOf(world);
    const leader = committeeOfGenesis(world.genesis).voters.find(
      v => v.sourceKey.join() === head.header.producer.join(),
    )!;
    const twin = invalidTwin(world, head);
    const forged = encodeBlock({ ...twin, signature: head.signature });
    const framing = equivocation(
      'doubleBlock',
      leader.nodeKey,
      { bytes: head.headerBytes, signature: head.signature },
      { bytes: forged.headerBytes, signature: forged.signature },
    );
    expect(await chain.receiveBlock(forged.bytes)).toBe('reject');
    expect(await chain.receiveBlock(encodeEvidence(framing))).toBe('reject');
    expect(await chain.receiveBlock(encodeEvidence({ kind: 'invalidBlock', block: head.bytes }))).toBe('reject');
    await world.slots(6);
    for (const { index } of world.members) expect(await recorded(world, index)).toEqual([]);
  });

  it('an accusation is judged on a state that final blocks have passed', async () => {
    const world = await World.create(4);
    await world.members[0]!.chain.submitTransaction(world.study(0, 'one'));
    await world.slots(4);
    const twin = invalidTwin(world, await headOf(world));
    for (const name of ['two', 'three']) {
      await world.members[1]!.chain.submitTransaction(world.study(1, name));
      await world.slots(4);
    }
    const { chain } = world.members[0]!;
    expect(chain.status().finalSlot).toBeGreaterThan(twin.header.slot + 4);
    const record = encodeEvidence({ kind: 'invalidBlock', block: twin.bytes });
    expect(await chain.receiveBlock(record)).toBe('accept');
    expect(await chain.receiveBlock(record)).toBe('ignore');
    await world.slots(6);
    for (const { index } of world.members) expect(await recorded(world, index)).toEqual(['invalidBlock']);
    const store = world.members[2]!.store as MemoryStore;
    expect((await world.verify(store.copy())).firstBad).toBeUndefined();
    // Written anew from its blocks, it holds the same.
    const marked = store.copy();
    await marked.commit([rebuildMark()]);
    await world.stop(2);
    await world.restart(2, marked);
    expect(await recorded(world, 2)).toEqual(['invalidBlock']);
  });

  it('evidence that was found outlives a kill, and goes once it is final', async () => {
    const world = await World.create(4);
    await world.slots(4);
    world.partition([0], [1, 2, 3]);
    const vote = lastVote(world, 1);
    await world.members[0]!.chain.receiveVote(voteOf(world, 1, { ...vote, targetId: vote.sourceId }));
    const killed = (world.members[0]!.store as MemoryStore).copy();
    const kept = async (store: MemoryStore) => {
      let count = 0;
      for await (const _ of store.entries('E', 'F')) count++;
      return count;
    };
    expect(await kept(killed)).toBe(1);
    await world.stop(0);
    await world.slots(2);
    world.heal();
    await world.restart(0, killed);
    await world.sync(0);
    // Within 16 slots the evidence is told again; then each leader may put it into its block.
    await world.slots(24);
    expect(await recorded(world, 3)).toEqual(['doubleVote']);
    expect(await kept(killed)).toBe(0);
  });

  it('one source can fill no more than its share of the pool', async () => {
    const world = await World.create(4);
    await world.slots(12);
    world.partition([0], [1, 2, 3]);
    const { chain, store } = world.members[0]!;
    const { key, nodeKey } = world.members[1]!.signer;
    const base = lastVote(world, 1);
    const signed = (targetSlot: number, targetId: Uint8Array) => {
      const bytes = encodeVoteMessage({ ...base, sourceSlot: 0, targetSlot, targetId });
      return { bytes, signature: sign(key, 'vote', world.genesis.chainId, bytes) };
    };
    const verdicts: string[] = [];
    for (let slot = 1; slot <= evidenceLimits.ofSource + 2; slot++) {
      const pair = equivocation('doubleVote', nodeKey, signed(slot, base.sourceId), signed(slot, base.targetId));
      verdicts.push(await chain.receiveBlock(encodeEvidence(pair)));
    }
    const accepted = Array.from({ length: evidenceLimits.ofSource }, () => 'accept');
    expect(verdicts).toEqual([...accepted, 'ignore', 'ignore']);
    let count = 0;
    for await (const _ of store.entries('E', 'F')) count++;
    expect(count).toBe(evidenceLimits.ofSource);
  });
});
