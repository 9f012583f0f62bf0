/**
 * What a gateway asks of its nodes over HTTP (several may be watched: at least one must be fresh, the
 * fresh ones must agree on the grant, revocations are the union of all).
 *
 * A read takes study and grant one after another and is kept only if both stood at one final checkpoint. Hashes go out
 * as prefixes, so that a node doesn't learn which study is asked about. A node that is slow has no say: once a fresh
 * one answered, the others have `graceMs`.
 *
 * What a node says about a study and a requester follows from its final checkpoint and the revocations that it has seen.
 * So every read first asks what these are now, a question that all readers of a moment share, and what was read under
 * the same ones before is not asked for again.
 */
import {
  type AccessEvent,
  type AccessFacts,
  type AccessView,
  concatBytes,
  encodeCanonical,
  equalBytes,
  type PublicKey,
  toHex,
} from '@radpass/core';
import type { ProvenConsent } from '@radpass/ledger/light';
import { ClientError } from './errors.js';
import { followEvents } from './followEvents.js';
import { type LightNodes, provenGrantOf, provenSourceOf, provenStudyOf, type VerifiedFinal } from './lightNodes.js';
import type { NodeApi } from './nodeApi.js';
import type { FinalCheckpoint, GrantEntry, NodeEvent, NodeStatus, RevocationEntry, StudyEntry } from './nodeSchemas.js';
import { SharedReads } from './sharedReads.js';
import { studyAt } from './studyAt.js';

const readAttempts = 4;
const answerMs = 4_500;
const graceMs = 300;
/** As `decide` has it: a checkpoint further ahead of our clock is no fresh one. */
const maxAheadMs = 5_000;
const maxKept = 256;

export interface HttpAccessViewInit {
  nodes: readonly NodeApi[];
  /** Wall clock, Unix ms. */
  now: () => number;
  /** A node whose final checkpoint is older than this says nothing about grants. */
  maxStalenessMs: number;
  /** Checks what the nodes say about studies, grants and their checkpoints; without it they are believed. */
  light?: LightNodes;
  /** Events of this node were missed: ask it again for what they might have said. */
  onReset?: (node: NodeApi) => void;
}

/** What one node said, and the leaves' proofs of grants by checkpoint and contentId. */
interface NodeFacts {
  node: NodeApi;
  facts: AccessFacts;
  grant: GrantEntry | null;
  /** Where the node is not believed: evidence for what it said. */
  evidence: Uint8Array | null;
  said: Revoked[];
}

interface Revoked {
  patientKey: PublicKey;
  seq: number;
}
type Bundles = Map<string, Uint8Array>;
/**
 * A grant that was proven at a final block stays so: until that block is followed by another, the node is asked for what
 * it says, and not for the proofs of everything that it says.
 */
type Proven = Map<string, { standing: ProvenConsent['grant']; entry: GrantEntry }>;

/** What outlives a question. */
interface Kept {
  bundles: Bundles;
  proven: Proven;
  shared: SharedReads;
  ofNode: ReadonlyMap<NodeApi, KeptOfNode>;
}

interface KeptOfNode {
  shared: SharedReads;
  /** By question: what was read, and under which `basisOf`. */
  read: Map<string, { basis: string; facts: NodeFacts }>;
}

export function createHttpAccessView(init: HttpAccessViewInit): AccessView {
  const ofNode = new Map(init.nodes.map(node => [node, { shared: new SharedReads(), read: new Map() }]));
  const kept: Kept = { bundles: new Map(), proven: new Map(), shared: new SharedReads(), ofNode };
  return {
    facts(sourceKey, studyHash, requesterKey) {
      const question = { sourceKey, studyHash, requesterKey };
      const name = nameOf(sourceKey, studyHash, requesterKey);
      return kept.shared.read(name, () => unitedFacts(init, kept, question));
    },
    watch: (cursor, onEvent) => watchAll(init, cursor, onEvent),
  };
}

interface Question {
  sourceKey: PublicKey;
  studyHash: Uint8Array;
  requesterKey: PublicKey;
}

