import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import * as chosen from '#platform';
import {
  CoreError,
  fingerprintWords,
  fromHex,
  nobleVerifier,
  parsePublicKey,
  publicKeyHex,
  SecretKey,
  sha256,
  sign,
  signingPreimage,
  signSignedInfo,
  toHex,
  utf8,
  verify,
} from '../dist/index.js';
import { nodeVerifier, sha256Node } from '../dist/node/index.js';
import * as native from '../dist/node/platform.js';
import * as browser from '../dist/platform.js';

const reasonOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof CoreError && 'reason' in error.detail) return error.detail.reason;
    throw error;
  }
  return 'none';
};
const chainId = new Uint8Array(32).fill(7);
const key = SecretKey.fromSeed(new Uint8Array(32).fill(1));

/** All encodings with y < p that ZIP215 decodes to a point of small order. */
const weakKeys = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000080',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
];

describe('parsePublicKey', () => {
  it('takes bytes and lowercase hex', () => {
    const hex = publicKeyHex(key.publicKey);
    expect(parsePublicKey(hex)).toEqual(key.publicKey);
    expect(parsePublicKey(fromHex(hex))).toEqual(key.publicKey);
    expect(reasonOf(() => parsePublicKey(hex.toUpperCase()))).toBe('hex');
    expect(reasonOf(() => parsePublicKey(hex.slice(2)))).toBe('hex');
    expect(reasonOf(() => parsePublicKey(new Uint8Array(31).fill(9)))).toBe('length');
  });

  it.each(weakKeys)('refuses the key %s, under which anybody can sign', weak => {
    // R of order 1, S = 0: [8][0]B = [8]R + [8][k]A for every message, as A has small order.
    const forged = fromHex(`01${'00'.repeat(63)}`);
    expect(nobleVerifier.verify(forged, utf8('any message'), fromHex(weak))).toBe(true);
    expect(reasonOf(() => parsePublicKey(weak))).toBe('small order');
  });

  it('refuses y from p up, whatever the sign', () => {
    for (const text of ['ed', 'ee', 'ff']) {
      for (const sign of ['7f', 'ff']) {
        expect(reasonOf(() => parsePublicKey(text + 'ff'.repeat(30) + sign))).toBe('not reduced');
      }
    }
    expect(reasonOf(() => parsePublicKey(`eb${'ff'.repeat(30)}7f`))).toBe('none');
  });

  it('takes a name that is no point, under which nothing verifies', () => {
    const name = parsePublicKey(`02${'00'.repeat(31)}`);
    expect(nobleVerifier.verify(new Uint8Array(64), chainId, name)).toBe(false);
    expect(nodeVerifier.verify(new Uint8Array(64), chainId, name)).toBe(false);
  });
});

describe('SecretKey', () => {
  it('shows its seed nowhere but in exportSeed', () => {
    const seed = toHex(key.exportSeed());
    for (const text of [String(key), JSON.stringify({ key }), inspect(key, { showHidden: true, depth: 9 })]) {
      expect(text).not.toContain(seed.slice(0, 8));
      expect(text).toContain('redacted');
    }
  });

  it('keeps a copy of the seed and refuses other lengths', () => {
    const seed = new Uint8Array(32).fill(1);
    const copy = SecretKey.fromSeed(seed);
    seed.fill(2);
    copy.exportSeed().fill(3);
    expect(copy.exportSeed()).toEqual(new Uint8Array(32).fill(1));
    expect(reasonOf(() => SecretKey.fromSeed(new Uint8Array(64)))).toBe('length');
    expect(SecretKey.generate().publicKey).not.toEqual(SecretKey.generate().publicKey);
    expect(SecretKey.generate(length => new Uint8Array(length).fill(1)).publicKey).toEqual(key.publicKey);
  });
});

describe('fingerprintWords', () => {
  it('reads 66 bits, eleven a word', () => {
    expect(fingerprintWords(new Uint8Array(32))).toEqual(Array(6).fill('abandon'));
    expect(fingerprintWords(new Uint8Array(32).fill(255))).toEqual(Array(6).fill('zoo'));
    // 0000 0000 001 | 0000 0000 010 | ... : words number 1 to 6 of the list
    const bits = [1, 2, 3, 4, 5, 6].map(n => n.toString(2).padStart(11, '0')).join('');
    const hash = new Uint8Array(32);
    for (let i = 0; i < bits.length; i++) hash[i >> 3] = hash[i >> 3]! | (Number(bits[i]) << (7 - (i & 7)));
    expect(fingerprintWords(hash)).toEqual(['ability', 'able', 'about', 'above', 'absent', 'absorb']);
  });
});

