/** What an auditor sees in a copy of the disclosure records: that it is whole, and that each disclosure had its grounds. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { type Canonical, concatBytes, encodeCanonical, nobleVerifier, SecretKey, sha256, toHex } from '@radpass/core';
import {
  createRetrieveRequest,
  type DisclosureRecord,
  type DisclosureStore,
  openDisclosureStore,
  parseRequest,
  verifyRequest,
} from '@radpass/xds';
import { openDisclosureLog } from '@radpass/xds/node';
import { ClassicLevel } from 'classic-level';
import { accountFor, accountingCsv, accountingText } from '../dist/accounting.js';
import { auditFolder } from '../dist/commands/audit.js';

const [source, patient, doctor, stranger] = [1, 2, 3, 4].map(n => SecretKey.fromSeed(new Uint8Array(32).fill(n))) as [
  SecretKey,
  SecretKey,
  SecretKey,
  SecretKey,
];
const chainId = new Uint8Array(32).fill(7);
const studyHash = new Uint8Array(32).fill(9);
const receiptHash = new Uint8Array(32).fill(8);
const now = 1_790_000_000_000;
const none = new Uint8Array();

/** A leaf in a state that holds nothing else, or none in the empty state. */
function leaf(name: string, table: number, key: Uint8Array, value: Canonical[] | null): Canonical {
  const bytes = value && encodeCanonical(value);
  const place = sha256(concatBytes(Uint8Array.of(table), key));
  const root = bytes ? sha256(concatBytes(Uint8Array.of(0), place, sha256(bytes))) : new Uint8Array(32);
  return [name, 1_000, root, bytes ?? none, Uint8Array.of(0x92, 0x90, 0x90)];
}

function proofOf(
  p: { owner?: SecretKey; withdrawn?: number; seq?: number; type?: number; floor?: number } = {},
): string {
  const study = concatBytes(source.publicKey, studyHash);
  const { owner = patient, withdrawn = 0, seq = 5, type = 3, floor = 0 } = p;
  const consent = concatBytes(study, patient.publicKey, doctor.publicKey);
  return toHex(
    encodeCanonical([
      leaf('studies', 2, study, [owner.publicKey, 1, 0, withdrawn, none, 0, none]),
      leaf('consents', 3, consent, [type, seq, 0, receiptHash, new Uint8Array(32)]),
      leaf('floors', 4, concatBytes(study, patient.publicKey), floor === 0 ? null : [floor, new Uint8Array(32)]),
    ]),
  );
}

function served(changes: Partial<DisclosureRecord> = {}, key = doctor): DisclosureRecord {
  const documents = [{ repositoryUniqueId: toHex(source.publicKey), documentUniqueId: toHex(studyHash) }];
  const message = createRetrieveRequest({ key, to: 'https://h.example/radpass', documents, now });
  const { digest } = verifyRequest(parseRequest(message.contentType, message.body), nobleVerifier);
  return {
    kind: 'served',
    time: now + 50,
    requester: toHex(doctor.publicKey),
    owner: toHex(patient.publicKey),
    studyHash: toHex(studyHash),
    messageId: message.messageId,
    requestDigest: toHex(digest),
    reason: '',
    grade: 'final',
    checkpoint: { slot: 1_000, blockId: '0c'.repeat(32), timeMs: now - 5_000 },
    grantSeq: 5,
    policy: { maxStalenessMs: 60_000, maxAheadMs: 5_000, maxSilenceMs: 10_000, skewMs: 60_000 },
    responseDigest: '0d'.repeat(32),
    request: message.body,
    proof: proofOf(),
    omitted: 0,
    ...changes,
  };
}

