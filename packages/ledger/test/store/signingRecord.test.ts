import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { nobleVerifier, SecretKey, verify } from '@radpass/core';
import { encodeVoteMessage } from '../../dist/consensus/votes.js';
import { createSigningRecord, openNodeSigner } from '../../dist/level/index.js';
import { contradictionOf } from '../../dist/signingCheck.js';

const key = SecretKey.fromSeed(new Uint8Array(32).fill(7), 'node');
const other = SecretKey.fromSeed(new Uint8Array(32).fill(8), 'node');
const chainId = new Uint8Array(32).fill(1);
const otherChain = new Uint8Array(32).fill(2);
const id = (n: number): Uint8Array => new Uint8Array(32).fill(n);
const vote = (sourceSlot: number, targetSlot: number, block = 5) => ({
  rootId: chainId,
  sourceSlot,
  sourceId: id(3),
  targetSlot,
  targetId: id(block),
});

let dir: string;
let recordPath: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'radpass-record-'));
  recordPath = join(dir, 'record');
});
afterEach(() => rm(dir, { recursive: true }));

const openIt = () => openNodeSigner({ key, recordPath, chainId });

/** Close and open again, as a restart does. */
async function restarted(signer: Awaited<ReturnType<typeof openIt>>) {
  await signer.close();
  return openIt();
}

