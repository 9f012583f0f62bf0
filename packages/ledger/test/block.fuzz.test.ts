import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseBlock } from '../dist/block.js';
import { encodeVote, parseVote } from '../dist/consensus/votes.js';
import { LedgerError } from '../dist/errors.js';
import { parseGenesis } from '../dist/genesis.js';
import { committeeOfGenesis } from '../dist/genesisState.js';
import { TestChain } from './testChain.js';

const chain = new TestChain();
const first = chain.extend(chain.start, 1);
const certificate = chain.votes({ slot: 0, id: chain.genesis.chainId }, { slot: 1, id: first.view.id }, chain.all());
const block = chain.extend(first, 2, { certificates: [certificate] }).block!.bytes;
const vote = encodeVote({
  message: certificate.message,
  voter: 0,
  nodeKey: committeeOfGenesis(chain.genesis).voters[0]!.nodeKey,
  signature: certificate.signatures[0]!,
});

/** Good bytes with one byte changed, a piece cut out, or a piece doubled. */
function damaged(good: Uint8Array): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(fc.nat(good.length - 1), fc.nat(40), fc.integer({ min: 1, max: 255 }), fc.nat(2))
    .map(([at, length, by, how]) => {
      const bytes = [...good];
      const piece = bytes.slice(at, at + length);
      if (how === 0) bytes[at]! ^= by;
      if (how === 1) bytes.splice(at, 1 + length);
      if (how === 2) bytes.splice(at, 0, by, ...piece);
      return Uint8Array.from(bytes);
    });
}

/** Accepted as something else, or refused with a code of this package: nothing other is thrown. */
function verdict(parse: (bytes: Uint8Array) => unknown, bytes: Uint8Array): 'read' | 'refused' {
  try {
    parse(bytes);
    return 'read';
  } catch (error) {
    if (error instanceof LedgerError) return 'refused';
    throw error;
  }
}

describe('damaged bytes', () => {
  it('of a block are refused: as bytes, or as a block that its leader did not sign', () => {
    expect(verdict(bytes => chain.apply(first, parseBlock(bytes)), block)).toBe('read');
    fc.assert(
      fc.property(damaged(block), bytes => {
        expect(verdict(received => chain.apply(first, parseBlock(received)), bytes)).toBe('refused');
      }),
      { numRuns: 300 },
    );
  });
  it('of a vote or a genesis are refused or are another one', () => {
    fc.assert(
      fc.property(damaged(vote), damaged(chain.genesis.bytes), (votes, genesis) => {
        if (verdict(parseVote, votes) === 'read') expect(encodeVote(parseVote(votes))).toEqual(votes);
        if (verdict(parseGenesis, genesis) === 'read')
          expect(parseGenesis(genesis).chainId).not.toEqual(chain.genesis.chainId);
      }),
      { numRuns: 300 },
    );
  });
  it('of no kind at all are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        expect([parseBlock, parseVote, parseGenesis].map(parse => verdict(parse, bytes))).toEqual(
          Array(3).fill('refused'),
        );
      }),
    );
  });
});
