import { describe, expect, it } from '@jest/globals';
import { equalBytes, sha256, utf8 } from '@radpass/core';
import { setEra } from '../dist/consensus/chainTables.js';
import { genesisFinality } from '../dist/consensus/finality.js';
import { consensus } from '../dist/consensus/index.js';
import { encodeVoteSet, type VoteSet } from '../dist/consensus/votes.js';
import { KeptCertificates } from '../dist/keptCertificates.js';
import { emptyState, StateLayer } from '../dist/stateView.js';

const id = (name: string): Uint8Array => sha256(utf8(name));
const link = (root: string, source: readonly [number, string], target: readonly [number, string]): VoteSet => ({
  message: {
    ...{ rootId: id(root), sourceSlot: source[0], sourceId: id(source[1]) },
    ...{ targetSlot: target[0], targetId: id(target[1]) },
  },
  bitmap: Uint8Array.of(1),
  signatures: [new Uint8Array(64)],
});

describe('certificates for a block whose chain does not record the standing era', () => {
  // The chain g - o opens the next era; above it a, b and c, in none of which a certificate stands.
  const state = new StateLayer(emptyState);
  const seed = { tableId: id('table'), nonce: id('nonce') };
  setEra(state, { ...seed, opening: { ...seed, slot: 4, height: 4 } });
  const record = genesisFinality(id('g'));
  const kept = new KeptCertificates(consensus.finality);
  const handOver = link('g', [4, 'o'], [5, 'o']);
  kept.add(link('g', [3, 'n'], [4, 'o']));
  kept.add(handOver);
  kept.handOver(id('o'));
  const own = [link('o', [4, 'o'], [6, 'a']), link('o', [6, 'a'], [7, 'b']), link('o', [7, 'b'], [8, 'c'])];
  for (const certificate of own) kept.add(certificate);
  const carried = (known: readonly string[]) => {
    const isOn = (wanted: Uint8Array): boolean => known.some(name => equalBytes(id(name), wanted));
    return kept.forBlock(state, record, { rootId: id('o'), isOn });
  };

  it('begin with the one that hands over', () => {
    expect(carried(['o', 'a', 'b', 'c'])).toEqual([handOver, own[2]]);
    expect(carried(['o', 'a'])).toEqual([handOver, own[0]]);
  });

  it('are the same when blocks above the root are final here before any block told of its era', () => {
    expect(carried(['b', 'c'])).toEqual([handOver, own[2]]);
  });
});

describe('certificates that the store keeps', () => {
  const chain = Array.from({ length: 12 }, (_, i) => link('g', [i, `b${i}`], [i + 1, `b${i + 1}`]));

  it('have a record each, written once; those that no block will carry any more go', () => {
    const kept = new KeptCertificates(consensus.finality);
    const held = new Map<string, Uint8Array>();
    for (const [i, certificate] of chain.entries()) {
      kept.add(certificate);
      const writes = kept.takeWrites();
      expect([i, writes.length]).toEqual([i, i < 8 ? 1 : 2]);
      for (const [key, value] of writes) {
        if (value) held.set(key, value);
        else held.delete(key);
      }
      expect(kept.takeWrites()).toEqual([]);
    }
    const inOrder = [...held].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
    expect(inOrder).toEqual(kept.all.map(encodeVoteSet));
    expect(inOrder).toHaveLength(8);
  });

  it('are not written again when they were read, and go when they are not taken', () => {
    const kept = new KeptCertificates(consensus.finality);
    const [known, refused] = chain as [VoteSet, VoteSet];
    for (const certificate of [known, refused]) kept.read(certificate);
    kept.add(known);
    expect(kept.takeWrites()).toEqual([[expect.stringMatching(/^K/), null]]);
  });
});
