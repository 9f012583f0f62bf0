import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { SecretKey, toHex } from '../dist/index.js';
import { readKeyFile, readPassphrase, sealSecret, unsealSecret, writeKeyFile } from '../dist/node/index.js';
import { passphraseFromTerminal } from '../dist/node/passphrase.js';

const folder = mkdtempSync(join(tmpdir(), 'radpass-core-'));
afterAll(() => rmSync(folder, { recursive: true }));

const key = SecretKey.fromSeed(new Uint8Array(32).fill(5), 'node');
const passphrase = 'correct horse';
const sealedFile = join(folder, 'sealed.key');
const plainFile = join(folder, 'plain.key');
const give = (text: string) => async () => text;
const fault = (reason: string) => expect.objectContaining({ detail: expect.objectContaining({ reason }) });
let count = 0;
/** A private file with this text. */
const fileWith = (text: string) => {
  const path = join(folder, `${count++}.key`);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
};

beforeAll(async () => {
  await writeKeyFile(sealedFile, key, { passphrase });
  await writeKeyFile(plainFile, key, { insecurePlain: true });
});

describe('a sealed key file', () => {
  it('gives the key back for its passphrase', async () => {
    const read = await readKeyFile(sealedFile, { passphrase: give(passphrase), role: 'node' });
    expect(read.exportSeed()).toEqual(key.exportSeed());
    expect(read.role).toBe('node');
  });

  it('is private and does not hold the seed', () => {
    expect(statSync(sealedFile).mode & 0o777).toBe(0o600);
    expect(readFileSync(sealedFile, 'utf8')).not.toContain(toHex(key.exportSeed()));
    expect(readFileSync(sealedFile, 'utf8')).toContain(`node ${toHex(key.publicKey)}`);
  });

  it('is refused without a passphrase or with another', async () => {
    await expect(readKeyFile(sealedFile)).rejects.toEqual(fault('passphrase'));
    await expect(readKeyFile(sealedFile, { passphrase: give('wrong') })).rejects.toEqual(fault('passphrase'));
  });

  it('is refused when what stands beside the secret was changed', async () => {
    const altered = fileWith(readFileSync(sealedFile, 'utf8').replace('"node ', '"source '));
    await expect(readKeyFile(altered, { passphrase: give(passphrase) })).rejects.toEqual(fault('passphrase'));
  });

  it('asks no more memory than ours, whatever the file says', async () => {
    const text = readFileSync(sealedFile, 'utf8');
    for (const [from, to] of [
      ['"logN":17', '"logN":30'],
      ['"r":8', '"r":8000'],
      ['aes-256-gcm', 'aes-128-gcm'],
      ['secret/1', 'secret/2'],
      ['"sealed":"', '"sealed":"zz'],
      ['{', '['],
    ] as const) {
      expect(text).toContain(from);
      const asked = { passphrase: () => Promise.reject(new Error('asked')) };
      await expect(readKeyFile(fileWith(text.replace(from, to)), asked)).rejects.toEqual(fault('damaged'));
    }
  });
});

