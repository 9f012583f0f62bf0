import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { nobleVerifier, publicKeyHex } from '@radpass/core';
import { type Check, disclosureLogSuite, replayStoreSuite } from '../dist/compliance.js';
import { defaultPolicy } from '../dist/decide.js';
import type { DisclosureRecord } from '../dist/disclosure.js';
import { type DisclosureLog, memoryDisclosureLog, openDisclosureStore } from '../dist/disclosureStore.js';
import { openDisclosureLog, openReplayStore } from '../dist/node/index.js';
import { memoryReplayStore } from '../dist/replayGuard.js';
import { chainId, named, patient, requester, source } from './world.js';

const folders: string[] = [];
async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'radpass-xds-'));
  folders.push(path);
  return path;
}
afterAll(async () => {
  for (const path of folders) await rm(path, { recursive: true });
});

function run(checks: Check[]): void {
  for (const check of checks) it(check.name, () => check.run());
}
const inMemory =
  <S>(create: () => S) =>
  async () => ({ open: async () => create(), close: async () => undefined });

describe('the replay store in memory', () => run(replayStoreSuite(inMemory(memoryReplayStore), false)));
describe('the replay store on disk', () =>
  run(
    replayStoreSuite(async () => {
      const path = await folder();
      const stores = new Map<object, () => Promise<void>>();
      return {
        async open() {
          const store = await openReplayStore(path);
          stores.set(store, store.close);
          return store;
        },
        close: async store => stores.get(store)!(),
      };
    }),
  ));
describe('the replay suite', () => {
  it('catches a store that forgets, that counts not, and that is not atomic', async () => {
    const broken = async (
      change: (store: ReturnType<typeof memoryReplayStore>) => ReturnType<typeof memoryReplayStore>,
    ) => {
      const failures: string[] = [];
      for (const check of replayStoreSuite(
        inMemory(() => change(memoryReplayStore())),
        false,
      )) {
        await check.run().catch((error: Error) => {
          failures.push(error.message);
        });
      }
      return failures.length;
    };
    expect(await broken(store => store)).toBe(0);
    expect(await broken(store => ({ ...store, insert: async () => 'new' }))).toBeGreaterThan(0);
    expect(await broken(store => ({ ...store, sweep: async () => undefined }))).toBeGreaterThan(0);
    expect(await broken(store => ({ ...store, has: async () => false }))).toBeGreaterThan(0);
    const late = (store: ReturnType<typeof memoryReplayStore>) => ({
      ...store,
      async insert(signer: typeof requester.publicKey, id: string, expires: number) {
        if (await store.has(signer, id)) return 'seen' as const;
        await new Promise(resolve => setTimeout(resolve, 1));
        const answer = await store.insert(signer, id, expires);
        return answer === 'seen' ? 'new' : answer;
      },
    });
    expect(await broken(late)).toBeGreaterThan(0);
  });
});

describe('the disclosure log in memory', () => run(disclosureLogSuite(inMemory(memoryDisclosureLog), false)));
describe('the disclosure log on disk', () =>
  run(
    disclosureLogSuite(async () => {
      const path = await folder();
      const logs = new Map<object, () => Promise<void>>();
      return {
        async open() {
          const log = await openDisclosureLog(path);
          logs.set(log, log.close);
          return log;
        },
        close: async log => logs.get(log)!(),
      };
    }),
  ));

it('a store in use is refused by its code', async () => {
  const path = await folder();
  const store = await openReplayStore(path);
  await expect(openReplayStore(path)).rejects.toMatchObject({ code: 'XDS_STORE', detail: { store: 'replays' } });
  await store.close();
});

const record = (change: Partial<DisclosureRecord> = {}): DisclosureRecord => ({
  kind: 'served',
  time: 1_800_000_000_000,
  requester: publicKeyHex(requester.publicKey),
  owner: publicKeyHex(patient.publicKey),
  studyHash: 'ab'.repeat(32),
  messageId: 'urn:uuid:grüße',
  requestDigest: 'cd'.repeat(32),
  reason: '',
  grade: 'final',
  checkpoint: { slot: 7, blockId: 'ef'.repeat(32), timeMs: 1_799_999_999_000 },
  grantSeq: 5,
  policy: defaultPolicy,
  responseDigest: '01'.repeat(32),
  request: new Uint8Array([1, 2, 3]),
  proof: '0203',
  omitted: 0,
  ...change,
});
const refusal = record({ kind: 'refused', reason: 'revoked', grade: '', checkpoint: null, responseDigest: '' });
const open = (log: DisclosureLog, key = source) =>
  openDisclosureStore({ log, key, chainId, verifier: nobleVerifier, formerKeys: [] });

