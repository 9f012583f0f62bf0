/**
 * The state tree and the rules of transactions as lists of steps: what test/vectors/state.json and transactions.json hold.
 * Format: test/vectors/README.md.
 */
import {
  contentId,
  createAccredit,
  createRotateSource,
  createWithdrawStudy,
  fromHex,
  parsePublicKey,
  parseTransaction,
  sha256,
  type Transaction,
  toHex,
  utf8,
} from '@radpass/core';
import { applyTransaction } from '../dist/applyTransaction.js';
import { LedgerError } from '../dist/errors.js';
import { proveState, verifyStateProof } from '../dist/stateProof.js';
import { emptyState, leafKey, StateLayer } from '../dist/stateView.js';
import {
  chainId,
  contextAt,
  hashOf,
  hospital,
  keyOf,
  publicKeyOf,
  seqAt,
  timeOf,
  tx,
  World,
  worldParams,
} from './stateWorld.js';

/** [table, table key, value; null removes] */
type Change = readonly [table: number, key: string, value: string | null];
interface Proof {
  readonly table: number;
  readonly key: string;
  readonly value: string | null;
  readonly proof: string;
  readonly holds: boolean;
}

function applyChanges(layer: StateLayer, changes: readonly Change[]): void {
  for (const [table, key, value] of changes)
    layer.set(leafKey(table, fromHex(key)), value === null ? null : fromHex(value));
}

/** The root after each batch of changes. */
export function runBatches(batches: readonly { readonly changes: readonly Change[] }[]): string[] {
  const layer = new StateLayer(emptyState);
  return batches.map(({ changes }) => {
    applyChanges(layer, changes);
    return toHex(layer.commitRoot());
  });
}

export const verdictOf = (root: string, { table, key, value, proof }: Proof): boolean =>
  verifyStateProof({
    ...{ root: fromHex(root), table, tableKey: fromHex(key) },
    ...{ value: value === null ? null : fromHex(value), proof: fromHex(proof) },
  });

export function stateVectors() {
  const entry = (i: number, value: string | null): Change => [
    i % 3,
    toHex(sha256(utf8(`key ${i}`))).slice(0, 8 + (i % 5) * 8),
    value,
  ];
  const hex = (text: string): string => toHex(utf8(text));
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  const batches: Change[][] = [
    [],
    [[2, '', hex('one value')]],
    [[2, '', null]],
    [entry(0, hex('a')), entry(1, hex('b'))],
    range(2, 40).map(i => entry(i, hex(`value ${i}`))),
    [...range(0, 20).map(i => entry(i, null)), entry(20, hex('changed')), entry(21, '')],
    range(0, 100).map(i => entry(i, hex(`again ${i}`))),
  ];
  const roots = runBatches(batches.map(changes => ({ changes })));
  const layer = new StateLayer(emptyState);
  for (const changes of batches) applyChanges(layer, changes);
  const root = toHex(layer.commitRoot());
  const proofOf = (table: number, key: string, value: string | null, more: Partial<Proof> = {}): Proof => {
    const proof = toHex(proveState(layer, table, fromHex(key)));
    const made = { table, key, value, proof, ...more };
    return { ...made, holds: verdictOf(root, made as Proof) };
  };
  const [table, key] = entry(7, null);
  const [otherTable, otherKey] = entry(8, null);
  const value = hex('again 7');
  const proof = toHex(proveState(layer, table, fromHex(key)));
  return {
    batches: batches.map((changes, i) => ({ changes, root: roots[i]! })),
    proofs: [
      ...range(0, 6).map(i => proofOf(entry(i, null)[0], entry(i, null)[1], hex(`again ${i}`))),
      ...range(0, 6).map(i => proofOf(9, hex(`nothing here ${i}`), null)),
      ...[
        proofOf(table, key, hex('another value')),
        proofOf(table, key, null),
        proofOf(9, hex('nothing here 0'), value),
      ],
      ...[proofOf(otherTable, otherKey, value, { proof }), proofOf(table, key, value, { proof: `${proof}00` })],
      proofOf(table, key, value, { proof: proof.replace(/..$/, last => (last === '90' ? '91' : '90')) }),
    ],
  };
}

interface TransactionStep {
  readonly slot: number;
  readonly bytes: string;
  /** What a reader should know it for. */
  readonly says: string;
}

/** `none` or the code of the refusal, and the state root after each transaction. */
export function runTransactions(
  initial: readonly Change[],
  steps: readonly TransactionStep[],
): { refused: string; root: string }[] {
  const layer = new StateLayer(emptyState);
  applyChanges(layer, initial);
  return steps.map(({ slot, bytes }) => {
    let refused = 'none';
    try {
      applyTransaction(
        layer,
        parseTransaction(fromHex(bytes)),
        contextAt(slot, { weighs: key => toHex(key) === toHex(hospital) }),
      );
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      refused = error.code;
    }
    return { refused, root: toHex(layer.commitRoot()) };
  });
}

