import { describe, expect, it } from '@jest/globals';
import { encodeCanonical, sha256, toHex, utf8 } from '@radpass/core';
import { finalityOf, lastEpoch, nonceOf, stakeTable } from '../dist/consensus/chainTables.js';
import { defaultParams, paramNames, tinyParams } from '../dist/consensus/params.js';
import { createGenesis, type GenesisContent, parseGenesis } from '../dist/genesis.js';
import { genesisState } from '../dist/genesisState.js';
import { sourceTable, total } from '../dist/tables.js';
import { seedKey, testContent } from './testChain.js';

const reason = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    expect(error).toMatchObject({ code: 'LEDGER_GENESIS' });
    return error instanceof Error ? error.message : '';
  }
  return 'accepted';
};
const make = (over: Partial<GenesisContent>) => reason(() => createGenesis(testContent(3, over)));

describe('genesis', () => {
  const genesis = createGenesis(testContent(3));

  it('is read as written; its chainId is the tagged hash of its bytes', () => {
    expect(parseGenesis(genesis.bytes)).toEqual(genesis);
    expect(genesis.chainId).toEqual(sha256(utf8('radpass/genesis/1\0'), genesis.bytes));
    expect(createGenesis(testContent(3, { params: { ...tinyParams, seats: 511 } })).chainId).not.toEqual(
      genesis.chainId,
    );
  });
  it('does not depend on the order in which its maker lists founders and keys', () => {
    const content = testContent(3);
    const keys = [seedKey('p').publicKey, seedKey('q').publicKey];
    const one = createGenesis({ ...content, payers: keys });
    const two = createGenesis({ ...content, founders: [...content.founders].reverse(), payers: [...keys].reverse() });
    expect(two.bytes).toEqual(one.bytes);
  });
  it('names every parameter once, in its order', () => {
    expect([...paramNames].sort()).toEqual(Object.keys(defaultParams).sort());
    expect(new Set(paramNames).size).toBe(paramNames.length);
    expect(paramNames.slice(0, 5)).toEqual(['slotMs', 'slotsPerEpoch', 'seats', 'eraEpochs', 'stallSlots']);
  });

  it.each<[string, Partial<GenesisContent>]>([
    ['no weight in total', { founders: testContent(2).founders.map(f => ({ ...f, weight: 0 })) }],
    [
      'two founders share a nodeKey',
      { founders: testContent(2).founders.map(f => ({ ...f, nodeKey: seedKey('n').publicKey })) },
    ],
    ['not in ascending order of sourceKey', { founders: [testContent(1).founders[0]!, testContent(1).founders[0]!] }],
    ['a founder has no url', { founders: testContent(1).founders.map(f => ({ ...f, url: '' })) }],
    ["a founder's url", { founders: testContent(1).founders.map(f => ({ ...f, url: 'http://h.example' })) }],
    ['expected array of 1 to 512', { founders: [] }],
    ['slotsPerEpoch must be 1', { params: { ...tinyParams, slotsPerEpoch: 0 } }],
    ['slotMs must be 100', { params: { ...tinyParams, slotMs: 1 } }],
    ['seats must be 1 to 512', { params: { ...tinyParams, seats: 513 } }],
    ['maxTransactionBytes must be', { params: { ...tinyParams, maxTransactionBytes: 262_145 } }],
    ['payers are not in ascending order', { payers: [seedKey('p').publicKey, seedKey('p').publicKey] }],
    ['a threshold of 1 does not fit 0', { checkpointThreshold: 1 }],
    ['a threshold of 0 does not fit 1', { checkpointKeys: [seedKey('c').publicKey] }],
    ['studyHashForms must be', { studyHashForms: [16] }],
    ['studyHashForms must be', { studyHashForms: [32, 32] }],
  ])('is refused: %s', (words, over) => {
    expect(make(over)).toContain(words);
  });
  it('is refused with bytes too few or too many, with another version, with a policy nobody knows', () => {
    const { bytes } = genesis;
    expect(reason(() => parseGenesis(bytes.slice(0, -1)))).not.toBe('accepted');
    expect(reason(() => parseGenesis(Uint8Array.from([...bytes, 0])))).not.toBe('accepted');
    expect(reason(() => parseGenesis(encodeCanonical([2, 0])))).toContain('number 1');
    const at = toHex(bytes).indexOf(toHex(utf8('open'))) / 2;
    const renamed = Uint8Array.from(bytes);
    renamed.set(utf8('oven'), at);
    expect(reason(() => parseGenesis(renamed))).toContain('unknown stake policy oven');
  });
});

describe('the state of block 0', () => {
  const genesis = createGenesis(testContent(3));
  const { layer, root } = genesisState(genesis);

  it('has the founders as open sources with seq 0', () => {
    expect(total(layer, 'sources')).toBe(3);
    for (const { sourceKey, nodeKey, url } of genesis.founders) {
      expect(sourceTable.get(layer, sourceKey)).toMatchObject({
        seq: 0,
        url,
        nodeKey,
        standingKey: sourceKey,
        studyCount: 0,
      });
    }
  });
  it("records genesis as root, justified and final, and its epochs' tables and nonces", () => {
    const point = { slot: 0, id: genesis.chainId };
    expect(finalityOf(layer)).toMatchObject({ root: point, justified: point, finalized: point, finalizedHeight: 0 });
    expect(lastEpoch(layer)).toBe(0);
    const nonce = sha256(utf8('radpass/nonce/1\0'), genesis.chainId);
    expect(nonceOf(layer, 0)).toEqual(nonce);
    expect(nonceOf(layer, 1)).toEqual(sha256(utf8('radpass/nonce/1\0'), nonce, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1)));
    for (const epoch of [0, 1, 2]) {
      expect(stakeTable(layer, epoch).entries.map(entry => entry.weight)).toEqual([30e6, 30e6, 30e6]);
    }
  });
  it('is the same for everyone', () => {
    expect(genesisState(parseGenesis(genesis.bytes)).root).toEqual(root);
  });
});