describe('signing record', () => {
  it('is needed: a key without one signs nothing', async () => {
    await expect(openIt()).rejects.toMatchObject({ code: 'LEDGER_SIGNING_RECORD_MISSING' });
  });

  it('is made once', async () => {
    await createSigningRecord(recordPath, key.publicKey);
    await expect(createSigningRecord(recordPath, key.publicKey)).rejects.toMatchObject({
      code: 'LEDGER_SIGNING_RECORD_EXISTS',
    });
  });

  it('serves its own key alone', async () => {
    await createSigningRecord(recordPath, other.publicKey);
    await expect(openIt()).rejects.toMatchObject({ code: 'LEDGER_SIGNING_RECORD_KEY' });
  });

  it('is refused when any byte of it was flipped', async () => {
    await createSigningRecord(recordPath, key.publicKey);
    const signer = await openIt();
    await signer.signBlock(4, id(9));
    await signer.close();
    const good = await readFile(join(recordPath, 'record'));
    for (let at = 0; at < good.length; at += 7) {
      const bad = Buffer.from(good);
      bad[at]! ^= 0x10;
      await writeFile(join(recordPath, 'record'), bad);
      await expect(openIt()).rejects.toMatchObject({ code: 'LEDGER_SIGNING_RECORD_DAMAGED' });
    }
    await writeFile(join(recordPath, 'record'), good.subarray(0, 10));
    await expect(openIt()).rejects.toMatchObject({ code: 'LEDGER_SIGNING_RECORD_DAMAGED' });
  });

  it('is for one signer at a time', async () => {
    await createSigningRecord(recordPath, key.publicKey);
    const signer = await openIt();
    await expect(openIt()).rejects.toMatchObject({ code: 'LEDGER_SIGNING_RECORD_LOCKED' });
    await (await restarted(signer)).close();
  });

  it('is free again, marks and all, after its process was killed', async () => {
    await createSigningRecord(recordPath, key.publicKey);
    const level = pathToFileURL(join(import.meta.dirname, '../../dist/level/index.js')).href;
    const program = `
      const { openNodeSigner } = await import(${JSON.stringify(level)});
      const { SecretKey } = await import(${JSON.stringify(import.meta.resolve('@radpass/core'))});
      const key = SecretKey.fromSeed(new Uint8Array(32).fill(7), 'node');
      const signer = await openNodeSigner({ key, recordPath: ${JSON.stringify(recordPath)}, chainId: new Uint8Array(32).fill(1) });
      await signer.signBlock(11, new Uint8Array(32).fill(9));
      console.log('signed');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise(resolve => child.stdout.once('data', resolve));
    await expect(openIt()).rejects.toMatchObject({ code: 'LEDGER_SIGNING_RECORD_LOCKED' });
    child.kill('SIGKILL');
    await new Promise(resolve => child.once('exit', resolve));
    const signer = await openIt();
    try {
      expect(signer.marks.blockSlot).toBe(11);
      await expect(signer.signBlock(11, id(1))).rejects.toMatchObject({ code: 'LEDGER_SIGN_DOUBLE_BLOCK' });
    } finally {
      await signer.close();
    }
  });

  it('lets one block a slot be signed, over restarts', async () => {
    await createSigningRecord(recordPath, key.publicKey);
    let signer = await openIt();
    const signature = await signer.signBlock(5, id(1));
    expect(verify(nobleVerifier, signature, 'block', chainId, id(1), key.publicKey)).toBe(true);
    signer = await restarted(signer);
    expect(await signer.signBlock(5, id(1))).toEqual(signature);
    await expect(signer.signBlock(5, id(2))).rejects.toMatchObject({ code: 'LEDGER_SIGN_DOUBLE_BLOCK' });
    await expect(signer.signBlock(4, id(2))).rejects.toMatchObject({ code: 'LEDGER_SIGN_DOUBLE_BLOCK' });
    await signer.signBlock(6, id(2));
    await signer.close();
  });

  it('lets no vote be double or surround another, over restarts', async () => {
    await createSigningRecord(recordPath, key.publicKey);
    let signer = await openIt();
    const signature = await signer.signVote(vote(4, 9), 0);
    expect(verify(nobleVerifier, signature, 'vote', chainId, encodeVoteMessage(vote(4, 9)), key.publicKey)).toBe(true);
    signer = await restarted(signer);
    expect(await signer.signVote(vote(4, 9), 0)).toEqual(signature);
    await expect(signer.signVote(vote(4, 9, 6), 0)).rejects.toMatchObject({ code: 'LEDGER_SIGN_DOUBLE_VOTE' });
    await expect(signer.signVote(vote(5, 8), 0)).rejects.toMatchObject({ code: 'LEDGER_SIGN_DOUBLE_VOTE' });
    await expect(signer.signVote(vote(3, 10), 0)).rejects.toMatchObject({ code: 'LEDGER_SIGN_SURROUND_VOTE' });
    await signer.signVote(vote(4, 10), 0);
    await signer.signVote(vote(2, 11), 1);
    await expect(signer.signVote(vote(9, 12), 0)).rejects.toMatchObject({ code: 'LEDGER_SIGN_SURROUND_VOTE' });
    await signer.close();
  });

  it('holds the first vote for slot 0 to the same rule', async () => {
    await createSigningRecord(recordPath, key.publicKey);
    const signer = await openIt();
    await signer.signVote(vote(0, 0), 0);
    await expect(signer.signVote(vote(0, 0, 6), 0)).rejects.toMatchObject({ code: 'LEDGER_SIGN_DOUBLE_VOTE' });
    await signer.close();
  });

  it('keeps the marks of each network apart', async () => {
    await createSigningRecord(recordPath, key.publicKey);
    const first = await openIt();
    await first.signBlock(50, id(1));
    await first.close();
    const second = await openNodeSigner({ key, recordPath, chainId: otherChain });
    await second.signBlock(3, id(1));
    await second.close();
    const again = await openIt();
    expect(again.marks.blockSlot).toBe(50);
    await again.close();
  });

  it('refuses two of two signatures asked at the same time', async () => {
    await createSigningRecord(recordPath, key.publicKey);
    const signer = await openIt();
    const results = await Promise.allSettled([signer.signBlock(5, id(1)), signer.signBlock(5, id(2))]);
    expect(results.map(result => result.status)).toEqual(['fulfilled', 'rejected']);
    await signer.close();
  });

  it('has the mark on disk when the signature is out', async () => {
    await createSigningRecord(recordPath, key.publicKey);
    const signer = await openIt();
    await signer.signVote(vote(1, 2), 0);
    const copy = join(dir, 'copy');
    await cp(recordPath, copy, { recursive: true });
    await signer.close();
    const again = await openNodeSigner({ key, recordPath: copy, chainId });
    expect(again.marks).toMatchObject({ sourceSlot: 1, targetSlot: 2 });
    await again.close();
  });

  it('signs nothing once the record could not be written', async () => {
    await createSigningRecord(recordPath, key.publicKey);
    const signer = await openIt();
    // A folder stands where the new record would be written.
    await mkdir(join(recordPath, 'record.new'));
    await expect(signer.signBlock(9, id(1))).rejects.toMatchObject({ code: 'LEDGER_SIGNING_RECORD_FAILED' });
    await rm(join(recordPath, 'record.new'), { recursive: true });
    await expect(signer.signBlock(10, id(1))).rejects.toMatchObject({ code: 'LEDGER_SIGNING_RECORD_FAILED' });
    await signer.close();
  });

  it('signs nothing after close', async () => {
    await createSigningRecord(recordPath, key.publicKey);
    const signer = await openIt();
    await signer.close();
    await expect(signer.signBlock(9, id(1))).rejects.toMatchObject({ code: 'LEDGER_SIGNING_RECORD_FAILED' });
  });
});

describe('a record that is restored', () => {
  const restore = { nowSlot: 100, untilSlot: 119, leastSlots: 10 };
  const open = (over = restore, chain = chainId) => openNodeSigner({ key, recordPath, chainId: chain, restore: over });

  it('signs nothing before the wait is over, and votes from no source before it began', async () => {
    const signer = await open();
    await expect(signer.signBlock(119, id(1))).rejects.toMatchObject({ code: 'LEDGER_SIGN_DOUBLE_BLOCK' });
    await expect(signer.signVote(vote(110, 119), 0)).rejects.toMatchObject({ code: 'LEDGER_SIGN_DOUBLE_VOTE' });
    // In whatever era: the one of the lost votes is unknown.
    for (const era of [0, 7]) {
      await expect(signer.signVote(vote(99, 120), era)).rejects.toMatchObject({ code: 'LEDGER_SIGN_SURROUND_VOTE' });
    }
    await signer.signBlock(120, id(1));
    await signer.signVote(vote(100, 120), 7);
    // From then on the usual rule: a later era may begin at an earlier source.
    await signer.signVote(vote(90, 121), 8);
    await signer.close();
  });

  it('needs a wait that is long enough, and is left as it was otherwise', async () => {
    await expect(open({ ...restore, untilSlot: 109 })).rejects.toMatchObject({ code: 'LEDGER_SIGNING_RESTORE' });
    await expect(readFile(join(recordPath, 'lock'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(openIt()).rejects.toMatchObject({ code: 'LEDGER_SIGNING_RECORD_MISSING' });
  });

  it('is restored once: the same flag at the next start changes nothing', async () => {
    const signer = await open();
    await signer.signVote(vote(100, 120), 0);
    await signer.close();
    const again = await open({ ...restore, nowSlot: 130 });
    expect(again.marks).toMatchObject({ sourceSlot: 100, targetSlot: 120, blockSlot: 119 });
    expect(again.restoredSlot).toBeUndefined();
    await again.close();
  });

  it('from an older copy never goes back behind what that knows', async () => {
    await createSigningRecord(recordPath, key.publicKey);
    const signer = await openIt();
    await signer.signVote(vote(140, 150), 3);
    await signer.close();
    const restored = await open({ nowSlot: 160, untilSlot: 179, leastSlots: 10 });
    await expect(restored.signVote(vote(170, 180), 2)).rejects.toMatchObject({ code: 'LEDGER_SIGN_SURROUND_VOTE' });
    expect(restored.marks).toMatchObject({ eraDepth: 3, sourceSlot: 160, targetSlot: 179 });
    await restored.close();
  });

  it('is refused on networks that it does not know', async () => {
    await (await open()).close();
    const elsewhere = openNodeSigner({ key, recordPath, chainId: otherChain });
    await expect(elsewhere).rejects.toMatchObject({ code: 'LEDGER_SIGNING_RECORD_MISSING' });
    await (await open(restore, otherChain)).close();
    await (await openNodeSigner({ key, recordPath, chainId: otherChain })).close();
  });

  it('is for one signer at a time', async () => {
    const signer = await open();
    await expect(open()).rejects.toMatchObject({ code: 'LEDGER_SIGNING_RECORD_LOCKED' });
    await signer.close();
  });

  it('sees another process that signs with the key in the meantime', async () => {
    const signer = await open();
    const seen = (slot: number) => contradictionOf(signer, 'vote', slot)?.code ?? null;
    expect([100, 101].map(seen)).toEqual([null, null]);
    expect([102, 119].map(seen)).toEqual(['LEDGER_SIGNING_ELSEWHERE', 'LEDGER_SIGNING_ELSEWHERE']);
    expect(seen(120)).toBe('LEDGER_SIGNING_RECORD_OLD');
    await signer.signVote(vote(100, 125), 0);
    expect([102, 125].map(seen)).toEqual([null, null]);
    await signer.close();
  });
});
