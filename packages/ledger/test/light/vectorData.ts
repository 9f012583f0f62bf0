/** What test/vectors/light.json holds: a light client's steps from genesis, each with what comes of it. README.md has the format. */
import { toHex } from '@radpass/core';
import type { CertifiedHeader, LightUpdate } from '../../dist/light/update.js';
import { encodeLightUpdate } from '../../dist/light/update.js';
import { hashOf, LightWorld, members } from './lightWorld.js';

/** One update and the clock at which it comes. */
export interface LightStep {
  name: string;
  nowMs: number;
  update: string;
}

export function lightVectors(): { genesis: string; steps: LightStep[] } {
  const world = new LightWorld();
  const { first } = world;
  const second = world.open(10, first, [...members(['a'], 3), ...members(['b', 'c', 'd'], 2)]);
  const third = world.open(20, second.era, members(['b', 'e', 'f']));
  const alone = (final: CertifiedHeader | null): LightUpdate => ({ handOvers: [], final });
  const good = world.final(9, first);
  const { certificate } = good;
  const changed = (change: Partial<typeof certificate>): LightUpdate =>
    alone({ ...good, certificate: { ...certificate, ...change } });
  const reordered = { ...third.handOver, voters: [...third.handOver.voters].reverse() };
  const now = world.timeOf(40);
  const cases: [name: string, update: LightUpdate, nowMs?: number][] = [
    ['nothing', alone(null)],
    ['a final block of era 0', alone(world.final(5, first))],
    ['a later one with three of four votes', alone(world.final(7, first, {}, { voters: [0, 1, 3] }))],
    ['two of four votes', alone(world.final(8, first, {}, { voters: [1, 2] }))],
    ['a vote of another voter', changed({ signatures: [...certificate.signatures].reverse() })],
    ['a vote too few', changed({ signatures: certificate.signatures.slice(1) })],
    ['a bit beyond the voters', changed({ bitmap: Uint8Array.of(0x1f) })],
    ['a link that only justifies', alone(world.final(9, first, {}, { message: { targetSlot: 11 } }))],
    ['another root', alone(world.final(9, first, {}, { message: { rootId: hashOf('root') } }))],
    ['another header', alone({ ...good, header: world.header(9, first, { stateRoot: hashOf('state') }) })],
    ['another network', alone(world.final(9, first, { chainId: hashOf('chain') }))],
    ['another version', alone(world.final(9, first, { rulesVersion: 2 }))],
    ['a slot ahead of the clock', alone(good), world.timeOf(4)],
    ['the same in time', alone(good)],
    ['a second block at that slot', alone(world.final(9, first, { stateRoot: hashOf('another') }))],
    ['an older final block', alone(world.final(6, first))],
    ['a hand-over out of turn', { handOvers: [third.handOver], final: null }],
    ['two eras on, with voters in another order', { handOvers: [second.handOver, reordered], final: null }],
    ['the next era', { handOvers: [second.handOver], final: world.final(12, second.era) }],
    ['weights 3 and 2 of 9 in it', alone(world.final(13, second.era, {}, { voters: [0, 1] }))],
    ['weights 3, 2 and 2 of 9 in it', alone(world.final(13, second.era, {}, { voters: [0, 1, 3] }))],
    ['a block of era 0 after that', alone(world.final(14, first))],
    ['one era more', { handOvers: [third.handOver], final: world.final(21, third.era) }],
    ['after more than trustMs', alone(world.final(22, third.era)), world.timeOf(22) + world.genesis.params.trustMs],
  ];
  const steps = cases.map(([name, update, nowMs = now]) => ({ name, nowMs, update: toHex(encodeLightUpdate(update)) }));
  return { genesis: toHex(world.genesis.bytes), steps };
}
