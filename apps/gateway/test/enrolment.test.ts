import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { NodeApi } from '@radpass/client';
import {
  createClaim,
  createRevokeAccess,
  encodeClaim,
  fromHex,
  nobleVerifier,
  parseOffer,
  parseTransaction,
  SecretKey as Secret,
  type SecretKey,
  toHex,
} from '@radpass/core';
import { folderStore, type ImageStore, writePhantomStudy } from '@radpass/imaging';
import { type ClaimDesk, confirmClaim, receiveClaim, refuseClaim } from '../dist/claims.js';
import { createOffer, offerLifetimeMs, redeemOffer as redeemWith } from '../dist/offers.js';
import { Outbox } from '../dist/outbox.js';
import { Records, Turn } from '../dist/records.js';
import { Revocations } from '../dist/revocations.js';
import { Studies } from '../dist/studies.js';

const chainId = new Uint8Array(32).fill(7);
const keyOf = (n: number): SecretKey => Secret.fromSeed(new Uint8Array(32).fill(n));
const source = keyOf(1);
const patient = keyOf(2);
const log = (): void => undefined;

/** A node that knows the studies which a test gives owners, and answers posts as the test says. */
class Ledger {
  owners: { studyHash: string; owner: SecretKey }[] = [];
  posted: Uint8Array[] = [];
  grade: string | null = null;
  refusal: { status: number; code: string } | null = null;
  grants: object[] = [];
  revocations: object[] = [];
  down = false;

  readonly api = new NodeApi({
    url: 'http://127.0.0.1:1',
    fetch: async (url, init) => {
      const path = new URL(url).pathname;
      if (this.down) throw new Error('ECONNREFUSED');
      if (init?.method === 'POST') return this.#post(init.body as Uint8Array);
      if (path === '/v1/studies') return answer(200, { checkpoint, studies: this.owners.map(studyEntry) });
      if (path === '/v1/grants') return answer(200, { checkpoint, grants: this.grants, revocations: this.revocations });
      const id = path.split('/').at(-1);
      if (!this.grade) return answer(404, { error: { code: 'NODE_NOT_FOUND', message: 'no', detail: {} } });
      return answer(200, { id, transaction: '', notation: '', grade: this.grade });
    },
  });

  #post(body: Uint8Array) {
    if (this.refusal)
      return answer(this.refusal.status, { error: { code: this.refusal.code, message: 'no', detail: {} } });
    this.posted.push(body);
    return answer(202, { id: '00'.repeat(32), known: false });
  }
}

const zeros = '00'.repeat(32);
const checkpoint = { slot: 1, blockId: zeros, timeMs: 1, stateRoot: zeros };

function studyEntry(entry: { studyHash: string; owner: SecretKey }): object {
  const rest = {
    ownerSinceSlot: 1,
    generation: 0,
    withdrawn: false,
    pendingOwner: null,
    effectSlot: 0,
    reassignId: '',
  };
  return {
    ...rest,
    sourceKey: toHex(source.publicKey),
    studyHash: entry.studyHash,
    owner: toHex(entry.owner.publicKey),
  };
}

function answer(status: number, body: object) {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  return { status, headers: { get: () => null }, arrayBuffer: async () => bytes.slice().buffer };
}

let folder: string;
let records: Records;
let store: ImageStore;
let ledger: Ledger;
let desk: ClaimDesk;
let studyInstanceUID: string;
let now: number;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'radpass-gateway-'));
  ({ studyInstanceUID } = await writePhantomStudy(join(folder, 'images'), { slices: 1, size: 16 }));
  records = await Records.open(join(folder, 'records'));
  store = await folderStore({ path: join(folder, 'images') });
  ledger = new Ledger();
  now = 1_700_000_000_000;
  desk = {
    chainId,
    sourceKey: source.publicKey,
    url: 'https://h.example/radpass',
    records,
    studies: new Studies({ store, records, sourceKey: source.publicKey, saltKey: new Uint8Array(32).fill(3) }),
    turn: new Turn(),
    now: () => now,
    key: source,
    verifier: nobleVerifier,
    nodes: [ledger.api],
    post: () => undefined,
  };
});

afterEach(async () => {
  await records.close();
  await store.close();
  rmSync(folder, { recursive: true });
});

