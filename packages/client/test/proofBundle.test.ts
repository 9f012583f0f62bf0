/** What proves a grant long after, in both forms in which a gateway keeps it. */
import { describe, expect, it } from '@jest/globals';
import { type Canonical, concatBytes, encodeCanonical, type SecretKey, sha256 } from '@radpass/core';
import { encodeHeader } from '@radpass/ledger';
import { checkProofBundle } from '../dist/index.js';
import { keyOf } from './fakeNode.js';

const [source, patient, doctor, stranger] = [1, 2, 3, 4].map(keyOf) as [SecretKey, SecretKey, SecretKey, SecretKey];
const studyHash = sha256(new TextEncoder().encode('study'));
const grant = {
  sourceKey: source.publicKey,
  studyHash,
  patientKey: patient.publicKey,
  requesterKey: doctor.publicKey,
  seq: 60_000,
};
const none = new Uint8Array();
const zeros = new Uint8Array(32);
const study = concatBytes(grant.sourceKey, studyHash);
const keyAt = (table: number, key: Uint8Array): Uint8Array => sha256(concatBytes(Uint8Array.of(table), key));
const places = {
  studies: keyAt(2, study),
  consents: keyAt(3, concatBytes(study, grant.patientKey, grant.requesterKey)),
  floors: keyAt(4, concatBytes(study, grant.patientKey)),
};
const studyLeaf = (p: { owner?: SecretKey; pending?: SecretKey } = {}): Uint8Array =>
  encodeCanonical([
    (p.owner ?? patient).publicKey,
    1,
    0,
    0,
    p.pending ? p.pending.publicKey : none,
    p.pending ? 900 : 0,
    p.pending ? zeros : none,
  ]);
const consentLeaf = encodeCanonical([3, grant.seq, 0, zeros, zeros]);

const bit = (key: Uint8Array, depth: number): number => (key[depth >> 3]! >> (7 - (depth & 7))) & 1;
const leafHash = (key: Uint8Array, value: Uint8Array): Uint8Array =>
  sha256(concatBytes(Uint8Array.of(0), key, sha256(value)));
const node = (left: Uint8Array, right: Uint8Array): Uint8Array => sha256(concatBytes(Uint8Array.of(1), left, right));

/** A state of two leaves: its root, and the proof of what it holds, or doesn't hold, at a key. */
function twoLeaves(a: { key: Uint8Array; value: Uint8Array }, b: { key: Uint8Array; value: Uint8Array }) {
  let fork = 0;
  while (bit(a.key, fork) === bit(b.key, fork)) fork++;
  const [left, right] = bit(a.key, fork) === 0 ? [a, b] : [b, a];
  const hashes = [node(leafHash(left.key, left.value), leafHash(right.key, right.value))];
  for (let depth = fork - 1; depth >= 0; depth--) {
    hashes.unshift(bit(a.key, depth) === 0 ? node(hashes[0]!, zeros) : node(zeros, hashes[0]!));
  }
  const prove = (key: Uint8Array): Canonical[] => {
    const siblings: Uint8Array[] = [];
    for (let depth = 0; depth < fork; depth++) {
      if (bit(key, depth) !== bit(a.key, depth)) return [[...siblings, hashes[depth + 1]!], []];
      siblings.push(none);
    }
    const [on, off] = bit(key, fork) === 0 ? [left, right] : [right, left];
    siblings.push(leafHash(off.key, off.value));
    return [siblings, on.key.every((byte, i) => byte === key[i]) ? [] : [on.key, sha256(on.value)]];
  };
  return { root: hashes[0]!, proof: (key: Uint8Array) => encodeCanonical(prove(key)) };
}

function header(slot: number, stateRoot: Uint8Array): Uint8Array {
  const point = { slot: 0, id: zeros };
  const roots = {
    txRoot: zeros,
    voteRoot: zeros,
    witnessRoot: zeros,
    evidenceRoot: zeros,
    stateRoot,
    committeeRoot: zeros,
  };
  const points = { root: point, justified: point, finalized: point };
  const chain = { rulesVersion: 1, chainId: zeros, slot, height: 1, parent: zeros, producer: source.publicKey };
  return encodeHeader({ ...chain, vrfProof: new Uint8Array(80), ...roots, ...points, bodySize: 0 });
}

const forms: [string, (slot: number, leaf: Uint8Array) => Uint8Array][] = [
  [
    'of a node that is believed',
    (slot, leaf) => {
      const state = twoLeaves({ key: places.studies, value: leaf }, { key: places.consents, value: consentLeaf });
      const rows: [string, Uint8Array, Uint8Array][] = [
        ['studies', places.studies, leaf],
        ['consents', places.consents, consentLeaf],
        ['floors', places.floors, none],
      ];
      return encodeCanonical(rows.map(([name, key, value]) => [name, slot, state.root, value, state.proof(key)]));
    },
  ],
  [
    'with the certified block of a light client',
    (slot, leaf) => {
      const state = twoLeaves({ key: places.studies, value: leaf }, { key: places.consents, value: consentLeaf });
      const update = encodeCanonical([[], [header(slot, state.root), [[], none, []]]]);
      const rows: [string, Uint8Array, Uint8Array][] = [
        ['studies', places.studies, leaf],
        ['consents', places.consents, consentLeaf],
        ['floors', places.floors, none],
      ];
      return encodeCanonical([update, rows.map(([name, key, value]) => [name, value, state.proof(key)])]);
    },
  ],
];

describe.each(forms)('a proof bundle %s', (_name, bundle) => {
  const reasonOf = (bytes: Uint8Array, changes: Partial<typeof grant> = {}): unknown => {
    try {
      checkProofBundle(bytes, { ...grant, ...changes });
      return 'none';
    } catch (error) {
      return (error as { detail?: { reason?: string } }).detail?.reason;
    }
  };

  it('proves the grant, with the roots that a node can confirm', () => {
    const proven = checkProofBundle(bundle(700, studyLeaf()), grant);
    expect(proven).toMatchObject({ seq: grant.seq, notAfter: 0, receiptHash: zeros });
    expect(proven.roots.map(({ slot }) => slot)).toEqual([700, 700, 700]);
  });

  it('goes by the owner at its slot', () => {
    const leaf = studyLeaf({ owner: stranger, pending: patient });
    expect(reasonOf(bundle(900, leaf))).toBe('none');
    expect(reasonOf(bundle(899, leaf))).toBe('owner');
    expect(reasonOf(bundle(900, studyLeaf({ pending: stranger })))).toBe('owner');
  });

  it('proves no other grant, study or requester, and nothing once a byte of it differs', () => {
    const good = bundle(700, studyLeaf());
    expect(reasonOf(good, { seq: 60_001 })).toBe('grant');
    expect(reasonOf(good, { requesterKey: stranger.publicKey })).toBe('leaf');
    expect(reasonOf(good, { studyHash: zeros })).toBe('leaf');
    expect(reasonOf(none)).toBe('form');
    let different = 0;
    for (let at = 0; at < good.length; at += 7) {
      const reason = reasonOf(good.map((byte, i) => (i === at ? byte ^ 1 : byte)));
      if (reason !== 'none') different++;
      // A slot, a header's other fields and the votes are for a node to judge: they change no leaf.
      else
        expect(
          checkProofBundle(
            good.map((byte, i) => (i === at ? byte ^ 1 : byte)),
            grant,
          ).seq,
        ).toBe(grant.seq);
    }
    expect(different).toBeGreaterThan(40);
  });
});
