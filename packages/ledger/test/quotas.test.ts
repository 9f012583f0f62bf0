import { describe, expect, it } from '@jest/globals';
import { contentId, type Transaction } from '@radpass/core';
import { tinyParams } from '../dist/consensus/params.js';
import { aboveFloor, withGrant, withoutGrant } from '../dist/standingGrants.js';
import { standingGrantsKept } from '../dist/tables.js';
import {
  chainId,
  contextAt,
  hospital,
  publicKeyOf,
  seqAt,
  timeOf,
  tx,
  World,
  worldParams,
  worldWithStudy,
} from './stateWorld.js';

/** Small quotas, epochs of 8 slots; slot times stay those of the world. */
const params = { ...tinyParams, slotMs: worldParams.slotMs, reassignDelayMs: 40 * worldParams.slotMs, stampBits: 0 };
const small = { params };
const nextEpoch = 16;

function refusedQuota(world: World, slot: number, transaction: Transaction, more = {}): string {
  const detail = world.refusal(slot, transaction, { ...small, ...more });
  return detail.code === 'LEDGER_TX_QUOTA' ? `${detail.quota}: ${detail.max}` : detail.code;
}

describe('an epoch holds', () => {
  it('one defineSource of each source', () => {
    const world = new World().apply(8, tx.source('hospital', 1), small);
    expect(refusedQuota(world, 15, tx.source('hospital', 2))).toBe('defineSource: 1');
    world.apply(nextEpoch, tx.source('hospital', 2), small);
  });

  it('a defineSource of every source with weight, whatever others publish', () => {
    const world = new World();
    const names = ['s1', 's2', 's3', 's4'];
    for (const name of names) world.apply(8, tx.source(name, seqAt(8), { bits: 0 }), small);
    // Two of the four known sources without weight fill the network's room: 2 in these parameters.
    for (const name of names.slice(0, 2)) world.apply(nextEpoch, tx.source(name, seqAt(9)), small);
    expect(refusedQuota(world, nextEpoch, tx.source('s3', seqAt(9)))).toBe('defineSource without weight: 2');
    world.apply(nextEpoch, tx.source('hospital', 1), { ...small, weighs: () => false });
    world.apply(nextEpoch, tx.source('s3', seqAt(9)), { ...small, weighs: () => true });
    // A source that once had a study is no stranger any more.
    world.apply(nextEpoch, tx.study('ct', 'patient', timeOf(nextEpoch), { source: 's4' }), small);
    world.apply(nextEpoch, tx.source('s4', seqAt(9)), small);
    world.apply(2 * nextEpoch, tx.source('s1', seqAt(12)), small);
  });

  it('so many first registrations, then stamps get dearer for eight epochs', () => {
    const world = new World();
    const dear = { params: { ...params, stampBits: 2 } };
    for (const name of ['a', 'b', 'c', 'd']) world.apply(8, tx.source(name, seqAt(8), { bits: 2 }), dear);
    expect(refusedQuota(world, 15, tx.source('e', seqAt(8), { bits: 2 }), dear)).toBe('first defineSource: 4');
    const wanted = (slot: number) => {
      const detail = world.refusal(slot, tx.source('e', seqAt(slot), { stamp: 0 }), dear);
      return detail.code === 'LEDGER_TX_STAMP' ? detail.wanted : undefined;
    };
    expect(wanted(8)).toBe(2);
    expect(wanted(nextEpoch)).toBe(3);
    expect(wanted(9 * 8)).toBe(3);
    expect(wanted(10 * 8)).toBe(2);
    for (const name of ['f', 'g', 'h', 'i']) world.apply(nextEpoch, tx.source(name, seqAt(8), { bits: 3 }), dear);
    expect(wanted(24)).toBe(4);
    expect(wanted(9 * 8)).toBe(4);
    expect(wanted(10 * 8)).toBe(3);
  });

  it('so many studies of a source, reassignments counted in', () => {
    const own = { params: { ...params, maxStudiesPerSource: 3 } };
    const world = new World();
    for (const study of ['1', '2']) world.apply(8, tx.study(study, 'patient', timeOf(8)), own);
    world.apply(9, tx.reassign('1', 'patient', 'heir'), own);
    expect(refusedQuota(world, 9, tx.study('3', 'patient', timeOf(9)), own)).toBe('defineStudy: 3');
    expect(refusedQuota(world, 9, tx.reassign('2', 'patient', 'heir'), own)).toBe('defineStudy: 3');
    world.apply(nextEpoch, tx.study('3', 'patient', timeOf(9)), own);
  });

  it('so many studies of all sources without weight together', () => {
    const own = { params: { ...params, maxStudiesWithoutWeight: 2 } };
    const world = new World();
    for (const name of ['a', 'b', 'c']) world.apply(8, tx.source(name, seqAt(8), { bits: 0 }), own);
    for (const source of ['a', 'b']) world.apply(9, tx.study('1', 'patient', timeOf(9), { source }), own);
    const third = tx.study('1', 'patient', timeOf(9), { source: 'c' });
    expect(refusedQuota(world, 9, third, own)).toBe('defineStudy without weight: 2');
    world.apply(9, tx.study('1', 'patient', timeOf(9)), own);
    world.apply(9, third, { ...own, weighs: () => true });
  });
});

