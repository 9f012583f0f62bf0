/** Eras as blocks record them: which block opens, who sits, when the root moves, what the state keeps. */
import { describe, expect, it } from '@jest/globals';
import { toHex } from '@radpass/core';
import {
  eraOf,
  finalityOf,
  nonceOf,
  snapshotOf,
  stakeTable,
  tableById,
  tableIdOf,
} from '../dist/consensus/chainTables.js';
import { selectCommittee } from '../dist/consensus/committee.js';
import { epochOf, tinyParams } from '../dist/consensus/params.js';
import { LedgerError } from '../dist/errors.js';
import { closingLag } from '../dist/openEpochs.js';
import { StateLayer } from '../dist/stateView.js';
import { sourceTable, tables } from '../dist/tables.js';
import { type Link, seedKey, study, TestChain, testRules } from './testChain.js';

/** Periods of twelve slots. */
const params = { ...tinyParams, slotsPerEpoch: 4, eraEpochs: 3 };
const period = params.slotsPerEpoch * params.eraEpochs;
const point = (link: Link) => ({ slot: link.view.header.slot, id: link.view.id });
const heightOf = (link: Link) => link.view.header.height;
const headerOf = (link: Link) => link.block!.header;

/** The hash of each stake table that the state after a block holds. */
function tablesIn(link: Link): Set<string> {
  const found = new Set<string>();
  for (let on: Link | null = link; on; on = on.parent) {
    const layer = on.view.state;
    if (!(layer instanceof StateLayer)) continue;
    for (const [key] of layer.changes) {
      if (key.charCodeAt(1) !== tables.stakeTables || key.length !== 34 || !link.view.state.get(key)) continue;
      found.add(toHex(Uint8Array.from(key.slice(2), c => c.charCodeAt(0))));
    }
  }
  return found;
}

function fault(run: () => unknown) {
  try {
    run();
  } catch (error) {
    if (error instanceof LedgerError) return error.detail;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a healthy chain', () => {
  const chain = new TestChain(4, { params }, testRules);
  const { genesis } = chain;
  const head = chain.grow(chain.start, 3 * period + 4, slot =>
    slot % 3 === 2
      ? { candidates: [study(chain, seedKey('source 2'), `s${slot}`, genesis.genesisTimeMs + slot * 1_000 - 60_000)] }
      : {},
  );
  const at = (slot: number) => chain.blockAt(head, slot);

  it('opens an era with the first block of each period, and records it as root two slots later', () => {
    for (const [depth, first] of [period, 2 * period, 3 * period].entries()) {
      expect(eraOf(at(first - 1).view.state).opening).toBeNull();
      expect(eraOf(at(first).view.state).opening).toMatchObject({ slot: first, height: first });
      expect(headerOf(at(first + 1)).root.slot).toBe(depth * period);
      expect(headerOf(at(first + 2)).root).toEqual(point(at(first)));
      expect(headerOf(at(first + 2)).justified).toEqual(point(at(first)));
      expect(finalityOf(at(first + 2).view.state)).toMatchObject({ depth: depth + 1, finalOfEra: false });
      expect(eraOf(at(first + 2).view.state).opening).toBeNull();
    }
  });

  it("takes the voters from the table and the nonce of the root's epoch, whatever stands later", () => {
    for (const first of [period, 2 * period, 3 * period]) {
      const { state } = at(first).view;
      const epoch = epochOf(first, params);
      const expected = selectCommittee(stakeTable(state, epoch), nonceOf(state, epoch), params.seats);
      expect(headerOf(at(first - 1)).committeeRoot).not.toEqual(expected.root);
      // The opening block names those whom it will seat; until it is final the others still vote.
      expect(headerOf(at(first)).committeeRoot).toEqual(expected.root);
      expect(headerOf(at(first + 1)).committeeRoot).toEqual(headerOf(at(first - 1)).committeeRoot);
      expect(headerOf(at(first + 2)).committeeRoot).toEqual(expected.root);
      const last = at(Math.min(first + period - 1, heightOf(head)));
      expect(headerOf(last).committeeRoot).toEqual(expected.root);
      expect(chain.standing(last).committee).toEqual(expected);
    }
  });

  it('keeps the table of the standing root and of the opening block, and no older one', () => {
    for (const slot of [period - 1, period, period + 2, 2 * period + 5, 3 * period + 3]) {
      const kept = tablesIn(at(slot));
      expect(kept.size).toBeLessThanOrEqual(closingLag(params) + 5);
      const { tableId } = eraOf(at(slot).view.state);
      expect(kept).toContain(toHex(tableId));
    }
  });
});

