import { describe, expect, it } from '@jest/globals';
import {
  type Canonical,
  CoreError,
  constant,
  decodeCanonical,
  encodeCanonical,
  fromHex,
  list,
  map,
  raw,
  scanCanonical,
  toHex,
  tuple,
  uint,
} from '../dist/index.js';
import * as schema from '../dist/schema.js';

const any = raw(1 << 20);
const decode = (hex: string) => decodeCanonical(fromHex(hex), any);
const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof CoreError) return error.code;
    throw error;
  }
  return 'none';
};

describe('encodeCanonical', () => {
  it.each<[Canonical, string]>([
    [0, '00'],
    [127, '7f'],
    [128, 'cc80'],
    [255, 'ccff'],
    [256, 'cd0100'],
    [65535, 'cdffff'],
    [65536, 'ce00010000'],
    [4294967295, 'ceffffffff'],
    [4294967296, 'cf0000000100000000'],
    [Number.MAX_SAFE_INTEGER, 'cf001fffffffffffff'],
    ['', 'a0'],
    ['a'.repeat(31), `bf${'61'.repeat(31)}`],
    ['a'.repeat(32), `d920${'61'.repeat(32)}`],
    ['a'.repeat(256), `da0100${'61'.repeat(256)}`],
    [new Uint8Array(0), 'c400'],
    [new Uint8Array(256), `c50100${'00'.repeat(256)}`],
    [new Uint8Array(65536), `c600010000${'00'.repeat(65536)}`],
    [[], '90'],
    [Array(16).fill(1), `dc0010${'01'.repeat(16)}`],
    [[1, 'a', fromHex('ff')], '9301a161c401ff'],
  ])('gives %p its one form', (value, hex) => {
    expect(toHex(encodeCanonical(value))).toBe(hex);
    expect(decode(hex)).toEqual(value);
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53, 'é', 'a\n'])('refuses %p', value => {
    expect(codeOf(() => encodeCanonical([1, value]))).toBe('CORE_ENCODE');
  });

  it('refuses what has no form, and depth 9', () => {
    let nested: Canonical = 1;
    for (let i = 0; i < 8; i++) nested = [nested];
    expect(decodeCanonical(encodeCanonical(nested), any)).toEqual(nested);
    expect(codeOf(() => encodeCanonical([nested]))).toBe('CORE_ENCODE');
    for (const value of [null, true, {}, new Map(), 1n, new Array(1)]) {
      expect(codeOf(() => encodeCanonical([value as never]))).toBe('CORE_ENCODE');
    }
  });

  it('says where in the value', () => {
    const placeOf = (value: Canonical): unknown => {
      try {
        return encodeCanonical(value);
      } catch (error) {
        return error instanceof CoreError && 'at' in error.detail ? error.detail.at : error;
      }
    };
    expect(placeOf([1, [2, [3], [4, -1]]])).toBe('[1][2][1]');
    expect(placeOf([[[1]], 'é'])).toBe('[1]');
    expect(placeOf(-1)).toBe('');
    expect(toHex(encodeCanonical([1, [2]]))).toBe('92019102');
  });

  it('returns a buffer of its own', () => {
    const first = encodeCanonical([1, 2]);
    encodeCanonical([3, 4]);
    expect(toHex(first)).toBe('920102');
    expect(first.buffer.byteLength).toBe(3);
  });
});

describe('decodeCanonical', () => {
  it.each([
    ['nothing', ''],
    ['a trailing byte', '0100'],
    ['u8 where a fixed number fits', 'cc7f'],
    ['u16 where u8 fits', 'cd00ff'],
    ['u32 where u16 fits', 'ce0000ffff'],
    ['u64 where u32 fits', 'cf00000000ffffffff'],
    ['2^53', 'cf0020000000000000'],
    ['u64 cut short', 'cf00000001000000'],
    ['a negative fixed number', 'ff'],
    ['int8', 'd001'],
    ['nil', 'c0'],
    ['the never-used tag', 'c1'],
    ['true', 'c3'],
    ['float64 of a whole number', 'cb4000000000000000'],
    ['float32', 'ca40000000'],
    ['a map', '8101c0'],
    ['an extension', 'd40100'],
    ['a timestamp', 'd6ff00000000'],
    ['bin8 cut short', 'c402ff'],
    ['bin16 where bin8 fits', 'c50001ff'],
    ['bin32 where bin16 fits', `c600000100${'00'.repeat(256)}`],
    ['str8 where fixstr fits', 'd90161'],
    ['str16 where str8 fits', `da0020${'61'.repeat(32)}`],
    ['str32', `db00010000${'61'.repeat(65536)}`],
    ['UTF-8', 'a2c3a9'],
    ['a control character', 'a100'],
    ['DEL', 'a17f'],
    ['array16 where a fixed array fits', 'dc000101'],
    ['array32 where array16 fits', `dd00000010${'01'.repeat(16)}`],
    ['an array that promises more than is there', 'dd7fffffff01'],
    ['an array cut short', '9201'],
    ['nine arrays in one another', `${'91'.repeat(9)}01`],
  ])('refuses %s', (_name, hex) => {
    expect(codeOf(() => decode(hex))).toBe('CORE_DECODE');
    expect(codeOf(() => scanCanonical(fromHex(hex)))).toBe('CORE_DECODE');
  });

  it('says where a value differs from its schema', () => {
    const shape = tuple<[3, number[], [Uint8Array]]>(
      constant(3),
      list(uint(9), 2),
      tuple<[Uint8Array]>(schema.bytes([0, 32])),
    );
    const at = (value: Canonical): unknown => {
      try {
        return decodeCanonical(encodeCanonical(value), shape);
      } catch (error) {
        return error instanceof CoreError && error.detail.code === 'CORE_DECODE' ? error.detail.at : error;
      }
    };
    expect(at([3, [1], [new Uint8Array(0)]])).toEqual([3, [1], [new Uint8Array(0)]]);
    expect(at([4, [1], [new Uint8Array(0)]])).toBe('[0]');
    expect(at([3, [1, 10], [new Uint8Array(0)]])).toBe('[1][1]');
    expect(at([3, [1, 2, 3], [new Uint8Array(0)]])).toBe('[1]');
    expect(at([3, [1], [new Uint8Array(31)]])).toBe('[2][0]');
    expect(at([3, [1]])).toBe('');
  });

  it('refuses what the schema would write in another form', () => {
    const rounding = map(
      uint(),
      n => n - (n % 10),
      n => n,
    );
    expect(decodeCanonical(encodeCanonical(20), rounding)).toBe(20);
    expect(codeOf(() => decodeCanonical(encodeCanonical(25), rounding))).toBe('CORE_DECODE');
  });

  it('copies byte strings and leaves the input as it was', () => {
    const input = Buffer.from('92c403010203c40104', 'hex');
    const [first] = decodeCanonical(input, tuple<[Uint8Array, Uint8Array]>(schema.bytes(3), schema.bytes(1)));
    input.fill(0);
    expect(first).toEqual(Uint8Array.of(1, 2, 3));
    expect(first.constructor).toBe(Uint8Array);
    expect(Object.keys(input)).not.toContain('dataView');
  });

  it('looks at no input longer than the caller allows', () => {
    expect(codeOf(() => decodeCanonical(fromHex('c40100'), any, 2))).toBe('CORE_DECODE');
    expect(decodeCanonical(fromHex('c40100'), any, 3)).toEqual(Uint8Array.of(0));
  });
});
