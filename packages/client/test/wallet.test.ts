import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  createRequesterCard,
  decodeClaim,
  encodeOffer,
  encodeRequesterCard,
  fromHex,
  hashStudy,
  nobleVerifier,
  parseTransaction,
  toHex,
  verifyClaim,
} from '@radpass/core';
import { GatewayApi, NodeApi, type RecordStore, Wallet } from '../dist/index.js';
import { answer, chainId, FakeNode, keyOf } from './fakeNode.js';

const source = keyOf(1);
const url = 'https://h.example/radpass';
const uid = '1.2.3.4';
const salt = new Uint8Array(32).fill(5);
const studyHash = hashStudy({ sourceKey: source.publicKey, salt, studyInstanceUid: uid });
const now = 1_700_000_400_000;

/** A gateway that redeems, takes claims and revocations; a test turns one of its answers wrong. */
class FakeGateway {
  salt = salt;
  claims: Uint8Array[] = [];
  revocations = 0;
  down = false;
  redeemed = 0;

  readonly fetch: NonNullable<ConstructorParameters<typeof GatewayApi>[0]['fetch']> = async (at, init) => {
    if (this.down) throw new Error('connect ECONNREFUSED');
    const path = new URL(at).pathname.replace('/radpass', '');
    if (path === '/v1/offers/redeem') return this.#redeem();
    if (path === '/v1/claims') {
      this.claims.push(fromHex(JSON.parse(String(init?.body)).claim));
      return answer(202, { id: 'ab'.repeat(32), words: ['a', 'b', 'c', 'd', 'e', 'f'] });
    }
    if (path === '/v1/revocations') {
      this.revocations++;
      return answer(200, { receipt: 'aa', seq: 1 });
    }
    return answer(200, { state: 'waiting' });
  };

  #redeem() {
    this.redeemed++;
    return answer(200, {
      chainId: toHex(chainId),
      sourceKey: toHex(source.publicKey),
      studyHash: toHex(studyHash),
      salt: toHex(this.salt),
      studyInstanceUID: uid,
      study: { description: 'head', modality: 'CT', date: '20260101', instances: 3 },
      owner: null,
    });
  }
}