describe('a block opens no era', () => {
  it('while nothing newer than the root is final, and none is made up for within the period', () => {
    const chain = new TestChain(4, { params }, testRules);
    let head = chain.start;
    for (let slot = 1; slot <= period + 3; slot++) head = chain.extend(head, slot);
    expect(eraOf(head.view.state).opening).toBeNull();
    const later = chain.grow(head, 2 * period - 1);
    expect(headerOf(later).finalized.slot).toBe(2 * period - 3);
    expect(eraOf(later.view.state).opening).toBeNull();
    expect(eraOf(chain.grow(head, 2 * period).view.state).opening).toMatchObject({ slot: 2 * period });
  });

  it('while another waits to become final, however many periods pass', () => {
    const chain = new TestChain(4, { params }, testRules);
    let head = chain.grow(chain.start, period);
    for (let slot = period + 1; slot <= 3 * period + 2; slot++) head = chain.extend(head, slot);
    expect(eraOf(head.view.state).opening).toMatchObject({ slot: period });
    expect(headerOf(head).root).toEqual({ slot: 0, id: chain.genesis.chainId });
  });

  it('when its own certificate makes the one before final: the new era has nothing final yet', () => {
    const chain = new TestChain(4, { params }, testRules);
    const opening = chain.grow(chain.start, period);
    let head = chain.extend(opening, period + 1);
    const before = opening.parent!;
    const era0 = chain.standing(head);
    const first = chain.votes(point(before), point(opening), [0, 1, 2]);
    const second = chain.votes(point(opening), { slot: period + 1, id: opening.view.id }, [0, 1, 2]);
    head = chain.extend(head, 2 * period, { certificates: [first, second] });
    expect(headerOf(head).root).toEqual(point(opening));
    expect(eraOf(head.view.state).opening).toBeNull();
    expect(era0.record.depth + 1).toBe(finalityOf(head.view.state).depth);
  });
});

describe('certificates around a hand-over', () => {
  const chain = new TestChain(5, { params }, testRules);
  const opening = chain.grow(chain.start, period, slot => (slot === 2 ? { candidates: [] } : {}));
  const beyond = chain.extend(opening, period + 1);
  const before = opening.parent!;
  const justifies = chain.votes(point(before), point(opening), chain.all());
  const stays = { slot: period + 1, id: opening.view.id };
  const seats = chain.votes(point(opening), stays, chain.all());
  const next = chain.next(beyond);
  const inNext = (target: { slot: number; id: Uint8Array }) =>
    chain.votes(next.root, target, chain.all(next.committee), next);
  const bentOn = (
    parent: Link,
    slot: number,
    certificates: ReturnType<typeof inNext>[],
    voteSets: typeof certificates = [],
  ) => {
    const { built, key } = chain.draft(parent, slot, {});
    const block = chain.seal(built.header, built.body, key);
    return fault(() => chain.apply(parent, chain.bend(block, key, { body: { certificates, voteSets } })));
  };

  it('a target beyond the opening block is refused, though all voted for it', () => {
    const past = chain.votes(point(before), point(beyond), chain.all());
    const third = chain.extend(beyond, period + 2);
    expect(bentOn(third, period + 3, [past])).toEqual({
      code: 'LEDGER_BLOCK_CERTIFICATE',
      index: 0,
      fault: 'beyond the opening',
    });
  });

  it('one of the next era is refused before, and taken behind the one that makes its root final', () => {
    const third = chain.extend(beyond, period + 2);
    const own = inNext(point(third));
    expect(bentOn(third, period + 3, [own])).toMatchObject({ index: 0, fault: 'root' });
    expect(bentOn(third, period + 3, [justifies, own])).toMatchObject({ index: 1, fault: 'root' });
    const handed = chain.extend(third, period + 3, { certificates: [justifies, seats, own] });
    expect(handed.block!.body.certificates).toHaveLength(3);
    expect(headerOf(handed)).toMatchObject({ root: point(opening), justified: point(third) });
    expect(headerOf(handed).finalized).toEqual(point(opening));
  });

  it('one of the era before is refused after', () => {
    const third = chain.extend(beyond, period + 2, { certificates: [justifies, seats] });
    const late = chain.votes(stays, { slot: period + 2, id: opening.view.id }, chain.all());
    expect(bentOn(third, period + 3, [late])).toMatchObject({ index: 0, fault: 'root' });
  });

  it('loose votes of both eras stand in the block that hands over, those of the old one no later', () => {
    const loose = chain.votes(point(before), point(opening), [4]);
    const old = { ...chain.votes(point(opening), { slot: period + 1, id: before.view.id }, [4]) };
    const third = chain.extend(beyond, period + 2, {
      certificates: [chain.votes(point(before), point(opening), [0, 1, 2, 3]), seats],
      voteSets: [old],
    });
    expect(third.block!.body.voteSets).toEqual([old]);
    expect(bentOn(third, period + 3, [], [old])).toMatchObject({ code: 'LEDGER_BLOCK_VOTE_SET', fault: 'root' });
    expect(loose.signatures).toHaveLength(1);
  });

  it("the header's root and committeeRoot are those after the certificates", () => {
    const { built, key } = chain.draft(beyond, period + 2, { certificates: [justifies, seats] });
    const block = chain.seal(built.header, built.body, key);
    const header = (change: object) => fault(() => chain.apply(beyond, chain.bend(block, key, { header: change })));
    expect(header({ root: headerOf(beyond).root })).toEqual({ code: 'LEDGER_BLOCK_ROOT' });
    expect(header({ committeeRoot: headerOf(before).stateRoot })).toEqual({ code: 'LEDGER_BLOCK_COMMITTEE' });
    expect(() => chain.apply(beyond, block)).not.toThrow();
  });
});

