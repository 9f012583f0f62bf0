/**
 * What one node says about a study and a requester, at one final checkpoint.
 *
 * A read takes study and grant one after another and is kept only if both stood at one final checkpoint. Hashes go out
 * as prefixes, so that a node doesn't learn which study is asked about.
 *
 * What a node says about a study and a requester follows from its final checkpoint and the revocations that it has seen.
 * So every read first asks what these are now, a question that all readers of a moment share, and what was read under
 * the same ones before is not asked for again.
 */
import { type AccessFacts, encodeCanonical, equalBytes, type PublicKey, toHex } from '@radpass/core';
import type { ProvenConsent } from '@radpass/ledger/light';
import { ClientError } from './errors.js';
import { keepBounded } from './keepBounded.js';
import { type LightNodes, provenGrantOf, provenSourceOf, provenStudyOf, type VerifiedFinal } from './lightNodes.js';
import type { NodeApi } from './nodeApi.js';
import type { FinalCheckpoint, GrantEntry, NodeStatus, RevocationEntry, StudyEntry } from './nodeSchemas.js';
import { SharedReads } from './sharedReads.js';
import { studyAt } from './studyAt.js';

const readAttempts = 4;
const maxKept = 256;

export interface Question {
  sourceKey: PublicKey;
  studyHash: Uint8Array;
  requesterKey: PublicKey;
}

/** What one node said. */
export interface NodeFacts {
  node: NodeApi;
  facts: AccessFacts;
  grant: GrantEntry | null;
  /** Where the node is not believed: evidence for what it said. */
  evidence: Uint8Array | null;
  revoked: Revoked[];
}

/** A revocation of whoever owns a study, for the requester that was asked about or everyone. */
interface Revoked {
  patientKey: PublicKey;
  seq: number;
}

/**
 * A grant that was proven at a final block stays so: until that block is followed by another, the node is asked for what
 * it says, and not for the proofs of everything that it says.
 */
export type Proven = Map<string, { standing: ProvenConsent['grant']; entry: GrantEntry }>;

export const nameOf = (...keys: Uint8Array[]): string => keys.map(toHex).join(' ');

/** Asks a node; the question of its status, and what it read before, are shared by all who ask. */
export function factsOf(
  node: NodeApi,
  p: { proven: Proven; light: LightNodes | undefined },
): (question: Question) => Promise<NodeFacts> {
  const shared = new SharedReads();
  /** By question: what was read, and under which `basisOf`. */
  const read = new Map<string, { basis: string; facts: NodeFacts }>();
  return async question => {
    const name = nameOf(question.sourceKey, question.studyHash, question.requesterKey);
    // Asked before all else, so that what is read afterwards is at least as new as the basis that it is kept under.
    const status = await shared.read('status', () => node.status());
    const basis = basisOf(status);
    const known = read.get(name);
    if (known && known.basis === basis) return known.facts;
    const facts = await readAnew(node, question, { ...p, shared, chainId: status.chainId });
    if (basis !== null) keepBounded(read, name, { basis, facts }, maxKept);
    return facts;
  };
}