describe('a key file', () => {
  it('is never overwritten', async () => {
    const before = readFileSync(plainFile, 'utf8');
    const writing = writeKeyFile(plainFile, SecretKey.generate(), { insecurePlain: true });
    await expect(writing).rejects.toEqual(fault('exists'));
    expect(readFileSync(plainFile, 'utf8')).toBe(before);
  });

  it('is not written without a passphrase unless told to', async () => {
    const path = join(folder, 'none.key');
    await expect(writeKeyFile(path, key, {})).rejects.toEqual(fault('passphrase'));
    await expect(writeKeyFile(path, key, { passphrase: '' })).rejects.toEqual(fault('passphrase'));
    await expect(readKeyFile(path)).rejects.toEqual(fault('missing'));
  });

  it('is refused when others can read it', async () => {
    if (process.platform === 'win32') return;
    const path = fileWith(readFileSync(plainFile, 'utf8'));
    await expect(readKeyFile(path)).resolves.toBeInstanceOf(SecretKey);
    for (const mode of [0o640, 0o604, 0o620]) {
      chmodSync(path, mode);
      await expect(readKeyFile(path)).rejects.toEqual(fault('open to others'));
    }
  });

  it('serves its role; one for any takes the role that is asked', async () => {
    await expect(readKeyFile(plainFile, { role: 'source' })).rejects.toEqual(fault('role'));
    const path = join(folder, 'any.key');
    await writeKeyFile(path, SecretKey.fromSeed(key.exportSeed()), { insecurePlain: true });
    expect((await readKeyFile(path, { role: 'requester' })).role).toBe('requester');
    expect((await readKeyFile(path)).role).toBe('any');
  });

  it('is refused when its public key is not that of its secret, or the text is cut or long', async () => {
    const text = readFileSync(plainFile, 'utf8');
    const publicHex = toHex(key.publicKey);
    for (const damaged of [
      text.replace(publicHex, toHex(SecretKey.generate().publicKey)),
      text.replace('"key"', '"wallet"'),
      text.slice(0, -20),
      text.replace(/0505"/, '"'),
      text + ' '.repeat(20_000),
      '',
    ]) {
      await expect(readKeyFile(fileWith(damaged))).rejects.toEqual(fault('damaged'));
    }
    await expect(readKeyFile(folder)).rejects.toHaveProperty('code', 'CORE_KEY_FILE');
  });

  it('puts no secret in its errors', async () => {
    const seed = toHex(key.exportSeed());
    const error: unknown = await readKeyFile(fileWith(`x${readFileSync(plainFile, 'utf8')}`)).catch((e: unknown) => e);
    for (let at = error; at instanceof Error; at = at.cause) expect(`${at.message}`).not.toContain(seed.slice(0, 8));
  });
});

describe('sealSecret', () => {
  it('seals any bytes under a label, and the same passphrase in another Unicode form opens it', async () => {
    const label = { kind: 'wallet', about: 'of somebody' };
    const text = await sealSecret(label, Uint8Array.of(1, 2, 3), 'caf\u00e9');
    const opened = await unsealSecret(text, give('cafe\u0301'));
    expect(opened).toEqual({ label, secret: Uint8Array.of(1, 2, 3) });
    await expect(sealSecret(label, Uint8Array.of(1), '')).rejects.toThrow(RangeError);
  });
});

describe('readPassphrase', () => {
  const before = process.env.RADPASS_PASSPHRASE_FILE;
  afterEach(() => {
    if (before === undefined) delete process.env.RADPASS_PASSPHRASE_FILE;
    else process.env.RADPASS_PASSPHRASE_FILE = before;
  });

  it('takes the first line of the file that RADPASS_PASSPHRASE_FILE names', async () => {
    process.env.RADPASS_PASSPHRASE_FILE = fileWith('correct horse \r\nsecond line\n');
    expect(await readPassphrase('')).toBe('correct horse ');
    for (const path of [fileWith('\n'), join(folder, 'absent')]) {
      process.env.RADPASS_PASSPHRASE_FILE = path;
      await expect(readPassphrase('')).rejects.toHaveProperty('code', 'CORE_PASSPHRASE');
    }
  });

  /** What comes of keys typed on a terminal, and what was shown. */
  const typed = async (...chunks: string[]) => {
    const raw: boolean[] = [];
    const shown: string[] = [];
    const terminal = Object.assign(new PassThrough(), { setRawMode: (on: boolean) => raw.push(on) });
    const result = passphraseFromTerminal(terminal, text => shown.push(text), 'Passphrase: ').catch(
      (error: { code?: string }) => error.code,
    );
    for (const chunk of chunks) terminal.write(chunk);
    return { result: await result, shown: shown.join(''), raw };
  };

  it('asks on a terminal without showing what is typed', async () => {
    expect(await typed('secre', 'x\x7ft é', '\rrest')).toEqual({
      result: 'secret é',
      shown: 'Passphrase: \n',
      raw: [true, false],
    });
  });

  it('gives up on Ctrl-C and on nothing, and restores the terminal', async () => {
    for (const keys of ['abc\x03', '\r', '\x04']) {
      expect(await typed(keys)).toMatchObject({ result: 'CORE_PASSPHRASE', raw: [true, false] });
    }
  });
});