describe('sign', () => {
  it('binds purpose, network and message', () => {
    const signature = sign(key, 'claim', chainId, utf8('m'));
    const check = (...args: [purpose: 'claim' | 'reclaim', chain: Uint8Array, message: string]) =>
      verify(nobleVerifier, signature, args[0], args[1], utf8(args[2]), key.publicKey);
    expect(check('claim', chainId, 'm')).toBe(true);
    expect(check('reclaim', chainId, 'm')).toBe(false);
    expect(check('claim', new Uint8Array(32), 'm')).toBe(false);
    expect(check('claim', chainId, 'n')).toBe(false);
  });

  it('covers "radpass/<purpose>/1", zero, chainId, message', () => {
    expect(toHex(signingPreimage('vote', chainId, utf8('m')))).toBe(
      `${Buffer.from('radpass/vote/1').toString('hex')}00${'07'.repeat(32)}6d`,
    );
    expect(() => signingPreimage('xmldsig' as never, chainId, utf8('m'))).toThrow(RangeError);
    expect(() => signingPreimage('vote', new Uint8Array(31), utf8('m'))).toThrow(RangeError);
  });

  it('makes no block or vote with a key of another role', () => {
    const seed = new Uint8Array(32).fill(1);
    for (const purpose of ['block', 'vote'] as const) {
      for (const role of ['source', 'patient', 'requester'] as const) {
        expect(reasonOf(() => sign(SecretKey.fromSeed(seed, role), purpose, chainId, utf8('m')))).toContain(role);
      }
      expect(sign(SecretKey.fromSeed(seed, 'node'), purpose, chainId, utf8('m'))).toHaveLength(64);
    }
  });

  it('signs as XML only what begins with "<" and is long, and never with a node key', () => {
    const info = utf8(`<SignedInfo>${'x'.repeat(60)}</SignedInfo>`);
    const signature = signSignedInfo(key, info);
    expect(nobleVerifier.verify(signature, info, key.publicKey)).toBe(true);
    expect(reasonOf(() => signSignedInfo(key, utf8(`<${'x'.repeat(63)}`)))).toContain('64');
    expect(reasonOf(() => signSignedInfo(key, utf8(` ${'x'.repeat(99)}`)))).toContain('<');
    expect(reasonOf(() => signSignedInfo(SecretKey.fromSeed(key.exportSeed(), 'node'), info))).toContain('node');
  });
});

describe('sha256', () => {
  it('is the same from every backend and however the bytes are cut', () => {
    const whole = utf8('abc');
    const expected = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(toHex(sha256(whole))).toBe(expected);
    expect(toHex(sha256(utf8('a'), utf8('bc')))).toBe(expected);
    expect(toHex(sha256Node(whole))).toBe(expected);
    expect(toHex(sha256Node(utf8('a'), utf8('bc')))).toBe(expected);
  });
});

describe('the platform', () => {
  // RFC 8032 section 7.1, TEST 1 to 3.
  const published: [seed: string, message: string, signature: string][] = [
    [
      '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ],
    [
      '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      '72',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    ],
    [
      'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
      'af82',
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    ],
  ];
  const forms = [browser, native, chosen];

  it('is Node here, and a browser gets plain JavaScript', () => {
    expect(chosen.platformSign).toBe(native.platformSign);
    expect(chosen.platformSign).not.toBe(browser.platformSign);
  });

  it.each(published)('signs RFC 8032 vector %# with the published bytes in every form', (seed, message, expected) => {
    const { publicKey } = SecretKey.fromSeed(fromHex(seed));
    for (const form of forms) {
      expect(toHex(form.platformSign(fromHex(seed), publicKey, fromHex(message)))).toBe(expected);
      expect(form.platformVerifyOwn(fromHex(expected), fromHex(message), publicKey)).toBe(true);
      expect(form.platformVerifyOwn(fromHex(expected), utf8('another'), publicKey)).toBe(false);
    }
  });

  it('gives the same signatures and hashes in every form, for messages of every length up to 300', () => {
    for (let length = 0; length <= 300; length += 7) {
      const seed = sha256(utf8(`seed ${length}`));
      // A view into a longer buffer, as received bytes are.
      const message = new Uint8Array(length + 8).fill(length).subarray(5, 5 + length);
      const { publicKey } = SecretKey.fromSeed(seed);
      const made = forms.map(form => [
        toHex(form.platformSign(seed, publicKey, message)),
        toHex(form.platformSha256(message)),
      ]);
      expect(new Set(made.map(pair => pair.join())).size).toBe(1);
    }
  });

  it('never lets a wrong public key into a native signature: two of one message under two keys give the secret away', () => {
    const [seed, message] = [new Uint8Array(32).fill(3), utf8('m')];
    const [own, other] = [SecretKey.fromSeed(seed), SecretKey.generate()];
    const expected = native.platformSign(seed, own.publicKey, message);
    expect(native.platformSign(seed, other.publicKey, message)).toEqual(expected);
  });
});
