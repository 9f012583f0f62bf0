/** What the owner of a study is told of its retrievals: all under this owner, none under another, whatever crashed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fromHex, nobleVerifier, type PublicKey, parseAccessReceipt, SecretKey, toHex } from '@radpass/core';
import { type DisclosureRecord, type DisclosureStore, memoryDisclosureLog, openDisclosureStore } from '@radpass/xds';
import { Accesses, maxReceipts } from '../dist/accesses.js';
import { Records } from '../dist/records.js';

const keyOf = (n: number): SecretKey => SecretKey.fromSeed(new Uint8Array(32).fill(n));
const source = keyOf(1);
const [first, second, doctor] = [2, 3, 4].map(n => keyOf(n).publicKey) as [PublicKey, PublicKey, PublicKey];
const chainId = new Uint8Array(32).fill(7);
const study = new Uint8Array(32).fill(9);

const served = (owner: PublicKey, time: number, changes: Partial<DisclosureRecord> = {}): DisclosureRecord => ({
  kind: 'served',
  time,
  requester: toHex(doctor),
  owner: toHex(owner),
  studyHash: toHex(study),
  messageId: `urn:uuid:${time}`,
  requestDigest: time.toString(16).padStart(64, '0'),
  reason: '',
  grade: 'final',
  checkpoint: null,
  grantSeq: 5,
  policy: { maxStalenessMs: 1, maxAheadMs: 1, maxSilenceMs: 1, skewMs: 1 },
  responseDigest: '',
  request: new Uint8Array(),
  proof: '',
  omitted: 0,
  ...changes,
});

describe('access receipts', () => {
  let folder: string;
  let records: Records;
  let disclosures: DisclosureStore;
  let accesses: Accesses;
  const open = async (): Promise<void> => {
    records = await Records.open(join(folder, 'records'));
    accesses = new Accesses({ records, disclosures, chainId, sourceKey: source.publicKey, key: source });
  };
  const told = async (owner: PublicKey, after = 0, hash: Uint8Array = study): Promise<string[]> => {
    const receipts = await accesses.receipts(owner, hash, after);
    return receipts.map(bytes => {
      const access = parseAccessReceipt(bytes, { chainId, verifier: nobleVerifier });
      expect(access).toMatchObject({
        signer: source.publicKey,
        patientKey: owner,
        studyHash: hash,
        requesterKey: doctor,
      });
      return `${access.number} ${access.time} ${access.outcome} ${access.bytesSent}`;
    });
  };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'radpass-accesses-'));
    const log = memoryDisclosureLog();
    disclosures = await openDisclosureStore({ log, key: source, chainId, verifier: nobleVerifier });
    await open();
  });
  afterEach(async () => {
    await records.close();
    rmSync(folder, { recursive: true });
  });

  it('are one for each retrieval under the owner who asks, numbered, with how it ended', async () => {
    await disclosures.append(served(first, 100));
    await disclosures.append(served(first, 200));
    await disclosures.append(served(first, 300, { kind: 'refused', reason: 'revoked' }));
    await disclosures.append(served(first, 400, { studyHash: '0a'.repeat(32) }));
    await disclosures.close(1, { time: 150, outcome: 'complete', reason: '', bytesSent: 10 });
    await disclosures.append(served(second, 500));
    expect(await told(first)).toEqual(['1 100 complete 10', '2 200 open 0']);
    expect(await told(first, 1)).toEqual(['2 200 open 0']);
    expect(await told(first, 0, fromHex('0a'.repeat(32), 32))).toEqual(['1 400 open 0']);
    expect(await told(second)).toEqual(['1 500 open 0']);
    expect(await told(doctor)).toEqual([]);
  });

  it('go on where they were after a restart, and are made again when the index is lost', async () => {
    await disclosures.append(served(first, 100));
    expect(await told(first)).toEqual(['1 100 open 0']);
    await records.close();
    await open();
    await disclosures.close(1, { time: 150, outcome: 'stopped', reason: 'revoked', bytesSent: 3 });
    await disclosures.append(served(first, 200));
    const now = ['1 100 stopped 3', '2 200 open 0'];
    expect(await told(first)).toEqual(now);
    await records.close();
    rmSync(join(folder, 'records'), { recursive: true });
    await open();
    expect(await Promise.all([told(first), told(first)])).toEqual([now, now]);
  });

  it('come in bounded answers', async () => {
    for (let i = 1; i <= maxReceipts + 5; i++) await disclosures.append(served(first, i));
    expect(await told(first)).toHaveLength(maxReceipts);
    expect(await told(first, maxReceipts)).toHaveLength(5);
  });
});
