import { describe, expect, it } from '@jest/globals';
import { bindNode, createDefineSource, findStamp, parseTransaction, type Transaction, toHex } from '@radpass/core';
import { stakeTable, weightOf } from '../dist/consensus/chainTables.js';
import { type Consensus, consensus } from '../dist/consensus/index.js';
import { tinyParams } from '../dist/consensus/params.js';
import { type StakePolicy, studyWeight, weighted } from '../dist/consensus/stakePolicy.js';
import { type Link, seedKey, study, TestChain } from './testChain.js';
import { VirtualChain } from './virtualTime.js';

/** Four founders of weight 30, epochs of 8 slots; a fifth source registers, publishes 40 studies, and is waited for. */
const chain = new TestChain(4);
const { genesis } = chain;
const { chainId } = genesis;
const source = seedKey('source 4');
const node = seedKey('node 4');
const perEpoch = tinyParams.slotsPerEpoch;
const studies = 40;

function registration(seq: number): Transaction {
  const sourceKey = source.publicKey;
  const search = findStamp({ chainId, sourceKey, seq, bits: tinyParams.stampBits });
  let stamp = search.next();
  while (!stamp.done) stamp = search.next();
  const nodeSig = bindNode({ chainId, nodeKey: node, sourceKey, seq });
  return createDefineSource({
    chainId,
    key: source,
    seq,
    sourceKey,
    url: 'https://h4.example',
    nodeKey: node.publicKey,
    stamp: stamp.value,
    nodeSig,
  });
}

/** Real blocks: registered in slot 2, studies in slots 4 and 6, the last of them in epoch 0. */
const head: Link = (() => {
  const time = genesis.genesisTimeMs;
  const papers = Array.from({ length: studies }, (_, i) => study(chain, source, `number ${i}`, time));
  const bySlot = new Map([
    [2, [registration(time)]],
    [4, papers.slice(0, 25)],
    [6, papers.slice(25)],
  ]);
  return chain.grow(chain.start, 8, slot => ({ candidates: bySlot.get(slot) ?? [] }));
})();

const lastStudyEpoch = 0;
const firstLed = lastStudyEpoch + 3;
const slots = 2_000;

/** How many of 2,000 slots from the third epoch on the fifth source leads, under these rules. */
function joinShare(rules: Consensus): number {
  const { header, state } = head.view;
  const virtual = new VirtualChain(genesis, { state, height: header.height }, rules);
  virtual.run(header.slot + 1, firstLed * perEpoch - 1);
  const begin = firstLed * perEpoch;
  return (virtual.run(begin, begin + slots - 1).get(toHex(source.publicKey)) ?? 0) / slots;
}

/** A third, within four standard deviations of 2,000 draws. */
function checkShare(share: number): void {
  const tolerance = 4 * Math.sqrt((1 / 3) * (2 / 3) * (1 / slots));
  if (Math.abs(share - 1 / 3) > tolerance) throw new Error(`leads ${share} of the slots, not a third`);
}

describe('a source that joins and publishes 40 studies beside four founders of weight 30', () => {
  it('has its registration and all studies in blocks of epoch 0', () => {
    const blocks: Link[] = [];
    for (let link: Link | null = head; link; link = link.parent) blocks.push(link);
    const held = blocks
      .flatMap(({ block }) => block?.body.transactions ?? [])
      .map(bytes => parseTransaction(bytes).tuple.type);
    expect(held.filter(type => type === 1)).toHaveLength(1);
    expect(held.filter(type => type === 2)).toHaveLength(studies);
    expect(head.view.header.slot).toBe(perEpoch);
  });

  it('has no weight up to the second epoch after, and a third of all weight from the third on', () => {
    const { header, state } = head.view;
    const virtual = new VirtualChain(genesis, { state, height: header.height });
    const shares: number[] = [];
    for (let epoch = 1; epoch <= 5; epoch++) {
      virtual.run(Math.max(header.slot + 1, epoch * perEpoch), (epoch + 1) * perEpoch - 1);
      shares.push(weightOf(virtual.layer, epoch, source.publicKey) / stakeTable(virtual.layer, epoch).total);
    }
    expect(shares).toEqual([0, 0, 1 / 3, 1 / 3, 1 / 3]);
  });

  it('leads a third of 2,000 slots', () => {
    expect(() => checkShare(joinShare(consensus))).not.toThrow();
  });

  it('would not, and the check would say so, if the stake table stayed what it was', () => {
    const asFounded: StakePolicy = ({ sources, founders }) =>
      weighted(
        sources.map(({ sourceKey }) => {
          const founder = founders.find(one => toHex(one.sourceKey) === toHex(sourceKey));
          return (founder?.weight ?? 0) * studyWeight;
        }),
      );
    const constant: Consensus = { ...consensus, stake: { ...consensus.stake, open: asFounded } };
    expect(() => checkShare(joinShare(constant))).toThrow('not a third');
  });
});