function transactionSteps(): [slot: number, says: string, Transaction][] {
  const delay = worldParams.reassignDelayMs / worldParams.slotMs;
  const effect = 30 + delay;
  const toHeir = tx.reassign('ct', 'patient', 'heir');
  const heirAgain = tx.reassign('mr', 'other', 'heir');
  const withdraw = (slot: number, study: string) =>
    createWithdrawStudy({
      chainId,
      key: keyOf('hospital'),
      seq: seqAt(slot),
      sourceKey: hospital,
      studyHash: hashOf(study),
    });
  const rotate = (slot: number, next: string) =>
    createRotateSource({ chainId, key: keyOf(next), seq: seqAt(slot), sourceKey: hospital });
  const accredit = (payer: string, slot: number) =>
    createAccredit({
      ...{ chainId, key: keyOf(payer), seq: seqAt(slot), sourceKey: hospital },
      ...{ until: seqAt(slot) + 1_000_000, maxStudies: 500 },
    });
  const closed = { url: '', node: 'clinic node 2' };
  return [
    [8, 'a new source', tx.source('clinic', seqAt(8))],
    [9, 'the same again', tx.source('clinic', seqAt(8))],
    [9, 'a first registration with a stamp of too few bits', tx.source('office', seqAt(9), { bits: 0 })],
    [9, 'a node key of another source', tx.source('office', seqAt(9), { node: 'clinic node' })],
    [10, 'a study and its owner', tx.study('ct', 'patient', timeOf(10))],
    [10, 'a second study', tx.study('mr', 'other', timeOf(10))],
    [11, 'the study again, for another patient', tx.study('ct', 'thief', timeOf(11))],
    [11, 'a study signed by another source', tx.study('us', 'patient', timeOf(11), { signer: 'clinic' })],
    [12, 'a grant', tx.allow('ct', 'patient', 'doctor', seqAt(12))],
    [12, 'a grant that ends', tx.allow('ct', 'patient', 'second doctor', seqAt(12), { notAfter: seqAt(900) })],
    [12, 'a grant by a stranger', tx.allow('ct', 'thief', 'thief', seqAt(12))],
    [13, 'an older grant to the same', tx.allow('ct', 'patient', 'doctor', seqAt(11))],
    [13, 'a revocation', tx.revoke('ct', 'patient', 'doctor', seqAt(13))],
    [
      13,
      'a grant of the time of the revocation: the revocation stands',
      tx.allow('ct', 'patient', 'doctor', seqAt(13)),
    ],
    [14, 'a later grant', tx.allow('ct', 'patient', 'doctor', seqAt(14))],
    [15, 'a revocation of everyone', tx.revoke('ct', 'patient', null, seqAt(15))],
    [16, 'a grant from before it: entered, without effect', tx.allow('ct', 'patient', 'third doctor', seqAt(14))],
    [17, 'a grant after it', tx.allow('ct', 'patient', 'third doctor', seqAt(17))],
    [30, 'a reassignment', toHeir],
    [30, 'another one', heirAgain],
    [31, 'a grant by who is not yet the owner: entered, without effect', tx.allow('ct', 'heir', 'doctor', seqAt(31))],
    [31, 'a veto by another', tx.keep('mr', 'patient', contentId(chainId, heirAgain.tuple))],
    [31, 'the veto of the owner', tx.keep('mr', 'other', contentId(chainId, heirAgain.tuple))],
    [32, 'the vetoed reassignment again', heirAgain],
    [effect, 'after the delay, a grant by the new owner', tx.allow('ct', 'heir', 'doctor', seqAt(effect))],
    [effect, 'a reassignment that counts none before it', tx.reassign('ct', 'heir', 'third', 0)],
    [effect, 'an accreditation by a payer', accredit('payer', effect)],
    [effect, 'an accreditation by nobody known', accredit('thief', effect)],
    [effect + 1, 'a withdrawal', withdraw(effect + 1, 'mr')],
    [
      effect + 2,
      'a grant of a withdrawn study: entered, without effect',
      tx.allow('mr', 'other', 'doctor', seqAt(effect + 2)),
    ],
    [
      effect + 2,
      'a change of url, with the next key announced',
      tx.source('hospital', seqAt(effect + 2), { node: 'hospital node', nextKeyHash: sha256(publicKeyOf('next')) }),
    ],
    [effect + 3, 'a rotation to a key that was not announced', rotate(effect + 3, 'other')],
    [effect + 3, 'a rotation to the announced key', rotate(effect + 3, 'next')],
    [effect + 4, 'a withdrawal by the old key', withdraw(effect + 4, 'ct')],
    [effect + 4, 'a source closes', tx.source('clinic', seqAt(effect + 4), closed)],
  ];
}

export function transactionVectors() {
  const initial = [...new World().layer.changes].map(([key, value]): Change => {
    const bytes = Uint8Array.from(key.slice(1), char => char.charCodeAt(0));
    return [bytes[0]!, toHex(bytes.subarray(1)), toHex(value!)];
  });
  const steps = transactionSteps().map(([slot, says, { bytes }]) => ({ slot, says, bytes: toHex(bytes) }));
  const outcomes = runTransactions(initial, steps);
  return {
    ...{ chainId: toHex(chainId), payers: [toHex(publicKeyOf('payer'))], weighs: [toHex(parsePublicKey(hospital))] },
    initial,
    steps: steps.map((step, i) => ({ ...step, ...outcomes[i]! })),
  };
}
