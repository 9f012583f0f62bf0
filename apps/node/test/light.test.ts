/** Who does not believe a node: wallets, inboxes and gateways over its API, with a light client in between. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHttpAccessView, Inbox, LightNodes, NodeApi, type OpenLight, type RecordStore } from '@radpass/client';
import { nodeFetch } from '@radpass/client/node';
import { decodeCanonical, nobleVerifier, parseRequesterCard, raw, SecretKey, toHex } from '@radpass/core';
import { LightClient, parseGenesis, parseLightUpdate, provenConsent } from '@radpass/ledger/light';
import { TestNetwork, type TestNode } from './network.js';
import { grant, newStudy, type Published } from './transactions.js';

const finalMs = 15_000;
let network: TestNetwork;
let node: TestNode;
let chainId: Uint8Array;
let source: SecretKey;
let study: Published;

beforeAll(async () => {
  network = await TestNetwork.started({ founders: 1, slotMs: 250 });
  node = network.nodes[0]!;
  ({ chainId } = network);
  source = await node.sourceSecret();
  study = newStudy({ chainId, source });
  await node.api.submit(study.transaction);
  await node.api.waitFor(study.transaction.id, 'final', { timeoutMs: finalMs });
}, 60_000);
afterAll(() => network.close());

const now = (): number => Date.now();
const open = (nodes: NodeApi[] = [node.api]): Promise<LightNodes> => LightNodes.open({ nodes, chainId, now });

/** The node's API with somebody in between who changes what it answers. */
function lying(path: string, change: (bytes: Uint8Array, text: string) => Uint8Array | string): NodeApi {
  const fetch = nodeFetch();
  return new NodeApi({
    url: node.url,
    fetch: async (url, init) => {
      const answer = await fetch(url, init);
      if (!new URL(url).pathname.startsWith(path)) return answer;
      const bytes = new Uint8Array(await answer.arrayBuffer());
      const changed = change(bytes, new TextDecoder().decode(bytes));
      const body = typeof changed === 'string' ? new TextEncoder().encode(changed) : Uint8Array.from(changed);
      return { ...answer, arrayBuffer: async () => body.slice().buffer };
    },
  });
}

const askStudy = (light: LightNodes) => light.ask(api => api.study(study.sourceKey, study.studyHash, { proofs: true }));

describe('a light client over the API', () => {
  it('verifies the final block at which an answer was read, one small update for each', async () => {
    const updates: number[] = [];
    const light = await open([
      lying('/v1/checkpoint', bytes => {
        updates.push(bytes.length);
        return bytes;
      }),
    ]);
    const { answer, final } = await askStudy(light);
    expect(toHex(final.blockId)).toBe(toHex(answer.checkpoint.blockId));
    expect(toHex(final.stateRoot)).toBe(toHex(answer.checkpoint.stateRoot));
    for (let i = 0; i < 5; i++) await askStudy(light);
    expect(updates.length).toBeLessThan(6);
    expect(Math.max(...updates)).toBeLessThan(1_024);
  });

  it('goes on from its saved state without asking for genesis again', async () => {
    let saved: Uint8Array | null = null;
    const save = async (state: Uint8Array): Promise<void> => {
      saved = state;
    };
    await LightNodes.open({ nodes: [node.api], chainId, now, save });
    const nodes = [lying('/v1/genesis', () => 'gone')];
    const light = await LightNodes.open({ nodes, chainId, now, saved });
    expect((await askStudy(light)).final.slot).toBeGreaterThan(0);
  });

  it('takes no genesis of another network, and no header or certificate that was touched', async () => {
    const genesis = await node.api.genesis();
    const other = genesis.map((byte, i) => (i === 6 ? byte ^ 1 : byte));
    await expect(open([lying('/v1/genesis', () => other)])).rejects.toMatchObject({ code: 'CLIENT_WRONG_NETWORK' });
    const cut = lying('/v1/checkpoint', bytes => bytes.map((byte, i) => (i === bytes.length - 9 ? byte ^ 1 : byte)));
    await expect(askStudy(await open([cut]))).rejects.toMatchObject({ detail: { fault: 'signature' } });
    const none = lying('/v1/checkpoint', () => Uint8Array.of(0x92, 0x90, 0x90));
    await expect(askStudy(await open([none]))).rejects.toMatchObject({ code: 'CLIENT_UNPROVEN' });
  });

  it('begins at a block named by hand, with the header and voters that any node gives', async () => {
    const { checkpoint } = await node.api.sources();
    const at = { slot: checkpoint.slot, blockId: checkpoint.blockId };
    const light = await LightNodes.open({ nodes: [node.api], chainId, now, checkpoint: at });
    expect(toHex(light.final.blockId)).toBe(toHex(at.blockId));
    expect((await askStudy(light)).final.slot).toBeGreaterThanOrEqual(at.slot);
    const wrong = { ...at, slot: 1 };
    await expect(LightNodes.open({ nodes: [node.api], chainId, now, checkpoint: wrong })).rejects.toMatchObject({
      code: 'LEDGER_CHECKPOINT',
    });
  });
});

