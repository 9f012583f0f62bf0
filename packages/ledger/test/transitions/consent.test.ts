import { describe, expect, it } from '@jest/globals';
import { compareBytes, contentId } from '@radpass/core';
import { checkLoose } from '../../dist/applyTransaction.js';
import { consentTable, floorTable, standingGrantsTable } from '../../dist/tables.js';
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
  type World,
  worldWithStudy,
} from '../stateWorld.js';

const entry = ({ layer }: World, requester = 'doctor', patient = 'patient') =>
  consentTable.get(layer, hospital, hashOf('ct'), publicKeyOf(patient), publicKeyOf(requester));
const floor = ({ layer }: World) => floorTable.get(layer, hospital, hashOf('ct'), publicKeyOf('patient'));
const standing = ({ layer }: World) =>
  standingGrantsTable.get(layer, hospital, hashOf('ct'), publicKeyOf('patient'))?.seqs ?? [];
const allow = (seq: number, requester = 'doctor', more = {}) => tx.allow('ct', 'patient', requester, seq, more);
const revoke = (seq: number, requester: string | null = 'doctor') => tx.revoke('ct', 'patient', requester, seq);

describe('allowAccess', () => {
  it('enters what the patient said', () => {
    const receiptHash = hashOf('receipt');
    const grant = allow(seqAt(11), 'doctor', { notAfter: seqAt(99), receiptHash });
    const world = worldWithStudy().apply(11, grant);
    expect(entry(world)).toEqual({
      type: 3,
      seq: seqAt(11),
      notAfter: seqAt(99),
      receiptHash,
      contentId: contentId(chainId, grant.tuple),
    });
  });

  it('needs a study of an earlier block', () => {
    const world = worldWithStudy();
    expect(world.refusal(10, allow(seqAt(10)))).toEqual({ code: 'LEDGER_TX_NOT_YET', what: 'study' });
    expect(world.refusal(11, tx.allow('mr', 'patient', 'doctor', seqAt(11)))).toMatchObject({ what: 'study' });
    world.apply(11, allow(seqAt(10)));
  });

  it('is refused when the patient never was an owner or pending owner', () => {
    const world = worldWithStudy();
    expect(world.refusal(11, tx.allow('ct', 'stranger', 'doctor', seqAt(11))).code).toBe('LEDGER_TX_STRANGER');
    expect(world.refusal(11, tx.revoke('ct', 'stranger', 'doctor', seqAt(11))).code).toBe('LEDGER_TX_STRANGER');
    expect(world.refusal(11, tx.keep('ct', 'stranger', hashOf('x'))).code).toBe('LEDGER_TX_STRANGER');
  });

  it('is signed by the patient', () => {
    const grant = allow(seqAt(11));
    const forged = { ...grant, tuple: { ...grant.tuple, signature: new Uint8Array(64) } };
    expect(worldWithStudy().refusal(11, forged)).toEqual({ code: 'LEDGER_TX_SIGNATURE', type: 3 });
    worldWithStudy().apply(11, forged, { skipSignatures: true });
  });

  it('enters within 24 h of its seq and at most 10 min before it', () => {
    const slot = 40_000;
    const [early, late] = [timeOf(slot) - 24 * hourMs, timeOf(slot) + 600_000];
    expect(worldWithStudy().refusal(slot, allow(early - 1))).toMatchObject({ problem: 'old', bound: early });
    expect(worldWithStudy().refusal(slot, allow(late + 1))).toMatchObject({ problem: 'ahead', bound: late });
    worldWithStudy().apply(slot, allow(early)).apply(slot, allow(late));
  });

  it('is invalid when it changes nothing, and says from which seq it would', () => {
    const world = worldWithStudy().apply(11, allow(seqAt(11)));
    expect(world.refusal(12, allow(seqAt(11)))).toEqual({ code: 'LEDGER_TX_NO_CHANGE', type: 3 });
    expect(world.refusal(12, allow(seqAt(10)))).toEqual({
      code: 'LEDGER_TX_SEQ',
      problem: 'low',
      bound: seqAt(11) + 1,
      got: seqAt(10),
    });
  });

  it('stands again after a revocation when its seq is higher', () => {
    const world = worldWithStudy()
      .apply(11, allow(1e3 + seqAt(11)))
      .apply(12, revoke(seqAt(12)));
    expect(entry(world)?.type).toBe(4);
    expect(world.refusal(13, allow(seqAt(12)))).toMatchObject({ problem: 'low', bound: seqAt(12) + 1 });
    world.apply(13, allow(seqAt(13)));
    expect(entry(world)?.type).toBe(3);
    expect(standing(world)).toEqual([seqAt(13)]);
  });
});