const redeemOffer = (at: ClaimDesk, token: Uint8Array) => redeemWith(at, token, async study => study);
const redeemed = async (): Promise<{ token: Uint8Array; studyHash: Uint8Array }> => {
  const { offer } = await createOffer(desk, { studyInstanceUID });
  const { token } = parseOffer(offer);
  const study = await redeemOffer(desk, token);
  return { token, studyHash: fromHex(study.studyHash) };
};
const claimBy = (key: SecretKey, studyHash: Uint8Array, change: object = {}) => ({
  kind: 'claim' as const,
  bytes: encodeClaim(createClaim({ chainId, key, sourceKey: source.publicKey, studyHash, ...change })),
});

describe('an offer', () => {
  it('holds no UID, and shows the study to who redeems it first', async () => {
    const { offer } = await createOffer(desk, { studyInstanceUID });
    const study = await redeemOffer(desk, parseOffer(offer).token);
    expect(study.studyInstanceUID).toBe(studyInstanceUID);
    expect(Buffer.from(offer).toString('latin1')).not.toContain(studyInstanceUID);
  });

  it('stays open when the answer could not be made, so that the wallet may try again', async () => {
    const { token } = parseOffer((await createOffer(desk, { studyInstanceUID })).offer);
    const failing = redeemWith(desk, token, () => Promise.reject(new Error('no node')));
    await expect(failing).rejects.toThrow('no node');
    expect((await redeemOffer(desk, token)).studyInstanceUID).toBe(studyInstanceUID);
  });

  it('is refused for a study that was withdrawn', async () => {
    const { studyHash } = await createOffer(desk, { studyInstanceUID });
    const study = await records.get('studies', studyHash);
    await records.write([{ table: 'studies', key: studyHash, value: { ...study!, withdrawn: true } }]);
    await expect(createOffer(desk, { studyInstanceUID })).rejects.toMatchObject({ code: 'GATEWAY_STUDY_WITHDRAWN' });
  });

  it('is void after a second redemption, with the claim that waits on it, and the desk is told', async () => {
    const { token, studyHash } = await redeemed();
    const claim = await receiveClaim(desk, token, claimBy(patient, studyHash));
    await expect(redeemOffer(desk, token)).rejects.toMatchObject({ code: 'GATEWAY_OFFER_VOID' });
    expect(await records.get('claims', claim.id)).toMatchObject({ state: 'refused' });
    await expect(confirmClaim(desk, claim.id, now)).rejects.toMatchObject({ code: 'GATEWAY_CLAIM_STATE' });
    expect(await records.all('notices')).toMatchObject([{ kind: 'offer-redeemed-twice' }]);
  });

  it('redeemed twice at the same moment shows the study once', async () => {
    const { offer } = await createOffer(desk, { studyInstanceUID });
    const { token } = parseOffer(offer);
    const results = await Promise.allSettled([redeemOffer(desk, token), redeemOffer(desk, token)]);
    expect(results.map(result => result.status)).toEqual(['fulfilled', 'rejected']);
  });

  it('expires after 15 minutes, and an unknown token is refused', async () => {
    const { offer } = await createOffer(desk, { studyInstanceUID });
    now += offerLifetimeMs + 1;
    await expect(redeemOffer(desk, parseOffer(offer).token)).rejects.toMatchObject({ code: 'GATEWAY_OFFER_EXPIRED' });
    await expect(redeemOffer(desk, new Uint8Array(32))).rejects.toMatchObject({ code: 'GATEWAY_OFFER_UNKNOWN' });
  });

  it('is refused for a study that the store does not have', async () => {
    await expect(createOffer(desk, { studyInstanceUID: '1.2.3' })).rejects.toMatchObject({
      code: 'GATEWAY_STUDY_UNKNOWN',
    });
  });
});

