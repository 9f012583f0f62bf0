import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Point, utils } from '@noble/ed25519';
import fc from 'fast-check';
import { dataDir, needs } from '../../../tools/needs.mjs';
import {
  concatBytes,
  findInvalidSignature,
  fromHex,
  nobleVerifier,
  SecretKey,
  type SignedBytes,
  sign,
  signingPreimage,
  toHex,
  utf8,
} from '../dist/index.js';
import { createParallelVerifier, nodeVerifier } from '../dist/node/index.js';

const order = 2n ** 252n + 27742317777372353535851937790883648493n;
const chainId = new Uint8Array(32);

interface Case {
  signature: Uint8Array;
  message: Uint8Array;
  key: Uint8Array;
}

const asCheck = ({ signature, message: preimage, key }: Case): SignedBytes => ({ signature, preimage, key });

/** What verdict() has been asked, for the batch. */
const judged: { check: SignedBytes; accepts: boolean }[] = [];

/** The verdict of the rule; every backend must give it, and what is fast may only be stricter. */
function verdict({ signature, message, key }: Case): boolean {
  const rule = nobleVerifier.verify(signature, message, key);
  const strict = nodeVerifier.verifyStrict(signature, message, key);
  expect(nodeVerifier.verify(signature, message, key)).toBe(rule);
  if (strict) expect(rule).toBe(true);
  judged.push({ check: asCheck({ signature, message, key }), accepts: rule });
  return rule;
}

function load<T>(path: string): T {
  return JSON.parse(readFileSync(join(dataDir, 'vectors', path), 'utf8'));
}

needs('vectors', describe)('Ed25519 vectors of others, by the ZIP215 rule', () => {
  it('Wycheproof: what RFC 8032 accepts is accepted, and one more: R with x = 0 and the sign bit set', () => {
    interface Group {
      publicKey: { pk: string };
      tests: { tcId: number; msg: string; sig: string; result: string }[];
    }
    const { testGroups, numberOfTests } = load<{ testGroups: Group[]; numberOfTests: number }>(
      'wycheproof/ed25519_test.json',
    );
    const judged = testGroups.flatMap(group =>
      group.tests.map(({ tcId, msg, sig, result }) => {
        const accepted = verdict({ signature: fromHex(sig), message: fromHex(msg), key: fromHex(group.publicKey.pk) });
        return { tcId, agrees: accepted === (result === 'valid') };
      }),
    );
    expect(judged).toHaveLength(numberOfTests);
    expect(judged.filter(({ agrees }) => !agrees).map(({ tcId }) => tcId)).toEqual([151]);
  });

  it('CCTV: every edge case is accepted but those whose k was computed over other bytes', () => {
    const cases = load<{ key: string; sig: string; msg: string; flags: string[] | null }[]>('cctv/ed25519vectors.json');
    expect(cases).toHaveLength(914);
    let accepted = 0;
    for (const { key, sig, msg, flags } of cases) {
      const accepts = verdict({ signature: fromHex(sig), message: utf8(msg), key: fromHex(key) });
      if (accepts) accepted++;
      else expect(flags).toContain('reencoded_k');
    }
    expect(accepted).toBe(826);
  });

  it('speccheck: the row of Zebra, which made the rule', () => {
    const cases = load<{ message: string; pub_key: string; signature: string }[]>('speccheck/cases.json');
    const row = cases.map(({ message, pub_key, signature }) =>
      verdict({ signature: fromHex(signature), message: fromHex(message), key: fromHex(pub_key) }) ? 'V' : 'X',
    );
    expect(row.join('')).toBe('VVVVVVXXXVVV');
  });

  it('RFC 8032 and the rows after: same keys, same signatures', () => {
    const rows =
      load<{ seed: string; public: string; message: string; signature: string }[]>('rfc8032/sign-input-128.json');
    expect(rows).toHaveLength(128);
    for (const row of rows) {
      const key = SecretKey.fromSeed(fromHex(row.seed)).publicKey;
      expect(toHex(key)).toBe(row.public);
      const given = { signature: fromHex(row.signature), message: fromHex(row.message), key };
      expect(verdict(given)).toBe(true);
      expect(verdict({ ...given, message: concatBytes(given.message, Uint8Array.of(0)) })).toBe(false);
    }
  });

  it('judged together, each has the verdict that it has alone', () => {
    const accepted = judged.filter(({ accepts }) => accepts).map(({ check }) => check);
    const refused = judged.filter(({ accepts }) => !accepts).map(({ check }) => check);
    expect([accepted.length > 900, refused.length > 100]).toEqual([true, true]);
    expect(findInvalidSignature(nobleVerifier, accepted)).toBeUndefined();
    for (const [i, check] of refused.entries()) {
      const together = [...accepted.slice(i, i + 4), check, ...accepted.slice(i + 4, i + 8)];
      expect([i, findInvalidSignature(nobleVerifier, together)]).toEqual([i, 4]);
    }
  });
});

