/**
 * The access decision: may this document leave for the signer of this request, now?
 *
 * Patel 2018, Image transfer: the source checks that (1) the signature is correct, (2) repositoryUniqueId
 * is its own public key, (3) documentUniqueId is a study that it published for the patient, and (4) the
 * patient granted this requester access. Check 1 is the type: a VerifiedRequest exists only after its
 * signature was verified. The rest, and what the paper leaves open (replay to another source, a ledger
 * view that is cut off, revocation), is judged here, in this order; the first that fails is the reason:
 *
 *   to, repository            the message is for us
 *   expired-message           Expires - Created at most 5 min, it arrived between them, skew 60 s
 *   ledger-unreachable        no facts, facts of another chain, or the event stream is silent
 *   clock-stepped             the wall clock went back against the monotonic one
 *   ledger-future, -stale     the newest final checkpoint's slot time against our own clock
 *   source-closed, -rotated   we are not (or no longer, or under another key) a source on this ledger
 *   rate                      this signer asks too often
 *   not-published, withdrawn, no-grant, grant-expired, revoked
 *                             one code path: every one is evaluated whatever the others say, and
 *                             outside all five are one answer
 *
 * Pure and total: it never throws, and whatever is unknown, malformed or thrown is a refusal. Comparisons
 * are written so that NaN refuses.
 */
import type { AccessFacts, PublicKey } from '@radpass/core';
import { equalBytes, fromHex, publicKeyHex } from '@radpass/core';
import type { DocumentRequest } from './retrieveDocumentSet.js';
import { maxLifetimeMs, type VerifiedRequest } from './retrieveRequest.js';

/** Why a document did not leave. The audit has it; the outside hears no more than `answerFor` tells. */
export type RefusalReason =
  | 'signature'
  | 'to'
  | 'repository'
  | 'expired-message'
  | 'ledger-unreachable'
  | 'clock-stepped'
  | 'ledger-future'
  | 'ledger-stale'
  | 'source-closed'
  | 'source-rotated'
  | 'rate'
  | 'not-published'
  | 'withdrawn'
  | 'no-grant'
  | 'grant-expired'
  | 'revoked'
  | 'replay'
  | 'document-unavailable'
  | 'document-preparing'
  | 'internal';

/** Limits of the decision, all in milliseconds. */
export interface DecisionPolicy {
  /** How old the newest final checkpoint may be by our own clock. */
  maxStalenessMs: number;
  /** How far it may lie ahead of our own clock. */
  maxAheadMs: number;
  /** How long the node's event stream may be silent. */
  maxSilenceMs: number;
  /** Clock difference granted to the requester. */
  skewMs: number;
}

export const defaultPolicy: DecisionPolicy = {
  maxStalenessMs: 60_000,
  maxAheadMs: 5_000,
  maxSilenceMs: 10_000,
  skewMs: 60_000,
};

export interface DecisionFacts {
  request: VerifiedRequest;
  /** The one of `request.documents` that is judged. */
  document: DocumentRequest;
  /** Own wall clock when the request arrived, Unix ms: the message's own times are judged by it, so that a long transfer outlives them. */
  receivedAt: number;
  /** Own wall clock, Unix ms. */
  now: number;
  /** What we are: the source's name for ever, the key that signs our answers, our public URL, our network. */
  own: { sourceKey: PublicKey; signingKey: PublicKey; url: string; chainId: Uint8Array };
  /** What the ledger says about (own source, this document, this signer); null when it did not answer. */
  ledger: AccessFacts | null;
  /** `lastEventAt`: when the node's event stream last spoke, on the scale of `now`. */
  view: { lastEventAt: number; clockSteppedBack: boolean };
  /** Greatest seq of a revocation in the gateway's own sticky table; 0 = none. */
  locallyRevokedSeq: number;
  rate: { allowed: boolean };
  policy: DecisionPolicy;
}

export interface Refuse {
  readonly serve: false;
  readonly reason: RefusalReason;
}

interface Grounds {
  requester: PublicKey;
  owner: PublicKey;
  studyHash: Uint8Array;
  grantSeq: number;
  checkpoint: AccessFacts['checkpoint'];
  proof: Uint8Array;
}

let build: (grounds: Grounds) => Serve;
// What `decide` gave out; a Serve made by calling the constructor from JavaScript is not among them.
const issued = new WeakSet<Serve>();

/** Leave to serve one document to one requester. Only `decide` builds it, and nothing changes it after. */
export class Serve {
  readonly serve = true;
  /** How settled the grant is on the ledger; nothing below final is ever served. */
  readonly grade = 'final';
  readonly #grounds: Grounds;

  private constructor(grounds: Grounds) {
    this.#grounds = grounds;
    Object.freeze(this);
  }

  static {
    build = grounds => {
      const serve = new Serve(grounds);
      issued.add(serve);
      return serve;
    };
  }

  /** Whether `decide` built this very value. */
  static is(value: unknown): value is Serve {
    return value instanceof Serve && issued.has(value);
  }