describe('a claim', () => {
  it('is co-signed only when staff confirm it, and then stands in the outbox', async () => {
    const { token, studyHash } = await redeemed();
    const claim = await receiveClaim(desk, token, claimBy(patient, studyHash));
    expect(claim.state).toBe('waiting');
    expect(await records.all('outbox')).toEqual([]);
    const confirmed = await confirmClaim(desk, claim.id, now);
    const [posted] = await records.all('outbox');
    expect(posted?.transactionId).toBe(confirmed.transactionId);
    expect(parseTransaction(fromHex(posted!.transaction)).tuple).toMatchObject({
      type: 2,
      claim: { patientKey: patient.publicKey },
    });
  });

  it('sent again gets the same answer', async () => {
    const { token, studyHash } = await redeemed();
    const first = await receiveClaim(desk, token, claimBy(patient, studyHash));
    expect((await receiveClaim(desk, token, claimBy(patient, studyHash))).id).toBe(first.id);
    expect(await records.all('claims')).toHaveLength(1);
  });

  it.each([
    ['by another network', { chainId: new Uint8Array(32) }],
    ['for another source', { sourceKey: keyOf(9).publicKey }],
    ['for another study', { studyHash: new Uint8Array(32) }],
  ])('is refused %s', async (_what, change) => {
    const { token, studyHash } = await redeemed();
    const claim = receiveClaim(desk, token, claimBy(patient, studyHash, change));
    await expect(claim).rejects.toMatchObject({ code: 'GATEWAY_CLAIM_INVALID' });
    expect(await records.all('claims')).toEqual([]);
  });

  it('is refused before the offer was redeemed', async () => {
    const { offer, studyHash } = await createOffer(desk, { studyInstanceUID });
    const claim = receiveClaim(desk, parseOffer(offer).token, claimBy(patient, fromHex(studyHash)));
    await expect(claim).rejects.toMatchObject({ code: 'GATEWAY_CLAIM_INVALID' });
  });

  it('by a second wallet on the same study is refused, by another offer too', async () => {
    const { token, studyHash } = await redeemed();
    await receiveClaim(desk, token, claimBy(patient, studyHash));
    await expect(receiveClaim(desk, token, claimBy(keyOf(5), studyHash))).rejects.toMatchObject({
      code: 'GATEWAY_CLAIM_INVALID',
    });
    const second = await redeemed();
    const other = receiveClaim(desk, second.token, claimBy(keyOf(5), studyHash));
    await expect(other).rejects.toMatchObject({ code: 'GATEWAY_STUDY_CLAIMED' });
  });

  it('on a study that has an owner on the ledger is refused', async () => {
    const { token, studyHash } = await redeemed();
    ledger.owners = [{ studyHash: toHex(studyHash), owner: keyOf(6) }];
    await expect(receiveClaim(desk, token, claimBy(patient, studyHash))).rejects.toMatchObject({
      code: 'GATEWAY_STUDY_CLAIMED',
    });
  });

  it('on a study whose claim became final is refused, though the node is behind', async () => {
    const { token, studyHash } = await redeemed();
    const claim = await receiveClaim(desk, token, claimBy(patient, studyHash));
    await records.write([{ table: 'claims', key: claim.id, value: { ...claim, state: 'final' } }]);
    const second = await redeemed();
    await expect(receiveClaim(desk, second.token, claimBy(keyOf(5), studyHash))).rejects.toMatchObject({
      code: 'GATEWAY_STUDY_CLAIMED',
    });
  });

  it('refused at the desk can be followed by another', async () => {
    const { token, studyHash } = await redeemed();
    const claim = await receiveClaim(desk, token, claimBy(patient, studyHash));
    await refuseClaim(desk, claim.id);
    const second = await redeemed();
    expect((await receiveClaim(desk, second.token, claimBy(keyOf(5), studyHash))).state).toBe('waiting');
  });
});

describe('the outbox', () => {
  const settle = async (until: () => Promise<boolean>): Promise<void> => {
    for (let i = 0; i < 100 && !(await until()); i++) await new Promise(resolve => setTimeout(resolve, 20));
  };
  const confirmed = async (): Promise<string> => {
    const { token, studyHash } = await redeemed();
    const claim = await receiveClaim(desk, token, claimBy(patient, studyHash));
    await confirmClaim(desk, claim.id, now);
    return claim.id;
  };
  const outbox = (): Outbox => new Outbox({ records, nodes: [ledger.api], log, now: () => now });

  it('posts after a restart what was confirmed before, until it is final', async () => {
    const id = await confirmed();
    ledger.grade = 'final';
    const box = outbox();
    box.wake();
    await settle(async () => (await records.all('outbox')).length === 0);
    await box.stop();
    expect(ledger.posted).toHaveLength(1);
    expect(await records.get('claims', id)).toMatchObject({ state: 'final' });
  });

  it('tells the desk when the ledger refuses for good, and goes on when it is only busy', async () => {
    const id = await confirmed();
    ledger.refusal = { status: 503, code: 'NODE_NOT_READY' };
    const box = outbox();
    box.wake();
    await new Promise(resolve => setTimeout(resolve, 100));
    expect(await records.get('claims', id)).toMatchObject({ state: 'confirmed' });
    ledger.refusal = { status: 422, code: 'LEDGER_TX_OWNED' };
    await settle(async () => (await records.all('outbox')).length === 0);
    await box.stop();
    expect(await records.get('claims', id)).toMatchObject({ state: 'refused', reason: 'LEDGER_TX_OWNED' });
    expect(await records.all('notices')).toMatchObject([{ kind: 'transaction-dropped' }]);
  });
});

