import { describe, expect, it } from '@jest/globals';
import { createRevokeAccess, type RevokeAccess, sha256, type Transaction, utf8 } from '@radpass/core';
import { Revocations, requestersKept } from '../../dist/revocations.js';
import { emptyState, StateLayer, type StateSource } from '../../dist/stateView.js';
import { MemoryStore } from '../../dist/store.js';
import { consentTable } from '../../dist/tables.js';
import { seedKey } from '../testChain.js';

const chainId = sha256(utf8('network'));
const patient = seedKey('patient');
const sourceKey = seedKey('source').publicKey;
const studyHash = sha256(utf8('study'));

function revocation(requester: string | null, seq: number): Transaction<RevokeAccess> {
  const requesterKey = requester === null ? null : seedKey(requester).publicKey;
  return createRevokeAccess({ chainId, key: patient, seq, requesterKey, sourceKey, studyHash });
}

const greatest = (revocations: Revocations, requester: string): number =>
  revocations.greatest({
    sourceKey,
    studyHash,
    patientKey: patient.publicKey,
    requesterKey: seedKey(requester).publicKey,
  });

async function keep(
  revocations: Revocations,
  store: MemoryStore,
  tx: Transaction<RevokeAccess>,
  state: StateSource = emptyState,
) {
  await store.commit(revocations.add(tx.tuple, tx, state));
}

describe('sticky revocations', () => {
  it('keep the greatest seq, for a requester or for everyone, over restarts', async () => {
    const store = new MemoryStore();
    let revocations = (await Revocations.load(store, emptyState)).revocations;
    await keep(revocations, store, revocation('doctor', 5));
    await keep(revocations, store, revocation('doctor', 3));
    await keep(revocations, store, revocation(null, 4));
    for (let opened = 0; opened < 2; opened++) {
      expect([greatest(revocations, 'doctor'), greatest(revocations, 'other')]).toEqual([5, 4]);
      expect(revocations.pending().length).toBe(2);
      expect(
        revocations
          .ofStudy(sourceKey, studyHash)
          .map(({ seq }) => seq)
          .sort(),
      ).toEqual([4, 5]);
      revocations = (await Revocations.load(store, emptyState)).revocations;
    }
    expect(revocations.add(revocation('doctor', 5).tuple, revocation('doctor', 5), emptyState)).toEqual([]);
  });

  it('are broadcast until the final state says the same', async () => {
    const store = new MemoryStore();
    const revocations = (await Revocations.load(store, emptyState)).revocations;
    const tx = revocation('doctor', 5);
    await keep(revocations, store, tx);
    expect(revocations.pending()).toEqual([tx.bytes]);
    revocations.settle(() => false);
    expect(revocations.pending().length).toBe(1);
    revocations.settle(bytes => bytes === tx.bytes);
    expect(revocations.pending()).toEqual([]);
    expect(greatest(revocations, 'doctor')).toBe(5);
  });

  it('of more strangers than are kept become one of everyone; a requester with a grant keeps its own', async () => {
    const store = new MemoryStore();
    const revocations = (await Revocations.load(store, emptyState)).revocations;
    const state = new StateLayer(emptyState);
    const entry = {
      type: 3,
      seq: 1,
      notAfter: 0,
      receiptHash: new Uint8Array(0),
      contentId: sha256(utf8('grant')),
    } as const;
    consentTable.set(state, entry, sourceKey, studyHash, patient.publicKey, seedKey('doctor').publicKey);
    for (let i = 0; i < requestersKept; i++) await keep(revocations, store, revocation(`stranger ${i}`, 2), state);
    expect(greatest(revocations, 'anyone')).toBe(0);
    await keep(revocations, store, revocation('doctor', 7), state);
    expect([greatest(revocations, 'doctor'), greatest(revocations, 'anyone')]).toEqual([7, 0]);
    await keep(revocations, store, revocation('one more', 9), state);
    expect([greatest(revocations, 'one more'), greatest(revocations, 'anyone')]).toEqual([9, 9]);
    expect(greatest((await Revocations.load(store, emptyState)).revocations, 'anyone')).toBe(9);
  });
});
