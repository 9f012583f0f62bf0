import { describe, expect, it } from '@jest/globals';
import { sha256, utf8 } from '@radpass/core';
import { createGenesis } from '../dist/genesis.js';
import { checkTrust, type NamedBlock } from '../dist/trust.js';
import { testContent } from './testChain.js';

const genesis = createGenesis(testContent(4));
const day = 86_400_000;
const slotOf = (days: number): number => (days * day) / genesis.params.slotMs;
const id = (name: string): Uint8Array => sha256(utf8(name));

describe('a node that begins', () => {
  const begin = (p: { finalDays: number; nowDays: number; named?: NamedBlock[] }): string => {
    const final = { slot: slotOf(p.finalDays), id: id('final') };
    try {
      checkTrust({ genesis, final, named: p.named ?? [], nowMs: genesis.genesisTimeMs + p.nowDays * day });
      return 'begins';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  const named = (days: number, name: string, byHand: boolean): NamedBlock[] => [
    { slot: slotOf(days), blockId: id(name), byHand },
  ];

  it('trusts its own final blocks, and genesis, for trustMs', () => {
    expect(begin({ finalDays: 0, nowDays: 7 })).toBe('begins');
    expect(begin({ finalDays: 0, nowDays: 7.001 })).toBe('LEDGER_TRUST_OLD');
    expect(begin({ finalDays: 30, nowDays: 36 })).toBe('begins');
    expect(begin({ finalDays: 30, nowDays: 38 })).toBe('LEDGER_TRUST_OLD');
  });

  it('trusts a checkpoint that is young enough, from a file or by hand', () => {
    for (const byHand of [true, false]) {
      expect(begin({ finalDays: 0, nowDays: 38, named: named(31, 'other', byHand) })).toBe('begins');
      expect(begin({ finalDays: 0, nowDays: 39, named: named(31, 'other', byHand) })).toBe('LEDGER_TRUST_OLD');
    }
  });

  it('goes on from its own final block at any age if that is named by hand', () => {
    expect(begin({ finalDays: 30, nowDays: 90, named: named(30, 'final', true) })).toBe('begins');
    expect(begin({ finalDays: 30, nowDays: 90, named: named(30, 'final', false) })).toBe('LEDGER_TRUST_OLD');
    expect(begin({ finalDays: 30, nowDays: 90, named: named(29, 'other', true) })).toBe('LEDGER_TRUST_OLD');
  });
});
