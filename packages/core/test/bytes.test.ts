import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  compareBytes,
  concatBytes,
  equalBytes,
  fromBase64,
  fromBase64Url,
  fromHex,
  fromLatin1,
  latin1,
  latin1Bytes,
  toBase64,
  toBase64Url,
  toHex,
  u64be,
} from '../dist/index.js';
import { platformLatin1, platformLatin1Bytes } from '../dist/platform.js';

const refusal = (code: string) => expect.objectContaining({ code });
const someBytes = fc.uint8Array({ maxLength: 80 });

describe('latin1', () => {
  it('is a character a byte, the parts one after the other, in Node as in a browser', () => {
    const long = Uint8Array.from({ length: 9_000 }, (_, i) => (i * 7) & 255);
    const parts = [Uint8Array.of(0, 127, 128, 255), new Uint8Array(0), long, Uint8Array.of(1)];
    const text = latin1(...parts);
    expect(fromLatin1(text)).toEqual(concatBytes(...parts));
    expect(platformLatin1(parts)).toBe(text);
    expect(platformLatin1Bytes(text)).toEqual(concatBytes(...parts));
    expect(new Uint8Array(latin1Bytes(text))).toEqual(concatBytes(...parts));
    expect(latin1(Uint8Array.of(200))).toBe('\u00c8');
  });
});

describe('hex and base64', () => {
  it('agree with Node both ways', () => {
    fc.assert(
      fc.property(someBytes, bytes => {
        const node = Buffer.from(bytes);
        expect(toHex(bytes)).toBe(node.toString('hex'));
        expect(toBase64(bytes)).toBe(node.toString('base64'));
        expect(toBase64Url(bytes)).toBe(node.toString('base64url'));
        expect(fromHex(toHex(bytes))).toEqual(bytes);
        expect(fromBase64(toBase64(bytes))).toEqual(bytes);
        expect(fromBase64Url(toBase64Url(bytes))).toEqual(bytes);
      }),
    );
  });

  it('give one spelling to each byte string: what parses is what would be printed', () => {
    const text = fc.string({ unit: fc.constantFrom(...'Aa0Zz9+/-_=\n '), maxLength: 9 });
    fc.assert(
      fc.property(text, spelling => {
        for (const [parse, print] of [
          [fromHex, toHex],
          [fromBase64, toBase64],
          [fromBase64Url, toBase64Url],
        ] as const) {
          let bytes: Uint8Array;
          try {
            bytes = parse(spelling);
          } catch (error) {
            expect(error).toHaveProperty('code');
            continue;
          }
          expect(print(bytes)).toBe(spelling);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it.each(['A', 'AA', 'AA=', 'AB==', 'AAA', 'AAB=', 'A===', '====', 'AA==AA==', 'AAAA====', 'AA\n==', 'AA-_'])(
    'refuses %j as base64',
    text => expect(() => fromBase64(text)).toThrow(refusal('CORE_BASE64')),
  );

  it.each(['A', 'AB', 'AA==', 'AAB', 'AA+/', 'AA A'])('refuses %j as base64url', text =>
    expect(() => fromBase64Url(text)).toThrow(refusal('CORE_BASE64URL')),
  );

  it('checks the length of hex where one is due', () => {
    expect(fromHex('00ff', 2)).toEqual(Uint8Array.of(0, 255));
    expect(() => fromHex('00ff', 3)).toThrow(refusal('CORE_HEX'));
    expect(() => fromHex('00FF')).toThrow(refusal('CORE_HEX'));
    expect(() => fromHex('0')).toThrow(refusal('CORE_HEX'));
  });
});

describe('byte strings', () => {
  it('are ordered as Buffer.compare orders them', () => {
    fc.assert(
      fc.property(someBytes, someBytes, (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
        expect(concatBytes(a, b)).toEqual(new Uint8Array(Buffer.concat([a, b])));
      }),
    );
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
  });

  it('hold whole numbers below 2^53 in eight bytes', () => {
    expect(toHex(u64be(0))).toBe('0000000000000000');
    expect(toHex(u64be(2 ** 32 + 5))).toBe('0000000100000005');
    expect(toHex(u64be(2 ** 53 - 1))).toBe('001fffffffffffff');
    for (const n of [-1, 0.5, 2 ** 53]) expect(() => u64be(n)).toThrow(RangeError);
  });
});
