import { describe, expect, it } from '@jest/globals';
import { contentId } from '@radpass/core';
import { consentTable, effectiveStudy, namedTable, studyTable, vetoTable } from '../../dist/tables.js';
import {
  chainId,
  hashOf,
  hospital,
  publicKeyOf,
  seqAt,
  timeOf,
  tx,
  type World,
  worldParams,
  worldWithStudy,
} from '../stateWorld.js';

const delaySlots = worldParams.reassignDelayMs / worldParams.slotMs;
const stored = ({ layer }: World) => studyTable.get(layer, hospital, hashOf('ct'))!;
const toHeir = tx.reassign('ct', 'patient', 'heir');
const heirId = contentId(chainId, toHeir.tuple);
const effectSlot = 20 + delaySlots;
const pending = () => worldWithStudy().apply(20, toHeir);

describe('reassignStudy', () => {
  it('waits for the delay: 14 days', () => {
    expect(worldParams.reassignDelayMs).toBe(14 * 24 * 3_600_000);
    const study = stored(pending());
    expect(study).toMatchObject({
      owner: publicKeyOf('patient'),
      generation: 0,
      pendingOwner: publicKeyOf('heir'),
      effectSlot,
      reassignId: heirId,
    });
    expect(effectiveStudy(study, effectSlot - 1)).toBe(study);
    expect(effectiveStudy(study, effectSlot)).toEqual({
      owner: publicKeyOf('heir'),
      ownerSinceSlot: effectSlot,
      generation: 1,
      withdrawn: false,
      pendingOwner: null,
      effectSlot: 0,
      reassignId: new Uint8Array(),
    });
  });

  it('is written down by the next transaction on the study', () => {
    const world = pending();
    const later = effectSlot + 7;
    world.apply(later, tx.allow('ct', 'heir', 'doctor', seqAt(later)));
    expect(stored(world)).toMatchObject({ owner: publicKeyOf('heir'), generation: 1, ownerSinceSlot: effectSlot });
    expect(stored(world)).toMatchObject({ pendingOwner: null, effectSlot: 0, reassignId: new Uint8Array() });
  });

  it('is not written down by a transaction that is refused', () => {
    const world = pending();
    expect(world.refusal(effectSlot, tx.study('ct', 'late', timeOf(effectSlot))).code).toBe('LEDGER_TX_STUDY_OWNED');
    expect(world.refusal(effectSlot, tx.keep('ct', 'patient', heirId)).code).toBe('LEDGER_TX_NOT_OWNER');
    expect(stored(world).generation).toBe(0);
  });

  it('leaves the grants of the previous owner under the previous key', () => {
    const world = worldWithStudy()
      .apply(11, tx.allow('ct', 'patient', 'doctor', seqAt(11)))
      .apply(20, toHeir);
    const owner = effectiveStudy(stored(world), effectSlot).owner;
    expect(consentTable.get(world.layer, hospital, hashOf('ct'), owner, publicKeyOf('doctor'))).toBeUndefined();
  });

  it('lets the pending owner and former owners speak of their own grants', () => {
    const world = pending().apply(21, tx.allow('ct', 'heir', 'doctor', seqAt(21)));
    world.apply(effectSlot, tx.revoke('ct', 'patient', null, seqAt(21)));
  });

  it('names the standing owner, the generation and a key never named', () => {
    const world = worldWithStudy();
    expect(world.refusal(20, tx.reassign('ct', 'other', 'heir')).code).toBe('LEDGER_TX_NOT_OWNER');
    expect(world.refusal(20, tx.reassign('ct', 'patient', 'heir', 1))).toEqual({
      code: 'LEDGER_TX_GENERATION',
      expected: 0,
      got: 1,
    });
    expect(world.refusal(20, tx.reassign('ct', 'patient', 'patient')).code).toBe('LEDGER_TX_KEY_NAMED');
    expect(world.refusal(20, tx.reassign('mr', 'patient', 'heir'))).toMatchObject({ what: 'study' });
    expect(world.refusal(20, tx.reassign('ct', 'patient', 'heir', 0, { signer: 'thief' })).code).toBe(
      'LEDGER_TX_SIGNATURE',
    );
  });

  it('is one at a time', () => {
    const world = pending();
    expect(world.refusal(21, toHeir)).toEqual({ code: 'LEDGER_TX_NO_CHANGE', type: 5 });
    expect(world.refusal(21, tx.reassign('ct', 'patient', 'second heir'))).toEqual({
      code: 'LEDGER_TX_NOT_YET',
      what: 'reassignment',
    });
  });

  it('can follow a completed one, by the new owner and generation', () => {
    const world = pending();
    expect(world.refusal(effectSlot, tx.reassign('ct', 'patient', 'third')).code).toBe('LEDGER_TX_NOT_OWNER');
    expect(world.refusal(effectSlot, tx.reassign('ct', 'heir', 'third', 0)).code).toBe('LEDGER_TX_GENERATION');
    expect(world.refusal(effectSlot, tx.reassign('ct', 'heir', 'patient', 1)).code).toBe('LEDGER_TX_KEY_NAMED');
    world.apply(effectSlot, tx.reassign('ct', 'heir', 'third', 1));
    expect(stored(world)).toMatchObject({
      owner: publicKeyOf('heir'),
      generation: 1,
      pendingOwner: publicKeyOf('third'),
      effectSlot: effectSlot + delaySlots,
    });
    expect(namedTable.get(world.layer, hospital, hashOf('ct'), publicKeyOf('third'))).toBe(2);
  });
});