describe('of two statements with one seq', () => {
  it('the revocation counts', () => {
    const seq = seqAt(11);
    const first = worldWithStudy().apply(11, allow(seq)).apply(11, revoke(seq));
    const second = worldWithStudy().apply(11, revoke(seq));
    expect(second.refusal(11, allow(seq))).toMatchObject({ problem: 'low' });
    expect(entry(first)).toEqual(entry(second));
    expect(entry(first)?.type).toBe(4);
  });

  it('the grant with the smaller contentId counts', () => {
    const seq = seqAt(11);
    const grants = [1, 2].map(n => allow(seq, 'doctor', { notAfter: seq + n }));
    const [small, great] = grants.toSorted((a, b) =>
      compareBytes(contentId(chainId, a.tuple), contentId(chainId, b.tuple)),
    );
    const world = worldWithStudy().apply(11, great!).apply(11, small!);
    expect(entry(world)?.contentId).toEqual(contentId(chainId, small!.tuple));
    expect(world.refusal(11, great!)).toMatchObject({ code: 'LEDGER_TX_SEQ' });
  });
});

describe('revokeAccess', () => {
  it('has no lower bound in time, but is at most 10 min ahead', () => {
    const world = worldWithStudy();
    world.apply(40_000, revoke(0)).apply(40_000, revoke(0, null));
    expect(entry(world)).toMatchObject({ type: 4, seq: 0 });
    expect(floor(world)?.seq).toBe(0);
    const late = timeOf(40_000) + 600_000;
    expect(world.refusal(40_000, revoke(late + 1))).toMatchObject({ problem: 'ahead', bound: late });
  });

  it('may stand in the block of its study', () => {
    worldWithStudy()
      .apply(10, revoke(seqAt(10)))
      .apply(10, revoke(seqAt(10), null));
  });

  it('loses to a later grant', () => {
    const world = worldWithStudy().apply(11, allow(seqAt(11)));
    expect(world.refusal(12, revoke(seqAt(11) - 1))).toMatchObject({ problem: 'low', bound: seqAt(11) + 1 });
    world.apply(12, revoke(seqAt(11)));
    expect(world.refusal(13, revoke(seqAt(11)))).toEqual({ code: 'LEDGER_TX_NO_CHANGE', type: 4 });
  });

  it('of everyone sets a floor that only rises', () => {
    const world = worldWithStudy()
      .apply(11, allow(seqAt(11)))
      .apply(11, allow(seqAt(11) + 2_000, 'other doctor'))
      .apply(12, revoke(seqAt(11) + 1_000, null));
    expect(floor(world)).toMatchObject({ seq: seqAt(11) + 1_000 });
    expect(standing(world)).toEqual([seqAt(11) + 2_000]);
    expect(entry(world)?.type).toBe(3);
    expect(world.refusal(13, revoke(seqAt(11), null))).toMatchObject({ problem: 'low', bound: seqAt(11) + 1_001 });
    expect(world.refusal(13, revoke(seqAt(11) + 1_000, null)).code).toBe('LEDGER_TX_NO_CHANGE');
  });

  it('of everyone leaves a grant at its floor in the state without effect', () => {
    const world = worldWithStudy()
      .apply(11, revoke(seqAt(11), null))
      .apply(12, allow(seqAt(11)));
    expect(entry(world)?.type).toBe(3);
    expect(standing(world)).toEqual([]);
    world.apply(12, allow(seqAt(11) + 1));
    expect(standing(world)).toEqual([seqAt(11) + 1]);
  });
});

describe('checkLoose', () => {
  it('refuses a grant at the floor with the bound, and never a revocation there', () => {
    const { layer } = worldWithStudy().apply(11, revoke(seqAt(11), null));
    const bound = seqAt(11) + 1;
    expect(() => checkLoose(layer, allow(seqAt(11)), contextAt(12))).toThrow(
      expect.objectContaining({ detail: { code: 'LEDGER_TX_SEQ', problem: 'low', bound, got: seqAt(11) } }),
    );
    checkLoose(layer, allow(bound), contextAt(12));
    checkLoose(layer, revoke(seqAt(11)), contextAt(12));
  });

  it('names what a transaction waits for', () => {
    const { layer } = worldWithStudy();
    expect(() => checkLoose(layer, tx.allow('mr', 'patient', 'doctor', seqAt(11)), contextAt(11))).toThrow(
      expect.objectContaining({ detail: { code: 'LEDGER_TX_NOT_YET', what: 'study' } }),
    );
  });

  it('does not let another sign for the patient', () => {
    const grant = allow(seqAt(11));
    const forged = tx.allow('ct', 'thief', 'doctor', seqAt(11));
    const bent = { ...grant, tuple: { ...grant.tuple, signature: forged.tuple.signature } };
    expect(keyOf('thief').publicKey).not.toEqual(publicKeyOf('patient'));
    expect(() => checkLoose(worldWithStudy().layer, bent, contextAt(11))).toThrow(/signature/);
  });
});
