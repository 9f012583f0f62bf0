import { describe, expect, it } from '@jest/globals';
import { createAllowAccess, createRevokeAccess, parseTransaction, type Transaction, toHex } from '@radpass/core';
import { tinyParams } from '../dist/consensus/params.js';
import { chooseTransactions, sourceOf } from '../dist/producerPolicy.js';
import { type Link, seedKey, study, TestChain } from './testChain.js';

const chain = new TestChain();
const { chainId, genesisTimeMs: time } = chain.genesis;
const source = (i: number) => seedKey(`source ${i}`);
const studyOf = (i: number, n: number) => study(chain, source(i), `${i}.${n}`, time);
const typesIn = (link: Link) => link.block!.body.transactions.map(bytes => parseTransaction(bytes).tuple.type);

function consent(kind: 'allow' | 'revoke', i: number, n: number, seq: number): Transaction {
  const paper = studyOf(i, n).tuple;
  if (paper.type !== 2) throw new Error('not a study');
  const { sourceKey, studyHash } = paper.claim;
  const key = seedKey(`patient of ${i}.${n}`);
  const requesterKey = seedKey('doctor').publicKey;
  const base = { chainId, key, seq, requesterKey, sourceKey, studyHash };
  return kind === 'allow'
    ? createAllowAccess({ ...base, notAfter: 0, receiptHash: new Uint8Array() })
    : createRevokeAccess(base);
}

describe('buildBlock', () => {
  const parent = chain.extend(chain.start, 1, { candidates: [studyOf(0, 0), studyOf(0, 1)] });

  it('leaves out what does not apply, whatever it is, and takes the rest', () => {
    const stranger = study(chain, seedKey('nobody'), 'x', time);
    const early = study(chain, source(1), 'early', time + 86_400_000);
    const link = chain.extend(parent, 2, {
      candidates: [studyOf(0, 0), stranger, early, studyOf(1, 0), studyOf(1, 0)],
    });
    expect(link.block!.body.transactions).toEqual([studyOf(1, 0).bytes]);
  });
  it('puts revocations first, then grants, then studies, in whatever order they came', () => {
    const candidates = [studyOf(1, 0), consent('allow', 0, 0, time), consent('revoke', 0, 1, time)];
    expect(typesIn(chain.extend(parent, 2, { candidates }))).toEqual([4, 3, 2]);
  });
  it('leaves out certificates and vote sets that must not stand there', () => {
    const point = { slot: 1, id: parent.view.id };
    const origin = { slot: 0, id: chainId };
    const few = chain.votes(origin, point, [0, 1]);
    const all = chain.votes(origin, point, chain.all());
    const forged = { ...all, signatures: [...all.signatures].reverse() };
    const link = chain.extend(parent, 2, { certificates: [few, forged, all], voteSets: [forged, all] });
    expect(link.block!.body.certificates).toEqual([all]);
    expect(link.block!.body.voteSets).toEqual([]);
    expect(chain.extend(parent, 2, { certificates: [], voteSets: [few] }).block!.body.voteSets).toEqual([few]);
  });
  it('refuses a producer, a proof and a slot that do not belong together', () => {
    const { built, key } = chain.draft(parent, 2);
    const wrong = { vrfProof: new Uint8Array(80) };
    expect(() => chain.draft(parent, 1)).toThrow(expect.objectContaining({ code: 'LEDGER_BLOCK_SLOT' }));
    expect(() => chain.draft(parent, 2, wrong)).toThrow(expect.objectContaining({ code: 'LEDGER_BLOCK_VRF' }));
    const other = chain.genesis.founders.find(founder => toHex(founder.nodeKey) !== toHex(key.publicKey))!;
    const producer = { ...other, weight: 1 };
    expect(() => chain.draft(parent, 2, { producer })).toThrow(
      expect.objectContaining({ code: 'LEDGER_BLOCK_LEADER' }),
    );
    expect(built.header.height).toBe(2);
  });
  it('fills a block up to the network’s bytes and not beyond', () => {
    const params = { ...tinyParams, maxTransactionBytes: 4_096 };
    const small = new TestChain(4, { params });
    const candidates = Array.from({ length: 40 }, (_, n) => study(small, source(n % 4), `${n}`, time));
    const link = small.extend(small.start, 1, { candidates });
    const bytes = link.block!.body.transactions.reduce((sum, one) => sum + one.length, 0);
    // One eighth stays free for revocations.
    expect(bytes).toBeLessThan((4_096 * 7) / 8);
    expect(bytes).toBeGreaterThan((4_096 * 7) / 8 - 2 * candidates[0]!.bytes.length);
  });
});

describe('chooseTransactions', () => {
  const size = studyOf(0, 0).bytes.length + 5;
  const choose = (candidates: readonly Transaction[], room: number, weights: readonly number[], turn = 0) =>
    chooseTransactions({
      candidates,
      maxBytes: Math.ceil((room * size * 8) / 7) + 12,
      turn,
      weightOf: key => weights.find((_, i) => toHex(source(i).publicKey) === toHex(key)) ?? 0,
      take: () => true,
    });
  const count = (chosen: readonly Transaction[], i: number) =>
    chosen.filter(one => toHex(sourceOf(one.tuple)) === toHex(source(i).publicKey)).length;
  const many = [0, 1, 2].flatMap(i => Array.from({ length: 40 }, (_, n) => studyOf(i, n)));

  it('gives three quarters of a lane by weight and a quarter in turn', () => {
    const chosen = choose(many, 40, [4, 1, 0]);
    // 30 by weight, 24 to 6; 10 in turn, 3 or 4 each.
    expect(chosen).toHaveLength(40);
    expect(count(chosen, 0)).toBeGreaterThanOrEqual(24 + 3);
    expect(count(chosen, 0)).toBeLessThanOrEqual(24 + 4);
    expect(count(chosen, 2)).toBeGreaterThanOrEqual(3);
  });
  it('gives a quarter even to those without weight, and all of it to them when they are alone', () => {
    expect(count(choose(many, 40, [1, 0, 0]), 2)).toBeGreaterThanOrEqual(3);
    expect(choose(many, 40, [0, 0, 0])).toHaveLength(40);
  });
  it('keeps the order of one source, and starts the turn elsewhere in another slot', () => {
    const mine = choose(many, 12, [1, 1, 1]).filter(one => count([one], 0) === 1);
    expect(mine).toEqual(many.slice(0, mine.length));
    const firsts = [0, 1, 2].map(turn => choose(many, 1, [0, 0, 0], turn)[0]!.id);
    expect(new Set(firsts.map(toHex)).size).toBe(3);
  });
  it('keeps an eighth for revocations, which may fill the whole', () => {
    const revocations = Array.from({ length: 60 }, (_, n) => consent('revoke', 0, n, time));
    const chosen = choose([...many, ...revocations], 20, [1, 1, 1]);
    expect(chosen.every(({ tuple }) => tuple.type === 4)).toBe(true);
    expect(
      choose([...many, ...revocations.slice(0, 2)], 20, [1, 1, 1])
        .slice(0, 2)
        .map(one => one.tuple.type),
    ).toEqual([4, 4]);
  });
});
