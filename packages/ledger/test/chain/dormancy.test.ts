/** Half of the voters are gone for good: they fall asleep by the rules, people name a block, and those who are left go on. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { toHex } from '@radpass/core';
import { formatCheckpoint, parseCheckpoint, signCheckpoint } from '../../dist/checkpoint.js';
import { tinyParams } from '../../dist/consensus/params.js';
import { LightClient } from '../../dist/light/client.js';
import { parseLightUpdate, parseVoters } from '../../dist/light/update.js';
import { seedKey } from '../testChain.js';
import { type Member, World } from './world.js';

const people = ['anna', 'bert', 'carl'].map(seedKey).sort((a, b) => (toHex(a.publicKey) < toHex(b.publicKey) ? -1 : 1));
const epochSlots = tinyParams.slotsPerEpoch;
const awakeAgain = epochSlots * (tinyParams.dormantEpochs + 4);

let world: World;
let stalledAt: number;
let early: Uint8Array;
const alive = (): Member[] => world.members.slice(0, 2);
const first = (): Member => world.members[0]!;

function follow(client: LightClient): void {
  const light = first().chain.light();
  client.advance(parseLightUpdate(light.handOvers(client.root.id)!), world.clock.now());
  client.advance(parseLightUpdate(light.checkpoint()), world.clock.now());
}

async function anchorOf(file: string) {
  const checkpoint = parseCheckpoint(file);
  const { block } = (await first().chain.block(checkpoint.blockId))!;
  const voters = parseVoters(first().chain.light().voters(checkpoint.blockId)!);
  return { checkpoint, header: block.headerBytes, voters };
}

beforeAll(async () => {
  world = await World.create(4, {
    params: { ...tinyParams, stallSlots: 1_000, voteWindowSlots: 8 },
    checkpointKeys: people.map(({ publicKey }) => publicKey),
    checkpointThreshold: 2,
  });
  await world.slots(10);
  const client = LightClient.open({ genesis: world.genesis, nowMs: world.clock.now() });
  follow(client);
  early = client.save();
  await world.stop(2);
  await world.stop(3);
  await world.slots(2);
  stalledAt = first().chain.status().finalSlot;
  await world.slots(awakeAgain);
  expect(first().chain.status().finalSlot).toBe(stalledAt);
  const statement = await world.recoveryAt(first(), 'two hospitals closed');
  const named = people.slice(0, 2).reduce(signCheckpoint, statement as Parameters<typeof signCheckpoint>[0]);
  world.recoveries = [parseCheckpoint(formatCheckpoint(named))];
  await world.slots(1);
  for (const { index } of alive()) await world.stop(index);
  for (const { index } of alive()) await world.restart(index);
  await world.slots(4 * epochSlots);
}, 60_000);

describe('a network that lost half of its voters for good', () => {
  it('counts the silent as asleep, and reaches finality by more than two thirds of the others', async () => {
    const [named] = world.recoveries;
    const voters = parseVoters(first().chain.light().voters(named!.blockId)!);
    const left = alive().map(({ signer }) => toHex(signer.nodeKey));
    expect(new Set(voters.map(({ nodeKey }) => toHex(nodeKey)))).toEqual(new Set(left));
    for (const { chain } of alive()) {
      const { finalSlot, headSlot } = chain.status();
      expect(finalSlot).toBeGreaterThan(named!.slot + 2 * epochSlots);
      expect(headSlot - finalSlot).toBeLessThanOrEqual(2);
    }
  });

  it('goes on into further eras without them', () => {
    const client = LightClient.load(early, { chainId: world.genesis.chainId, nowMs: world.clock.now() });
    expect(first().chain.light().recovery(client.root.id)).not.toBeNull();
    expect(first().chain.light().recovery(world.recoveries[0]!.blockId)).toBeNull();
    expect(first().chain.status().finalSlot).toBeGreaterThan(world.recoveries[0]!.slot + epochSlots * 3);
  });
});

describe('a light client of the era that ended so', () => {
  const held = (): LightClient => LightClient.load(early, { chainId: world.genesis.chainId, nowMs: world.clock.now() });

  it('is led over the recovery by its signatures, and on to the newest final block', async () => {
    const client = held();
    expect(() => follow(client)).toThrow('the certificate is of another era');
    const anchor = await anchorOf(first().chain.light().recovery(client.root.id)!);
    client.recover(anchor, { genesis: world.genesis, nowMs: world.clock.now() });
    expect(toHex(client.root.id)).toBe(toHex(world.recoveries[0]!.blockId));
    follow(client);
    const { finalSlot, finalId } = first().chain.status();
    expect(client.final).toMatchObject({ slot: finalSlot, blockId: finalId });
    expect(client.root.slot).toBeGreaterThan(world.recoveries[0]!.slot);
  });

  it('may also begin there', async () => {
    const anchor = await anchorOf(first().chain.light().recovery(held().root.id)!);
    const client = LightClient.open({ genesis: world.genesis, anchor, nowMs: world.clock.now() });
    follow(client);
    expect(client.final.slot).toBe(first().chain.status().finalSlot);
  });

  it.each([
    ['too few signatures', { signatures: 1 }, 'LEDGER_CHECKPOINT'],
    ['another era replaced', { replaces: new Uint8Array(32) }, 'LEDGER_CHECKPOINT'],
    ['other voters', { committeeRoot: new Uint8Array(32) }, 'LEDGER_CHECKPOINT'],
    ['another state', { stateRoot: new Uint8Array(32) }, 'LEDGER_CHECKPOINT'],
    ['a block before what it knows as final', { early: true }, 'LEDGER_LIGHT_REFUSED'],
  ])('takes no recovery with %s', async (_, change, code) => {
    const anchor = await anchorOf(first().chain.light().recovery(held().root.id)!);
    const {
      signatures = 2,
      early: isEarly = false,
      ...fields
    } = change as {
      signatures?: number;
      early?: boolean;
    };
    let { header, voters } = anchor;
    let statement = { ...anchor.checkpoint, ...fields, signatures: [] };
    if (isEarly) {
      const { block } = (await first().chain.block(4))!;
      const { stateRoot, committeeRoot } = block.header;
      header = block.headerBytes;
      voters = parseVoters(first().chain.light().voters(world.genesis.chainId)!);
      statement = { ...statement, slot: block.header.slot, blockId: block.id, stateRoot, committeeRoot };
    }
    const checkpoint = people.slice(0, signatures).reduce(signCheckpoint, statement as typeof anchor.checkpoint);
    const client = held();
    const before = client.save();
    expect(() =>
      client.recover({ checkpoint, header, voters }, { genesis: world.genesis, nowMs: world.clock.now() }),
    ).toThrow(expect.objectContaining({ code }));
    expect(client.save()).toEqual(before);
  });
});
