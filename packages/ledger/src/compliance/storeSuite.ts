/** What every LedgerStore must do (store.ts), as tests for any runner with describe, it and expect. */
import type { LedgerStore } from '../store.js';

/** The part of a test runner that the suites use. */
export interface SuiteKit {
  describe(name: string, body: () => void): void;
  it(name: string, body: () => Promise<void>): void;
  expect(actual: unknown): { toEqual(expected: unknown): void };
}

/** `open` opens the same data each time; it is called again only after `close`. */
export type StoreFactory = () => Promise<{ open(): Promise<LedgerStore>; remove(): Promise<void> }>;

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

async function all(store: LedgerStore, from: string, below: string): Promise<[string, number[]][]> {
  const found: [string, number[]][] = [];
  for await (const [key, value] of store.entries(from, below)) found.push([key, [...value]]);
  return found;
}

/** Register the suite under `name`. */
export function storeSuite(kit: SuiteKit, name: string, factory: StoreFactory): void {
  const { describe, it, expect } = kit;
  const test = (title: string, body: (store: LedgerStore, reopen: () => Promise<LedgerStore>) => Promise<void>): void =>
    it(title, async () => {
      const place = await factory();
      let store = await place.open();
      try {
        await body(store, async () => {
          await store.close();
          store = await place.open();
          return store;
        });
      } finally {
        await store.close();
        await place.remove();
      }
    });

  describe(`${name} as a ledger store`, () => {
    test('returns what was written, and nothing for other keys', async store => {
      await store.commit([['Aa', bytes(1, 2)]]);
      expect(store.get('Aa')).toEqual(bytes(1, 2));
      expect(store.get('Ab')).toEqual(undefined);
      expect(store.get('A')).toEqual(undefined);
    });

    test('holds empty values and keys of any bytes', async store => {
      const key = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('');
      await store.commit([[key, bytes()]]);
      expect(store.get(key)).toEqual(bytes());
      expect(await all(store, '\x00', '\x01')).toEqual([[key, []]]);
    });

    test('replaces and removes, and shows it at once to reads that came before', async store => {
      await store.commit([
        ['a', bytes(1)],
        ['b', bytes(2)],
      ]);
      store.get('a');
      store.get('b');
      store.get('c');
      await store.commit([
        ['a', bytes(9)],
        ['b', null],
        ['c', bytes(3)],
        ['never there', null],
      ]);
      expect([store.get('a'), store.get('b'), store.get('c')]).toEqual([bytes(9), undefined, bytes(3)]);
    });

    test('applies the writes of a batch in their order', async store => {
      await store.commit([
        ['a', bytes(1)],
        ['a', null],
        ['b', null],
        ['b', bytes(2)],
      ]);
      expect([store.get('a'), store.get('b')]).toEqual([undefined, bytes(2)]);
    });

    test('keeps its own copy of a value', async store => {
      const value = bytes(1, 2, 3);
      await store.commit([['a', value]]);
      value[0] = 99;
      expect(store.get('a')).toEqual(bytes(1, 2, 3));
    });

    test('walks a range in byte order, from the first key to below the last', async store => {
      const keys = ['b', 'a\xff', 'a', '\x80', 'a\x00', 'c', '\xff\xff'];
      await store.commit(keys.map(key => [key, bytes(key.length)]));
      expect((await all(store, 'a', 'c')).map(([key]) => key)).toEqual(['a', 'a\x00', 'a\xff', 'b']);
      expect((await all(store, 'b', '\xff\xff')).map(([key]) => key)).toEqual(['b', 'c', '\x80']);
      expect(await all(store, 'd', 'd')).toEqual([]);
    });

    test('walks more records than one read takes', async store => {
      const keys = Array.from({ length: 2_500 }, (_, i) => `k${String(i).padStart(5, '0')}`);
      await store.commit(keys.map((key, i) => [key, bytes(i & 255)]));
      expect((await all(store, 'k', 'l')).map(([key]) => key)).toEqual(keys);
    });

    test('walks the records as they stood when the walk began', async store => {
      await store.commit([
        ['a', bytes(1)],
        ['b', bytes(1)],
      ]);
      const seen: [string, number[]][] = [];
      for await (const [key, value] of store.entries('a', 'z')) {
        seen.push([key, [...value]]);
        await store.commit([
          ['b', bytes(2)],
          ['c', bytes(2)],
        ]);
      }
      expect(seen).toEqual([
        ['a', [1]],
        ['b', [1]],
      ]);
    });

    test('may be walked in part', async store => {
      await store.commit([
        ['a', bytes(1)],
        ['b', bytes(2)],
      ]);
      for await (const [key] of store.entries('a', 'z')) {
        expect(key).toEqual('a');
        break;
      }
      await store.commit([['c', bytes(3)]]);
      expect((await all(store, 'a', 'z')).length).toEqual(3);
    });

    test('takes commits side by side, each whole', async store => {
      await Promise.all(
        [1, 2, 3, 4, 5].map(n =>
          store.commit([
            [`x${n}`, bytes(n)],
            [`y${n}`, bytes(n)],
          ]),
        ),
      );
      expect((await all(store, 'x', 'z')).length).toEqual(10);
    });

    test('has everything again after it was closed and opened', async (store, reopen) => {
      await store.commit([
        ['a', bytes(1)],
        ['b', bytes(2)],
      ]);
      await store.commit([['a', null]]);
      const again = await reopen();
      expect(await all(again, '\x00', '\xff')).toEqual([['b', [2]]]);
      expect(again.get('b')).toEqual(bytes(2));
    });
  });
}