describe('revocations brought to the gateway', () => {
  const studyHash = new Uint8Array(32).fill(4);
  const doctor = keyOf(3).publicKey;
  const open = (nodes = [ledger.api]): Promise<Revocations> =>
    Revocations.open({
      records,
      nodes,
      chainId,
      sourceKey: source.publicKey,
      key: source,
      verifier: nobleVerifier,
      log,
      now: () => now,
      post: () => undefined,
    });
  const grantEntry = (p: { requesterKey: Uint8Array; revokedSeq?: number }): object => ({
    sourceKey: toHex(source.publicKey),
    studyHash: toHex(studyHash),
    patientKey: toHex(patient.publicKey),
    requesterKey: toHex(p.requesterKey),
    type: 3,
    seq: 60_000,
    notAfter: 0,
    receiptHash: '',
    contentId: zeros,
    floorSeq: 0,
    revokedSeq: p.revokedSeq ?? 0,
  });
  const revocation = (change: object = {}) =>
    createRevokeAccess({
      chainId,
      key: patient,
      seq: 60_000,
      requesterKey: doctor,
      sourceKey: source.publicKey,
      studyHash,
      ...change,
    });

  beforeEach(() => {
    ledger.owners = [{ studyHash: toHex(studyHash), owner: patient }];
  });

  it('stop the requester at once and after a restart, and are passed on', async () => {
    const revocations = await open();
    const { receipt } = await revocations.receive(revocation().bytes);
    expect(receipt.length).toBeGreaterThan(64);
    expect(revocations.revokedSeq(patient.publicKey, studyHash, doctor)).toBe(60_000);
    expect((await open()).revokedSeq(patient.publicKey, studyHash, doctor)).toBe(60_000);
    expect(await records.all('outbox')).toMatchObject([{ transaction: toHex(revocation().bytes) }]);
  });

  it('of everyone stop every requester; of one, nobody else', async () => {
    const revocations = await open();
    await revocations.receive(revocation().bytes);
    expect(revocations.revokedSeq(patient.publicKey, studyHash, keyOf(8).publicKey)).toBe(0);
    await revocations.receive(revocation({ requesterKey: null, seq: 120_000 }).bytes);
    expect(revocations.revokedSeq(patient.publicKey, studyHash, keyOf(8).publicKey)).toBe(120_000);
  });

  it('by a stranger are refused and stop nobody', async () => {
    const revocations = await open();
    await expect(revocations.receive(revocation({ key: keyOf(9) }).bytes)).rejects.toMatchObject({
      code: 'GATEWAY_REVOCATION_INVALID',
    });
    expect(revocations.revokedSeq(patient.publicKey, studyHash, doctor)).toBe(0);
  });

  it('by a former owner, whose claim this gateway once confirmed, stop nobody whom the new owner allowed', async () => {
    const { token, studyHash: hash } = await redeemed();
    const claim = await receiveClaim(desk, token, claimBy(patient, hash));
    await records.write([{ table: 'claims', key: claim.id, value: { ...claim, state: 'final' } }]);
    const owner = keyOf(6);
    ledger.owners = [{ studyHash: toHex(hash), owner }];
    const revocations = await open();
    await revocations.receive(revocation({ studyHash: hash, requesterKey: null, seq: 120_000 }).bytes);
    expect(revocations.revokedSeq(owner.publicKey, hash, doctor)).toBe(0);
    expect((await open()).revokedSeq(owner.publicKey, hash, doctor)).toBe(0);
    await revocations.receive(revocation({ key: owner, studyHash: hash }).bytes);
    expect(revocations.revokedSeq(owner.publicKey, hash, doctor)).toBe(60_000);
  });

  it('with a wrong signature, of another source, or of another kind are refused', async () => {
    const revocations = await open();
    const bytes = revocation().bytes.slice();
    bytes[bytes.length - 1]! ^= 1;
    await expect(revocations.receive(bytes)).rejects.toMatchObject({ code: 'CORE_SIGNATURE' });
    const elsewhere = revocation({ sourceKey: keyOf(9).publicKey }).bytes;
    await expect(revocations.receive(elsewhere)).rejects.toMatchObject({ code: 'GATEWAY_REVOCATION_INVALID' });
  });

  it('never go back to a lower seq, not even by an old one that comes at the same moment', async () => {
    const revocations = await open();
    const [newer, older] = [revocation({ seq: 120_000 }), revocation()];
    await Promise.all([revocations.receive(newer.bytes), revocations.receive(older.bytes)]);
    expect(revocations.revokedSeq(patient.publicKey, studyHash, doctor)).toBe(120_000);
    expect((await open()).revokedSeq(patient.publicKey, studyHash, doctor)).toBe(120_000);
    expect(await records.all('outbox')).toMatchObject([{ transaction: toHex(newer.bytes) }]);
  });

  it('stop the requester though the disk takes nothing, and are acknowledged only when it does', async () => {
    const revocations = await open();
    const { write } = records;
    Object.assign(records, { write: () => Promise.reject(new Error('ENOSPC')) });
    await expect(revocations.receive(revocation().bytes)).rejects.toThrow('ENOSPC');
    expect(revocations.revokedSeq(patient.publicKey, studyHash, doctor)).toBe(60_000);
    await expect(revocations.receive(revocation().bytes)).rejects.toThrow('ENOSPC');
    Object.assign(records, { write });
    await revocations.receive(revocation().bytes);
    expect((await open()).revokedSeq(patient.publicKey, studyHash, doctor)).toBe(60_000);
  });

  it('of more than 64 requesters count as everyone, but for one that holds a grant', async () => {
    const revocations = await open();
    for (let i = 0; i < 64; i++)
      await revocations.receive(revocation({ requesterKey: keyOf(100 + i).publicKey }).bytes);
    const held = keyOf(99).publicKey;
    ledger.grants = [grantEntry({ requesterKey: held })];
    await revocations.receive(revocation({ requesterKey: held, seq: 120_000 }).bytes);
    expect(revocations.revokedSeq(patient.publicKey, studyHash, held)).toBe(120_000);
    expect(revocations.revokedSeq(patient.publicKey, studyHash, doctor)).toBe(0);
    await revocations.receive(revocation({ requesterKey: keyOf(98).publicKey, seq: 180_000 }).bytes);
    expect(revocations.revokedSeq(patient.publicKey, studyHash, doctor)).toBe(180_000);
  });

  it("that a node kept while its events were missed are taken over, others' are not", async () => {
    await records.write([
      {
        table: 'studies',
        key: toHex(studyHash),
        value: { studyHash: toHex(studyHash), number: 1, salt: '', studyInstanceUID: '1' },
      },
    ]);
    ledger.grants = [grantEntry({ requesterKey: doctor, revokedSeq: 60_000 })];
    const everyone = { studyHash: toHex(studyHash), patientKey: toHex(keyOf(5).publicKey), requesterKey: null };
    ledger.revocations = [
      { ...everyone, sourceKey: toHex(source.publicKey), seq: 180_000 },
      { ...everyone, sourceKey: toHex(keyOf(9).publicKey), patientKey: toHex(patient.publicKey), seq: 240_000 },
    ];
    const revocations = await open();
    await revocations.catchUp(ledger.api);
    for (const table of [revocations, await open()]) {
      expect(table.revokedSeq(patient.publicKey, studyHash, doctor)).toBe(60_000);
      expect(table.revokedSeq(patient.publicKey, studyHash, keyOf(8).publicKey)).toBe(0);
      expect(table.revokedSeq(keyOf(5).publicKey, studyHash, doctor)).toBe(180_000);
    }
  });

  it('are taken while one of two nodes is away', async () => {
    const away = new NodeApi({ url: 'http://127.0.0.1:1', fetch: () => Promise.reject(new Error('ECONNREFUSED')) });
    const revocations = await open([away, ledger.api]);
    expect((await revocations.receive(revocation().bytes)).seq).toBe(60_000);
  });

  it('never go back to a lower seq', async () => {
    const revocations = await open();
    await revocations.receive(revocation({ seq: 120_000 }).bytes);
    await revocations.receive(revocation().bytes);
    expect(revocations.revokedSeq(patient.publicKey, studyHash, doctor)).toBe(120_000);
  });
});