describe('an inbox that does not believe its node', () => {
  let saved: Uint8Array | null = null;
  const store: RecordStore = {
    load: async () => saved,
    save: async bytes => {
      saved = bytes;
    },
  };
  const inbox = (api: NodeApi): Promise<Inbox> => {
    const light: OpenLight = p => LightNodes.open({ nodes: [api], now, ...p });
    return Inbox.open({ store, node: api, light, now });
  };
  const swap = (name: string, value: unknown) => (_bytes: Uint8Array, text: string) =>
    JSON.stringify(JSON.parse(text), (key, old) => (key === name ? value : old));

  beforeAll(async () => {
    const { card } = await (await inbox(node.api)).card('Dr. D');
    const [requesterKey] = parseRequesterCard(card, nobleVerifier).keys;
    const given = grant({ chainId, study, requesterKey: requesterKey! });
    await node.api.submit(given);
    await node.api.waitFor(given.id, 'final', { timeoutMs: finalMs });
  });

  it('lists a grant with its source as their proofs show them', async () => {
    const [entry] = await (await inbox(node.api)).grants();
    expect(entry).toMatchObject({ grant: 1, state: 'allowed', notAfter: 0, source: { studyCount: 1 } });
    expect(toHex(entry!.source!.standingKey)).toBe(toHex(source.publicKey));
  });

  it.each<[string, string, string, unknown]>([
    ['when a grant ends', '/v1/grants', 'notAfter', 1],
    ['who signs for a source', '/v1/sources', 'standingKey', toHex(SecretKey.generate().publicKey)],
    ['where its images are', '/v1/sources', 'url', 'https://elsewhere.example'],
    ['how many were revoked', '/v1/grants', 'floorSeq', 9e15],
  ])("does not take the node's word on %s", async (_what, path, name, value) => {
    const [entry] = await (await inbox(lying(path, swap(name, value)))).grants();
    expect(entry).toEqual((await (await inbox(node.api)).grants())[0]);
    expect(entry?.state).toBe('allowed');
  });

  it('still hears of a revocation that is not final yet: that word only takes away', async () => {
    const [entry] = await (await inbox(lying('/v1/grants', swap('revokedSeq', 9e15)))).grants();
    expect(entry?.state).toBe('revoked');
  });

  it('refuses an answer whose proofs are missing or of something else', async () => {
    const without = lying('/v1/grants', (_bytes, text) => text.replace(/"leaves":\{/, '"other":{'));
    await expect((await inbox(without)).grants()).rejects.toMatchObject({ code: 'CLIENT_UNPROVEN' });
    const swapped = lying('/v1/grants', (_bytes, text) => text.replace('"study":{"value":"', '"study":{"value":"90'));
    await expect((await inbox(swapped)).grants()).rejects.toMatchObject({ code: 'LEDGER_LIGHT_PROOF' });
  });
});

describe("a gateway's view that does not believe its nodes", () => {
  const requester = SecretKey.generate();
  const facts = async (nodes: NodeApi[]) => {
    const light = await open(nodes);
    const view = createHttpAccessView({ nodes, light, now, maxStalenessMs: 60_000 });
    return view.facts(study.sourceKey, study.studyHash, requester.publicKey);
  };

  beforeAll(async () => {
    const given = grant({ chainId, study, requesterKey: requester.publicKey });
    await node.api.submit(given);
    await node.api.waitFor(given.id, 'final', { timeoutMs: finalMs });
  });

  it('gives a verified grant, with evidence that a light client can check again from genesis', async () => {
    const { grant: given, checkpoint, proof } = await facts([node.api]);
    expect(given?.notAfter).toBe(0);
    const [update, leaves] = decodeCanonical(proof, raw(1_000_000)) as [Uint8Array, [string, Uint8Array, Uint8Array][]];
    const client = LightClient.open({ genesis: parseGenesis(await node.api.genesis()), nowMs: now() });
    const final = client.advance(parseLightUpdate(update), now())!;
    expect(final).toMatchObject({ slot: checkpoint.slot, blockId: checkpoint.blockId });
    const [owned, consent, floor] = leaves.map(([, value, proven]) => ({
      value: value.length > 0 ? value : null,
      proof: proven,
    }));
    const scope = { sourceKey: study.sourceKey, studyHash: study.studyHash };
    const named = { ...scope, patientKey: study.patient.publicKey, requesterKey: requester.publicKey };
    const shown = provenConsent(final, named, { study: owned!, consent: consent!, floor: floor! });
    expect(shown.grant?.contentId).toEqual(given?.contentId);
  });

  it('leaves out a node that lies, while another tells the truth', async () => {
    const stranger = toHex(SecretKey.generate().publicKey);
    const liar = lying('/v1/studies', (_bytes, text) => text.replace(/"leaf":\{"value":"/, '"leaf":{"value":"90'));
    const renamed = lying('/v1/studies', (_bytes, text) =>
      text.replaceAll(/"owner":"[0-9a-f]{64}"/g, `"owner":"${stranger}"`),
    );
    await expect(facts([liar])).rejects.toMatchObject({ code: 'LEDGER_LIGHT_PROOF' });
    expect((await facts([liar, node.api])).grant).not.toBeNull();
    expect((await facts([renamed])).study?.owner).toEqual(study.patient.publicKey);
  });

  it('dates what it says by the certificate, not by what the node writes beside it', async () => {
    const later = lying('/v1/studies', (_bytes, text) => text.replace(/"timeMs":\d+/, `"timeMs":${now() + 1_000}`));
    const { checkpoint } = await facts([later]);
    expect(checkpoint.timeMs).toBeLessThanOrEqual(now());
    expect((checkpoint.timeMs - (await node.status()).genesisTimeMs) / 250).toBe(checkpoint.slot);
  });
});
