import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { storeSuite } from '../../dist/compliance.js';
import { openLevelStore } from '../../dist/level/index.js';
import { MemoryStore } from '../../dist/store.js';
import { afterPrefix } from '../../dist/storeKeys.js';

const kit = { describe, it, expect };

storeSuite(kit, 'MemoryStore', async () => {
  const store = new MemoryStore();
  return { open: async () => store, remove: async () => {} };
});

storeSuite(kit, 'the LevelDB store', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'radpass-store-'));
  return { open: () => openLevelStore(dir), remove: () => rm(dir, { recursive: true }) };
});

describe('the LevelDB store', () => {
  async function inFolder(body: (dir: string) => Promise<void>): Promise<void> {
    const dir = await mkdtemp(join(tmpdir(), 'radpass-store-'));
    try {
      await body(dir);
    } finally {
      await rm(dir, { recursive: true });
    }
  }

  it('is for one process alone', () =>
    inFolder(async dir => {
      const store = await openLevelStore(dir);
      await expect(openLevelStore(dir)).rejects.toMatchObject({ code: 'LEDGER_STORE_LOCKED' });
      await store.close();
      await (await openLevelStore(dir)).close();
    }));

  it('says so when the folder cannot be made', () =>
    inFolder(async dir => {
      await writeFile(join(dir, 'file'), '');
      await expect(openLevelStore(join(dir, 'file'))).rejects.toMatchObject({ code: 'LEDGER_STORE_UNWRITABLE' });
    }));

  it('never returns a record of which a byte was flipped on disk', () =>
    inFolder(async dir => {
      const value = new Uint8Array(64).fill(0x5a);
      const store = await openLevelStore(dir);
      await store.commit([['Kflip', value]]);
      await store.close();
      // An open moves the log's records to a table file.
      await (await openLevelStore(dir)).close();
      const name = (await readdir(join(dir, 'db'))).find(file => file.endsWith('.ldb'))!;
      const bytes = await readFile(join(dir, 'db', name));
      const at = bytes.indexOf(Buffer.from('Kflip'));
      bytes[at + 20]! ^= 1;
      await writeFile(join(dir, 'db', name), bytes);
      const again = await openLevelStore(dir);
      try {
        expect(() => again.get('Kflip')).toThrow(expect.objectContaining({ code: 'LEDGER_STORE_DAMAGED' }));
      } finally {
        await again.close();
      }
    }));

  it('refuses reads after it was closed', () =>
    inFolder(async dir => {
      const store = await openLevelStore(dir);
      await store.close();
      expect(() => store.get('a')).toThrow(expect.objectContaining({ code: 'LEDGER_STORE_CLOSED' }));
    }));
});

describe('afterPrefix', () => {
  it('is the first key behind all that begin with the prefix', () => {
    expect(afterPrefix('a')).toBe('b');
    expect(afterPrefix('a\xff')).toBe('b');
    expect(afterPrefix('a\xfe\xff\xff')).toBe('a\xff');
  });
});