describe('an audit of a copied folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'radpass-evidence-'));
  let made = 0;
  afterAll(() => rmSync(folder, { recursive: true }));

  /** A log that a gateway wrote, copied. */
  async function copyOf(write: (store: DisclosureStore) => Promise<void>): Promise<string> {
    const at = join(folder, `log-${made++}`);
    const log = await openDisclosureLog(at);
    await write(await openDisclosureStore({ log, key: source, chainId, verifier: nobleVerifier }));
    await log.close();
    cpSync(at, `${at}-copy`, { recursive: true });
    return `${at}-copy`;
  }
  const audit = (copy: string) =>
    auditFolder({ folder: copy, chainId: toHex(chainId), keys: [toHex(source.publicKey)] });
  const three = async (store: DisclosureStore): Promise<void> => {
    await store.append(served());
    await store.close(1, { time: now + 90, outcome: 'complete', reason: '', bytesSent: 10 });
    await store.append({ ...served(), kind: 'refused', reason: 'revoked', grade: '', proof: '', request: none });
  };

  it('finds whole records with grounds sound, and says what it saw', async () => {
    const found = await audit(await copyOf(three));
    expect(found).toMatchObject({ records: 3, served: 1, refused: 1, newestRoot: { slot: 1_000 } });
    expect(found).not.toHaveProperty('firstBad');
  });

  it.each<[string, (db: ClassicLevel<string, Uint8Array>) => Promise<void>, number]>([
    ['missing', db => db.del(name(2)), 2],
    [
      'changed',
      async db =>
        db.put(
          name(1),
          (await db.get(name(1)))!.map((byte, i) => (i === 90 ? byte ^ 1 : byte)),
        ),
      1,
    ],
    ['swapped', async db => swap(db, name(1), name(3)), 1],
    ['cut off at the end', db => db.del(name(3)), 3],
    ['added', async db => db.put(name(4), (await db.get(name(3)))!), 4],
  ])('sees a record that is %s', async (_what, tamper, firstBad) => {
    const copy = await copyOf(three);
    const db = new ClassicLevel<string, Uint8Array>(copy, { valueEncoding: 'view' });
    await tamper(db);
    await db.close();
    expect(await audit(copy)).toMatchObject({ firstBad });
  });

  it.each<[string, Partial<DisclosureRecord>, RegExp]>([
    ['was asked for by somebody else', served({}, stranger), /another key signed it/],
    ['was not asked for', { request: none }, /^request/],
    ['was asked for in another message', { requestDigest: '00'.repeat(32) }, /another digest/],
    ['is another study', { studyHash: '0a'.repeat(32) }, /it asks for something else/],
    ['rests on another grant', { grantSeq: 6 }, /grant/],
    ['rests on a revocation', { proof: proofOf({ type: 4 }) }, /grant/],
    ['rests on a grant below the word to everyone', { proof: proofOf({ floor: 5 }) }, /floor/],
    ["is not that patient's", { proof: proofOf({ owner: stranger }) }, /owner/],
    ['was withdrawn', { proof: proofOf({ withdrawn: 1 }) }, /withdrawn/],
    ['has no proof', { proof: '' }, /form/],
    ['has a proof that does not hold', { proof: proofOf().replace('08080808', '08080809') }, /leaf/],
    [
      'was decided on a stale ledger',
      { checkpoint: { slot: 1, blockId: '0c'.repeat(32), timeMs: now - 900_000 } },
      /fresh/,
    ],
    ['was decided on what was not final', { grade: '' }, /final/],
  ])('sees a disclosure that %s, though the source signed the record', async (_what, changes, why) => {
    const base = 'kind' in changes ? {} : served();
    const copy = await copyOf(async store => void (await store.append({ ...base, ...changes } as DisclosureRecord)));
    expect(await audit(copy)).toMatchObject({ firstBad: 1, why: expect.stringMatching(why) });
  });

  it('sees a closing entry that closes nothing, and the records of another source or network', async () => {
    const twice = await copyOf(async store => {
      await three(store);
      await store.close(1, { time: now, outcome: 'complete', reason: '', bytesSent: 0 });
    });
    expect(await audit(twice)).toMatchObject({ firstBad: 4, why: expect.stringContaining('not open') });
    const other = { folder: twice, chainId: toHex(chainId), keys: [toHex(stranger.publicKey)] };
    expect(await auditFolder(other)).toMatchObject({ firstBad: 1 });
    const elsewhere = { ...other, chainId: '00'.repeat(32), keys: [toHex(source.publicKey)] };
    expect(await auditFolder(elsewhere)).toMatchObject({ firstBad: 1 });
    await expect(auditFolder({ ...other, folder: join(folder, 'none') })).rejects.toMatchObject({
      code: 'GATEWAY_FILE',
    });
  });

  it('is accounted for to the patient: what left, to whom, when, on which authorization, and no refusal', async () => {
    const copy = await copyOf(async store => {
      await three(store);
      await store.append(served({ time: now + 86_400_000 }));
      await store.append(served({ owner: toHex(stranger.publicKey) }));
    });
    const log = await openDisclosureLog(copy);
    const disclosures = await openDisclosureStore({ log, key: source, chainId, verifier: nobleVerifier });
    const about = { disclosures, sourceKey: source.publicKey, patientKey: toHex(patient.publicKey) };
    const describe = async () => 'imaging study 1 CT "head", 20260101';
    const accounting = await accountFor({ ...about, from: 0, to: Number.MAX_SAFE_INTEGER, describe });
    expect(accounting.rows).toMatchObject([
      {
        record: 1,
        recipientKey: toHex(doctor.publicKey),
        consentReceipt: toHex(receiptHash),
        outcome: 'complete',
        bytesSent: 10,
      },
      { record: 4, outcome: 'open, counts as complete' },
    ]);
    expect(accounting.truncated).toBe(false);
    const first = await accountFor({ ...about, from: 0, to: now + 100, describe });
    expect(first.rows).toHaveLength(1);
    await log.close();
    const csv = accountingCsv(accounting).split('\r\n');
    expect(csv).toHaveLength(3);
    expect(csv[1]).toContain(`,${toHex(studyHash)},"imaging study 1 CT ""head"", 20260101",authorization`);
    const formula = { ...accounting, rows: [{ ...accounting.rows[0]!, study: '=1+1' }] };
    expect(accountingCsv(formula)).toContain(",'=1+1,");
    expect(accountingText(accounting)).toContain(`consent receipt ${toHex(receiptHash)}, grant 5`);
  });
});

const name = (seq: number): string => `e${seq.toString(16).padStart(16, '0')}`;

async function swap(db: ClassicLevel<string, Uint8Array>, a: string, b: string): Promise<void> {
  const [first, second] = [await db.get(a), await db.get(b)];
  await db.put(a, second!);
  await db.put(b, first!);
}
