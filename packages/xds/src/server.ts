/**
 * The source's side of ITI-43: from received bytes to a signed answer, in one direction.
 *
 *   bytes -> parsed -> verified request -> decision a document -> replay inserted -> answer signed
 *         -> disclosures durable -> bytes leave under a lease
 *
 * What a crash leaves behind: before the replay entry nothing; after it a message that can't be sent again (the
 * requester makes a new one); after the disclosure record a served entry without closing, which counts as sent in
 * full. Whatever goes wrong in between is a refusal.
 */
import type { AccessEvent, AccessView, PublicKey, RandomBytes, SecretKey, Verifier } from '@radpass/core';
import { publicKeyHex, sha256 } from '@radpass/core';
import { answerFor, registryError } from './answers.js';
import { DeadlineError, within } from './deadline.js';
import { type DecisionPolicy, defaultPolicy, type RefusalReason, Serve } from './decide.js';
import type { DisclosureStore } from './disclosureStore.js';
import { toFault } from './errors.js';
import type { DocumentProvider, Exchange, StudyDocument } from './exchange.js';
import { createFault } from './fault.js';
import { createJudge, type Judged } from './judge.js';
import { createLease } from './lease.js';
import { createRateLimiter, type RateLimiter, remoteRateKey } from './rate.js';
import { createRecorder, type RetrievalEvent, type ServedRecord } from './recorder.js';
import type { ReplayStore } from './replayGuard.js';
import type { DocumentRequest, RegistryError } from './retrieveDocumentSet.js';
import { faultRelatesTo, parseRequest, type VerifiedRequest, verifyRequest } from './retrieveRequest.js';
import { createRetrieveResponse, type ResponseDocument, type StreamedMessage } from './retrieveResponse.js';
import { Abandonment, sendUnderLease } from './transfer.js';
import { type Clock, createViewClock } from './viewClock.js';

export interface RetrieveServiceInit {
  /** The source's standing key: signs answers and disclosure records. */
  key: SecretKey;
  /** The source's name for ever; its first key. */
  sourceKey: PublicKey;
  /** The public URL, as the ledger has it and requesters address it. */
  url: string;
  chainId: Uint8Array;
  view: AccessView;
  verifier: Verifier;
  documents: DocumentProvider;
  replay: ReplayStore;
  disclosures: DisclosureStore;
  clock: Clock;
  policy?: Partial<DecisionPolicy>;
  rate?: RateLimiter;
  /** The gateway's own sticky table: greatest seq of a revocation by `owner` for `requester` or everyone; 0 = none. */
  revokedSeq(owner: PublicKey, studyHash: Uint8Array, requester: PublicKey): number;
  onRetrieval?: (event: RetrievalEvent) => void;
  random?: RandomBytes;
  /** Default `serviceLimits.openTimeoutMs`. */
  openTimeoutMs?: number;
}

export interface RetrieveService {
  /** Answer one request. Never rejects. */
  handle(exchange: Exchange): Promise<void>;
  /** Everything that the view's event stream says; a revocation must be in the sticky table before. */
  onEvent(event: AccessEvent): void;
  /** Reset what is under way and refuse what comes. */
  stop(): void;
}

export const serviceLimits = {
  maxTransfers: 256,
  maxTransfersPerSigner: 8,
  maxDocumentsPerRequest: 16,
  /**
   * How long a document may take to be ready; whoever may have it is told to ask again then, and it goes on being made
   * ready. Half of what a requester waits for the first byte.
   */
  openTimeoutMs: 15_000,
  sweepEveryMs: 60_000,
  /** A refusal leaves on the next multiple of this after the request came, so that its time tells nothing. */
  refusalStepMs: 25,
} as const;

interface Opened {
  judged: Judged & { verdict: Serve };
  study: StudyDocument;
  sent: number;
}

interface Transfer {
  poke(): void;
  stop(): void;
}