describe('after a recovery', () => {
  const early = 2 * period - 6;
  /** A healthy chain whose sources 2 and 3 have just closed, in the state after its last block alone. */
  function closed(): { chain: TestChain; named: Link } {
    const chain = new TestChain(4, { params }, testRules);
    const time = chain.genesis.genesisTimeMs - 60_000;
    const publishing = (slot: number) => ({ candidates: [study(chain, seedKey('source 0'), `s${slot}`, time)] });
    const head = chain.grow(chain.start, early, publishing);
    const layer = new StateLayer(head.view.state);
    for (const source of ['source 2', 'source 3'].map(name => seedKey(name).publicKey)) {
      sourceTable.set(layer, { ...sourceTable.get(layer, source)!, url: '' }, source);
    }
    layer.commitRoot();
    const named = { ...head, view: { ...head.view, state: layer } };
    chain.recover(named);
    return { chain, named };
  }

  it.each([
    ['in the same epoch', early + 1],
    ['two epochs later', 2 * period + 1],
  ])("its voters' table stands for all that is to come, when the chain goes on %s", (_, slot) => {
    const { chain, named } = closed();
    const after = chain.extend(named, slot);
    const { state } = after.view;
    const epoch = epochOf(slot, params);
    const { tableId } = eraOf(state);
    expect(tableById(state, tableId).entries).toHaveLength(2);
    expect(tableIdOf(state, epoch + 1)).toEqual(tableId);
    expect(snapshotOf(state, epoch - 1)).toEqual({ height: early, tableId });
    // Leaders of the epoch stay as they were foreseen.
    expect(stakeTable(state, epoch).entries).toHaveLength(4);
    const wanted = [tableId];
    for (let at = Math.max(0, epoch - closingLag(params) + 1); at <= epoch; at++) wanted.push(tableIdOf(state, at));
    expect(tablesIn(after)).toEqual(new Set(wanted.map(toHex)));
  });

  it('the next era is seated without those who are gone, though it begins before a snapshot could count', () => {
    const { chain, named } = closed();
    const head = chain.grow(named, 2 * period + 4);
    const opening = chain.blockAt(head, 2 * period);
    expect(eraOf(opening.view.state).opening).toMatchObject({ slot: 2 * period });
    expect(headerOf(head).root).toEqual(point(opening));
    expect(chain.standing(head).committee.voters).toHaveLength(2);
    for (let epoch = epochOf(2 * period, params); epoch <= epochOf(2 * period + 4, params) + 1; epoch++) {
      expect(stakeTable(head.view.state, epoch).entries).toHaveLength(2);
    }
  });

  it('the first block opens no era: the table of its epoch is the old one', () => {
    const { chain, named } = closed();
    const first = 2 * period + 1;
    const head = chain.grow(named, 3 * period + 2, slot => (slot < first ? null : {}));
    const { state } = chain.blockAt(head, early + 1).view;
    expect(finalityOf(state)).toMatchObject({ finalOfEra: true, root: point(named) });
    expect(eraOf(state).opening).toBeNull();
    const opening = chain.blockAt(head, early + 1 + period - 1);
    expect(headerOf(head).root).toEqual(point(opening));
    expect(chain.standing(head).committee.voters).toHaveLength(2);
  });
});

describe('a node key', () => {
  it("votes from the era whose root's table holds it", () => {
    const chain = new TestChain(4, { params }, testRules);
    const { sourceKey, nodeKey } = chain.genesis.founders[0]!;
    const newer = seedKey('node 4').publicKey;
    // As a defineSource in slot 1 would write it.
    const rotated = (link: Link): Link => {
      const layer = new StateLayer(link.view.state);
      sourceTable.set(layer, { ...sourceTable.get(layer, sourceKey)!, nodeKey: newer }, sourceKey);
      layer.commitRoot();
      return { ...link, view: { ...link.view, state: layer } };
    };
    const head = chain.grow(rotated(chain.extend(chain.start, 1)), 2 * period + 2);
    const voters = (slot: number) =>
      chain.standing(chain.blockAt(head, slot)).committee.voters.map(v => toHex(v.nodeKey));
    expect(voters(period - 1)).toContain(toHex(nodeKey));
    expect(voters(period + 1)).toContain(toHex(nodeKey));
    expect(voters(period + 2)).toContain(toHex(newer));
    expect(voters(period + 2)).not.toContain(toHex(nodeKey));
  });
});
