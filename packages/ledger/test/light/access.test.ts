import { beforeEach, describe, expect, it } from '@jest/globals';
import { concatBytes, encodeCanonical } from '@radpass/core';
import { type Leaf, provenConsent, provenSource, provenStudy } from '../../dist/light/access.js';
import { emptyState, StateLayer } from '../../dist/stateView.js';
import {
  consentTable,
  floorTable,
  grantType,
  revocationType,
  sourceTable,
  studyTable,
  tables,
} from '../../dist/tables.js';
import { seedKey } from '../testChain.js';
import { hashOf, stateOf } from './lightWorld.js';

const keyOf = (name: string) => seedKey(name).publicKey;
const scope = {
  sourceKey: keyOf('source'),
  studyHash: hashOf('study'),
  patientKey: keyOf('patient'),
  requesterKey: keyOf('doctor'),
};
const study = concatBytes(scope.sourceKey, scope.studyHash);
const keys = {
  study,
  consent: concatBytes(study, scope.patientKey, scope.requesterKey),
  floor: concatBytes(study, scope.patientKey),
};

/** What the ledger itself would write for a source, a study, a grant of seq 60,000 and what else is set. */
function written(set: (layer: StateLayer) => void) {
  const layer = new StateLayer(emptyState);
  const source = {
    seq: 1,
    url: 'https://h.example',
    nodeKey: keyOf('node'),
    tlsPins: [],
    standingKey: scope.sourceKey,
    nextKeyHash: new Uint8Array(),
  };
  sourceTable.set(layer, { ...source, definedSlot: 1, studyCount: 1, index: 0, hadWeight: true }, scope.sourceKey);
  const owned = { owner: scope.patientKey, ownerSinceSlot: 3, generation: 0, withdrawn: false };
  studyTable.set(
    layer,
    { ...owned, pendingOwner: null, effectSlot: 0, reassignId: new Uint8Array() },
    scope.sourceKey,
    scope.studyHash,
  );
  const grant = {
    type: grantType,
    seq: 60_000,
    notAfter: 0,
    receiptHash: new Uint8Array(),
    contentId: hashOf('grant'),
  } as const;
  consentTable.set(layer, grant, scope.sourceKey, scope.studyHash, scope.patientKey, scope.requesterKey);
  for (let i = 0; i < 40; i++) layer.set(`L${String.fromCharCode(tables.vetoes)}other ${i}`, encodeCanonical([i]));
  set(layer);
  const values = [...layer.changes].flatMap(([key, value]) => {
    const name = Uint8Array.from(key.slice(2), c => c.charCodeAt(0));
    return key.startsWith('L') && value ? [[key.charCodeAt(1), name, value] as const] : [];
  });
  const { root, leaf } = stateOf(values);
  const leaves = {
    study: leaf(tables.studies, keys.study),
    consent: leaf(tables.consents, keys.consent),
    floor: leaf(tables.floors, keys.floor),
  };
  return { final: { slot: 50, blockId: hashOf('block'), timeMs: 0, stateRoot: root }, leaves, leaf };
}

describe('what proofs show of a final state', () => {
  let state: ReturnType<typeof written>;
  const consent = (leaves: Record<string, Leaf> = {}) =>
    provenConsent(state.final, scope, { ...state.leaves, ...leaves });

  beforeEach(() => {
    state = written(() => undefined);
  });

  it('is a grant by three leaves of one root', () => {
    const { study: owned, grant, floorSeq } = consent();
    expect(owned?.owner).toEqual(scope.patientKey);
    expect(grant?.seq).toBe(60_000);
    expect(floorSeq).toBe(0);
  });

  it('is the absence of a grant', () => {
    state = written(layer => {
      consentTable.set(layer, null, scope.sourceKey, scope.studyHash, scope.patientKey, scope.requesterKey);
    });
    expect(consent()).toMatchObject({ entry: null, grant: null });
  });

  it('is its revocation, by an entry or by a floor', () => {
    const ofScope = [scope.sourceKey, scope.studyHash, scope.patientKey] as const;
    state = written(layer => {
      const revoked = {
        type: revocationType,
        seq: 120_000,
        notAfter: 0,
        receiptHash: new Uint8Array(),
        contentId: hashOf('r'),
      } as const;
      consentTable.set(layer, revoked, ...ofScope, scope.requesterKey);
    });
    expect(consent()).toMatchObject({ entry: { type: revocationType, seq: 120_000 }, grant: null });
    const floorAt = (seq: number) =>
      written(layer => floorTable.set(layer, { seq, contentId: hashOf('f') }, ...ofScope));
    state = floorAt(60_000);
    expect(consent()).toMatchObject({ floorSeq: 60_000, grant: null });
    state = floorAt(59_999);
    expect(consent().grant?.seq).toBe(60_000);
  });

  it('is no grant by somebody who does not own the study, or no longer does at the slot', () => {
    const withOwner = (change: object) =>
      written(layer => {
        const was = studyTable.get(layer, scope.sourceKey, scope.studyHash)!;
        studyTable.set(layer, { ...was, ...change }, scope.sourceKey, scope.studyHash);
      });
    state = withOwner({ owner: keyOf('another') });
    expect(consent().grant).toBeNull();
    state = withOwner({ pendingOwner: keyOf('another'), effectSlot: 50, reassignId: hashOf('re') });
    expect(consent()).toMatchObject({ study: { owner: keyOf('another'), generation: 1 }, grant: null });
    state = withOwner({ pendingOwner: keyOf('another'), effectSlot: 51, reassignId: hashOf('re') });
    expect(consent().grant).not.toBeNull();
  });

  it('is nothing when a value, a proof, a key or the root is another', () => {
    const wrong = (leaves: Record<string, Leaf>) =>
      expect(() => consent(leaves)).toThrow(expect.objectContaining({ code: 'LEDGER_LIGHT_PROOF' }));
    const { leaves } = state;
    for (const [name, leaf] of Object.entries(leaves)) {
      const value = leaf.value
        ? leaf.value.map((byte, i) => (i === 5 ? byte ^ 1 : byte))
        : encodeCanonical([1, hashOf('x')]);
      wrong({ [name]: { ...leaf, value } });
      if (leaf.value) wrong({ [name]: { ...leaf, value: null } });
      wrong({ [name]: { ...leaf, proof: leaf.proof.slice(0, -1) } });
      wrong({ [name]: { ...leaf, proof: new Uint8Array() } });
    }
    wrong({ study: leaves.consent, consent: leaves.study });
    const { final } = state;
    state = { ...state, final: { ...final, stateRoot: hashOf('another root') } };
    wrong({});
    state = { ...state, final };
    const others = { ...scope, requesterKey: keyOf('stranger') };
    expect(() => provenConsent(final, others, leaves)).toThrow(expect.objectContaining({ code: 'LEDGER_LIGHT_PROOF' }));
  });

  it('is one study or source, there or not', () => {
    const { final, leaf } = state;
    expect(provenStudy(final, scope, state.leaves.study)?.owner).toEqual(scope.patientKey);
    const none = { sourceKey: scope.sourceKey, studyHash: hashOf('none') };
    expect(provenStudy(final, none, leaf(tables.studies, concatBytes(none.sourceKey, none.studyHash)))).toBeNull();
    expect(provenSource(final, scope.sourceKey, leaf(tables.sources, scope.sourceKey))?.url).toBe('https://h.example');
    expect(provenSource(final, keyOf('x'), leaf(tables.sources, keyOf('x')))).toBeNull();
    expect(() => provenSource(final, keyOf('x'), leaf(tables.sources, scope.sourceKey))).toThrow(/does not hold/);
  });
});
