/**
 * A source that is not in the genesis joins as apps/node/README.md says, publishes 40 studies, and leads slots from the
 * third epoch after the one that holds the last of them. Four founders of 30 notional studies: with 40 real ones they
 * have faded to 20 each, so the newcomer has a third. The exact share over 2,000 slots is tested in virtual time.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDefineSource, findStamp, fromHex, parsePublicKey, publicKeyHex } from '@radpass/core';
import { defaultParams } from '@radpass/ledger';
import { runJson } from './commands.js';
import { TestNetwork, type TestNode } from './network.js';
import { newStudy } from './transactions.js';

const slotsPerEpoch = 8;
const finalMs = 30_000;
const studies = 40;
/** Slots looked at once the newcomer leads: a third of 48 is 16; fewer than 4 or more than 32 come once in 10,000 runs. */
const window = 48;

let network: TestNetwork;
let newcomer: TestNode;

beforeAll(async () => {
  network = await TestNetwork.started({ slotsPerEpoch, weight: 30 });
}, 120_000);
afterAll(() => network.close());

describe('a source that is not in the genesis', () => {
  it('joins, publishes, and leads a plausible share of slots from the third epoch on', async () => {
    newcomer = await network.addNode('newcomer');
    await newcomer.newKeys();
    await newcomer.start();
    const bindingFile = join(newcomer.dir, 'binding');
    const sourceHex = publicKeyHex(newcomer.sourceKey);
    const nodeKeyFlags = ['--key', newcomer.nodeKeyFile, '--source', sourceHex];
    await runJson(['bind', ...nodeKeyFlags, '--genesis', network.genesisFile, '--out', bindingFile]);
    await define(JSON.parse(readFileSync(bindingFile, 'utf8')) as Binding);

    const source = await newcomer.sourceSecret();
    const published = Array.from({ length: studies }, () => newStudy({ chainId: network.chainId, source }).transaction);
    for (const { bytes } of published) await newcomer.api.submit(bytes);
    const slots: number[] = [];
    for (const { id } of published) {
      slots.push((await newcomer.api.waitFor(id, 'final', { timeoutMs: finalMs })).slot ?? 0);
    }
    const thirdEpochAfter = (slot: number): number => (Math.floor(slot / slotsPerEpoch) + 3) * slotsPerEpoch;
    const first = thirdEpochAfter(Math.max(...slots));
    const led = await ledUntil(first + window);
    expect(led.filter(({ slot }) => slot < thirdEpochAfter(Math.min(...slots)))).toEqual([]);
    const inWindow = led.filter(({ slot }) => slot >= first).length;
    expect(inWindow).toBeGreaterThanOrEqual(4);
    expect(inWindow).toBeLessThanOrEqual(32);
    const { producers } = await network.nodes[0]!.api.producers();
    const counted = producers.find(({ sourceKey }) => publicKeyHex(sourceKey) === sourceHex);
    expect(counted?.blocks).toBeGreaterThanOrEqual(inWindow);
  }, 300_000);
});

interface Binding {
  sourceKey: string;
  nodeKey: string;
  seq: number;
  nodeSig: string;
}

/** What `radpass-gateway source define` does: the stamp of a first registration, then the entry. */
async function define(binding: Binding): Promise<void> {
  const { chainId } = network;
  const key = await newcomer.sourceSecret();
  const sourceKey = parsePublicKey(binding.sourceKey);
  const search = findStamp({ chainId, sourceKey, seq: binding.seq, bits: defaultParams.stampBits });
  let step = search.next();
  while (!step.done) step = search.next();
  const { bytes, id } = createDefineSource({
    ...{ chainId, key, sourceKey, seq: binding.seq, url: 'https://newcomer.example/radpass' },
    ...{ nodeKey: parsePublicKey(binding.nodeKey), nodeSig: fromHex(binding.nodeSig, 64), stamp: step.value },
  });
  await newcomer.api.submit(bytes);
  await newcomer.api.waitFor(id, 'final', { timeoutMs: finalMs });
}

/** Slots of the newcomer's final blocks, once a final block of `slot` or later is there. */
async function ledUntil(slot: number): Promise<{ slot: number }[]> {
  const { api } = network.nodes[1]!;
  let status = await api.status();
  for (const end = Date.now() + 150_000; status.finalSlot < slot && Date.now() < end; status = await api.status()) {
    await delay(500);
  }
  expect(status.finalSlot).toBeGreaterThanOrEqual(slot);
  const led: { slot: number }[] = [];
  for (let height = 1; height <= status.finalHeight; height++) {
    const block = await api.block(height);
    if (block.producer && publicKeyHex(block.producer) === publicKeyHex(newcomer.sourceKey))
      led.push({ slot: block.slot });
  }
  return led.filter(entry => entry.slot < slot);
}
