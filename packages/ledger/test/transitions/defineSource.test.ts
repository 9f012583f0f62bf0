import { describe, expect, it } from '@jest/globals';
import { createRotateSource, createWithdrawStudy, fromHex, sha256 } from '@radpass/core';
import { checkLoose, standingKeyFor } from '../../dist/applyTransaction.js';
import { nodeKeyTable, sourceAt, sourceTable, stakeCounts, studyTable, total } from '../../dist/tables.js';
import {
  chainId,
  contextAt,
  hashOf,
  hospital,
  hourMs,
  keyOf,
  publicKeyOf,
  seqAt,
  timeOf,
  tx,
  World,
} from '../stateWorld.js';

const clinic = publicKeyOf('clinic');
const nextHash = (name: string) => sha256(publicKeyOf(name));
const rotate = (seq: number, name: string, newName: string, nextKeyHash: Uint8Array = new Uint8Array()) =>
  createRotateSource({ chainId, key: keyOf(newName), seq, sourceKey: publicKeyOf(name), nextKeyHash });

describe('a first defineSource', () => {
  it('enters the source in the directory', () => {
    const { layer } = new World().apply(5, tx.source('clinic', seqAt(5)));
    expect(sourceTable.get(layer, clinic)).toEqual({
      seq: seqAt(5),
      url: 'https://clinic.example/iti43',
      nodeKey: publicKeyOf('clinic node'),
      tlsPins: [],
      standingKey: clinic,
      nextKeyHash: new Uint8Array(),
      definedSlot: 5,
      studyCount: 0,
      index: 1,
      hadWeight: false,
    });
    expect(sourceAt(layer, 1)).toEqual(clinic);
    expect(total(layer, 'sources')).toBe(2);
    expect(nodeKeyTable.get(layer, publicKeyOf('clinic node'))).toEqual(clinic);
  });

  it('is signed by the source key, and its node key has signed for it', () => {
    const world = new World();
    const other = tx.source('clinic', seqAt(5), { key: keyOf('thief') });
    expect(world.refusal(5, other)).toEqual({ code: 'LEDGER_TX_SIGNATURE', type: 1 });
    const borrowed = tx.source('clinic', seqAt(5), { nodeKey: publicKeyOf('hospital spare node') });
    expect(world.refusal(5, borrowed)).toEqual({ code: 'LEDGER_TX_SIGNATURE', type: 1 });
  });

  it('carries a stamp with enough zero bits', () => {
    const world = new World();
    expect(world.refusal(5, tx.source('clinic', seqAt(5), { stamp: 0 }))).toMatchObject({
      code: 'LEDGER_TX_STAMP',
      wanted: 4,
    });
    const params = { ...contextAt(5).params, stampBits: 40 };
    expect(world.refusal(5, tx.source('clinic', seqAt(5)), { params })).toMatchObject({ wanted: 40 });
    // 0 means none, whatever its hash.
    expect(
      world.refusal(5, tx.source('clinic', seqAt(5), { stamp: 0 }), { params: { ...params, stampBits: 0 } }),
    ).toEqual({
      code: 'LEDGER_TX_STAMP',
      bits: 0,
      wanted: 0,
    });
  });

  it('is at most 24 h old and at most 10 min ahead', () => {
    const slot = 30_000;
    const world = new World();
    const old = timeOf(slot) - 24 * hourMs;
    const ahead = timeOf(slot) + 600_000;
    expect(world.refusal(slot, tx.source('clinic', old - 1))).toEqual({
      code: 'LEDGER_TX_SEQ',
      problem: 'old',
      bound: old,
      got: old - 1,
    });
    expect(world.refusal(slot, tx.source('clinic', ahead + 1))).toMatchObject({ problem: 'ahead', bound: ahead });
    world.apply(slot, tx.source('clinic', old)).apply(slot, tx.source('office', ahead));
  });

  it('needs a place on the list of a permissioned network', () => {
    const world = new World();
    const allowList = [publicKeyOf('office')];
    expect(world.refusal(5, tx.source('clinic', seqAt(5)), { allowList }).code).toBe('LEDGER_TX_SOURCE_REFUSED');
    world.apply(5, tx.source('office', seqAt(5)), { allowList });
  });

  it("takes no other source's node key, even one that was given up", () => {
    const world = new World().apply(5, tx.source('hospital', seqAt(5), { node: 'hospital node 2' }));
    for (const node of ['hospital node', 'hospital node 2']) {
      expect(world.refusal(6, tx.source('clinic', seqAt(6), { node })).code).toBe('LEDGER_TX_NODE_KEY_TAKEN');
    }
  });
});

describe('a further defineSource', () => {
  it('replaces url, node key and pins, and keeps the rest', () => {
    const world = new World().apply(3, tx.study('ct', 'patient', timeOf(3)));
    const pins = [sha256(hospital)];
    world.apply(5, tx.source('hospital', seqAt(5), { url: '', node: 'n2', tlsPins: pins, stamp: 0 }));
    const entry = sourceTable.get(world.layer, hospital);
    expect(entry).toMatchObject({ seq: seqAt(5), url: '', nodeKey: publicKeyOf('n2'), tlsPins: pins });
    expect(entry).toMatchObject({ studyCount: 1, index: 0, definedSlot: 5, standingKey: hospital });
    expect(total(world.layer, 'sources')).toBe(1);
    expect(stakeCounts(world.layer)).toEqual([
      { sourceKey: hospital, nodeKey: publicKeyOf('n2'), count: 1, open: false, jailedUntilEpoch: 0 },
    ]);
  });

  it('has a higher seq', () => {
    const world = new World().apply(5, tx.source('hospital', 100));
    for (const got of [99, 100]) {
      const detail = { code: 'LEDGER_TX_SEQ', problem: 'low', bound: 101, got };
      expect(world.refusal(2_000, tx.source('hospital', got))).toEqual(detail);
    }
    world.apply(2_000, tx.source('hospital', 101));
  });

  it('may come back to a node key of its own', () => {
    const world = new World().apply(5, tx.source('hospital', 1, { node: 'n2' }));
    world.apply(2_000, tx.source('hospital', 2, { node: 'hospital node' }));
  });

  it('sets nextKeyHash once; empty keeps it', () => {
    const world = new World().apply(5, tx.source('hospital', 1, { nextKeyHash: nextHash('k2') }));
    const other = tx.source('hospital', 2, { nextKeyHash: nextHash('thief') });
    expect(world.refusal(1_000, other).code).toBe('LEDGER_TX_NEXT_KEY');
    world
      .apply(1_000, tx.source('hospital', 2))
      .apply(2_000, tx.source('hospital', 3, { nextKeyHash: nextHash('k2') }));
    expect(sourceTable.get(world.layer, hospital)?.nextKeyHash).toEqual(nextHash('k2'));
  });
});

