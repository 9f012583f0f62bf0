/** A light client beside a network that runs through eras: led by what its nodes keep, and by nothing else. */
import { describe, expect, it } from '@jest/globals';
import { toHex } from '@radpass/core';
import { tinyParams } from '../../dist/consensus/params.js';
import { provenConsent } from '../../dist/light/access.js';
import { LightClient } from '../../dist/light/client.js';
import { parseLightUpdate } from '../../dist/light/update.js';
import { seedKey } from '../testChain.js';
import { allow, minute, patientOf, studyHashOf, World } from './world.js';

const period = tinyParams.slotsPerEpoch * tinyParams.eraEpochs;

/** Everything that a node has for a client of this root. */
function follow(client: LightClient, world: World, index = 0): void {
  const light = world.members[index]!.chain.light();
  const now = world.clock.now();
  client.advance(parseLightUpdate(light.handOvers(client.root.id)!), now);
  client.advance(parseLightUpdate(light.checkpoint()), now);
}

describe('a light client of a running network', () => {
  it('follows it over eras from genesis, and checks a grant at the end', async () => {
    const world = await World.create(4);
    const { genesis } = world;
    const client = LightClient.open({ genesis, nowMs: world.clock.now() });
    const { chain } = world.members[0]!;
    await world.slots(3);
    await chain.submitTransaction(world.study(0, 'knee'));
    await world.slots(4);
    await chain.submitTransaction(allow(world, 0, 'knee', 'doctor', minute(world.clock.now())).bytes);
    await world.slots(2 * period + 6);
    const roots: string[] = [toHex(client.root.id)];
    follow(client, world);
    roots.push(toHex(client.root.id));
    const { finalSlot, finalId } = chain.status();
    expect(client.final).toMatchObject({ slot: finalSlot, blockId: finalId });
    const { block } = (await chain.block(finalId))!;
    expect(toHex(block.header.root.id)).toBe(roots[1]);
    expect(client.root.slot).toBeGreaterThanOrEqual(2 * period);

    const { grants } = await chain.grants({ requesterPrefix: toHex(seedKey('doctor').publicKey).slice(0, 8) }, true);
    const scope = {
      sourceKey: seedKey('source 0').publicKey,
      studyHash: studyHashOf('knee'),
      patientKey: patientOf('knee').publicKey,
      requesterKey: seedKey('doctor').publicKey,
    };
    expect(provenConsent(client.final, scope, grants[0]!.leaves!).grant?.contentId).toEqual(grants[0]!.contentId);
  }, 60_000);

  it('gets over eras by a node that was restarted, and by one that synced them, and knows no root that never was', async () => {
    const world = await World.create(4);
    await world.stop(3);
    await world.slots(period + 6);
    await world.stop(0);
    await world.restart(0);
    await world.restart(3);
    await world.sync(3);
    await world.slots(4);
    for (const index of [0, 3]) {
      const client = LightClient.open({ genesis: world.genesis, nowMs: world.clock.now() });
      follow(client, world, index);
      expect(client.root.slot).toBeGreaterThanOrEqual(period);
      expect(client.final.slot).toBe(world.members[index]!.chain.status().finalSlot);
      const light = world.members[index]!.chain.light();
      expect(light.voters(client.root.id)).not.toBeNull();
      expect(light.handOvers(new Uint8Array(32))).toBeNull();
      expect(light.voters(new Uint8Array(32))).toBeNull();
    }
  }, 60_000);
});
