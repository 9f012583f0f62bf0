/**
 * What a gateway asks of its nodes over HTTP (several may be watched: at least one must be fresh, the
 * fresh ones must agree on the grant, revocations are the union of all).
 *
 * A node that is slow has no say: once a fresh one answered, the others have `graceMs`.
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
import { ClientError } from './errors.js';
import { followEvents } from './followEvents.js';
import { keepBounded } from './keepBounded.js';
import type { LightNodes } from './lightNodes.js';
import type { NodeApi } from './nodeApi.js';
import { factsOf, type NodeFacts, nameOf, type Proven, type Question } from './nodeFacts.js';
import type { GrantEntry, NodeEvent } from './nodeSchemas.js';
import { SharedReads } from './sharedReads.js';

const answerMs = 4_500;
const graceMs = 300;
/** As `decide` has it: a checkpoint further ahead of our clock is no fresh one. */
const maxAheadMs = 5_000;
const maxBundles = 256;

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

/** The leaves' proofs of grants, by checkpoint and contentId. */
type Bundles = Map<string, Uint8Array>;

/** What outlives a question. */
interface Kept {
  bundles: Bundles;
  shared: SharedReads;
  ofNodes: readonly ((question: Question) => Promise<NodeFacts>)[];
}

export function createHttpAccessView(init: HttpAccessViewInit): AccessView {
  const proven: Proven = new Map();
  const ofNodes = init.nodes.map(node => factsOf(node, { proven, light: init.light }));
  const kept: Kept = { bundles: new Map(), shared: new SharedReads(), ofNodes };
  return {
    facts(sourceKey, studyHash, requesterKey) {
      const question = { sourceKey, studyHash, requesterKey };
      const name = nameOf(sourceKey, studyHash, requesterKey);
      return kept.shared.read(name, () => unitedFacts(init, kept, question));
    },
    watch: (cursor, onEvent) => watchAll(init, cursor, onEvent),
  };
}

async function unitedFacts(init: HttpAccessViewInit, kept: Kept, question: Question): Promise<AccessFacts> {
  const isFresh = ({ facts }: NodeFacts): boolean => {
    const age = init.now() - facts.checkpoint.timeMs;
    return age <= init.maxStalenessMs && age >= -maxAheadMs;
  };
  const read = await answersInTime(
    kept.ofNodes.map(ask => ask(question)),
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
function revokedSeqOf({ revoked }: NodeFacts, owner: PublicKey): number {
  return Math.max(0, ...revoked.map(({ patientKey, seq }) => (equalBytes(patientKey, owner) ? seq : 0)));
}

/** A decision is made again every moment, its proof only when the checkpoint moved. */
async function proofOf({ node, facts, grant, evidence }: NodeFacts, bundles: Bundles): Promise<Uint8Array> {
  if (evidence) return evidence;
  if (!grant) return new Uint8Array();
  const name = `${toHex(facts.checkpoint.blockId)} ${toHex(grant.contentId)}`;
  const known = bundles.get(name);
  if (known) return known;
  const made = await proofBundle(node, grant);
  keepBounded(bundles, name, made, maxBundles);
  return made;
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