  get requester(): PublicKey {
    return this.#grounds.requester;
  }
  get owner(): PublicKey {
    return this.#grounds.owner;
  }
  /** 32 bytes, parsed from the signed documentUniqueId. */
  get studyHash(): Uint8Array {
    return this.#grounds.studyHash;
  }
  get grantSeq(): number {
    return this.#grounds.grantSeq;
  }
  get checkpoint(): AccessFacts['checkpoint'] {
    return this.#grounds.checkpoint;
  }
  /** The ledger's proof bundle, canonical bytes. */
  get proof(): Uint8Array {
    return this.#grounds.proof;
  }
}

export type Decision = Serve | Refuse;

const refuse = (reason: RefusalReason): Refuse => ({ serve: false, reason });

/** Whether `value` is a count of ms or a seq that can be compared at all. */
const isTime = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

function isFresh(request: VerifiedRequest, receivedAt: number, skewMs: number): boolean {
  const { created, expires } = request;
  return (
    created < expires &&
    expires - created <= maxLifetimeMs &&
    created - skewMs <= receivedAt &&
    receivedAt < expires + skewMs
  );
}

/** The reason against our view of the ledger and our clock, or null. */
function doubtInView(facts: DecisionFacts, ledger: AccessFacts): RefusalReason | null {
  const { now, view, policy, own } = facts;
  const silence = now - view.lastEventAt;
  if (!equalBytes(ledger.chainId, own.chainId)) return 'ledger-unreachable';
  if (!(silence >= 0 && silence <= policy.maxSilenceMs)) return 'ledger-unreachable';
  if (view.clockSteppedBack !== false) return 'clock-stepped';
  const age = now - ledger.checkpoint.timeMs;
  if (!(age >= -policy.maxAheadMs)) return 'ledger-future';
  if (!(age <= policy.maxStalenessMs)) return 'ledger-stale';
  if (ledger.source === null || ledger.source.url === '') return 'source-closed';
  if (!equalBytes(ledger.source.standingKey, own.signingKey)) return 'source-rotated';
  return null;
}

/**
 * Checks 3 and 4 of the paper. Every row is computed before the first failing one is chosen, so that the
 * five refusals take the same path.
 */
function doubtInGrant(facts: DecisionFacts, ledger: AccessFacts, isStudyHash: boolean): RefusalReason | null {
  const { study, grant } = ledger;
  const revokedSeq = Math.max(ledger.revokedSeq, facts.locallyRevokedSeq);
  const grantSeq = grant?.seq ?? 0;
  const notAfter = grant?.notAfter ?? 0;
  const rows: [boolean, RefusalReason][] = [
    [isStudyHash && study !== null, 'not-published'],
    [study?.withdrawn === false, 'withdrawn'],
    // A final revocation removes the grant from the ledger's answer: the audit should still say why.
    [grant !== null || revokedSeq > 0, 'no-grant'],
    [isTime(notAfter) && (notAfter === 0 || facts.now <= notAfter), 'grant-expired'],
    [grant !== null && isTime(grantSeq) && isTime(revokedSeq) && revokedSeq < grantSeq, 'revoked'],
  ];
  let reason: RefusalReason | null = null;
  for (const [holds, otherwise] of rows) reason ??= holds ? null : otherwise;
  return reason;
}

function judge(facts: DecisionFacts): Decision {
  const { request, document, own, ledger, policy } = facts;
  if (!request.documents.includes(document)) return refuse('internal');
  if (request.to !== own.url) return refuse('to');
  if (document.repositoryUniqueId !== publicKeyHex(own.sourceKey)) return refuse('repository');
  if (!isFresh(request, facts.receivedAt, policy.skewMs)) return refuse('expired-message');
  if (ledger === null) return refuse('ledger-unreachable');
  const doubt = doubtInView(facts, ledger);
  if (doubt !== null) return refuse(doubt);
  if (facts.rate.allowed !== true) return refuse('rate');

  const isStudyHash = /^[0-9a-f]{64}$/.test(document.documentUniqueId);
  const reason = doubtInGrant(facts, ledger, isStudyHash);
  if (reason !== null) return refuse(reason);
  if (ledger.study === null || ledger.grant === null) return refuse('internal');
  return build({
    requester: request.signer,
    owner: ledger.study.owner,
    studyHash: fromHex(document.documentUniqueId, 32),
    grantSeq: ledger.grant.seq,
    checkpoint: ledger.checkpoint,
    proof: ledger.proof,
  });
}

/**
 * Judge one document of a verified request.
 *
 * @returns a Serve, or the first reason against it in the order of the module comment; 'internal' when
 * the facts themselves are malformed. Never throws.
 */
export function decide(facts: DecisionFacts): Decision {
  try {
    return judge(facts);
  } catch {
    // Facts that can't even be read are no ground to serve on; the reason says that it was us.
    return refuse('internal');
  }
}
