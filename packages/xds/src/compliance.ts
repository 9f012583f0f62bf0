/**
 * @radpass/xds/compliance: what a ReplayStore and a DisclosureLog must do, for whoever writes another one. Each check
 * has a name and a `run` that rejects when the rule is broken; call them from any test framework.
 */
import { parsePublicKey, SecretKey, sha256, utf8 } from '@radpass/core';
import type { DisclosureLog } from './disclosureStore.js';
import { maxEntriesPerSigner, type ReplayStore } from './replayGuard.js';

export interface Check {
  name: string;
  run(): Promise<void>;
}

/** A place where a store lives: `open` again after `close` gives what was there. */
export interface Reopenable<S> {
  open(): Promise<S>;
  close(store: S): Promise<void>;
}

function require(holds: boolean, rule: string): void {
  if (!holds) throw new Error(`broken rule: ${rule}`);
}

const signer = (n: number) => SecretKey.fromSeed(sha256(utf8(`signer ${n}`))).publicKey;
const later = 4_000_000_000_000;

/** @param place - a fresh, empty place at each call; `reopens` false for stores that live in memory only */
export function replayStoreSuite(place: () => Promise<Reopenable<ReplayStore>>, reopens = true): Check[] {
  const check = (name: string, body: (store: ReplayStore, at: Reopenable<ReplayStore>) => Promise<void>): Check => ({
    name,
    async run() {
      const at = await place();
      const store = await at.open();
      await body(store, at);
    },
  });
  const checks = [
    check('a message is new once', async (store, at) => {
      require(!(await store.has(signer(1), 'm')), 'unknown before');
      require((await store.insert(signer(1), 'm', later)) === 'new', 'first insert is new');
      require(await store.has(signer(1), 'm'), 'known after');
      require((await store.insert(signer(1), 'm', later)) === 'seen', 'second insert is seen');
      await at.close(store);
    }),
    check('another signer may use the same MessageID', async (store, at) => {
      await store.insert(signer(1), 'm', later);
      require(!(await store.has(signer(2), 'm')), 'signers are apart');
      require((await store.insert(signer(2), 'm', later)) === 'new', 'signers are apart');
      await at.close(store);
    }),
    check('of many inserts at once exactly one is new', async (store, at) => {
      const answers = await Promise.all(Array.from({ length: 50 }, () => store.insert(signer(1), 'm', later)));
      require(answers.filter(answer => answer === 'new').length === 1, 'one new');
      require(answers.filter(answer => answer === 'seen').length === 49, 'the others seen');
      await at.close(store);
    }),
    check(
      `a signer holds at most ${maxEntriesPerSigner} entries, and a full one hinders no other`,
      async (store, at) => {
        for (let i = 0; i < maxEntriesPerSigner; i++) {
          require((await store.insert(signer(1), `m${i}`, later)) === 'new', 'room for 256');
        }
        require((await store.insert(signer(1), 'one more', later)) === 'full', 'the next is refused');
        require(!(await store.has(signer(1), 'one more')), 'what was refused is not kept');
        require(await store.has(signer(1), 'm0'), 'nothing is forgotten for it');
        require((await store.insert(signer(2), 'm', later)) === 'new', 'another signer has room');
        await at.close(store);
      },
    ),
    check('a sweep forgets what expired before, and nothing else', async (store, at) => {
      await store.insert(signer(1), 'old', 1_000);
      await store.insert(signer(1), 'edge', 2_000);
      await store.insert(signer(1), 'young', later);
      await store.sweep(2_000);
      require(!(await store.has(signer(1), 'old')), 'expired is forgotten');
      require(await store.has(signer(1), 'edge'), 'expiring now is kept');
      require(await store.has(signer(1), 'young'), 'young is kept');
      await at.close(store);
    }),
    check('any text is a MessageID', async (store, at) => {
      for (const id of ['', 'ü\u0000/..', '__proto__', 'x'.repeat(5_000)]) {
        require((await store.insert(signer(1), id, later)) === 'new', 'new');
        require(await store.has(signer(1), id), 'found again');
      }
      await at.close(store);
    }),
  ];
  if (!reopens) return checks;
  return [
    ...checks,
    check('a restart forgets nothing, neither entries nor their expiry', async (store, at) => {
      await store.insert(signer(1), 'old', 1_000);
      await store.insert(signer(1), 'young', later);
      await at.close(store);
      const again = await at.open();
      require(await again.has(signer(1), 'old'), 'kept');
      require((await again.insert(signer(1), 'young', later)) === 'seen', 'seen after the restart');
      await again.sweep(2_000);
      require(!(await again.has(signer(1), 'old')), 'expiry kept');
      await at.close(again);
      const third = await at.open();
      require(!(await third.has(signer(1), 'old')), 'a sweep is durable');
      require(await third.has(parsePublicKey(signer(1)), 'young'), 'kept again');
      await at.close(third);
    }),
  ];
}

async function rowsOf(log: DisclosureLog): Promise<{ seq: number; bytes: Uint8Array }[]> {
  const rows: { seq: number; bytes: Uint8Array }[] = [];
  for await (const row of log.entries()) rows.push(row);
  return rows;
}

const sameBytes = (a: Uint8Array | undefined, b: Uint8Array): boolean =>
  a !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);

/** @param place - a fresh, empty place at each call */
export function disclosureLogSuite(place: () => Promise<Reopenable<DisclosureLog>>, reopens = true): Check[] {
  const hash = sha256(utf8('an entry'));
  const entry = (seq: number) => ({ seq, bytes: utf8(`entry ${seq}`) });
  const checks: Check[] = [
    {
      name: 'a new log is empty and has no head',
      async run() {
        const at = await place();
        const log = await at.open();
        require((await log.head()) === null, 'no head');
        require((await rowsOf(log)).length === 0, 'no entries');
        await at.close(log);
      },
    },
    {
      name: 'entries come back in order of seq with their bytes, and the head is the last put',
      async run() {
        const at = await place();
        const log = await at.open();
        for (let seq = 1; seq <= 300; seq += 2) await log.put([entry(seq), entry(seq + 1)], { seq: seq + 1, hash });
        const rows = await rowsOf(log);
        require(rows.length === 300, '300 entries');
        require(rows.every(
          (row, i) => row.seq === i + 1 && sameBytes(row.bytes, utf8(`entry ${i + 1}`)),
        ), 'order, bytes');
        const head = await log.head();
        require(head?.seq === 300 && sameBytes(head.hash, hash), 'head');
        await at.close(log);
      },
    },
    {
      name: 'entries are read on from any seq',
      async run() {
        const at = await place();
        const log = await at.open();
        for (let seq = 1; seq <= 20; seq++) await log.put([entry(seq)], { seq, hash });
        const rows: number[] = [];
        for await (const { seq } of log.entries(17)) rows.push(seq);
        require(rows.join() === '18,19,20', 'those after it, in order');
        for await (const { seq } of log.entries(20)) require(seq === 0, 'none after the last');
        await at.close(log);
      },
    },
  ];
  if (!reopens) return checks;
  return [
    ...checks,
    {
      name: 'a restart forgets nothing',
      async run() {
        const at = await place();
        const log = await at.open();
        await log.put([entry(1)], { seq: 1, hash });
        await at.close(log);
        const again = await at.open();
        require((await again.head())?.seq === 1, 'head');
        require(sameBytes((await rowsOf(again))[0]?.bytes, utf8('entry 1')), 'entry');
        await at.close(again);
      },
    },
  ];
}