describe('rotateSource', () => {
  const announced = () => new World().apply(5, tx.source('hospital', 1, { nextKeyHash: nextHash('k2') }));

  it('makes the announced key the standing key; the name stays', () => {
    const world = announced().apply(6, rotate(2, 'hospital', 'k2', nextHash('k3')));
    expect(sourceTable.get(world.layer, hospital)).toMatchObject({
      seq: 2,
      standingKey: publicKeyOf('k2'),
      nextKeyHash: nextHash('k3'),
      definedSlot: 6,
    });
    expect(standingKeyFor(world.layer, tx.source('hospital', 9).tuple)).toEqual(publicKeyOf('k2'));
    // From now on the old key signs nothing.
    expect(world.refusal(1_000, tx.source('hospital', 3)).code).toBe('LEDGER_TX_SIGNATURE');
    world.apply(1_000, tx.source('hospital', 3, { key: keyOf('k2') }));
    expect(world.refusal(1_001, tx.study('ct', 'patient', timeOf(1_001))).code).toBe('LEDGER_TX_SIGNATURE');
    world.apply(1_001, tx.study('ct', 'patient', timeOf(1_001), { signer: 'k2' }));
    const withdraw = { chainId, seq: 1, sourceKey: hospital, studyHash: hashOf('ct') };
    expect(world.refusal(1_002, createWithdrawStudy({ ...withdraw, key: keyOf('hospital') })).code).toBe(
      'LEDGER_TX_SIGNATURE',
    );
    world.apply(1_002, createWithdrawStudy({ ...withdraw, key: keyOf('k2') }));
    expect(studyTable.get(world.layer, hospital, hashOf('ct'))?.withdrawn).toBe(true);
  });

  it('needs the key whose hash was announced', () => {
    expect(announced().refusal(6, rotate(2, 'hospital', 'thief')).code).toBe('LEDGER_TX_ROTATION_KEY');
    expect(new World().refusal(6, rotate(2, 'hospital', 'k2')).code).toBe('LEDGER_TX_ROTATION_KEY');
    expect(new World().refusal(6, rotate(2, 'clinic', 'k2'))).toEqual({ code: 'LEDGER_TX_NOT_YET', what: 'source' });
  });

  it("shares defineSource's seq and is signed by the new key", () => {
    expect(announced().refusal(6, rotate(1, 'hospital', 'k2'))).toMatchObject({ problem: 'low', bound: 2 });
    expect(announced().refusal(6, rotate(timeOf(6) + 600_001, 'hospital', 'k2'))).toMatchObject({ problem: 'ahead' });
    const world = announced().apply(6, rotate(50, 'hospital', 'k2'));
    expect(world.refusal(1_000, tx.source('hospital', 50, { key: keyOf('k2') }))).toMatchObject({ bound: 51 });
    const forged = rotate(2, 'hospital', 'k2');
    const bent = { ...forged, tuple: { ...forged.tuple, signature: fromHex('00'.repeat(64)) } };
    expect(announced().refusal(6, bent)).toEqual({ code: 'LEDGER_TX_SIGNATURE', type: 7 });
  });

  it('enters once an epoch', () => {
    const world = announced().apply(6, rotate(2, 'hospital', 'k2', nextHash('k3')));
    const again = rotate(3, 'hospital', 'k3');
    expect(world.refusal(7, again)).toEqual({ code: 'LEDGER_TX_QUOTA', quota: 'rotateSource', max: 1 });
    world.apply(900, again);
  });

  it('cannot be crowded out by a thief of the standing key', () => {
    // The thief has spent the epoch's defineSource.
    const world = announced().apply(900, tx.source('hospital', 5, { url: '' }));
    world.apply(901, rotate(6, 'hospital', 'k2'));
  });
});

describe('checkLoose', () => {
  it('judges by the same rules and changes nothing', () => {
    const world = new World();
    const size = world.layer.changes.size;
    checkLoose(world.layer, tx.source('clinic', seqAt(5)), contextAt(5));
    expect(world.layer.changes.size).toBe(size);
    expect(() => checkLoose(world.layer, tx.source('clinic', seqAt(5), { stamp: 0 }), contextAt(5))).toThrow(/stamp/);
  });

  it('refuses what the native verifier refuses, though a block might hold it', () => {
    const { verifier } = contextAt(5);
    const strict = { ...verifier, verifyStrict: () => false };
    const transaction = tx.source('clinic', seqAt(5));
    expect(() => checkLoose(new World().layer, transaction, contextAt(5, { verifier: strict }))).toThrow(/signature/);
    new World().apply(5, transaction, { verifier: strict });
  });
});