const nameOf = (...keys: Uint8Array[]): string => keys.map(toHex).join(' ');

async function unitedFacts(init: HttpAccessViewInit, kept: Kept, question: Question): Promise<AccessFacts> {
  const isFresh = ({ facts }: NodeFacts): boolean => {
    const age = init.now() - facts.checkpoint.timeMs;
    return age <= init.maxStalenessMs && age >= -maxAheadMs;
  };
  const read = await answersInTime(
    init.nodes.map(node => readFacts(node, question, kept, init.light)),
    isFresh,
  );
  const fresh = read.filter(isFresh);
  const newest = (fresh.length > 0 ? fresh : read).reduce((a, b) =>
    b.facts.checkpoint.slot > a.facts.checkpoint.slot ? b : a,
  );
  if (fresh.some(answer => !sameGrant(answer.facts, newest.facts))) {
    throw new ClientError(
      { code: 'CLIENT_NODES_DISAGREE', what: 'grant' },
      'the nodes that are up to date name different grants',
    );
  }
  const { study } = newest.facts;
  const withdrawn = [newest, ...fresh].some(answer => answer.facts.study?.withdrawn);
  return {
    ...newest.facts,
    study: study && { ...study, withdrawn },
    revokedSeq: study ? Math.max(0, ...read.map(answer => revokedSeqOf(answer, study.owner))) : 0,
    proof: await proofOf(newest, kept.bundles),
  };
}

/** All answers, or those that came within `graceMs` of the first fresh one. @throws what a node threw when none came */
function answersInTime(
  asked: readonly Promise<NodeFacts>[],
  isFresh: (answer: NodeFacts) => boolean,
): Promise<NodeFacts[]> {
  return new Promise((resolve, reject) => {
    const read: NodeFacts[] = [];
    let failure: unknown;
    let open = asked.length;
    const finish = (): void => {
      clearTimeout(timer);
      const late = { code: 'CLIENT_TIMEOUT' as const, what: 'answer of a node', timeoutMs: answerMs };
      if (read.length > 0) resolve([...read]);
      else reject(failure ?? new ClientError(late, `no node answered within ${answerMs} ms`));
    };
    let timer = setTimeout(finish, answerMs);
    const came = (answer: NodeFacts): void => {
      read.push(answer);
      if (!isFresh(answer)) return;
      clearTimeout(timer);
      timer = setTimeout(finish, graceMs);
    };
    const failed = (error: unknown): void => {
      failure ??= error;
    };
    for (const answer of asked) {
      void answer.then(came, failed).then(() => {
        open--;
        if (open === 0) finish();
      });
    }
  });
}

function sameGrant(a: AccessFacts, b: AccessFacts): boolean {
  if (!a.grant || !b.grant) return a.grant === b.grant;
  return equalBytes(a.grant.contentId, b.grant.contentId);
}

/** The greatest revocation that a node has seen of this owner's, for this requester or everyone; 0 = none. */
function revokedSeqOf({ said }: NodeFacts, owner: PublicKey): number {
  return Math.max(0, ...said.map(({ patientKey, seq }) => (equalBytes(patientKey, owner) ? seq : 0)));
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

async function readFacts(
  node: NodeApi,
  question: Question,
  kept: Kept,
  light: LightNodes | undefined,
): Promise<NodeFacts> {
  const { shared, read } = kept.ofNode.get(node)!;
  const { sourceKey, studyHash, requesterKey } = question;
  const name = nameOf(sourceKey, studyHash, requesterKey);
  // Asked before all else, so that what is read afterwards is at least as new as the basis that it is kept under.
  const status = await shared.read('status', () => node.status());
  const basis = basisOf(status);
  const known = read.get(name);
  if (known && known.basis === basis) return known.facts;
  const facts = await readAnew(node, question, { shared, proven: kept.proven, chainId: status.chainId }, light);
  if (basis !== null) keepBounded(read, name, { basis, facts });
  return facts;
}

async function readAnew(
  node: NodeApi,
  question: Question,
  { shared, proven, chainId }: { shared: SharedReads; proven: Proven; chainId: Uint8Array },
  light: LightNodes | undefined,
): Promise<NodeFacts> {
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
    const standing = entry && (final ? (known?.standing ?? provenStanding(final, entry)) : standingOf(entry));
    if (provenName && entry && standing) keepBounded(proven, provenName, { standing, entry });
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
    return { node, facts, grant, evidence, said: revocationsFor(said, question) };
  }
  throw new ClientError(
    { code: 'CLIENT_STATE_MOVED', attempts: readAttempts },
    'the final state moved during every attempt to read it',
  );
}