const seed = new Uint8Array(32).fill(3);
const message = utf8('message');
const { scalar } = utils.getExtendedPublicKey(seed);
/** The eight points of small order. */
const generator8 = Point.fromBytes(fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'));
const torsion = Array.from({ length: 8 }, (_, i) => generator8.multiplyUnsafe(BigInt(i)));
const littleEndian = (n: bigint) => fromHex(n.toString(16).padStart(64, '0')).reverse();
const toNumber = (bytes: Uint8Array) => BigInt(`0x${toHex(new Uint8Array(bytes).reverse())}`);

/** A signature whose R and A carry the torsion points number i and j; with `shift` added to S. */
async function crafted(i: number, j: number, shift = 0n): Promise<Case> {
  const nonce = 987654321n;
  const key = Point.BASE.multiply(scalar).add(torsion[j]!).toBytes();
  const R = Point.BASE.multiply(nonce).add(torsion[i]!).toBytes();
  const digest = await crypto.subtle.digest('SHA-512', new Uint8Array(concatBytes(R, key, message)));
  const k = toNumber(new Uint8Array(digest)) % order;
  const S = ((nonce + k * scalar) % order) + shift;
  return { signature: concatBytes(R, littleEndian(S)), message, key };
}

describe('crafted signatures', () => {
  it('are accepted whatever small-order part R and the key carry: the equation has the cofactor', async () => {
    let strict = 0;
    for (let i = 0; i < 8; i++) {
      for (let j = 0; j < 8; j++) {
        const given = await crafted(i, j);
        expect([i, j, verdict(given)]).toEqual([i, j, true]);
        if (nodeVerifier.verifyStrict(given.signature, given.message, given.key)) strict++;
      }
    }
    expect(strict).toBeGreaterThan(0);
    expect(strict).toBeLessThan(64);
  });

  it('are refused when S is not reduced', async () => {
    expect(verdict(await crafted(0, 0, 0n))).toBe(true);
    for (const times of [1n, 2n, 15n]) expect(verdict(await crafted(0, 0, times * order))).toBe(false);
  });

  it('are refused in any other length, of signature or key, without an exception', () => {
    const key = SecretKey.fromSeed(seed);
    const signature = sign(key, 'claim', chainId, message);
    const given = { signature, message: signingPreimage('claim', chainId, message), key: key.publicKey };
    expect(verdict(given)).toBe(true);
    for (const length of [0, 63, 65, 128]) {
      const other = new Uint8Array(length);
      other.set(signature.subarray(0, length));
      expect(verdict({ ...given, signature: other })).toBe(false);
    }
    for (const length of [0, 31, 33]) {
      const other = new Uint8Array(length);
      other.set(key.publicKey.subarray(0, length));
      expect(verdict({ ...given, key: other })).toBe(false);
    }
  });

  it('are accepted with R in an encoding that is not canonical, if k is over the bytes as received', async () => {
    // R = the point of order 4 with y = 0, written as p; S = k a.
    const key = SecretKey.fromSeed(seed).publicKey;
    const R = fromHex(`ed${'ff'.repeat(30)}7f`);
    const digest = await crypto.subtle.digest('SHA-512', new Uint8Array(concatBytes(R, key, message)));
    const S = ((toNumber(new Uint8Array(digest)) % order) * scalar) % order;
    const signature = concatBytes(R, littleEndian(S));
    expect(verdict({ signature, message, key })).toBe(true);
    expect(nodeVerifier.verifyStrict(signature, message, key)).toBe(false);
  });
});

describe('findInvalidSignature', () => {
  /** 24 signatures, most of which native code refuses and the rule accepts. */
  const mixed = async () =>
    Promise.all(Array.from({ length: 24 }, async (_, n) => asCheck(await crafted(n % 8, (3 * n) % 8))));

  it('finds none among valid ones, honest or crafted', async () => {
    const checks = await mixed();
    for (const verifier of [nobleVerifier, nodeVerifier]) {
      expect(findInvalidSignature(verifier, checks)).toBeUndefined();
      expect(findInvalidSignature(verifier, checks.slice(0, 2))).toBeUndefined();
      expect(findInvalidSignature(verifier, [])).toBeUndefined();
    }
  });

  it('names the first of those that the rule refuses, wherever it stands and whatever is wrong', async () => {
    const checks = await mixed();
    const spoiled: ((check: SignedBytes) => Promise<SignedBytes>)[] = [
      async check => ({ ...check, preimage: utf8('another') }),
      async check => ({ ...check, signature: check.signature.slice(1) }),
      async check => ({ ...check, key: new Uint8Array(32).fill(2, 0, 1) }),
      async () => asCheck(await crafted(1, 2, order)),
    ];
    for (const [n, spoil] of spoiled.entries()) {
      const at = [0, 23, 11, 5][n]!;
      const bad = await Promise.all(checks.map((check, i) => (i === at || i === 23 ? spoil(check) : check)));
      for (const verifier of [nobleVerifier, nodeVerifier]) {
        expect([n, findInvalidSignature(verifier, bad)]).toEqual([n, at]);
      }
    }
  });

  it('gives the verdict of one by one on whatever stands beside whatever', async () => {
    const valid = await mixed();
    const [first, second] = valid as [SignedBytes, SignedBytes];
    const invalid = [
      { ...first, preimage: utf8('another') },
      { ...first, key: second.key },
      { ...first, key: new Uint8Array(32).fill(2, 0, 1) },
      { ...first, signature: concatBytes(new Uint8Array(32).fill(2, 0, 1), first.signature.subarray(32)) },
      { ...first, signature: concatBytes(second.signature.subarray(0, 32), first.signature.subarray(32)) },
      { ...first, signature: first.signature.slice(1) },
      asCheck(await crafted(1, 2, order)),
    ];
    // Key and R of small order, S = 0: valid over any message.
    const small = { signature: concatBytes(torsion[3]!.toBytes(), new Uint8Array(32)), key: torsion[5]!.toBytes() };
    const pool = [...valid, { ...small, preimage: utf8('anything') }, ...invalid];
    const verdicts = pool.map(({ signature, preimage, key }) => nobleVerifier.verify(signature, preimage, key));
    expect(verdicts.filter(accepts => !accepts)).toHaveLength(invalid.length);
    const isValid = fc.nat({ max: valid.length });
    const isAny = fc.nat({ max: pool.length - 1 });
    const rows = fc.array(fc.oneof({ weight: 30, arbitrary: isValid }, { weight: 1, arbitrary: isAny }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(rows, row => {
        const at = row.findIndex(i => !verdicts[i]);
        const found = findInvalidSignature(
          nobleVerifier,
          row.map(i => pool[i]!),
        );
        expect(found).toBe(at === -1 ? undefined : at);
      }),
      { numRuns: 150 },
    );
  });

  it('is not fooled by two errors that cancel each other out', async () => {
    const [first, second, ...rest] = await mixed();
    const shifted = (check: SignedBytes, by: bigint) => {
      const S = (toNumber(check.signature.subarray(32)) + by + order) % order;
      return { ...check, signature: concatBytes(check.signature.subarray(0, 32), littleEndian(S)) };
    };
    const bad = [shifted(first!, 1n), shifted(second!, -1n), ...rest];
    expect(findInvalidSignature(nobleVerifier, bad)).toBe(0);
  });
});

describe('createParallelVerifier', () => {
  const parallel = createParallelVerifier(2);
  afterAll(() => parallel.close());
  /** Valid signatures in such numbers that all threads get some; of `kinds`, one in two is refused by native code. */
  const many = async (count: number, kinds: readonly ('honest' | 'crafted')[]): Promise<SignedBytes[]> =>
    Promise.all(
      Array.from({ length: count }, async (_, n) => {
        const key = SecretKey.fromSeed(new Uint8Array(32).fill(n % 5));
        const text = new Uint8Array(n % 90);
        const preimage = signingPreimage('claim', chainId, text);
        if (kinds[n % kinds.length] === 'honest') {
          return { signature: sign(key, 'claim', chainId, text), preimage, key: key.publicKey };
        }
        const { signature, message: signed, key: by } = await crafted(1 + (n % 7), 1);
        return { signature, preimage: signed, key: by };
      }),
    );
  const spoil = (checks: readonly SignedBytes[], ...at: number[]): SignedBytes[] =>
    checks.map((check, i) => (at.includes(i) ? { ...check, preimage: utf8('another') } : check));

  it.each([
    ['honest ones', 200, ['honest']],
    ['crafted ones among honest ones', 150, ['honest', 'crafted', 'honest']],
    ['crafted ones', 170, ['crafted']],
    ['one more than a piece holds', 129, ['honest', 'crafted']],
    ['many pieces', 700, ['honest', 'crafted']],
  ] as const)('gives the answer of one thread: %s', async (_, count, kinds) => {
    const checks = await many(count, kinds);
    expect(parallel.findInvalid?.(checks)).toBeUndefined();
    for (const at of [[0], [count - 1, count - 40], [33, 32]]) {
      const bad = spoil(checks, ...at);
      expect(parallel.findInvalid?.(bad)).toBe(Math.min(...at));
      expect(findInvalidSignature(parallel, bad)).toBe(findInvalidSignature(nodeVerifier, bad));
    }
  });

  it('judges lengths that no signature has, and few or no signatures', async () => {
    const checks = await many(40, ['honest']);
    const short = checks.map((check, i) => (i === 17 ? { ...check, key: check.key.slice(1) } : check));
    expect(parallel.findInvalid?.(short)).toBe(17);
    expect(parallel.findInvalid?.([])).toBeUndefined();
    expect(parallel.findInvalid?.(spoil(checks.slice(0, 3), 2))).toBe(2);
  });

  it('gives the answer when its threads have ended, and with none', async () => {
    const checks = spoil(await many(180, ['honest', 'crafted']), 170);
    const ended = createParallelVerifier(1);
    expect(ended.findInvalid?.(checks)).toBe(170);
    await ended.close();
    for (const verifier of [ended, createParallelVerifier(0)]) expect(verifier.findInvalid?.(checks)).toBe(170);
  });
});

describe('every backend', () => {
  it('is as strict as the rule or stricter; noble is the rule', () => {
    expect(nobleVerifier.verifyStrict).toBe(nobleVerifier.verify);
  });

  it('gives one verdict on honest signatures with a bit flipped anywhere', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ maxLength: 40 }),
        fc.nat({ max: 8 * 96 }),
        (anySeed, text, bit) => {
          const key = SecretKey.fromSeed(anySeed);
          const bytes = concatBytes(sign(key, 'ownership', chainId, text), key.publicKey);
          // The last value flips nothing: the honest signature.
          if (bit < 8 * 96) bytes[bit >> 3]! ^= 1 << (bit & 7);
          const signature = bytes.subarray(0, 64);
          const given = { signature, message: signingPreimage('ownership', chainId, text), key: bytes.subarray(64) };
          expect(verdict(given)).toBe(bit === 8 * 96);
        },
      ),
      { numRuns: 40, examples: [[seed, message, 8 * 96]] },
    );
  });

  it('remembers a bounded number of keys and still gives the verdict', () => {
    const key = SecretKey.fromSeed(seed);
    const signature = sign(key, 'claim', chainId, message);
    const given = { signature, message: signingPreimage('claim', chainId, message), key: key.publicKey };
    const stranger = new Uint8Array(32);
    for (let n = 0; n < 5000; n++) {
      new DataView(stranger.buffer).setUint32(4, n);
      nodeVerifier.verifyStrict(signature, message, stranger);
    }
    expect(verdict(given)).toBe(true);
  });
});
