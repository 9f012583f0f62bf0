/** A verifier that refuses everything natively stands for signatures crafted to be slow. */
import { describe, expect, it } from '@jest/globals';
import { nobleVerifier, type Verifier } from '@radpass/core';
import { applyBlock } from '../dist/applyBlock.js';
import type { Block } from '../dist/block.js';
import { LedgerError } from '../dist/errors.js';
import { seedKey, study, TestChain } from './testChain.js';

describe('signatures that native code refuses', () => {
  const chain = new TestChain(1);
  const { genesis } = chain;
  const candidates = Array.from({ length: 12 }, (_, i) =>
    study(chain, seedKey('source 0'), `n${i}`, genesis.genesisTimeMs),
  );
  const { built, key } = chain.draft(chain.start, 1, { candidates });
  const block = chain.seal(built.header, built.body, key);
  const judge = (judged: Block): number => {
    let single = 0;
    const verifier: Verifier = {
      backend: 'refuses',
      verify: (...signed) => {
        single++;
        return nobleVerifier.verify(...signed);
      },
      verifyStrict: () => false,
    };
    applyBlock({ genesis, parent: chain.start.view, block: judged, verifier });
    return single;
  };
  const refusal = (judged: Block): unknown => {
    try {
      judge(judged);
    } catch (error) {
      if (error instanceof LedgerError) return error.detail;
      throw error;
    }
    throw new Error('nothing was refused');
  };
  const forged = (at: number, transactions = block.body.transactions): Uint8Array[] =>
    transactions.map((bytes, i) => {
      const copy = new Uint8Array(bytes);
      // The outer signature ends the bytes; its first half is a point.
      if (i === at) copy[copy.length - 20]! ^= 1;
      return copy;
    });
  const bent = (transactions: Uint8Array[]) => chain.bend(block, key, { body: { transactions } });

  it('are judged together: only the block signature alone', () => {
    expect(judge(block)).toBe(1);
  });

  it('are refused by the first that does not verify', () => {
    for (const at of [0, 7, 11]) {
      const detail = { code: 'LEDGER_BLOCK_TRANSACTION', index: at, reason: 'LEDGER_TX_SIGNATURE' };
      expect(refusal(bent(forged(at)))).toEqual(detail);
    }
  });

  it('come before a later fault, and a later fault after sound ones', () => {
    const twice = [...block.body.transactions, block.body.transactions[0]!];
    const repeated = { code: 'LEDGER_BLOCK_TRANSACTION', index: 12, reason: 'LEDGER_TX_NO_CHANGE' };
    expect(refusal(bent(twice))).toEqual(repeated);
    expect(refusal(bent(forged(3, twice)))).toMatchObject({ index: 3, reason: 'LEDGER_TX_SIGNATURE' });
  });
});
