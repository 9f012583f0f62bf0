import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { openLevelStore } from '../../dist/level/levelStore.js';
import { damagedFiles } from '../../dist/level/scrub.js';

const dir = mkdtempSync(join(tmpdir(), 'radpass-scrub-'));
afterAll(() => rmSync(dir, { recursive: true }));

describe('a table that LevelDB is still writing', () => {
  it('is no damage once it is whole, and is when it never is', async () => {
    const store = await openLevelStore(dir);
    await store.commit([['Ba', new Uint8Array(1_000)]]);
    await store.close();
    // Opening again makes a table of the log.
    await (await openLevelStore(dir)).close();
    const db = join(dir, 'db');
    const name = readdirSync(db).find(file => file.endsWith('.ldb'))!;
    const whole = readFileSync(join(db, name));
    writeFileSync(join(db, name), whole.subarray(0, 200));
    const looked = damagedFiles(db, 'tables');
    setTimeout(() => writeFileSync(join(db, name), whole), 400);
    expect(await looked).toEqual([]);
    writeFileSync(join(db, name), whole.subarray(0, 200));
    expect(await damagedFiles(db, 'tables')).toEqual([name]);
  });
});
