import { beforeEach, describe, expect, it } from '@jest/globals';
import { nobleVerifier, type PublicKey, parseRequesterCard, publicKeyHex } from '@radpass/core';
import { Inbox, NodeApi, type RecordStore } from '../dist/index.js';
import { FakeNode, keyOf } from './fakeNode.js';

const now = 1_700_000_400_000;
const sourceKey = keyOf(1).publicKey;
const patientKey = keyOf(2).publicKey;
const studyHash = new Uint8Array(32).fill(9);

describe('the inbox', () => {
  let node: FakeNode;
  let saved: Uint8Array | null;
  let store: RecordStore;
  const open = (): Promise<Inbox> =>
    Inbox.open({ store, node: new NodeApi({ url: 'http://127.0.0.1:1', fetch: node.fetch }), now: () => now });

  beforeEach(() => {
    node = new FakeNode();
    node.sources = [{ sourceKey, url: 'https://h.example/radpass' }];
    saved = null;
    store = {
      load: async () => saved,
      save: async bytes => {
        saved = bytes;
      },
    };
  });

  const grantToFirstKey = async (inbox: Inbox, change: object = {}): Promise<void> => {
    const card = parseRequesterCard((await inbox.card('Dr. D')).card, nobleVerifier);
    node.grants = [{ sourceKey, studyHash, patientKey, requesterKey: card.keys[0]!, seq: 60_000, ...change }];
  };

  it('makes cards of eight keys, none of them twice, all on disk before the card is shown', async () => {
    const inbox = await open();
    const cards = [await inbox.card('Dr. D'), await inbox.card('Dr. D')].map(made =>
      parseRequesterCard(made.card, nobleVerifier),
    );
    const keys = cards.flatMap(card => card.keys.map(publicKeyHex));
    expect(new Set(keys).size).toBe(16);
    const text = new TextDecoder().decode(saved!);
    expect(keys.every(key => text.includes(key))).toBe(true);
  });

  it('keeps what another program saved while it was open: cards, numbers, retrievals, record numbers', async () => {
    await grantToFirstKey(await open());
    const [retrieving, other] = [await open(), await open()];
    const [grant] = await retrieving.grants();
    const { card } = await other.card('Dr. E');
    await other.setRecordNumber(patientKey, '4711');
    await retrieving.markRetrieved(grant!, new Uint8Array(32));
    const [listed] = await (await open()).grants();
    expect(listed).toMatchObject({ grant: 1, retrieved: true, recordNumber: '4711' });
    const text = new TextDecoder().decode(saved!);
    for (const key of parseRequesterCard(card, nobleVerifier).keys) expect(text).toContain(publicKeyHex(key));
    await other.setRecordNumber(patientKey, '4712');
    await retrieving.card('Dr. F');
    expect((await (await open()).grants())[0]?.recordNumber).toBe('4712');
  });

  it('gives one number to one grant, also when two programs see different ones first', async () => {
    await grantToFirstKey(await open());
    const [first] = node.grants;
    const [a, b] = [await open(), await open()];
    expect((await a.grants()).map(({ grant }) => grant)).toEqual([1]);
    node.grants = [{ ...first!, studyHash: new Uint8Array(32).fill(8) }];
    expect((await b.grants()).map(({ grant }) => grant)).toEqual([2]);
  });

  it('finds a grant to one of its keys, with the endpoint of the directory, after a restart too', async () => {
    await grantToFirstKey(await open());
    const [grant] = await (await open()).grants();
    expect(grant).toMatchObject({ grant: 1, state: 'allowed', label: 'Dr. D', retrieved: false });
    expect(grant?.source?.url).toBe('https://h.example/radpass');
    const inbox = await open();
    expect(inbox.keyOf(grant!).publicKey).toEqual(grant!.requesterKey);
  });

  it.each([
    ['a revocation stands', { type: 4 }],
    ['everyone was revoked', { floorSeq: 60_000 }],
    ['a revocation was seen that is not final yet', { revokedSeq: 60_000 }],
  ])('shows a grant as revoked when %s', async (_why, change) => {
    const inbox = await open();
    await grantToFirstKey(inbox, change);
    expect((await inbox.grants())[0]?.state).toBe('revoked');
  });

  it('shows a grant as expired by its own clock', async () => {
    const inbox = await open();
    await grantToFirstKey(inbox, { notAfter: now - 1 });
    expect((await inbox.grants())[0]?.state).toBe('expired');
  });

  it('asks for prefixes only, and leaves out keys that share one', async () => {
    const inbox = await open();
    const asked: string[] = [];
    await grantToFirstKey(inbox);
    const [mine] = node.grants;
    const stranger = Uint8Array.from(mine!.requesterKey);
    stranger[31]! ^= 1;
    node.grants.push({ ...mine!, requesterKey: stranger as PublicKey });
    node.onAsk = path => asked.push(path);
    expect(await inbox.grants()).toHaveLength(1);
    expect(asked.filter(path => path === '/v1/grants').length).toBeGreaterThan(0);
  });

  it('remembers what was retrieved and whose record it belongs to', async () => {
    const inbox = await open();
    await grantToFirstKey(inbox);
    const grant = await inbox.grant(1);
    await inbox.markRetrieved(grant, new Uint8Array(32));
    await inbox.setRecordNumber(patientKey, 'MRN 12');
    expect(await (await open()).grant(1)).toMatchObject({ retrieved: true, recordNumber: 'MRN 12' });
    node.grants.push({ ...node.grants[0]!, patientKey: keyOf(3).publicKey });
    expect(await inbox.grant(2)).toMatchObject({ patientKey: keyOf(3).publicKey, recordNumber: null });
    node.grants.pop();
    await expect(inbox.grant(2)).rejects.toMatchObject({ code: 'CLIENT_GRANT_UNKNOWN' });
  });

  it('keeps the number of a grant when another comes to an earlier key, and when one disappears', async () => {
    const inbox = await open();
    const { keys } = parseRequesterCard((await inbox.card('Dr. D')).card, nobleVerifier);
    const to = (n: number) => ({ sourceKey, studyHash, patientKey, requesterKey: keys[n]!, seq: 60_000 });
    node.grants = [to(3)];
    expect((await inbox.grants()).map(({ grant }) => grant)).toEqual([1]);
    node.grants = [to(0), to(3)];
    const later = await open();
    expect((await later.grants()).map(({ grant }) => grant)).toEqual([1, 2]);
    expect((await later.grant(1)).requesterKey).toEqual(keys[3]);
    node.grants = [to(0)];
    expect((await later.grant(2)).requesterKey).toEqual(keys[0]);
    await expect(later.grant(1)).rejects.toMatchObject({ code: 'CLIENT_GRANT_UNKNOWN' });
  });

  it('finds its grants though somebody made many to keys that begin alike', async () => {
    const inbox = await open();
    await grantToFirstKey(inbox);
    node.crowdedBelow = 64;
    expect(await inbox.grants()).toHaveLength(1);
  });

  it('finds the grant of one study, the one that stands, and saves the numbers that it tells', async () => {
    const inbox = await open();
    await grantToFirstKey(inbox, { type: 4 });
    const [revoked] = node.grants;
    const keys = parseRequesterCard((await inbox.card('Dr. D')).card, nobleVerifier).keys;
    expect(await inbox.grantOf(sourceKey, studyHash)).toMatchObject({ grant: 1, state: 'revoked' });
    node.grants.push({ ...revoked!, requesterKey: keys[0]!, type: 3 });
    const grant = await inbox.grantOf(sourceKey, studyHash);
    expect(grant).toMatchObject({
      grant: 2,
      state: 'allowed',
      requesterKey: keys[0],
      source: { url: 'https://h.example/radpass' },
    });
    expect(inbox.keyOf(grant!).publicKey).toEqual(keys[0]);
    expect((await (await open()).grant(2)).requesterKey).toEqual(keys[0]);
    const before = saved;
    expect(await inbox.grantOf(keyOf(5).publicKey, studyHash)).toBeNull();
    node.grants = [{ ...revoked!, requesterKey: keyOf(6).publicKey, type: 3 }];
    expect(await inbox.grantOf(sourceKey, studyHash)).toBeNull();
    node.sources = [{ sourceKey, url: '' }];
    node.grants = [{ ...revoked!, type: 3 }];
    expect(await inbox.grantOf(sourceKey, studyHash)).toMatchObject({ state: 'allowed', source: null });
    expect(saved).toBe(before);
  });
});
