import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { dataDir, needs } from '../../../tools/needs.mjs';
import {
  deriveSlip10,
  entropyOfMnemonic,
  fromHex,
  Keyring,
  mnemonicOfEntropy,
  mnemonicToSeed,
  SecretKey,
  toHex,
} from '../dist/index.js';

const refusal = (code: string) => expect.objectContaining({ code });
const words = 'legal winner thank year wave sausage worth useful legal winner thank yellow';

function load<T>(path: string): T {
  return JSON.parse(readFileSync(join(dataDir, 'vectors', path), 'utf8'));
}

describe('Keyring', () => {
  const ring = Keyring.fromBackup({ mnemonic: words, device: 1234 });

  it("derives m/7107'/device'/index' of the seed of the words", () => {
    const { key } = deriveSlip10(mnemonicToSeed(words), [7107, 1234, 5]);
    expect(ring.studyKey(5).exportSeed()).toEqual(key);
    expect(ring.studyKey(5).role).toBe('patient');
  });

  it('makes the same keys again from its backup, and others for another device', () => {
    const keyOf = (from: Keyring, index: number) => toHex(from.studyKey(index).publicKey);
    const made = Keyring.create();
    expect(made.backup().mnemonic.split(' ')).toHaveLength(12);
    expect(keyOf(Keyring.fromBackup(made.backup()), 3)).toBe(keyOf(made, 3));
    expect(keyOf(Keyring.create(), 3)).not.toBe(keyOf(made, 3));
    expect(keyOf(Keyring.fromBackup({ mnemonic: words, device: 1235 }), 5)).not.toBe(keyOf(ring, 5));
    expect(keyOf(ring, 4)).not.toBe(keyOf(ring, 5));
  });

  it('draws a device number below 2^31', () => {
    expect(Keyring.create(length => new Uint8Array(length).fill(255)).backup().device).toBe(2 ** 31 - 1);
    expect(Keyring.create(length => Uint8Array.from({ length }, (_, i) => i)).backup().device).toBe(0x010203);
  });

  it('takes words however they are typed', () => {
    const typed = ` ${words.toUpperCase().replaceAll(' ', '\n  ')} `;
    expect(Keyring.fromBackup({ mnemonic: typed, device: 1234 }).backup()).toEqual({ mnemonic: words, device: 1234 });
  });

  it.each([
    ['a wrong checksum', words.replace('yellow', 'zoo'), 1],
    ['a foreign word', words.replace('yellow', 'yelow'), 1],
    ['eleven words', words.replace(' yellow', ''), 1],
    ['24 words', mnemonicOfEntropy(new Uint8Array(32)), 1],
    ['device 2^31', words, 2 ** 31],
    ['half a device', words, 0.5],
    ['no device', words, -1],
  ])('refuses %s without quoting it', (_name, mnemonic, device) => {
    try {
      Keyring.fromBackup({ mnemonic, device });
      throw new Error('accepted');
    } catch (error) {
      expect(error).toEqual(refusal('CORE_MNEMONIC'));
      expect(inspect(error)).not.toMatch(/winner|yelow/);
    }
  });

  it('has no key below 0 or from 2^31 up', () => {
    for (const index of [-1, 0.5, 2 ** 31]) expect(() => ring.studyKey(index)).toThrow(RangeError);
  });

  it('shows its words nowhere but in backup', () => {
    for (const text of [String(ring), JSON.stringify({ ring }), inspect(ring, { showHidden: true })]) {
      expect(text).toContain('redacted');
      expect(text).not.toContain('winner');
    }
  });
});

describe('deriveSlip10', () => {
  it('gives the first test vector of SLIP-0010 for ed25519', () => {
    const { key, chainCode } = deriveSlip10(fromHex('000102030405060708090a0b0c0d0e0f'), [0]);
    expect(toHex(chainCode)).toBe('8b59aa11380b624e81507a27fedda59fea6d0b779a778918a2fd3590e16e9c69');
    expect(toHex(key)).toBe('68e0fe46dfb67e368c75379acec591dad19df3cde26e63b93a8e704f1dade7a3');
  });

  it('takes seeds of 16 to 64 bytes', () => {
    for (const length of [15, 65]) expect(() => deriveSlip10(new Uint8Array(length), [])).toThrow(RangeError);
  });
});

needs('vectors', describe)('SLIP-0010 vectors', () => {
  interface Node {
    test: string;
    curve: string;
    seed: string;
    path: string;
    chain_code: string;
    private: string;
    public: string;
  }
  it('all hold for ed25519', () => {
    const nodes = load<Node[]>('slip10/slip10.json').filter(node => node.curve === 'ed25519');
    expect(nodes).toHaveLength(12);
    for (const node of nodes) {
      const path = [...node.path.matchAll(/\/(\d+)'/g)].map(([, index]) => Number(index));
      const { key, chainCode } = deriveSlip10(fromHex(node.seed), path);
      const publicKey = `00${toHex(SecretKey.fromSeed(key).publicKey)}`;
      expect([node.path, toHex(chainCode), toHex(key), publicKey]).toEqual([
        node.path,
        node.chain_code,
        node.private,
        node.public,
      ]);
    }
  });
});

needs('vectors', describe)('BIP39 vectors', () => {
  it('all hold', () => {
    const vectors = load<{ english: [string, string, string, string][] }>('bip39/vectors.json').english;
    expect(vectors).toHaveLength(24);
    for (const [entropy, mnemonic, seed] of vectors) {
      expect(mnemonicOfEntropy(fromHex(entropy))).toBe(mnemonic);
      expect(toHex(entropyOfMnemonic(mnemonic))).toBe(entropy);
      expect(toHex(mnemonicToSeed(mnemonic, 'TREZOR'))).toBe(seed);
    }
  });
});
