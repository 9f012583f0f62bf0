import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type Canonical,
  CodedError,
  decodeCanonical,
  encodeCanonical,
  parseTransaction,
  raw,
  scanCanonical,
  toHex,
} from '../dist/index.js';
import { transactions } from './tuples.js';

const any = raw(1 << 20);
const { value: someValue } = fc.letrec<{ value: Canonical }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 7 },
    fc.oneof(
      fc.nat({ max: 300 }),
      fc.maxSafeNat(),
      fc.string({ unit: 'grapheme-ascii', maxLength: 40 }),
      fc.uint8Array({ maxLength: 300 }),
    ),
    fc.array(tie('value'), { maxLength: 20 }),
  ),
}));

/** Cut, insert, overwrite: what a sloppy or hostile encoder might do. */
interface Edit {
  at: number;
  remove: number;
  insert: Uint8Array;
}
const tags = fc.constantFrom(
  0x90,
  0x93,
  0xa0,
  0xc0,
  0xc4,
  0xc5,
  0xc7,
  0xca,
  0xcb,
  0xcc,
  0xcd,
  0xce,
  0xcf,
  0xd3,
  0xd4,
  0xd9,
  0xdc,
  0xdf,
);
const insertion = fc.oneof(
  fc.uint8Array({ maxLength: 3 }),
  tags.map(tag => Uint8Array.of(tag)),
  tags.map(tag => Uint8Array.of(tag, 0)),
);
const someEdit: fc.Arbitrary<Edit> = fc.record({ at: fc.nat(), remove: fc.nat({ max: 3 }), insert: insertion });

function edited(bytes: Uint8Array, { at, remove, insert }: Edit): Uint8Array {
  const start = at % (bytes.length + 1);
  return new Uint8Array([...bytes.subarray(0, start), ...insert, ...bytes.subarray(start + remove)]);
}

function acceptedOr<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}

describe('canonical bytes', () => {
  it('decode to the value that was encoded', () => {
    fc.assert(
      fc.property(someValue, value => {
        const bytes = encodeCanonical(value);
        scanCanonical(bytes);
        expect(decodeCanonical(bytes, any)).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  it('are refused or encode to themselves again, however they were changed', () => {
    let accepted = 0;
    fc.assert(
      fc.property(someValue, fc.array(someEdit, { minLength: 1, maxLength: 3 }), (value, edits) => {
        const bytes = edits.reduce(edited, encodeCanonical(value));
        const decoded = acceptedOr(() => decodeCanonical(bytes, any));
        if (decoded === undefined) return;
        accepted++;
        expect(toHex(encodeCanonical(decoded))).toBe(toHex(bytes));
      }),
      { numRuns: 3000 },
    );
    expect(accepted).toBeGreaterThan(50);
  });

  it('from anywhere are refused or encode to themselves again', () => {
    const soup = fc.array(fc.oneof(tags, fc.nat({ max: 255 })), { minLength: 1, maxLength: 24 });
    fc.assert(
      fc.property(soup, numbers => {
        const bytes = Uint8Array.from(numbers);
        const decoded = acceptedOr(() => decodeCanonical(bytes, any));
        if (decoded !== undefined) expect(toHex(encodeCanonical(decoded))).toBe(toHex(bytes));
      }),
      { numRuns: 5000 },
    );
  });
});

describe('parseTransaction', () => {
  it('throws nothing but coded errors, and what it takes has the id of its bytes', () => {
    fc.assert(
      fc.property(fc.constantFrom(...transactions), fc.array(someEdit, { minLength: 1, maxLength: 2 }), (tx, edits) => {
        const bytes = edits.reduce(edited, tx.bytes);
        const parsed = acceptedOr(() => parseTransaction(bytes));
        if (parsed === undefined) return;
        expect(toHex(parsed.bytes)).toBe(toHex(bytes));
        expect(toHex(parsed.id) === toHex(tx.id)).toBe(toHex(bytes) === toHex(tx.bytes));
      }),
      { numRuns: 2000 },
    );
  });
});