describe('the wallet', () => {
  let node: FakeNode;
  let gateway: FakeGateway;
  let saved: Uint8Array | null;
  let store: RecordStore;

  const open = (): Promise<Wallet> =>
    Wallet.open({
      store,
      node: new NodeApi({ url: 'http://127.0.0.1:1', fetch: node.fetch }),
      gateway: at => new GatewayApi({ url: at, fetch: gateway.fetch }),
      now: () => now,
    });
  const offer = (change: object = {}): string =>
    encodeOffer({
      chainId,
      sourceKey: source.publicKey,
      url,
      token: new Uint8Array(32).fill(8),
      expires: now + 1000,
      ...change,
    });
  const card = (change: { expires?: number; keys?: number } = {}): string => {
    const keys = Array.from({ length: change.keys ?? 8 }, (_, i) => keyOf(20 + i));
    const parts = {
      chainId,
      label: 'Dr. D',
      keys: keys.map(key => key.publicKey),
      expires: change.expires ?? now + 1000,
      key: keys[0]!,
    };
    return encodeRequesterCard(createRequesterCard(parts));
  };
  const own = async (wallet: Wallet): Promise<void> => {
    await wallet.claim(offer());
    node.studies = [{ sourceKey: source.publicKey, studyHash, owner: decodeClaim(gateway.claims[0]!).patientKey }];
  };

  beforeEach(() => {
    node = new FakeNode();
    gateway = new FakeGateway();
    saved = null;
    store = {
      load: async () => saved,
      save: async bytes => {
        saved = bytes;
      },
    };
  });

  it('claims with a signature by a fresh key that is on disk before it leaves', async () => {
    const wallet = await open();
    const claimed = await wallet.claim(offer());
    const claim = decodeClaim(gateway.claims[0]!);
    expect(verifyClaim(claim, chainId, nobleVerifier)).toBe(true);
    expect(new TextDecoder().decode(saved!)).toContain(toHex(claim.patientKey));
    expect(claimed.words).toHaveLength(6);
  });

  it('refuses an offer of another network, an expired one, and a gateway whose answer does not fit', async () => {
    const wallet = await open();
    await expect(wallet.claim(offer({ chainId: new Uint8Array(32) }))).rejects.toMatchObject({
      code: 'CLIENT_WRONG_NETWORK',
    });
    await expect(wallet.claim(offer({ expires: now - 1 }))).rejects.toMatchObject({ code: 'CLIENT_OFFER_EXPIRED' });
    gateway.salt = new Uint8Array(32);
    await expect(wallet.claim(offer())).rejects.toMatchObject({ code: 'CLIENT_OFFER_MISMATCH' });
    expect(gateway.claims).toHaveLength(0);
  });

  it('after a crash between redeeming and claiming, claims with the same key and without redeeming again', async () => {
    await (await open()).claim(offer());
    await (await open()).claim(offer());
    expect(gateway.redeemed).toBe(1);
    expect(decodeClaim(gateway.claims[1]!).patientKey).toEqual(decodeClaim(gateway.claims[0]!).patientKey);
  });

  it('takes another key for another study', async () => {
    const wallet = await open();
    await wallet.claim(offer());
    await wallet.claim(offer({ token: new Uint8Array(32).fill(9) }));
    expect(decodeClaim(gateway.claims[1]!).patientKey).not.toEqual(decodeClaim(gateway.claims[0]!).patientKey);
  });

  it('allows only what the ledger says is its own', async () => {
    const wallet = await open();
    await wallet.claim(offer());
    await expect(wallet.allow(1, card())).rejects.toMatchObject({ code: 'CLIENT_STUDY_NOT_YOURS' });
    await expect(wallet.allow(2, card())).rejects.toMatchObject({ code: 'CLIENT_STUDY_UNKNOWN' });
    expect(node.submitted).toHaveLength(0);
  });

  it('allows with a seq of the head, rounded down to the minute, or of the bound if that is greater', async () => {
    const wallet = await open();
    await own(wallet);
    await wallet.allow(1, card());
    const headTime = node.genesisTimeMs + node.slot * 4000;
    expect(parseTransaction(node.submitted[0]!).tuple).toMatchObject({
      type: 3,
      seq: Math.floor(headTime / 60_000) * 60_000,
    });
    node.bound = headTime + 5;
    await wallet.allow(1, card());
    expect(parseTransaction(node.submitted[1]!).tuple).toMatchObject({ seq: headTime + 5 });
  });

  it('takes another key of the card for each grant, and refuses a card that is used up or expired', async () => {
    const wallet = await open();
    await own(wallet);
    const twoKeys = card({ keys: 2 });
    await wallet.allow(1, twoKeys);
    await wallet.allow(1, twoKeys);
    const [a, b] = node.submitted.map(bytes => parseTransaction(bytes).tuple);
    expect(a).not.toMatchObject({ requesterKey: (b as { requesterKey: Uint8Array }).requesterKey });
    await expect(wallet.allow(1, twoKeys)).rejects.toMatchObject({ code: 'CLIENT_CARD_USED_UP' });
    await expect(wallet.allow(1, card({ expires: now - 1 }))).rejects.toMatchObject({ code: 'CLIENT_CARD_EXPIRED' });
  });

  it('revokes with a greater seq than the grant, at the gateway and at the node', async () => {
    const wallet = await open();
    await own(wallet);
    await wallet.allow(1, card());
    const revoked = await wallet.revoke(1, null);
    const [grant, revocation] = node.submitted.map(bytes => parseTransaction(bytes).tuple as { seq: number });
    expect(revocation!.seq).toBeGreaterThan(grant!.seq);
    expect(gateway.revocations).toBe(1);
    expect(revoked.receipt).not.toBeNull();
  });

  it('allows above its own revocation, though the node has not heard of that one, and after a restart', async () => {
    const wallet = await open();
    await own(wallet);
    await wallet.allow(1, card());
    await wallet.revoke(1, null);
    await wallet.allow(1, card());
    await (await open()).allow(1, card());
    const [, revocation, ...again] = node.submitted.map(bytes => parseTransaction(bytes).tuple as { seq: number });
    expect(again).toHaveLength(2);
    for (const grant of again) expect(grant.seq).toBeGreaterThan(revocation!.seq);
  });

  it('revokes though one of gateway and node is away, not if both are', async () => {
    const wallet = await open();
    await own(wallet);
    await wallet.allow(1, card());
    gateway.down = true;
    expect((await wallet.revoke(1, null)).receipt).toBeNull();
    node.refusal = { status: 503, body: { error: { code: 'NODE_NOT_READY', message: 'no', detail: {} } } };
    await expect(wallet.revoke(1, null)).rejects.toMatchObject({ code: 'CLIENT_REFUSED' });
  });

  it('says "yours" by the ledger alone, and "lost" when another key owns the study', async () => {
    const wallet = await open();
    await wallet.claim(offer());
    expect((await wallet.list())[0]?.state).toBe('waiting');
    node.studies = [{ sourceKey: source.publicKey, studyHash, owner: keyOf(9).publicKey }];
    expect((await wallet.list())[0]?.state).toBe('lost');
    node.studies[0]!.owner = decodeClaim(gateway.claims[0]!).patientKey;
    expect((await wallet.list())[0]?.state).toBe('yours');
  });

  it('counts a reassignment from its slot on, though no block has written the new owner down yet', async () => {
    const wallet = await open();
    await wallet.claim(offer());
    const mine = decodeClaim(gateway.claims[0]!).patientKey;
    const pendingOwner = keyOf(9).publicKey;
    const entry = { sourceKey: source.publicKey, studyHash, owner: mine, pendingOwner };
    node.studies = [{ ...entry, effectSlot: node.slot + 1 }];
    expect(await wallet.list()).toMatchObject([{ state: 'yours', takeoverPending: true }]);
    node.studies = [{ ...entry, effectSlot: node.slot }];
    expect(await wallet.list()).toMatchObject([{ state: 'lost', takeoverPending: false }]);
    await expect(wallet.keep(1)).rejects.toMatchObject({ code: 'CLIENT_NO_REASSIGNMENT' });
  });

  it('refuses a damaged record instead of beginning anew', async () => {
    saved = new TextEncoder().encode('{"version":1}');
    await expect(open()).rejects.toMatchObject({ code: 'CLIENT_RECORD_DAMAGED' });
  });

  it('completes a grant that was signed and never taken by a node, with the same bytes', async () => {
    const wallet = await open();
    await own(wallet);
    const { fetch } = node;
    let signed: Uint8Array | undefined;
    Object.assign(node, {
      fetch: async (...[at, init]: Parameters<typeof fetch>) => {
        if (init?.method !== 'POST') return fetch(at, init);
        signed = init.body as Uint8Array;
        throw new Error('connection reset');
      },
    });
    await expect((await open()).allow(1, card())).rejects.toMatchObject({ code: 'CLIENT_UNREACHABLE' });
    Object.assign(node, { fetch });
    expect((await (await open()).list())[0]?.grants).toMatchObject([{ posted: false }]);
    await (await open()).allow(1, card());
    expect(node.submitted).toEqual([signed]);
    expect((await (await open()).list())[0]?.grants).toMatchObject([{ posted: true }]);
    await (await open()).allow(1, card());
    const keys = (await (await open()).list())[0]?.grants.map(grant => grant.requesterKey);
    expect(new Set(keys).size).toBe(2);
  });

  it('signs again, to the same key, what the ledger would not have any more', async () => {
    const wallet = await open();
    await own(wallet);
    node.refusal = { status: 409, body: { error: { code: 'LEDGER_TX_SEQ', message: 'too old', detail: {} } } };
    await expect(wallet.allow(1, card())).rejects.toMatchObject({ code: 'CLIENT_REFUSED' });
    node.refusal = null;
    await wallet.allow(1, card());
    expect((await wallet.list())[0]?.grants).toMatchObject([
      { posted: true, requesterKey: toHex(keyOf(20).publicKey) },
    ]);
  });
});