describe('for one study and patientKey an epoch holds', () => {
  const allow = (n: number, seq = seqAt(17) + n) => tx.allow('ct', 'patient', `doctor ${n}`, seq);
  const revoke = (n: number | null, seq: number) => tx.revoke('ct', 'patient', n === null ? null : `doctor ${n}`, seq);
  const veto = (n: number) => tx.keep('ct', 'patient', contentId(chainId, allow(n).tuple));
  /** Four grants have spent the consent quota, which is 4 here. */
  const spent = () => {
    const world = worldWithStudy();
    for (const n of [1, 2, 3, 4]) world.apply(17, allow(n), small);
    return world;
  };

  it('16 statements by default', () => {
    expect(contextAt(1).params.maxConsentsPerOwner).toBe(16);
    const world = worldWithStudy();
    for (let n = 0; n < 16; n++) world.apply(17, tx.allow('ct', 'patient', 'doctor', seqAt(17) + n));
    expect(world.refusal(17, allow(99))).toEqual({ code: 'LEDGER_TX_QUOTA', quota: 'consent', max: 16 });
  });

  it('grants, vetoes and revocations that end nothing, up to the quota', () => {
    const world = worldWithStudy().apply(17, allow(1), small).apply(17, veto(1), small).apply(17, revoke(9, 5), small);
    // A revocation that replaces another one ends nothing.
    world.apply(17, revoke(9, 6), small);
    for (const one of [allow(2), veto(2), revoke(8, 5)]) expect(refusedQuota(world, 18, one)).toBe('consent: 4');
    world.apply(24, allow(2), small);
  });

  it('nothing of another study or patientKey', () => {
    const world = spent().apply(17, tx.study('mr', 'patient', timeOf(17)), small);
    world.apply(18, tx.allow('mr', 'patient', 'doctor', seqAt(18)), small);
    world.apply(18, tx.reassign('ct', 'patient', 'heir'), small);
    world.apply(18, tx.allow('ct', 'heir', 'doctor', seqAt(18)), small);
  });

  it('any number of revocations that end a standing grant', () => {
    const world = spent();
    for (const n of [1, 2, 3, 4]) world.apply(18, revoke(n, seqAt(18)), small);
    expect(refusedQuota(world, 18, revoke(1, seqAt(19)))).toBe('consent: 4');
  });

  it('no free revocation of a grant that a floor ended already', () => {
    const world = spent().apply(18, revoke(null, seqAt(18)), small);
    expect(refusedQuota(world, 18, revoke(1, seqAt(18)))).toBe('consent: 4');
  });

  it('any number of revocations of everyone that end at least one grant', () => {
    const world = spent();
    for (const n of [1, 2, 3, 4]) world.apply(18, revoke(null, seqAt(17) + n), small);
    // The first that ends nothing is free too, the second is not.
    world.apply(18, revoke(null, seqAt(18)), small);
    expect(refusedQuota(world, 18, revoke(null, seqAt(19)))).toBe('consent: 4');
    world.apply(24, revoke(null, seqAt(19)), small);
  });

  it('a revocation of everyone below all grants only as the first of the epoch', () => {
    const world = spent().apply(18, revoke(null, 1), small);
    expect(refusedQuota(world, 18, revoke(null, 2))).toBe('consent: 4');
    // It used up nothing of what ends a grant.
    world.apply(18, revoke(null, seqAt(17) + 1), small);
  });

  it('the veto of the pending reassignment, always', () => {
    const reassign = tx.reassign('ct', 'patient', 'heir');
    const world = spent().apply(18, reassign, small);
    expect(refusedQuota(world, 19, veto(7))).toBe('consent: 4');
    world.apply(19, tx.keep('ct', 'patient', contentId(chainId, reassign.tuple)), small);
  });

  it('is counted anew in each epoch and not for others', () => {
    const world = spent();
    expect(refusedQuota(world, 23, allow(5))).toBe('consent: 4');
    world.apply(24, allow(5), small);
    expect(publicKeyOf('patient')).not.toEqual(hospital);
  });
});

describe('standing grants', () => {
  const many = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
  const of = (seqs: number[]) => seqs.reduce(withGrant, { seqs: [] as number[], beyond: 0 });

  it('keep the least seqs and count the rest', () => {
    const grants = of(many(1, standingGrantsKept + 3));
    expect(grants).toEqual({ seqs: many(1, standingGrantsKept), beyond: 3 });
    expect(withGrant(grants, 0)).toEqual({ seqs: many(0, standingGrantsKept), beyond: 4 });
    // What is above the last one kept may be above others that were left out.
    const gap = withoutGrant(grants, 1);
    expect(withGrant(gap, 1_000)).toEqual({ seqs: many(2, standingGrantsKept - 1), beyond: 4 });
  });

  it('lose what was revoked or lies below a floor', () => {
    expect(withoutGrant(of([5, 5, 7]), 5)).toEqual({ seqs: [5, 7], beyond: 0 });
    expect(aboveFloor(of([5, 6, 7]), 6)).toEqual({ seqs: [7], beyond: 0 });
    expect(withoutGrant({ seqs: [1, 2], beyond: 2 }, 9)).toEqual({ seqs: [1, 2], beyond: 1 });
  });

  it('never forget that some were left out', () => {
    expect(aboveFloor(of(many(1, standingGrantsKept + 2)), 500)).toEqual({ seqs: [501], beyond: 1 });
    expect(withoutGrant({ seqs: [4], beyond: 1 }, 4)).toEqual({ seqs: [4], beyond: 0 });
  });
});