/** Each document once, however often it was asked for. */
function distinct(documents: DocumentRequest[]): DocumentRequest[] {
  const named = new Map<string, DocumentRequest>();
  for (const document of documents) {
    const name = JSON.stringify([document.repositoryUniqueId, document.documentUniqueId]);
    if (!named.has(name)) named.set(name, document);
  }
  return [...named.values()];
}

/** @see the module comment */
export function createRetrieveService(init: RetrieveServiceInit): RetrieveService {
  const { clock } = init;
  const policy: DecisionPolicy = { ...defaultPolicy, ...init.policy };
  const own = { sourceKey: init.sourceKey, signingKey: init.key.publicKey, url: init.url, chainId: init.chainId };
  const viewClock = createViewClock(clock);
  const report = (error: unknown): void => init.onRetrieval?.({ kind: 'failed', error });
  const { judge, verdictOn } = createJudge({ ...init, own, policy, viewClock, report });
  const signerRate = init.rate ?? createRateLimiter();
  const remoteRate = createRateLimiter({ perSecond: 50, burst: 200, totalPerSecond: 500, totalBurst: 1_000 });
  const transfers = new Set<Transfer>();
  /** Signers of the requests that are being answered, one entry a request. */
  const underWay: string[] = [];
  const recorder = createRecorder({ disclosures: init.disclosures, clock, policy, emit: e => init.onRetrieval?.(e) });
  let sweptAt = clock.monotonic();
  /** When the ledger last said something, monotonic ms. */
  let lastEventAt = Number.NEGATIVE_INFINITY;
  let stopped = false;

  /** Room for one more answer to this signer, given back by `release`; null when there is none. */
  function takeRoom(signer: string): { release(): void } | null {
    const ofSigner = underWay.filter(name => name === signer).length;
    if (underWay.length >= serviceLimits.maxTransfers || ofSigner >= serviceLimits.maxTransfersPerSigner) return null;
    underWay.push(signer);
    return { release: () => underWay.splice(underWay.indexOf(signer), 1) };
  }

  async function openStudy(
    judged: Judged & { verdict: Serve },
  ): Promise<Opened | 'document-unavailable' | 'document-preparing'> {
    try {
      const opening = init.documents.open(judged.verdict.studyHash);
      const study = await within(init.openTimeoutMs ?? serviceLimits.openTimeoutMs, 'opening the document', opening);
      return study === null ? 'document-unavailable' : { judged, study, sent: 0 };
    } catch (error) {
      if (error instanceof DeadlineError) return 'document-preparing';
      report(error);
      return 'document-unavailable';
    }
  }

  /** Remember the message for as long as any clock that `decide` accepts could find it fresh. */
  async function insertReplay(request: VerifiedRequest): Promise<'new' | 'seen' | 'full'> {
    const expires = request.expires + policy.skewMs + policy.maxStalenessMs + policy.maxAheadMs;
    const answer = await init.replay.insert(request.signer, request.messageId, expires);
    if (answer !== 'full') return answer;
    await init.replay.sweep(clock.now());
    return await init.replay.insert(request.signer, request.messageId, expires);
  }

  async function sweepNowAndThen(): Promise<void> {
    if (clock.monotonic() - sweptAt < serviceLimits.sweepEveryMs) return;
    sweptAt = clock.monotonic();
    await init.replay.sweep(clock.now());
  }

  async function sendFault(exchange: Exchange, fault: ReturnType<typeof createFault>): Promise<void> {
    const writer = exchange.respond(fault.status, {
      'content-type': fault.contentType,
      'content-length': String(fault.body.length),
      'cache-control': 'no-store',
    });
    await writer.write(fault.body);
    await writer.end();
  }

  async function refuseUnverified(exchange: Exchange, error: unknown): Promise<void> {
    await recorder.refusedUnverified(sha256(exchange.body));
    const relatesTo = faultRelatesTo(exchange.contentType, exchange.body);
    await sendFault(exchange, createFault({ ...toFault(error), ...(relatesTo === undefined ? {} : { relatesTo }) }));
  }

  /** Refuse the message as a whole. */
  async function refuseMessage(exchange: Exchange, request: VerifiedRequest, reason: RefusalReason): Promise<void> {
    for (const document of request.documents)
      await recorder.refused({ request, exchange }, document, { reason, ledger: null });
    const answer = answerFor(reason);
    const fault = 'fault' in answer ? answer : { fault: 'receiver' as const, text: answer.codeContext };
    await sendFault(exchange, createFault({ kind: fault.fault, relatesTo: request.messageId, text: fault.text }));
  }

  function responseDocument(opened: Opened): ResponseDocument {
    const { judged, study } = opened;
    return {
      repositoryUniqueId: judged.document.repositoryUniqueId,
      documentUniqueId: judged.document.documentUniqueId,
      mimeType: study.mimeType,
      size: study.size,
      sha256: study.sha256,
      async *content() {
        for await (const chunk of study.stream()) {
          opened.sent += chunk.length;
          yield chunk;
        }
      },
    };
  }

  function createAnswer(request: VerifiedRequest, opened: Opened[], errors: RegistryError[]): StreamedMessage {
    return createRetrieveResponse({
      key: init.key,
      relatesTo: request.messageId,
      now: clock.now(),
      documents: opened.map(responseDocument),
      errors,
      ...(init.random === undefined ? {} : { random: init.random }),
    });
  }

  const answerHeaders = (message: StreamedMessage): Record<string, string> => ({
    'content-type': message.contentType,
    'content-length': String(message.contentLength),
    'cache-control': 'no-store',
  });

  async function refuseDocuments(exchange: Exchange, message: StreamedMessage, arrivedAt: number): Promise<void> {
    const step = serviceLimits.refusalStepMs;
    const wait = step - ((clock.monotonic() - arrivedAt) % step);
    await new Promise(resolve => setTimeout(resolve, wait));
    const writer = exchange.respond(200, answerHeaders(message));
    for await (const chunk of message.stream()) await writer.write(chunk);
    await writer.end();
  }

  /** Send the answer with documents; `served` = their disclosure records, durable already. */
  async function transfer(
    exchange: Exchange,
    request: VerifiedRequest,
    receivedAt: number,
    message: StreamedMessage,
    served: (ServedRecord & { opened: Opened })[],
  ): Promise<void> {
    const latest = new Map(served.map(({ opened }) => [opened.judged.document, opened.judged.ledger]));
    const abandonment = new Abandonment();
    const firstReason = (verdicts: (Serve | RefusalReason)[]): RefusalReason | null =>
      verdicts.find((verdict): verdict is RefusalReason => !Serve.is(verdict)) ?? null;

    const decidedAt = Math.min(...served.map(({ opened }) => opened.judged.askedAt));
    const lease = createLease({
      monotonic: clock.monotonic,
      decidedAt,
      isLate: lastEventAt >= decidedAt,
      decideLocally() {
        const verdicts = [...latest].map(([document, ledger]) =>
          verdictOn({ request, receivedAt, document, allowed: true }, ledger),
        );
        // Facts of a moment ago may look stale where fresh ones don't; a revocation stays one.
        return verdicts.includes('revoked') ? 'revoked' : null;
      },
      async decideAgain() {
        const judged = await Promise.all(
          [...latest.keys()].map(document => judge({ request, receivedAt, document, allowed: true })),
        );
        for (const { document, ledger } of judged) if (ledger !== null) latest.set(document, ledger);
        return firstReason(judged.map(({ verdict }) => verdict));
      },
      onLost() {
        exchange.abort();
        abandonment.abandon();
      },
    });
    const entry: Transfer = {
      poke: lease.poke,
      stop() {
        lease.end();
        exchange.abort();
        abandonment.abandon();
      },
    };
    transfers.add(entry);
    try {
      const writer = exchange.respond(200, answerHeaders(message));
      const end = await sendUnderLease({ source: message.stream(), writer, lease, abandonment, report });
      if (end.outcome !== 'complete') exchange.abort();
      if (end.error !== undefined) report(end.error);
      for (const { opened, seq, record } of served) {
        const { outcome, reason } = end;
        await recorder.closed(record, { of: seq, outcome, reason, bytesSent: opened.sent });
      }
    } finally {
      lease.end();
      transfers.delete(entry);
    }
  }

  async function answer(exchange: Exchange): Promise<void> {
    const arrivedAt = clock.monotonic();
    const receivedAt = clock.now();
    if (stopped || (exchange.remote !== undefined && !remoteRate.take(remoteRateKey(exchange.remote), arrivedAt))) {
      const busy = createFault({ kind: 'receiver', text: 'The service is busy. Try later.' });
      return await sendFault(exchange, { ...busy, status: 503 });
    }
    let request: VerifiedRequest;
    try {
      request = verifyRequest(parseRequest(exchange.contentType, exchange.body), init.verifier);
    } catch (error) {
      return await refuseUnverified(exchange, error);
    }
    await sweepNowAndThen();
    if (await init.replay.has(request.signer, request.messageId)) {
      return await refuseMessage(exchange, request, 'replay');
    }

    const signer = publicKeyHex(request.signer);
    const room = takeRoom(signer);
    try {
      const allowed = room !== null && signerRate.take(`requester ${signer}`, arrivedAt);
      await answerVerified(exchange, request, { arrivedAt, receivedAt, allowed });
    } finally {
      room?.release();
    }
  }

  async function answerVerified(
    exchange: Exchange,
    request: VerifiedRequest,
    at: { arrivedAt: number; receivedAt: number; allowed: boolean },
  ): Promise<void> {
    const { arrivedAt, receivedAt } = at;
    const asked = distinct(request.documents);
    const allowed = at.allowed && asked.length <= serviceLimits.maxDocumentsPerRequest;
    const judged = await Promise.all(asked.map(document => judge({ request, receivedAt, document, allowed })));
    const ofMessage = judged.find(({ verdict }) => verdict === 'to' || verdict === 'expired-message');
    if (ofMessage !== undefined) return await refuseMessage(exchange, request, ofMessage.verdict as RefusalReason);

    const refused: { judged: Judged; reason: RefusalReason }[] = [];
    const opened: Opened[] = [];
    // All at once: the time that one may take to be ready is the time that all may take.
    const outcomes = await Promise.all(
      judged.map(async one => {
        const { verdict } = one;
        return { one, outcome: Serve.is(verdict) ? await openStudy({ ...one, verdict }) : verdict };
      }),
    );
    for (const { one, outcome } of outcomes) {
      if (typeof outcome === 'string') refused.push({ judged: one, reason: outcome });
      else opened.push(outcome);
    }
    if (opened.length > 0) {
      const inserted = await insertReplay(request);
      if (inserted === 'seen') return await refuseMessage(exchange, request, 'replay');
      if (inserted === 'full') {
        for (const { judged: one } of opened.splice(0)) refused.push({ judged: one, reason: 'rate' });
      }
    }

    const errors = refused.map(({ judged: one, reason }) => registryError(one.document, reason));
    const message = createAnswer(request, opened, errors);
    const received = { request, exchange };
    for (const { judged: one, reason } of refused) {
      await recorder.refused(received, one.document, { reason, ledger: one.ledger });
    }
    if (opened.length === 0) return await refuseDocuments(exchange, message, arrivedAt);

    const served: (ServedRecord & { opened: Opened })[] = [];
    for (const one of opened) {
      const record = await recorder.served(received, one.judged.verdict, message.digest);
      served.push({ ...record, opened: one });
    }
    await transfer(exchange, request, receivedAt, message, served);
  }

  return {
    async handle(exchange) {
      try {
        await answer(exchange);
      } catch (error) {
        // Headers may have gone out already: a reset is the one answer that can't be taken for a document.
        report(error);
        exchange.abort();
      }
    },
    onEvent(event) {
      viewClock.onEvent(event);
      lastEventAt = clock.monotonic();
      for (const one of transfers) one.poke();
    },
    stop() {
      stopped = true;
      for (const one of transfers) one.stop();
    },
  };
}
