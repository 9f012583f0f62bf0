import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { publicKeyHex, SecretKey } from '@radpass/core';
import { Records } from '../dist/records.js';
import { noteSigners } from '../dist/signers.js';

it('the desk knows every key that a source had, after two rotations and restarts', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'radpass-signers-'));
  const [first, second, third] = [1, 2, 3].map(n => SecretKey.fromSeed(new Uint8Array(32).fill(n)).publicKey);
  let known: string[] = [];
  for (const standing of [first!, second!, third!, third!]) {
    const records = await Records.open(folder);
    known = (await noteSigners(records, [first!, standing])).map(publicKeyHex);
    await records.close();
  }
  expect(known.sort()).toEqual([first!, second!, third!].map(publicKeyHex).sort());
  rmSync(folder, { recursive: true });
});
