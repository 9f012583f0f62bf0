import { describe, expect, it } from '@jest/globals';
import { sha256, toHex, u64be, utf8 } from '@radpass/core';
import { applyBoundary, leaderOfSlot } from '../dist/boundary.js';
import { nonceOf, stakeTable, weightOf } from '../dist/consensus/chainTables.js';
import { createGenesis } from '../dist/genesis.js';
import { StateLayer } from '../dist/stateView.js';
import { sourceTable, tables } from '../dist/tables.js';
import { seedKey, testContent } from './testChain.js';
import { fakeOutput, VirtualChain } from './virtualTime.js';

const genesis = createGenesis(testContent(3));
const per = genesis.params.slotsPerEpoch;
const first = genesis.founders[0]!.sourceKey;
const firstOf = (epoch: number) => epoch * per;
const lastOf = (epoch: number) => (epoch + 1) * per - 1;

/** Give a source so many studies, as defineStudy transactions would. */
function publish(chain: VirtualChain, count: number, sourceKey = first): void {
  const source = sourceTable.get(chain.layer, sourceKey)!;
  sourceTable.set(chain.layer, { ...source, studyCount: source.studyCount + count }, sourceKey);
}

/** The first founder's weight in studies, in the tables of these epochs. */
function weights(chain: VirtualChain, epoch: number): number {
  return weightOf(chain.layer, epoch, first) / 1e6;
}

describe('the stake table', () => {
  it('of epoch n is the snapshot at the end of n-3', () => {
    const chain = new VirtualChain(genesis);
    chain.run(1, lastOf(3) - 1);
    // In the last slot of epoch 3, and again in the first of epoch 4.
    chain.step(lastOf(3));
    publish(chain, 90);
    chain.step(firstOf(4));
    publish(chain, 7);
    const seen: number[] = [];
    for (let epoch = 4; epoch <= 7; epoch++) {
      if (epoch > 4) chain.step(firstOf(epoch));
      seen.push(weights(chain, epoch));
      chain.run(firstOf(epoch) + 1, lastOf(epoch));
    }
    // The founders' 90 are gone once 90 studies stand: 30, 30, then 90 at 3 + 3, then 97.
    expect(seen).toEqual([30, 30, 90, 97]);
  });

  it('of n stays that of n-1 when the snapshot was not recorded final by the end of n-2', () => {
    const run = (finalAtEnd: (height: number) => number) => {
      const chain = new VirtualChain(genesis);
      chain.run(1, lastOf(3));
      publish(chain, 90);
      const snapshotHeight = chain.height;
      // Finality stands still through epoch 4; its last block records what `finalAtEnd` says.
      for (let slot = firstOf(4); slot < lastOf(4); slot++) chain.step(slot, 0);
      chain.step(lastOf(4), finalAtEnd(snapshotHeight));
      chain.run(firstOf(5), lastOf(6));
      return { six: weights(chain, 6), seven: weights(chain, 7) };
    };
    expect(run(height => height)).toEqual({ six: 90, seven: 90 });
    expect(run(height => height - 1)).toEqual({ six: 30, seven: 90 });
    expect(run(() => 0)).toEqual({ six: 30, seven: 90 });
  });

  it('stays when nobody has weight in the snapshot', () => {
    const chain = new VirtualChain(genesis);
    chain.run(1, lastOf(3));
    for (const { sourceKey } of genesis.founders) {
      sourceTable.set(chain.layer, { ...sourceTable.get(chain.layer, sourceKey)!, url: '' }, sourceKey);
    }
    chain.run(firstOf(4), lastOf(8));
    expect(stakeTable(chain.layer, 8).entries.map(entry => entry.weight)).toEqual([30e6, 30e6, 30e6]);
  });

  it('drops a source that closed, and lets a new node key lead, from the third epoch on', () => {
    const chain = new VirtualChain(genesis);
    chain.run(1, lastOf(1));
    const [a, b] = genesis.founders.map(founder => founder.sourceKey) as [typeof first, typeof first];
    const nodeKey = seedKey('a newer node').publicKey;
    sourceTable.set(chain.layer, { ...sourceTable.get(chain.layer, a)!, url: '' }, a);
    sourceTable.set(chain.layer, { ...sourceTable.get(chain.layer, b)!, nodeKey }, b);
    const at = (epoch: number) => stakeTable(chain.layer, epoch).entries.map(entry => toHex(entry.nodeKey));
    chain.run(firstOf(2), firstOf(3));
    expect(at(3)).toEqual(genesis.founders.map(founder => toHex(founder.nodeKey)));
    chain.run(firstOf(3) + 1, firstOf(4));
    expect(at(4)).toEqual([toHex(nodeKey), toHex(genesis.founders[2]!.nodeKey)]);
  });
});

describe('the nonce', () => {
  it('of epoch n takes the outputs of the blocks of n-2 in slot order, those and no others', () => {
    const chain = new VirtualChain(genesis);
    const slots = [1, 2, 5, 9, 12, 20, 26, 27, 33];
    for (const slot of slots) chain.step(slot);
    let nonce = sha256(utf8('radpass/nonce/1\0'), genesis.chainId);
    for (let epoch = 1; epoch <= 5; epoch++) {
      const outputs = slots.filter(slot => Math.floor(slot / per) === epoch - 2).map(fakeOutput);
      nonce = sha256(utf8('radpass/nonce/1\0'), nonce, u64be(epoch), ...outputs);
    }
    expect(nonceOf(chain.layer, 5)).toEqual(nonce);
  });
});

describe('the work between epochs', () => {
  it('gives the same state for many epochs at once as one by one', () => {
    const grown = new VirtualChain(genesis);
    grown.run(1, 20);
    publish(grown, 40);
    grown.layer.commitRoot();
    const atOnce = new StateLayer(grown.layer);
    applyBoundary(atOnce, { genesis, parentHeight: grown.height, epoch: 11 });
    const stepwise = new StateLayer(grown.layer);
    for (let epoch = 3; epoch <= 11; epoch++) {
      applyBoundary(stepwise, { genesis, parentHeight: grown.height, epoch });
    }
    expect(toHex(atOnce.commitRoot())).toBe(toHex(stepwise.commitRoot()));
    expect(toHex(atOnce.commitRoot())).not.toBe(toHex(grown.layer.commitRoot()));
  });

  it('leaves no more behind after fifty epochs than after five', () => {
    const chain = new VirtualChain(genesis);
    const kept = [tables.nonces, tables.vrfOutputs, tables.snapshots, tables.stakeTables];
    chain.run(1, lastOf(5));
    const sizes: number[] = [];
    for (let epoch = 6; epoch <= 50; epoch++) {
      publish(chain, 1);
      chain.run(firstOf(epoch), lastOf(epoch));
      sizes.push(chain.keysIn(...kept).length);
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2 + per + 1 + 2 + 4);
  });

  it('lets everyone foresee the leaders of the next epoch', () => {
    const chain = new VirtualChain(genesis);
    chain.run(1, lastOf(4));
    const foreseen = Array.from(
      { length: per },
      (_, i) => leaderOfSlot(genesis, chain.layer, firstOf(5) + i).sourceKey,
    );
    const came = Array.from({ length: per }, (_, i) => chain.step(firstOf(5) + i).sourceKey);
    expect(came).toEqual(foreseen);
  });

  it('has no answer for an epoch that is over', () => {
    const chain = new VirtualChain(genesis);
    chain.run(1, lastOf(4));
    expect(() => leaderOfSlot(genesis, chain.layer, 1)).toThrow('the state holds no nonce of epoch 0');
  });
});
