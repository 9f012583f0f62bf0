/** The wallet believes no word of a source on who opened a study but the one that the source must have signed. */
import { describe, expect, it } from '@jest/globals';
import {
  type Access,
  checkOwnershipProof,
  createAccessReceipt,
  fromHex,
  nobleVerifier,
  parseOwnershipProof,
  type SecretKey,
  toHex,
} from '@radpass/core';
import { GatewayApi } from '../dist/index.js';
import { fetchReceipts, listAccesses } from '../dist/walletReceipts.js';
import type { WalletStudy } from '../dist/walletRecord.js';
import { answer, chainId, keyOf } from './fakeNode.js';

const [source, patient, doctor] = [1, 2, 3].map(keyOf) as [SecretKey, SecretKey, SecretKey];
const url = 'https://h.example/radpass';
const now = 1_700_000_400_000;
const nonce = 'cd'.repeat(32);
const studyHash = new Uint8Array(32).fill(9);

const access = (number: number, changes: Partial<Access> = {}): Access => ({
  sourceKey: source.publicKey,
  studyHash,
  patientKey: patient.publicKey,
  number,
  requesterKey: doctor.publicKey,
  grantSeq: 5,
  time: now,
  requestDigest: new Uint8Array(32).fill(number),
  outcome: 'complete',
  bytesSent: 10,
  ...changes,
});
const signed = (number: number, changes: Partial<Access> = {}, key = source): Uint8Array =>
  createAccessReceipt({ key, chainId, access: access(number, changes) });
const studyWith = (...accessReceipts: Uint8Array[]): WalletStudy => ({
  index: 0,
  patientKey: toHex(patient.publicKey),
  sourceKey: toHex(source.publicKey),
  url,
  studyHash: toHex(studyHash),
  salt: '',
  studyInstanceUID: '1.2.3',
  card: { description: '', modality: '', date: '', instances: 1 },
  token: '',
  claimId: '',
  previous: null,
  grants: [
    {
      requesterKey: toHex(doctor.publicKey),
      label: 'Dr. D',
      seq: 5,
      notAfter: 0,
      transactionId: '',
      unposted: '',
      revoked: false,
      receipt: '',
      receiptRandom: '',
    },
  ],
  revokedSeq: 0,
  accessReceipts: accessReceipts.map(toHex),
});

/** Fetch what a gateway gives that has `given` after the number that is asked for. */
async function fetchFrom(given: (after: number) => Uint8Array[], study = studyWith()): Promise<string[]> {
  const gateway = new GatewayApi({
    url,
    fetch: async (at, init) => {
      if (at.endsWith('/v1/challenge')) return answer(200, { nonce });
      const asked = JSON.parse(String(init?.body)) as { studyHash: string; proof: string; after: number };
      const proof = parseOwnershipProof(fromHex(asked.proof));
      checkOwnershipProof(proof, { chainId, verifierName: url, nonce: fromHex(nonce), now }, nobleVerifier);
      const receipts = given(asked.after);
      return answer(200, { receipts: receipts.slice(0, 2).map(toHex), more: receipts.length > 2 });
    },
  });
  const standingKey = source.publicKey;
  return await fetchReceipts({ gateway, study, chainId, key: patient, standingKey, now: () => now });
}

describe('access receipts in the wallet', () => {
  it('are fetched beyond those that are known, in as many answers as it takes, and shown by the names of the grants', async () => {
    const all = [1, 2, 3, 4, 5].map(number => signed(number));
    const fetched = await fetchFrom(after => all.slice(after), studyWith(all[0]!));
    expect(fetched).toEqual(all.map(toHex));
    const listed = listAccesses(1, { ...studyWith(), accessReceipts: fetched }, chainId);
    expect(listed.missing).toEqual([]);
    expect(listed.accesses[4]).toMatchObject({ number: 5, label: 'Dr. D', outcome: 'complete', bytesSent: 10 });
  });

  it('are asked for again from the first whose end was not known', async () => {
    const known = studyWith(signed(1), signed(2, { outcome: 'open', bytesSent: 0 }), signed(3));
    const all = [1, 2, 3].map(number => signed(number));
    expect(await fetchFrom(after => all.slice(after), known)).toEqual(all.map(toHex));
  });

  it('show a number that is kept back, and a requester whom the patient never allowed', () => {
    const stranger = signed(3, { requesterKey: keyOf(9).publicKey });
    const listed = listAccesses(1, studyWith(signed(1), stranger), chainId);
    expect(listed.missing).toEqual([2]);
    expect(listed.accesses.map(({ label }) => label)).toEqual(['Dr. D', null]);
  });

  it.each([
    ['signed by another key', [signed(1, {}, doctor)], 'signer'],
    ['of another source', [signed(1, { sourceKey: doctor.publicKey })], 'source'],
    ['of another study', [signed(1, { studyHash: new Uint8Array(32) })], 'study'],
    ["of another owner's time", [signed(1, { patientKey: doctor.publicKey })], 'owner'],
    ['with a number twice', [signed(1), signed(1, { bytesSent: 11 })], 'number'],
    ['that was altered', [signed(1).map((byte, i) => (i === 200 ? byte ^ 1 : byte))], 'form'],
    ['that is none', [new Uint8Array(40)], 'form'],
  ])('are refused when one is %s', async (_name, receipts, reason) => {
    await expect(fetchFrom(() => receipts)).rejects.toMatchObject({ code: 'CLIENT_RECEIPT', detail: { reason } });
  });
});
