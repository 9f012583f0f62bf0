import { describe, expect, it } from '@jest/globals';
import { type Transaction, toHex } from '@radpass/core';
import fc from 'fast-check';
import { applyTransaction } from '../dist/applyTransaction.js';
import { LedgerError } from '../dist/errors.js';
import { storedRoot } from '../dist/stateTree.js';
import { type StateKey, StateLayer } from '../dist/stateView.js';
import { tables } from '../dist/tables.js';
import { contextAt, seqAt, tx, worldParams, worldWithStudy } from './stateWorld.js';

const slot = 50;
// Signatures are another test's matter; quotas would make the order matter.
const more = {
  skipSignatures: true,
  params: { ...worldParams, maxConsentsPerOwner: 1_000, reassignDelayMs: 20 * worldParams.slotMs },
};

const made = new Map<string, Transaction>();
function once(name: string, make: () => Transaction): Transaction {
  const transaction = made.get(name) ?? make();
  made.set(name, transaction);
  return transaction;
}

const patients = fc.constantFrom('patient', 'heir');
const requesters = fc.constantFrom('doctor', 'clinic', 'archive');
const seqs = fc.integer({ min: 0, max: 4 }).map(n => seqAt(40) + n);
const allow = fc
  .tuple(patients, requesters, seqs, fc.integer({ min: 0, max: 1 }))
  .map(([patient, requester, seq, end]) =>
    once(`allow ${patient} ${requester} ${seq} ${end}`, () =>
      tx.allow('ct', patient, requester, seq, { notAfter: end === 0 ? 0 : seq + 1 }),
    ),
  );
const revoke = fc
  .tuple(patients, fc.option(requesters), seqs)
  .map(([patient, requester, seq]) =>
    once(`revoke ${patient} ${requester} ${seq}`, () => tx.revoke('ct', patient, requester, seq)),
  );
const consents = fc.array(fc.oneof(allow, revoke), { maxLength: 14 });

/** Tables 3, 4 and 12: what is consented to. */
function consentState(layer: StateLayer): string[] {
  const consent: number[] = [tables.consents, tables.floors, tables.standingGrants];
  return [...layer.changes]
    .filter(([key, value]) => key.startsWith('L') && consent.includes(key.charCodeAt(1)) && value)
    .map(([key, value]) => `${toHex(Uint8Array.from(key, c => c.charCodeAt(0)))} ${toHex(value!)}`)
    .sort();
}

const reassigned = worldWithStudy().apply(20, tx.reassign('ct', 'patient', 'heir'), more).layer;
reassigned.commitRoot();

/** What applies of these, one after the other, over the same state. */
function applyAll(transactions: readonly Transaction[]): StateLayer {
  const layer = new StateLayer(reassigned);
  for (const transaction of transactions) {
    try {
      applyTransaction(layer, transaction, contextAt(slot, more));
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
    }
  }
  return layer;
}

describe('consent', () => {
  it('is the same whatever the order of the same transactions', () => {
    fc.assert(
      fc.property(
        consents.chain(some => fc.tuple(fc.constant(some), fc.shuffledSubarray(some, { minLength: some.length }))),
        ([some, shuffled]) => {
          expect(consentState(applyAll(shuffled))).toEqual(consentState(applyAll(some)));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('is not changed by a replay of any of them', () => {
    fc.assert(
      fc.property(consents, some => {
        const layer = applyAll(some);
        const before = consentState(layer);
        for (const transaction of some) {
          expect(() => applyTransaction(layer, transaction, contextAt(slot, more))).toThrow(LedgerError);
        }
        expect(consentState(layer)).toEqual(before);
      }),
      { numRuns: 50 },
    );
  });
});

describe('applyTransaction', () => {
  const others = fc.constantFrom(
    ...['defineStudy', 'defineSource', 'keep', 'next reassign', 'first'].map(name =>
      once(name, () => {
        switch (name) {
          case 'defineStudy':
            return tx.study('mr', 'patient', seqAt(slot));
          case 'defineSource':
            return tx.source('hospital', seqAt(slot));
          case 'keep':
            return tx.keep('ct', 'heir', new Uint8Array(32));
          case 'next reassign':
            return tx.reassign('ct', 'heir', 'third', 1);
          default:
            return tx.source('clinic', seqAt(slot));
        }
      }),
    ),
  );
  const any = fc.array(fc.oneof(allow, revoke, others), { maxLength: 10 });

  it('changes nothing when it fails, and fails with a code of its own', () => {
    const bad = { verifier: { backend: 'no', verify: () => false, verifyStrict: () => false } };
    fc.assert(
      fc.property(any, fc.oneof(allow, revoke, others), (some, last) => {
        const layer = applyAll(some);
        const root = layer.commitRoot();
        const before = new Map<StateKey, Uint8Array | null>(layer.changes);
        // All rules pass or some fail; the signature fails in any case.
        const context = { ...contextAt(slot, { ...more, ...bad }), skipSignatures: false };
        expect(() => applyTransaction(layer, last, context)).toThrow(/./);
        expect(layer.changes).toEqual(before);
        expect(layer.commitRoot()).toEqual(root);
        expect(storedRoot(layer)).toEqual(root);
      }),
      { numRuns: 50 },
    );
  });

  it('leads to the same root in one layer as in a layer for each transaction', () => {
    fc.assert(
      fc.property(any, some => {
        let layer = new StateLayer(reassigned);
        for (const transaction of some) {
          layer.commitRoot();
          layer = new StateLayer(layer);
          try {
            applyTransaction(layer, transaction, contextAt(slot, more));
          } catch (error) {
            if (!(error instanceof LedgerError)) throw error;
          }
        }
        expect(layer.commitRoot()).toEqual(applyAll(some).commitRoot());
      }),
      { numRuns: 50 },
    );
  });
});