async function filled() {
  const log = memoryDisclosureLog();
  const store = await open(log);
  for (let i = 0; i < 3; i++) {
    const seq = await store.append(record({ time: i }));
    await store.append(refusal);
    await store.close(seq, { time: i, outcome: 'stopped', reason: 'revoked', bytesSent: 42 });
  }
  return { log, store };
}

describe('disclosure records', () => {
  it('come back as they were written, in order', async () => {
    const { store } = await filled();
    const all = [];
    for await (const entry of store.all()) all.push(entry);
    expect(all.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(all[0]!.body).toEqual(record({ time: 0 }));
    expect(all[1]!.body).toEqual(refusal);
    const closed = { kind: 'closed', of: 1, time: 0, outcome: 'stopped', reason: 'revoked', bytesSent: 42 };
    expect(all[2]!.body).toEqual(closed);
    expect(await store.verify()).toEqual({ records: 9 });
  });

  it('are chained over a restart, on disk', async () => {
    const path = await folder();
    for (let i = 0; i < 3; i++) {
      const log = await openDisclosureLog(path);
      const store = await open(log);
      expect(await store.append(record())).toBe(i + 1);
      expect(await store.verify()).toEqual({ records: i + 1 });
      await log.close();
    }
  });

  it('show any changed byte at its entry', async () => {
    const { log, store } = await filled();
    const untouched = log.rows.get(5)!;
    for (let at = 0; at < untouched.length; at += 7) {
      const changed = new Uint8Array(untouched);
      changed[at]! ^= 1;
      log.rows.set(5, changed);
      expect(await store.verify()).toEqual({ records: 4, firstBad: 5 });
    }
    log.rows.set(5, untouched);
    expect(await store.verify()).toEqual({ records: 9 });
  });

  it('show a removed, a swapped, a repeated entry and a missing end', async () => {
    const damage: [number, (rows: Map<number, Uint8Array>) => void][] = [
      [4, rows => void rows.delete(4)],
      [1, rows => void rows.delete(1)],
      [9, rows => void rows.delete(9)],
      [
        2,
        rows => {
          const two = rows.get(2)!;
          rows.set(2, rows.get(3)!);
          rows.set(3, two);
        },
      ],
      [10, rows => void rows.set(10, rows.get(9)!)],
    ];
    for (const [firstBad, change] of damage) {
      const { log, store } = await filled();
      change(log.rows);
      expect(await store.verify()).toEqual({ records: firstBad - 1, firstBad });
    }
  });

  it('show entries that another key signed, unless it is a former one', async () => {
    const { log } = await filled();
    const rotated = await open(log, named('new key'));
    await rotated.append(record());
    expect(await rotated.verify()).toEqual({ records: 0, firstBad: 1 });
    const init = { log, key: named('new key'), chainId, verifier: nobleVerifier };
    expect(await (await openDisclosureStore({ ...init, formerKeys: [source.publicKey] })).verify()).toEqual({
      records: 10,
    });
    const otherChain = { ...init, chainId: new Uint8Array(32), formerKeys: [source.publicKey] };
    expect((await (await openDisclosureStore(otherChain)).verify()).firstBad).toBe(1);
  });

  it('written at once are chained in order and share writes', async () => {
    const log = memoryDisclosureLog();
    let puts = 0;
    const counted: DisclosureLog = {
      ...log,
      put(...args) {
        puts += 1;
        return log.put(...args);
      },
    };
    const store = await open(counted);
    const seqs = await Promise.all(Array.from({ length: 20 }, () => store.append(record())));
    expect(seqs).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(puts).toBeLessThan(5);
    expect(await store.verify()).toEqual({ records: 20 });
  });

  it('that can not be encoded are refused alone', async () => {
    const store = await open(memoryDisclosureLog());
    const bad = store.append(record({ messageId: 'x'.repeat(2_000) }));
    const good = store.append(record());
    await expect(bad).rejects.toMatchObject({ code: 'XDS_DISCLOSURE_STORE' });
    expect(await good).toBe(1);
    expect(await store.verify()).toEqual({ records: 1 });
  });

  it('stop for good when a write failed, until the log is opened again', async () => {
    const log = memoryDisclosureLog();
    let broken = false;
    const flaky = {
      ...log,
      put: (...args: Parameters<typeof log.put>) => (broken ? Promise.reject(new Error('EIO')) : log.put(...args)),
    };
    const store = await open(flaky);
    await store.append(record());
    broken = true;
    const lost = [store.append(record()), store.append(record())];
    for (const one of lost) await expect(one).rejects.toMatchObject({ code: 'XDS_DISCLOSURE_STORE' });
    broken = false;
    await expect(store.append(record())).rejects.toMatchObject({ code: 'XDS_DISCLOSURE_STORE' });
    const again = await open(flaky);
    expect(await again.append(record())).toBe(2);
    expect(await again.verify()).toEqual({ records: 2 });
  });
});
