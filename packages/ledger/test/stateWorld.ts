/** One founder with a study's worth of people around it: the valid base that tests of state rules vary. */
import {
  bindNode,
  createAllowAccess,
  createClaim,
  createDefineSource,
  createDefineStudy,
  createKeepStudy,
  createReassignStudy,
  createReclaim,
  createRevokeAccess,
  equalBytes,
  findStamp,
  nobleVerifier,
  type PublicKey,
  SecretKey,
  sha256,
  type Transaction,
  utf8,
} from '@radpass/core';
import { applyTransaction, type TransactionContext } from '../dist/applyTransaction.js';
import { defaultParams, type Params } from '../dist/consensus/params.js';
import { LedgerError, type LedgerErrorDetail } from '../dist/errors.js';
import { emptyState, StateLayer } from '../dist/stateView.js';
import { addSource } from '../dist/tables.js';

export const chainId = sha256(utf8('a network for tests of the state'));
export const genesisTimeMs = 1_800_000_000_000;
export const hourMs = 3_600_000;

const keys = new Map<string, SecretKey>();
/** The same key for the same name, always. */
export function keyOf(name: string): SecretKey {
  const known = keys.get(name) ?? SecretKey.fromSeed(sha256(utf8(name)));
  keys.set(name, known);
  return known;
}
export const publicKeyOf = (name: string): PublicKey => keyOf(name).publicKey;
export const hospital = publicKeyOf('hospital');
export const hashOf = (study: string): Uint8Array => sha256(utf8(`study ${study}`));

export const worldParams: Params = { ...defaultParams, slotMs: 4_000, stampBits: 4 };
export const timeOf = (slot: number): number => genesisTimeMs + slot * worldParams.slotMs;
/** seq for what is said at a slot. */
export const seqAt = timeOf;

function stampFor(sourceKey: PublicKey, seq: number, bits: number): number {
  const search = findStamp({ chainId, sourceKey, seq, bits });
  let step = search.next();
  while (!step.done) step = search.next();
  return step.value;
}

export const tx = {
  source: (
    name: string,
    seq: number,
    more: Partial<Parameters<typeof createDefineSource>[0]> & { node?: string; bits?: number } = {},
  ): Transaction => {
    const { node = `${name} node`, bits = worldParams.stampBits, ...fields } = more;
    const sourceKey = publicKeyOf(name);
    return createDefineSource({
      chainId,
      key: keyOf(name),
      seq,
      sourceKey,
      url: `https://${name}.example/iti43`,
      nodeKey: publicKeyOf(node),
      stamp: stampFor(sourceKey, seq, bits),
      nodeSig: bindNode({ chainId, nodeKey: keyOf(node), sourceKey, seq }),
      ...fields,
    });
  },
  study: (
    study: string,
    patient: string,
    time: number,
    more: { source?: string; signer?: string } = {},
  ): Transaction => {
    const { source = 'hospital', signer = source } = more;
    const claim = createClaim({
      chainId,
      key: keyOf(patient),
      sourceKey: publicKeyOf(source),
      studyHash: hashOf(study),
    });
    return createDefineStudy({ chainId, key: keyOf(signer), time, claim });
  },
  allow: (
    study: string,
    patient: string,
    requester: string,
    seq: number,
    more: { notAfter?: number; receiptHash?: Uint8Array } = {},
  ): Transaction =>
    createAllowAccess({
      chainId,
      key: keyOf(patient),
      seq,
      requesterKey: publicKeyOf(requester),
      sourceKey: hospital,
      studyHash: hashOf(study),
      ...more,
    }),
  revoke: (study: string, patient: string, requester: string | null, seq: number): Transaction =>
    createRevokeAccess({
      chainId,
      key: keyOf(patient),
      seq,
      requesterKey: requester === null ? null : publicKeyOf(requester),
      sourceKey: hospital,
      studyHash: hashOf(study),
    }),
  reassign: (study: string, from: string, to: string, generation = 0, more: { signer?: string } = {}): Transaction => {
    const reclaim = createReclaim({
      chainId,
      key: keyOf(to),
      previousPatientKey: publicKeyOf(from),
      sourceKey: hospital,
      studyHash: hashOf(study),
      generation,
    });
    return createReassignStudy({ chainId, key: keyOf(more.signer ?? 'hospital'), reclaim });
  },
  keep: (study: string, patient: string, reassignId: Uint8Array): Transaction =>
    createKeepStudy({ chainId, key: keyOf(patient), sourceKey: hospital, studyHash: hashOf(study), reassignId }),
};

export function contextAt(slot: number, more: Partial<TransactionContext> = {}): TransactionContext {
  const params = more.params ?? worldParams;
  return {
    chainId,
    slot,
    slotTimeMs: timeOf(slot),
    epoch: Math.floor(slot / params.slotsPerEpoch),
    params,
    verifier: nobleVerifier,
    payers: [publicKeyOf('payer')],
    allowList: [],
    weighs: key => equalBytes(key, hospital),
    ...more,
  };
}

/** A state with the founder 'hospital', in which transactions enter at given slots. */
export class World {
  readonly layer = new StateLayer(emptyState);

  constructor() {
    addSource(this.layer, hospital, {
      seq: 0,
      url: 'https://hospital.example/iti43',
      nodeKey: publicKeyOf('hospital node'),
      tlsPins: [],
      standingKey: hospital,
      nextKeyHash: new Uint8Array(),
      definedSlot: 0,
      studyCount: 0,
      hadWeight: true,
    });
  }

  apply(slot: number, transaction: Transaction, more: Partial<TransactionContext> = {}): this {
    applyTransaction(this.layer, transaction, contextAt(slot, more));
    return this;
  }

  /** The detail of the refusal; the state must be as before. Fails the test when the transaction applies. */
  refusal(slot: number, transaction: Transaction, more: Partial<TransactionContext> = {}): LedgerErrorDetail {
    const before = new Map(this.layer.changes);
    try {
      this.apply(slot, transaction, more);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      const after = this.layer.changes;
      if (after.size !== before.size || [...after].some(([key, value]) => before.get(key) !== value)) {
        throw new Error('the refused transaction changed the state');
      }
      return error.detail;
    }
    throw new Error('the transaction applied');
  }
}

/** A world in which patient owns study 'ct' since slot 10. */
export function worldWithStudy(): World {
  return new World().apply(10, tx.study('ct', 'patient', timeOf(10)));
}
