/** A light client that knew the ledger before a recovery goes on over it, by what a node answers over HTTP alone. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LightNodes, NodeApi } from '@radpass/client';
import { nodeFetch } from '@radpass/client/node';
import { fromHex } from '@radpass/core';
import { runJson } from './commands.js';
import { TestNetwork, type TestNode } from './network.js';

let network: TestNetwork;
let node: TestNode;
let saved: Uint8Array | null = null;
let named: Record<string, unknown>;
let before: { slot: number };
let finalHeight: number;

const save = async (state: Uint8Array): Promise<void> => {
  saved = state;
};
const now = (): number => Date.now();
const ask = async (light: LightNodes) =>
  (await light.ask(api => api.study(node.sourceKey, new Uint8Array(32), { proofs: true }))).final;
const openAt = (api: NodeApi) => LightNodes.open({ nodes: [api], chainId: network.chainId, now, saved });

beforeAll(async () => {
  network = await TestNetwork.started({ founders: 1, slotMs: 250, checkpointKeys: true });
  node = network.nodes[0]!;
  await network.agreed(2);
  const light = await LightNodes.open({ nodes: [node.api], chainId: network.chainId, now, save });
  before = await ask(light);
  await network.agreed((await node.status()).height + 2);
  expect(await node.stop()).toBe(0);
  const file = join(network.dir, 'recovery.json');
  const signed = ['--sign', join(node.dir, 'source.key'), '--out', file];
  named = await runJson(['recovery', '--data-dir', node.dataDir, '--reason', 'they are gone', ...signed]);
  await node.start(['--recovery', file]);
  ({ finalHeight } = await node.status());
  await network.agreed(finalHeight + 2);
}, 60_000);
afterAll(() => network.close());

describe('a light client after a recovery', () => {
  it('follows the signed checkpoint to the new voters, and takes what they made final', async () => {
    const { height } = await node.api.block(fromHex(String(named.blockId)));
    const final = await ask(await openAt(node.api));
    expect(final.slot).toBeGreaterThan(before.slot);
    expect((await node.api.block(final.blockId)).height).toBeGreaterThan(height);
  });

  it('takes nothing beyond it when the node hides the checkpoint, or when a word of it was changed', async () => {
    const between = (change: (text: string) => string | null): NodeApi => {
      const fetch = nodeFetch();
      return new NodeApi({
        url: node.url,
        fetch: async (url, init) => {
          const answer = await fetch(url, init);
          if (!new URL(url).pathname.startsWith('/v1/recovery/')) return answer;
          const text = change(new TextDecoder().decode(await answer.arrayBuffer()));
          if (text === null) return { ...answer, ok: false, status: 404 };
          return { ...answer, arrayBuffer: async () => new TextEncoder().encode(text).buffer };
        },
      });
    };
    await expect(openAt(between(() => null)).then(ask)).rejects.toMatchObject({ code: 'LEDGER_LIGHT_REFUSED' });
    const changed = between(text => text.replace('they are gone', 'they are here'));
    await expect(openAt(changed).then(ask)).rejects.toMatchObject({ code: 'LEDGER_CHECKPOINT' });
  });
});
