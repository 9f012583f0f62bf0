/**
 * What a gateway asks of its nodes over HTTP (DESIGN: "It may watch several nodes: at least one must be fresh, the
 * fresh ones must agree on the grant, revocations are the union of all").
 *
 * A read takes source, study and grant one after another and is kept only if all stood at one final checkpoint.
 * Hashes go out as prefixes, so that a node doesn't learn which study is asked about.
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
import type { NodeApi } from './nodeApi.js';
import type { FinalCheckpoint, GrantEntry, NodeEvent, StudyEntry } from './nodeSchemas.js';

const readAttempts = 4;
const prefixChars = 8;
const reconnectMs = 500;

export interface HttpAccessViewInit {
  nodes: readonly NodeApi[];
  /** Wall clock, Unix ms. */
  now: () => number;
  /** A node whose final checkpoint is older than this says nothing about grants. */
  maxStalenessMs: number;
}

interface NodeFacts {
  facts: AccessFacts;
  revokedSeq: number;
}

export function createHttpAccessView(init: HttpAccessViewInit): AccessView {
  return {
    facts: (sourceKey, studyHash, requesterKey) => unitedFacts(init, { sourceKey, studyHash, requesterKey }),
    watch: (cursor, onEvent) => watchAll(init.nodes, cursor, onEvent),
  };
}

interface Question {
  sourceKey: PublicKey;
  studyHash: Uint8Array;
  requesterKey: PublicKey;
}

async function unitedFacts(init: HttpAccessViewInit, question: Question): Promise<AccessFacts> {
  const answers = await Promise.allSettled(init.nodes.map(node => readFacts(node, question)));
  const read = answers.flatMap(answer => (answer.status === 'fulfilled' ? [answer.value] : []));
  if (read.length === 0) throw answers.find(answer => answer.status === 'rejected')?.reason;
  const revokedSeq = Math.max(...read.map(answer => answer.revokedSeq));
  const newest = read.reduce((a, b) => (b.facts.checkpoint.slot > a.facts.checkpoint.slot ? b : a));
  const fresh = read.filter(answer => init.now() - answer.facts.checkpoint.timeMs <= init.maxStalenessMs);
  if (fresh.some(answer => !sameGrant(answer.facts, newest.facts))) {
    throw new ClientError(
      { code: 'CLIENT_NODES_DISAGREE', what: 'grant' },
      'the nodes that are up to date name different grants',
    );
  }
  return { ...newest.facts, revokedSeq };
}

function sameGrant(a: AccessFacts, b: AccessFacts): boolean {
  if (!a.grant || !b.grant) return a.grant === b.grant;
  return equalBytes(a.grant.contentId, b.grant.contentId);
}

async function readFacts(node: NodeApi, question: Question): Promise<NodeFacts> {
  const { sourceKey, studyHash, requesterKey } = question;
  const hashPrefix = toHex(studyHash).slice(0, prefixChars);
  for (let attempt = 0; attempt < readAttempts; attempt++) {
    const [status, directory, studies, grants] = await Promise.all([
      node.status(),
      node.source(sourceKey),
      node.studies({ hashPrefix }),
      node.grants({ hashPrefix }),
    ]);
    if (!equalBytes(studies.checkpoint.blockId, grants.checkpoint.blockId)) continue;
    const study = studies.studies.find(entry => isStudy(entry, question));
    const owner = study && effectiveOwner(study, studies.checkpoint.slot);
    const entry = grants.grants.find(
      grant =>
        isStudy(grant, question) &&
        owner &&
        equalBytes(grant.patientKey, owner.owner) &&
        equalBytes(grant.requesterKey, requesterKey),
    );
    const revoked = grants.revocations.filter(
      item =>
        isStudy(item, question) &&
        owner &&
        equalBytes(item.patientKey, owner.owner) &&
        (item.requesterKey === null || equalBytes(item.requesterKey, requesterKey)),
    );
    const revokedSeq = Math.max(0, entry?.revokedSeq ?? 0, ...revoked.map(item => item.seq));
    const standing = entry && entry.type === 3 && entry.seq > entry.floorSeq ? entry : null;
    const facts: AccessFacts = {
      chainId: status.chainId,
      checkpoint: pointOf(grants.checkpoint),
      source: directory && { standingKey: directory.standingKey, url: directory.url, seq: directory.seq },
      study: study && owner ? { ...owner, withdrawn: study.withdrawn } : null,
      grant: standing && {
        seq: standing.seq,
        notAfter: standing.notAfter,
        receiptHash: standing.receiptHash,
        contentId: standing.contentId,
      },
      revokedSeq,
      proof: standing ? await proofBundle(node, standing) : new Uint8Array(),
    };
    return { facts, revokedSeq };
  }
  throw new ClientError(
    { code: 'CLIENT_STATE_MOVED', attempts: readAttempts },
    'the final state moved during every attempt to read it',
  );
}

function isStudy(entry: { sourceKey: PublicKey; studyHash: Uint8Array }, question: Question): boolean {
  return equalBytes(entry.studyHash, question.studyHash) && equalBytes(entry.sourceKey, question.sourceKey);
}

/** Who reads a study's leaf at slot >= effectSlot takes pendingOwner as owner and generation + 1. */
function effectiveOwner(
  study: StudyEntry,
  slot: number,
): { owner: PublicKey; ownerSinceSlot: number; generation: number } {
  if (study.pendingOwner && slot >= study.effectSlot) {
    return { owner: study.pendingOwner, ownerSinceSlot: study.effectSlot, generation: study.generation + 1 };
  }
  return { owner: study.owner, ownerSinceSlot: study.ownerSinceSlot, generation: study.generation };
}

function pointOf(checkpoint: FinalCheckpoint): AccessFacts['checkpoint'] {
  return { slot: checkpoint.slot, blockId: checkpoint.blockId, timeMs: checkpoint.timeMs };
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

function watchAll(nodes: readonly NodeApi[], cursor: number, onEvent: (event: AccessEvent) => void): () => void {
  const stops = nodes.map(node => watchOne(node, cursor, onEvent));
  return () => {
    for (const stop of stops) stop();
  };
}

/** Follow one node for ever: a stream that ends is opened again with the last cursor. */
function watchOne(node: NodeApi, from: number, onEvent: (event: AccessEvent) => void): () => void {
  let cursor = from;
  let stopped = false;
  let stop = (): void => undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const follow = (): void => {
    if (stopped) return;
    stop = node.events(
      cursor,
      event => {
        cursor = event.cursor;
        const passed = accessEvent(event);
        if (passed) onEvent(passed);
      },
      () => {
        timer = setTimeout(follow, reconnectMs);
      },
    );
  };
  follow();
  return () => {
    stopped = true;
    clearTimeout(timer);
    stop();
  };
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