describe('keepStudy', () => {
  const veto = (patient = 'patient', id = heirId) => tx.keep('ct', patient, id);

  it('ends the pending reassignment for good', () => {
    const world = pending().apply(21, veto());
    expect(stored(world)).toEqual(stored(worldWithStudy()));
    expect(effectiveStudy(stored(world), effectSlot).owner).toEqual(publicKeyOf('patient'));
    expect(world.refusal(22, toHeir).code).toBe('LEDGER_TX_VETOED');
    expect(world.refusal(22, veto())).toEqual({ code: 'LEDGER_TX_NO_CHANGE', type: 6 });
    world.apply(22, tx.reassign('ct', 'patient', 'second heir'));
  });

  it('is remembered though it came first', () => {
    const world = worldWithStudy().apply(11, veto());
    expect(vetoTable.get(world.layer, hospital, hashOf('ct'), heirId)).toEqual(publicKeyOf('patient'));
    expect(world.refusal(20, toHeir).code).toBe('LEDGER_TX_VETOED');
  });

  it('counts against every signing of the same reassignment', () => {
    const again = { ...toHeir, tuple: { ...toHeir.tuple, signature: new Uint8Array(64).fill(1) } };
    const world = worldWithStudy().apply(11, veto());
    expect(world.refusal(20, again, { skipSignatures: true }).code).toBe('LEDGER_TX_VETOED');
  });

  it('counts only before the effect and only from the standing owner', () => {
    const world = pending();
    expect(world.refusal(21, veto('heir')).code).toBe('LEDGER_TX_NOT_OWNER');
    expect(world.refusal(effectSlot, veto()).code).toBe('LEDGER_TX_NOT_OWNER');
    pending().apply(effectSlot - 1, veto());
  });

  it('of a former owner does not bind the next one', () => {
    // The old owner vetoes in advance what only the next owner's time can bring.
    const next = tx.reassign('ct', 'heir', 'third', 1);
    const world = worldWithStudy()
      .apply(11, veto('patient', contentId(chainId, next.tuple)))
      .apply(20, toHeir);
    world.apply(effectSlot, next);
    // The standing owner's own veto of it takes the place of the former owner's.
    world.apply(effectSlot + 1, veto('heir', contentId(chainId, next.tuple)));
    expect(stored(world).pendingOwner).toBeNull();
    expect(world.refusal(effectSlot + 2, next).code).toBe('LEDGER_TX_VETOED');
  });

  it('has no bound in time and is signed by the patient', () => {
    const forged = veto();
    const bent = { ...forged, tuple: { ...forged.tuple, signature: new Uint8Array(64) } };
    expect(pending().refusal(21, bent)).toEqual({ code: 'LEDGER_TX_SIGNATURE', type: 6 });
  });
});