function isSameBlock(a: FinalCheckpoint, b: FinalCheckpoint): boolean {
  return equalBytes(a.blockId, b.blockId);
}

function standingOf(entry: GrantEntry): GrantEntry | null {
  return entry.type === 3 && entry.seq > entry.floorSeq ? entry : null;
}

function provenStanding(final: VerifiedFinal, entry: GrantEntry): ProvenConsent['grant'] {
  return provenGrantOf(final, entry).grant;
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

/** A decision is made again every moment, its proof only when the checkpoint moved. */
async function proofOf({ node, facts, grant, evidence }: NodeFacts, bundles: Bundles): Promise<Uint8Array> {
  if (evidence) return evidence;
  if (!grant) return new Uint8Array();
  const name = `${toHex(facts.checkpoint.blockId)} ${toHex(grant.contentId)}`;
  const known = bundles.get(name);
  if (known) return known;
  const made = await proofBundle(node, grant);
  keepBounded(bundles, name, made);
  return made;
}

/** Keep it, and of what was kept the newest. */
function keepBounded<T>(kept: Map<string, T>, name: string, value: T): void {
  for (const oldest of kept.keys()) {
    if (kept.size < maxKept) break;
    kept.delete(oldest);
  }
  kept.set(name, value);
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

/**
 * The three leaves that prove a grant, each with the checkpoint that the node proved it under:
 * canonical [[table, slot, stateRoot, value (empty = absent), proof], …] for study, consent and floor.
 */
async function proofBundle(node: NodeApi, grant: GrantEntry): Promise<Uint8Array> {
  const study = concatBytes(grant.sourceKey, grant.studyHash);
  const leaves: [string, Uint8Array][] = [
    ['studies', study],
    ['consents', concatBytes(study, grant.patientKey, grant.requesterKey)],
    ['floors', concatBytes(study, grant.patientKey)],
  ];
  const proofs = await Promise.all(leaves.map(([table, key]) => node.proof(table, key)));
  return encodeCanonical(
    proofs.map(({ checkpoint, value, proof }, i) => [
      leaves[i]![0],
      checkpoint.slot,
      checkpoint.stateRoot,
      value ?? new Uint8Array(),
      proof,
    ]),
  );
}

function watchAll(init: HttpAccessViewInit, cursor: number, onEvent: (event: AccessEvent) => void): () => void {
  const stops = init.nodes.map(node => watchOne(node, cursor, onEvent, () => init.onReset?.(node)));
  return () => {
    for (const stop of stops) stop();
  };
}

function watchOne(node: NodeApi, from: number, onEvent: (event: AccessEvent) => void, onReset: () => void): () => void {
  return followEvents(node, from, event => {
    if (event.kind === 'reset') onReset();
    const passed = accessEvent(event);
    if (passed) onEvent(passed);
  });
}

function accessEvent(event: NodeEvent): AccessEvent | null {
  switch (event.kind) {
    case 'final':
      return { cursor: event.cursor, kind: 'final', slot: event.slot, timeMs: event.timeMs };
    case 'revocation':
      return { cursor: event.cursor, kind: 'revocation', transaction: event.transaction };
    case 'heartbeat':
      return { cursor: event.cursor, kind: 'heartbeat' };
    case 'change':
    case 'reset':
      return { cursor: event.cursor, kind: 'change' };
    default:
      return null;
  }
}
