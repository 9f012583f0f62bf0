/** A block of rules that this release doesn't know: a node that sees one by the slot's leader does nothing more but say so. */
import { describe, expect, it } from '@jest/globals';
import { encodeCanonical, type SecretKey, sign, toHex } from '@radpass/core';
import { blockId, encodeHeader, type Header } from '../../dist/block.js';
import { knowsVersion, rulesVersionAt } from '../../dist/consensus/rulesVersions.js';
import type { ChainEvent } from '../../dist/events.js';
import { seedKey } from '../testChain.js';
import { factsOf, World } from './world.js';

/** A block of rules version 2 on the head, with a body that no version 1 would read. */
async function foreign(world: World, key: SecretKey, change: Partial<Header> = {}): Promise<Uint8Array> {
  const { chain } = world.members[0]!;
  const { height } = chain.status();
  const { header, id } = (await chain.block(height))!.block;
  const headerBytes = encodeHeader({
    ...header,
    rulesVersion: 2,
    slot: header.slot + 1,
    height: height + 1,
    parent: id,
    ...change,
  });
  const signature = sign(key, 'block', world.genesis.chainId, blockId(headerBytes));
  return encodeCanonical([headerBytes, signature, Uint8Array.of(1, 2, 3)]);
}

describe('a block of unknown rules', () => {
  it('by the leader ends voting, producing and serving; the status says upgrade', async () => {
    const world = await World.create(1);
    await world.slots(6);
    const { chain, signer } = world.members[0]!;
    const heard: ChainEvent[] = [];
    chain.events(0, event => heard.push(event));
    await world.clock.advance(800);
    const block = await foreign(world, signer.key);
    expect(await chain.receiveBlock(block)).toBe('ignore');
    expect(chain.status().upgradeTo).toBeUndefined();
    await world.clock.advance(world.genesis.params.slotMs);
    expect(await chain.importBlocks([block])).toBe('stop');
    expect(chain.status()).toMatchObject({ upgradeTo: 2 });
    const signed = [signer.blocks.length, signer.votes.length];
    await world.slots(4);
    expect([signer.blocks.length, signer.votes.length]).toEqual(signed);
    expect(() => chain.sources()).toThrow(expect.objectContaining({ code: 'LEDGER_UPGRADE' }));
    await expect(factsOf(world, 0, 0, 'a study', 'a doctor')).rejects.toMatchObject({ code: 'LEDGER_UPGRADE' });
    expect(heard.filter(({ kind }) => kind === 'upgrade')).toHaveLength(1);
    expect(world.log.filter(({ event }) => event === 'upgrade-needed')).toHaveLength(1);
  });

  it('by anybody else, or of another network, is refused and changes nothing', async () => {
    const world = await World.create(1);
    await world.slots(6);
    const { chain, signer } = world.members[0]!;
    const { height } = chain.status();
    const parent = (await chain.block(height - 1))!.block.id;
    const blocks = [
      await foreign(world, seedKey('a stranger'), { slot: height, parent }),
      await foreign(world, signer.key, { slot: height, parent, chainId: new Uint8Array(32) }),
      await foreign(world, signer.key, { slot: height - 1, parent }),
    ];
    for (const block of blocks) expect(await chain.receiveBlock(block)).toBe('reject');
    expect(chain.status().upgradeTo).toBeUndefined();
    expect(toHex(chain.status().headId)).toBe(toHex((await chain.block(height))!.block.id));
    expect(chain.sources().sources).toHaveLength(1);
  });
});

describe('the table of rules', () => {
  it('gives each epoch its version', () => {
    const known = [
      { version: 1, firstEpoch: 0 },
      { version: 2, firstEpoch: 10 },
      { version: 5, firstEpoch: 11 },
    ];
    expect([0, 9, 10, 11, 99].map(epoch => rulesVersionAt(epoch, known))).toEqual([1, 1, 2, 5, 5]);
    expect([1, 2, 3, 5, 6].map(version => knowsVersion(version, known))).toEqual([true, true, false, true, false]);
  });
});
