/**
 * Gathering the facts of a decision: the ledger's answer within a deadline, our clocks, our own table of
 * revocations. Whatever can't be had is null or thrown here, and a refusal in `decide`.
 */
import type { AccessFacts, AccessView, PublicKey } from '@radpass/core';
import { sha256, utf8 } from '@radpass/core';
import { within } from './deadline.js';
import { type DecisionFacts, type DecisionPolicy, decide, type RefusalReason, type Serve } from './decide.js';
import { parseDocumentUniqueId } from './identifiers.js';
import type { DocumentRequest } from './retrieveDocumentSet.js';
import type { VerifiedRequest } from './retrieveRequest.js';
import type { Clock, ViewClock } from './viewClock.js';

/** Longest that the ledger may take to answer; after that it counts as unreachable. */
export const factsTimeoutMs = 5_000;

/** What is asked for, by whom; `allowed` = the rate and the room left permit it. */
export interface Asked {
  request: VerifiedRequest;
  receivedAt: number;
  document: DocumentRequest;
  allowed: boolean;
}

/** One document of a request, judged; `ledger` is what the decision stood on, asked for at `askedAt` (monotonic ms). */
export interface Judged {
  document: DocumentRequest;
  verdict: Serve | RefusalReason;
  ledger: AccessFacts | null;
  askedAt: number;
}

/** The study that is asked about; what is no studyHash becomes one that nobody published, and takes the same path. */
function askedStudyHash(document: DocumentRequest): Uint8Array {
  try {
    return parseDocumentUniqueId(document.documentUniqueId);
  } catch {
    // `decide` refuses it as not published.
    return sha256(utf8(document.documentUniqueId));
  }
}

export function createJudge(init: {
  view: AccessView;
  own: DecisionFacts['own'];
  policy: DecisionPolicy;
  clock: Clock;
  viewClock: ViewClock;
  revokedSeq(owner: PublicKey, studyHash: Uint8Array, requester: PublicKey): number;
  report: (error: unknown) => void;
}): {
  /** Decide on facts that are asked for now. Never rejects. */
  judge(asked: Asked): Promise<Judged>;
  /** Decide on facts that are at hand, with our own clock and table as they are now. Never throws. */
  verdictOn(asked: Asked, ledger: AccessFacts | null): Serve | RefusalReason;
} {
  const { view, own, policy, clock, viewClock, report } = init;

  async function askLedger(asked: Asked): Promise<AccessFacts | null> {
    try {
      const answer = view.facts(own.sourceKey, askedStudyHash(asked.document), asked.request.signer);
      return await within(factsTimeoutMs, 'asking the ledger', answer);
    } catch (error) {
      report(error);
      return null;
    }
  }

  function verdictOn(asked: Asked, ledger: AccessFacts | null): Serve | RefusalReason {
    const { request, document, receivedAt, allowed } = asked;
    try {
      const now = clock.now();
      const owner = ledger?.study?.owner;
      const decision = decide({
        request,
        document,
        receivedAt,
        now,
        own,
        ledger,
        view: viewClock.state(now),
        locallyRevokedSeq: owner === undefined ? 0 : init.revokedSeq(owner, askedStudyHash(document), request.signer),
        rate: { allowed },
        policy,
      });
      return decision.serve ? decision : decision.reason;
    } catch (error) {
      report(error);
      return 'internal';
    }
  }

  return {
    verdictOn,
    async judge(asked) {
      const askedAt = clock.monotonic();
      const ledger = await askLedger(asked);
      return { document: asked.document, verdict: verdictOn(asked, ledger), ledger, askedAt };
    },
  };
}
