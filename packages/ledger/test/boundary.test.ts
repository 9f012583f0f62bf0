import { describe, expect, it } from '@jest/globals';
import { decodeCanonical, list, sha256, toHex, u64be, uint, utf8 } from '@radpass/core';
import { applyBoundary, leaderOfSlot } from '../dist/boundary.js';
import { nonceOf, stakeTable, weightOf } from '../dist/consensus/chainTables.js';
import { consensus } from '../dist/consensus/index.js';
import { createGenesis } from '../dist/genesis.js';
import { closingLag } from '../dist/openEpochs.js';
import { stakeMemory, takeStakeSnapshot } from '../dist/stakeSnapshot.js';
import { leafKey, StateLayer } from '../dist/stateView.js';
import { accreditationTable, sourceTable, tables } from '../dist/tables.js';
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

describe('a capped network', () => {
  const capped = createGenesis(testContent(3, { stakePolicy: 'capped' }));
  const total = (chain: VirtualChain) =>
    decodeCanonical(chain.layer.get(leafKey(tables.capped, new Uint8Array()))!, list(uint(), 1));

  it('keeps the capped weights in the state, and grows them by a share of the last total', () => {
    const chain = new VirtualChain(capped);
    expect([total(chain), stakeMemory(chain.layer, first)]).toEqual([[90e6], []]);
    chain.step(1);
    publish(chain, 40);
    const seen: unknown[] = [];
    for (let epoch = 1; epoch <= 3; epoch++) {
      chain.step(firstOf(epoch));
      seen.push(...stakeMemory(chain.layer, first));
    }
    // 1 % of 90 studies in 24 epochs: 37,500 millionths an epoch.
    expect(seen).toEqual([37_500, 75_000, 112_500]);
  });

  it('grows by one day at most over any number of skipped epochs', () => {
    const grown = (skipped: number) => {
      const chain = new VirtualChain(capped);
      chain.step(1);
      publish(chain, 40);
      chain.step(firstOf(skipped));
      return stakeMemory(chain.layer, first);
    };
    expect([grown(1), grown(10), grown(24), grown(500)]).toEqual([[37_500], [375_000], [900_000], [900_000]]);
  });

  it('forgets what fell to nothing', () => {
    const chain = new VirtualChain(capped);
    chain.step(1);
    publish(chain, 1);
    chain.step(firstOf(1));
    publish(chain, -1);
    chain.step(firstOf(2));
    expect(chain.keysIn(tables.capped)).toEqual([leafKey(tables.capped, new Uint8Array())]);
  });

  it('an open one has no such values', () => {
    const chain = new VirtualChain(genesis);
    publish(chain, 40);
    chain.run(1, lastOf(3));
    expect(chain.keysIn(tables.capped)).toEqual([]);
  });
});

describe('an accredited network', () => {
  const payers = ['payer a', 'payer b'].map(name => seedKey(name).publicKey);
  const permissioned = createGenesis(testContent(3, { stakePolicy: 'accredited', payers }));
  const timeOf = (epoch: number) => permissioned.genesisTimeMs + firstOf(epoch) * permissioned.params.slotMs;

  it('counts studies that payers vouch for, all payers together, while their word stands', () => {
    const chain = new VirtualChain(permissioned);
    chain.step(1);
    publish(chain, 40);
    const contentId = new Uint8Array(32);
    accreditationTable.set(chain.layer, { seq: 1, until: timeOf(2), maxStudies: 1, contentId }, payers[0]!, first);
    accreditationTable.set(chain.layer, { seq: 1, until: timeOf(9), maxStudies: 2, contentId }, payers[1]!, first);
    const seen = [1, 2].map(epoch => {
      takeStakeSnapshot(chain.layer, { genesis: roomy, epoch: epoch - 1, passed: 1, rules: consensus });
      return stakeMemory(chain.layer, first);
    });
    expect(seen).toEqual([[3e6], [2e6]]);
  });
  const roomy = { ...permissioned, params: { ...permissioned.params, growthMillionths: 1_000_000, growthEpochs: 1 } };
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
    // Nonces and tables of the epochs whose audit is open stay too.
    const open = closingLag(genesis.params) - 1;
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2 + per + 1 + 2 + 4 + 3 * open);
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

  it('has no answer for an epoch whose audit is closed', () => {
    const chain = new VirtualChain(genesis);
    chain.run(1, lastOf(6));
    expect(() => leaderOfSlot(genesis, chain.layer, 1)).toThrow('the state holds no nonce of epoch 0');
  });
});
