import { describe, expect, it } from '@jest/globals';
import { createAccredit, createWithdrawStudy } from '@radpass/core';
import { accreditationTable, namedTable, sourceTable, stakeCounts, studyTable, total } from '../../dist/tables.js';
import {
  chainId,
  hashOf,
  hospital,
  hourMs,
  keyOf,
  publicKeyOf,
  seqAt,
  timeOf,
  tx,
  World,
  worldWithStudy,
} from '../stateWorld.js';

const nothing = new Uint8Array();

describe('defineStudy', () => {
  it('gives the study its owner and the source its stake', () => {
    const { layer } = worldWithStudy();
    expect(studyTable.get(layer, hospital, hashOf('ct'))).toEqual({
      owner: publicKeyOf('patient'),
      ownerSinceSlot: 10,
      generation: 0,
      withdrawn: false,
      pendingOwner: null,
      effectSlot: 0,
      reassignId: nothing,
    });
    expect(namedTable.get(layer, hospital, hashOf('ct'), publicKeyOf('patient'))).toBe(0);
    expect(sourceTable.get(layer, hospital)?.studyCount).toBe(1);
    expect(total(layer, 'studies')).toBe(1);
  });

  it('is signed by patient and source', () => {
    const world = new World();
    expect(world.refusal(10, tx.study('ct', 'patient', timeOf(10), { signer: 'thief' })).code).toBe(
      'LEDGER_TX_SIGNATURE',
    );
    const signed = tx.study('ct', 'patient', timeOf(10));
    if (signed.tuple.type !== 2) throw new Error('not a study');
    const claim = { ...signed.tuple.claim, patientKey: publicKeyOf('thief') };
    expect(world.refusal(10, { ...signed, tuple: { ...signed.tuple, claim } }).code).toBe('LEDGER_TX_SIGNATURE');
  });

  it('wins once: the first owner stays', () => {
    const world = worldWithStudy();
    expect(world.refusal(11, tx.study('ct', 'patient', timeOf(11)))).toEqual({ code: 'LEDGER_TX_NO_CHANGE', type: 2 });
    expect(world.refusal(11, tx.study('ct', 'other', timeOf(11))).code).toBe('LEDGER_TX_STUDY_OWNED');
    expect(world.refusal(10, tx.study('ct', 'other', timeOf(10))).code).toBe('LEDGER_TX_STUDY_OWNED');
  });

  it('names the same hash at another source without conflict', () => {
    const world = worldWithStudy().apply(11, tx.source('clinic', seqAt(11)));
    world.apply(12, tx.study('ct', 'other', timeOf(12), { source: 'clinic' }));
    expect(stakeCounts(world.layer).map(s => s.count)).toEqual([1, 1]);
  });

  it('enters within 24 h of its time and not 10 min before it', () => {
    const slot = 30_000;
    const early = timeOf(slot) - 24 * hourMs;
    const late = timeOf(slot) + 600_000;
    expect(new World().refusal(slot, tx.study('ct', 'patient', early - 1))).toMatchObject({
      problem: 'old',
      bound: early,
    });
    expect(new World().refusal(slot, tx.study('ct', 'patient', late + 1))).toMatchObject({
      problem: 'ahead',
      bound: late,
    });
    new World().apply(slot, tx.study('ct', 'patient', early)).apply(slot, tx.study('mr', 'patient', late));
  });

  it('needs a source that stands open in an earlier block', () => {
    const study = (slot: number) => tx.study('ct', 'patient', timeOf(slot), { source: 'clinic' });
    expect(new World().refusal(11, study(11))).toEqual({ code: 'LEDGER_TX_NOT_YET', what: 'source' });
    const world = new World().apply(11, tx.source('clinic', seqAt(11)));
    expect(world.refusal(11, study(11))).toEqual({ code: 'LEDGER_TX_NOT_YET', what: 'source' });
    world.apply(12, study(12));
    const closed = new World().apply(11, tx.source('clinic', seqAt(11), { url: '' }));
    expect(closed.refusal(12, study(12)).code).toBe('LEDGER_TX_SOURCE_CLOSED');
  });

  it('waits a block when the standing entry of its source is new', () => {
    const world = new World().apply(11, tx.source('hospital', seqAt(11)));
    expect(world.refusal(11, tx.study('ct', 'patient', timeOf(11)))).toMatchObject({ what: 'source' });
    world.apply(12, tx.study('ct', 'patient', timeOf(12)));
  });

  it('leaves a mark that the source once had stake', () => {
    const world = new World().apply(11, tx.source('clinic', seqAt(11)));
    world.apply(12, tx.study('ct', 'patient', timeOf(12), { source: 'clinic' }));
    expect(sourceTable.get(world.layer, publicKeyOf('clinic'))?.hadWeight).toBe(true);
  });
});

