/**
 * The proof bundle of a decision, read again by whoever audits it: three leaves of the ledger's final state, each proven
 * under the state root that it names, say who owned the study, what the patient had said about this requester, and from
 * which seq on everyone was revoked. That the root is a final one is for the ledger to say: `roots` names slot and root.
 *
 *   [[table, slot, stateRoot, value (empty = absent), proof], …]           by a node that is believed
 *   [update, [[table, value (empty = absent), proof], …]]                   by one that is not: all under the state root of
 *                                                                           the final block of a light client's update
 *
 * canonical, for studies, consents and floors in this order.
 */
import {
  ascii,
  bytes,
  bytesUpTo,
  type Canonical,
  concatBytes,
  decodeCanonical,
  equalBytes,
  list,
  type PublicKey,
  raw,
  tuple,
  uint,
} from '@radpass/core';
import { parseHeader, tables, verifyStateProof } from '@radpass/ledger/light';
import { ClientError } from './errors.js';

export interface ProvenGrant {
  seq: number;
  /** 0 = none. */
  notAfter: number;
  /** Empty, or the hash of the consent receipt. */
  receiptHash: Uint8Array;
  /** Of the study, the consent and the floor. */
  roots: { slot: number; stateRoot: Uint8Array }[];
}

const maxBundleBytes = 65_536;
const leafSchema = tuple(ascii(16), uint(), bytes(32), bytesUpTo(4_096), bytesUpTo(16_384));
const bundleSchema = list(leafSchema, 3, 3);
const maxUpdateBytes = 1_048_576;
const updateSchema = tuple(raw(maxUpdateBytes), tuple(bytesUpTo(1_024), raw(maxUpdateBytes)));
const certifiedSchema = tuple(
  bytesUpTo(maxUpdateBytes),
  list(tuple(ascii(16), bytesUpTo(4_096), bytesUpTo(16_384)), 3, 3),
);

type Leaf = [table: string, slot: number, stateRoot: Uint8Array, value: Uint8Array, proof: Uint8Array];

function readLeaves(bundle: Uint8Array): Leaf[] {
  const value = decodeCanonical(bundle, raw(maxUpdateBytes + maxBundleBytes), maxUpdateBytes + maxBundleBytes);
  if (!Array.isArray(value) || value.length !== 2) return decodeCanonical(bundle, bundleSchema, maxBundleBytes);
  const [update, leaves] = decodeCanonical(bundle, certifiedSchema, maxUpdateBytes + maxBundleBytes);
  const [, [header]] = decodeCanonical(update, updateSchema, maxUpdateBytes);
  const { slot, stateRoot } = parseHeader(header);
  return leaves.map(([table, held, proof]) => [table, slot, stateRoot, held, proof]);
}

/**
 * Check that the bundle proves this grant of this owner to this requester.
 * @throws ClientError CLIENT_PROOF {reason}: form, leaf (a proof that doesn't hold), withdrawn, owner, grant, floor
 */
export function checkProofBundle(
  bundle: Uint8Array,
  grant: { sourceKey: PublicKey; studyHash: Uint8Array; patientKey: PublicKey; requesterKey: PublicKey; seq: number },
): ProvenGrant {
  const leaves = decoded(() => readLeaves(bundle));
  const study = concatBytes(grant.sourceKey, grant.studyHash);
  const places: [keyof typeof tables, Uint8Array][] = [
    ['studies', study],
    ['consents', concatBytes(study, grant.patientKey, grant.requesterKey)],
    ['floors', concatBytes(study, grant.patientKey)],
  ];
  const [owned, consent, floor] = places.map(([name, tableKey], i) => {
    const [table, , root, value, proof] = leaves[i]!;
    const held = value.length === 0 ? null : value;
    const holds = table === name && verifyStateProof({ root, table: tables[name], tableKey, value: held, proof });
    if (!holds) throw refused('leaf');
    return held;
  });
  const roots = leaves.map(([, slot, stateRoot]) => ({ slot, stateRoot }));
  checkOwner(owned ?? null, roots[0]!.slot, grant.patientKey);
  const [type, seq, notAfter, receiptHash] = valuesOf(consent ?? null, 'grant');
  if (type !== 3 || seq !== grant.seq || typeof notAfter !== 'number' || !(receiptHash instanceof Uint8Array)) {
    throw refused('grant');
  }
  const floorSeq = floor ? valuesOf(floor, 'floor')[0] : 0;
  if (typeof floorSeq !== 'number' || floorSeq >= grant.seq) throw refused('floor');
  return { seq: grant.seq, notAfter, receiptHash, roots };
}

/** A study's leaf is [owner, ownerSinceSlot, generation, withdrawn, pendingOwner, effectSlot, reassignId]. */
function checkOwner(leaf: Uint8Array | null, slot: number, patientKey: PublicKey): void {
  const [owner, , , withdrawn, pendingOwner, effectSlot] = valuesOf(leaf, 'owner');
  if (withdrawn !== 0) throw refused('withdrawn');
  const isPending = pendingOwner instanceof Uint8Array && pendingOwner.length === 32 && slot >= Number(effectSlot);
  const standing = isPending ? pendingOwner : owner;
  if (!(standing instanceof Uint8Array) || !equalBytes(standing, patientKey)) throw refused('owner');
}

function valuesOf(leaf: Uint8Array | null, otherwise: string): Canonical[] {
  if (leaf === null) throw refused(otherwise);
  const value = decoded(() => decodeCanonical(leaf, raw(4_096)));
  return Array.isArray(value) ? value : [];
}

function decoded<T>(decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    throw refused('form', cause);
  }
}

function refused(reason: string, cause?: unknown): ClientError {
  return new ClientError({ code: 'CLIENT_PROOF', reason }, `the proof doesn't show that grant: ${reason}`, { cause });
}