async function readAnew(
  node: NodeApi,
  question: Question,
  p: { shared: SharedReads; proven: Proven; light: LightNodes | undefined; chainId: Uint8Array },
): Promise<NodeFacts> {
  const { shared, proven, light, chainId } = p;
  const proofs = light !== undefined;
  const { sourceKey, studyHash, requesterKey } = question;
  for (let attempt = 0; attempt < readAttempts; attempt++) {
    const [directory, { checkpoint, study: told }] = await Promise.all([
      shared.read(nameOf(sourceKey), () => node.sourceAt(sourceKey, { proofs })),
      shared.read(nameOf(sourceKey, studyHash), () => node.study(sourceKey, studyHash, { proofs })),
    ]);
    const final = light && (await light.verified(node, checkpoint));
    // A node that is not believed shows all of it at one block, the directory too.
    if (final === null || (final && directory && !isSameBlock(checkpoint, directory.checkpoint))) continue;
    const study = told && final ? provenStudyOf(final, told) : told;
    const source = directory && (final ? provenSourceOf(final, directory.source) : directory.source);
    const point = pointOf(final ?? checkpoint);
    const owner = study && studyAt(study, point.slot);
    const provenName = final && nameOf(final.blockId, sourceKey, studyHash, requesterKey);
    const known = provenName ? proven.get(provenName) : undefined;
    const said = await node.grantsOfStudy(sourceKey, studyHash, owner ? [owner.owner, requesterKey] : [], {
      proofs: proofs && known === undefined,
    });
    if (!isSameBlock(checkpoint, said.checkpoint)) continue;
    const named = said.grants.find(
      grant =>
        isStudy(grant, question) &&
        owner &&
        equalBytes(grant.patientKey, owner.owner) &&
        equalBytes(grant.requesterKey, requesterKey),
    );
    if (provenName && known && named && !equalBytes(known.entry.contentId, named.contentId)) {
      // Proven is one, and told of is another: have that proven, too.
      proven.delete(provenName);
      continue;
    }
    const entry = named && (known?.entry ?? named);
    const standing = entry && (final ? (known?.standing ?? provenGrantOf(final, entry).grant) : standingOf(entry));
    if (provenName && entry && standing) keepBounded(proven, provenName, { standing, entry }, maxKept);
    const facts: AccessFacts = {
      chainId: light ? light.chainId : chainId,
      checkpoint: point,
      source: source && { standingKey: source.standingKey, url: source.url, seq: source.seq },
      study: owner && ownershipOf(owner),
      grant: standing
        ? {
            seq: standing.seq,
            notAfter: standing.notAfter,
            receiptHash: standing.receiptHash,
            contentId: standing.contentId,
          }
        : null,
      revokedSeq: 0,
      proof: new Uint8Array(),
    };
    const evidence = final && entry && standing ? evidenceOf(final, entry) : null;
    const grant = standing ? (entry ?? null) : null;
    return { node, facts, grant, evidence, revoked: revocationsFor(said, question) };
  }
  throw new ClientError(
    { code: 'CLIENT_STATE_MOVED', attempts: readAttempts },
    'the final state moved during every attempt to read it',
  );
}

/** What an answer says of revocations for this requester or everyone, whoever owns the study. */
function revocationsFor(
  { grants, revocations }: { grants: GrantEntry[]; revocations: RevocationEntry[] },
  question: Question,
): Revoked[] {
  const isFor = (entry: GrantEntry | RevocationEntry): boolean =>
    isStudy(entry, question) && (entry.requesterKey === null || equalBytes(entry.requesterKey, question.requesterKey));
  return [
    ...grants.filter(isFor).map(({ patientKey, revokedSeq }) => ({ patientKey, seq: revokedSeq })),
    ...revocations.filter(isFor).map(({ patientKey, seq }) => ({ patientKey, seq })),
  ];
}

/**
 * What all answers about studies and grants follow from; null where the node doesn't say, or says that it must be replaced
 * and answers no more.
 */
function basisOf({ finalSlot, finalId, revocationsSeen, upgradeTo }: NodeStatus): string | null {
  if (revocationsSeen === undefined || upgradeTo !== undefined) return null;
  return `${finalSlot} ${toHex(finalId)} ${revocationsSeen}`;
}

function isSameBlock(a: FinalCheckpoint, b: FinalCheckpoint): boolean {
  return equalBytes(a.blockId, b.blockId);
}

function standingOf(entry: GrantEntry): GrantEntry | null {
  return entry.type === 3 && entry.seq > entry.floorSeq ? entry : null;
}

function isStudy(entry: { sourceKey: PublicKey; studyHash: Uint8Array }, question: Question): boolean {
  return equalBytes(entry.studyHash, question.studyHash) && equalBytes(entry.sourceKey, question.sourceKey);
}

function ownershipOf({ owner, ownerSinceSlot, generation, withdrawn }: StudyEntry): NonNullable<AccessFacts['study']> {
  return { owner, ownerSinceSlot, generation, withdrawn };
}

function pointOf(checkpoint: Pick<FinalCheckpoint, 'slot' | 'blockId' | 'timeMs'>): AccessFacts['checkpoint'] {
  return { slot: checkpoint.slot, blockId: checkpoint.blockId, timeMs: checkpoint.timeMs };
}

/**
 * Evidence that a light client can check again: canonical [update, [[table, value (empty = absent), proof], …]] for study,
 * consent and floor, all under the state root of the update's final block.
 */
function evidenceOf(final: VerifiedFinal, { leaves }: GrantEntry): Uint8Array {
  const named = leaves
    ? ([
        ['studies', leaves.study],
        ['consents', leaves.consent],
        ['floors', leaves.floor],
      ] as const)
    : [];
  const proofs = named.map(([table, { value, proof }]) => [table, value ?? new Uint8Array(), proof]);
  return encodeCanonical([final.update, proofs]);
}