describe('withdrawStudy', () => {
  const withdraw = (study: string, seq: number, signer = 'hospital') =>
    createWithdrawStudy({ chainId, key: keyOf(signer), seq, sourceKey: hospital, studyHash: hashOf(study) });

  it('ends the study and lowers the stake by one', () => {
    const { layer } = worldWithStudy().apply(11, withdraw('ct', seqAt(11)));
    expect(studyTable.get(layer, hospital, hashOf('ct'))).toMatchObject({
      withdrawn: true,
      owner: publicKeyOf('patient'),
    });
    expect(stakeCounts(layer)[0]?.count).toBe(0);
    expect(total(layer, 'studies')).toBe(0);
    expect(sourceTable.get(layer, hospital)?.hadWeight).toBe(true);
  });

  it('is for ever', () => {
    const world = worldWithStudy().apply(11, withdraw('ct', seqAt(11)));
    expect(world.refusal(12, withdraw('ct', seqAt(12)))).toEqual({ code: 'LEDGER_TX_NO_CHANGE', type: 8 });
    for (const patient of ['patient', 'other']) {
      const code = world.refusal(12, tx.study('ct', patient, timeOf(12))).code;
      expect(code).toBe('LEDGER_TX_STUDY_WITHDRAWN');
    }
    expect(world.refusal(12, tx.reassign('ct', 'patient', 'heir')).code).toBe('LEDGER_TX_STUDY_WITHDRAWN');
  });

  it('concerns a defined study, is signed by the source and not ahead of time', () => {
    const world = worldWithStudy();
    expect(world.refusal(11, withdraw('mr', 1))).toEqual({ code: 'LEDGER_TX_NOT_YET', what: 'study' });
    expect(world.refusal(11, withdraw('ct', 1, 'patient'))).toEqual({ code: 'LEDGER_TX_SIGNATURE', type: 8 });
    expect(world.refusal(11, withdraw('ct', timeOf(11) + 600_001))).toMatchObject({ problem: 'ahead' });
  });

  it('leaves consents to be what their set says', () => {
    // Consent entries are order-independent: a withdrawal between two of them must not let one of them through only.
    const world = worldWithStudy().apply(11, withdraw('ct', seqAt(11)));
    world.apply(12, tx.allow('ct', 'patient', 'doctor', seqAt(12)));
  });
});

describe('accredit', () => {
  const accredit = (seq: number, maxStudies: number, payer = 'payer', source = hospital) =>
    createAccredit({ chainId, key: keyOf(payer), seq, sourceKey: source, until: 99, maxStudies });
  const standing = (world: World) => accreditationTable.get(world.layer, publicKeyOf('payer'), hospital);

  it('records what a payer of genesis says; the greatest seq counts', () => {
    const world = new World().apply(5, accredit(10, 1)).apply(6, accredit(20, 2));
    expect(standing(world)).toMatchObject({ seq: 20, until: 99, maxStudies: 2 });
    expect(world.refusal(7, accredit(15, 3))).toMatchObject({ code: 'LEDGER_TX_SEQ', problem: 'low', bound: 21 });
    expect(world.refusal(7, accredit(20, 2)).code).toBe('LEDGER_TX_NO_CHANGE');
  });

  it('comes to the same in both orders when two have one seq', () => {
    const [a, b] = [accredit(10, 1), accredit(10, 2)];
    const ends = [
      [a, b],
      [b, a],
    ].map(order => {
      const world = new World();
      for (const one of order) {
        try {
          world.apply(5, one);
        } catch (error) {
          expect(error).toMatchObject({ code: 'LEDGER_TX_SEQ' });
        }
      }
      return standing(world);
    });
    expect(ends[0]).toEqual(ends[1]);
  });

  it('is refused from anybody else, for an unknown source, or ahead of time', () => {
    const world = new World();
    expect(world.refusal(5, accredit(1, 1, 'impostor')).code).toBe('LEDGER_TX_PAYER');
    expect(world.refusal(5, accredit(1, 1, 'payer', publicKeyOf('clinic')))).toMatchObject({ what: 'source' });
    expect(world.refusal(5, accredit(timeOf(5) + 600_001, 1))).toMatchObject({ problem: 'ahead' });
  });
});
