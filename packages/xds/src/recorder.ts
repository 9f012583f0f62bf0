/**
 * Which disclosure records the service writes. Every served document has its entry before a byte of it leaves.
 * Refusals are recorded, too, but strangers must not fill the disk: beyond a rate they are only counted, and the
 * next record says how many (`omitted`). Refusals of unsigned messages have a budget of their own.
 */
import type { AccessFacts } from '@radpass/core';
import { publicKeyHex, toHex } from '@radpass/core';
import type { DecisionPolicy, RefusalReason, Serve } from './decide.js';
import type { DisclosureClosing, DisclosureRecord } from './disclosure.js';
import type { DisclosureStore } from './disclosureStore.js';
import { createRateLimiter } from './rate.js';
import type { DocumentRequest } from './retrieveDocumentSet.js';
import type { VerifiedRequest } from './retrieveRequest.js';
import type { Clock } from './viewClock.js';

/** What happened, for the audit trail and for metrics. */
export type RetrievalEvent =
  /** `seq`: the record's number; null when it has none. `remote`: the requester's address, where it is known. */
  | { kind: 'refused'; seq: number | null; record: DisclosureRecord; remote: string | undefined }
  | { kind: 'served'; seq: number; record: DisclosureRecord; remote: string | undefined }
  | { kind: 'closed'; record: DisclosureRecord; closing: DisclosureClosing }
  | { kind: 'failed'; error: unknown };

/** A served entry that is durable. */
export interface ServedRecord {
  seq: number;
  record: DisclosureRecord;
}

/** A verified request with how it came: its bytes, and from which address if that is known. */
export interface ReceivedRequest {
  request: VerifiedRequest;
  exchange: { body: Uint8Array; remote?: string };
}

export interface Recorder {
  /** Resolves when the entry is durable; rejects when it can't be made so, and then nothing may be served. */
  served(request: ReceivedRequest, serve: Serve, responseDigest: Uint8Array): Promise<ServedRecord>;
  /** Never rejects: a refusal stands even if it can't be recorded. */
  refused(
    request: ReceivedRequest,
    document: DocumentRequest,
    p: { reason: RefusalReason; ledger: AccessFacts | null },
  ): Promise<void>;
  /** A message whose signature was not verified; nothing in it is believed. */
  refusedUnverified(digest: Uint8Array): Promise<void>;
  closed(record: DisclosureRecord, closing: Omit<DisclosureClosing, 'kind' | 'time'>): Promise<void>;
}

const refusalRate = { perSecond: 10, burst: 200, totalPerSecond: 20, totalBurst: 400, maxKeys: 2 };
const maxMessageIdLength = 256;

export function createRecorder(init: {
  disclosures: DisclosureStore;
  clock: Clock;
  policy: DecisionPolicy;
  emit: (event: RetrievalEvent) => void;
}): Recorder {
  const { disclosures, clock, policy, emit } = init;
  const rate = createRateLimiter(refusalRate);
  let omitted = 0;

  const empty = (): DisclosureRecord => ({
    kind: 'refused',
    time: clock.now(),
    requester: '',
    owner: '',
    studyHash: '',
    messageId: '',
    requestDigest: '',
    reason: 'signature',
    grade: '',
    checkpoint: null,
    grantSeq: 0,
    policy,
    responseDigest: '',
    request: new Uint8Array(),
    proof: '',
    omitted: 0,
  });

  const withCheckpoint = (checkpoint: AccessFacts['checkpoint'] | undefined): DisclosureRecord['checkpoint'] =>
    checkpoint === undefined
      ? null
      : { slot: checkpoint.slot, blockId: toHex(checkpoint.blockId), timeMs: checkpoint.timeMs };

  const ofRequest = (
    request: VerifiedRequest,
  ): Pick<DisclosureRecord, 'requester' | 'messageId' | 'requestDigest'> => ({
    requester: publicKeyHex(request.signer),
    messageId: request.messageId.slice(0, maxMessageIdLength),
    requestDigest: toHex(request.digest),
  });

  /** How many refusals went unrecorded; the record that carries the number clears it. */
  function takeOmitted(): number {
    const count = omitted;
    omitted = 0;
    return count;
  }

  async function recordRefusal(
    budget: 'signed' | 'unsigned',
    refusal: DisclosureRecord,
    remote?: string,
  ): Promise<void> {
    const hasRoom = rate.take(budget, clock.monotonic());
    const record = { ...refusal, omitted: hasRoom ? takeOmitted() : 0 };
    if (!hasRoom) omitted += 1;
    let seq: number | null = null;
    try {
      if (hasRoom) seq = await disclosures.append(record);
    } catch (error) {
      emit({ kind: 'failed', error });
    }
    emit({ kind: 'refused', seq, record, remote });
  }

  return {
    async served({ request, exchange }, serve, responseDigest) {
      const record: DisclosureRecord = {
        ...empty(),
        ...ofRequest(request),
        kind: 'served',
        owner: publicKeyHex(serve.owner),
        studyHash: toHex(serve.studyHash),
        reason: '',
        grade: serve.grade,
        checkpoint: withCheckpoint(serve.checkpoint),
        grantSeq: serve.grantSeq,
        responseDigest: toHex(responseDigest),
        request: exchange.body,
        proof: toHex(serve.proof),
        omitted: takeOmitted(),
      };
      const seq = await disclosures.append(record);
      emit({ kind: 'served', seq, record, remote: exchange.remote });
      return { seq, record };
    },
    async refused({ request, exchange }, document, { reason, ledger }) {
      const isStudyHash = /^[0-9a-f]{64}$/.test(document.documentUniqueId);
      const refusal: DisclosureRecord = {
        ...empty(),
        ...ofRequest(request),
        owner: ledger?.study ? publicKeyHex(ledger.study.owner) : '',
        studyHash: isStudyHash ? document.documentUniqueId : '',
        reason,
        checkpoint: withCheckpoint(ledger?.checkpoint),
        grantSeq: ledger?.grant?.seq ?? 0,
      };
      await recordRefusal('signed', refusal, exchange.remote);
    },
    async refusedUnverified(digest) {
      await recordRefusal('unsigned', { ...empty(), requestDigest: toHex(digest) });
    },
    async closed(record, closing) {
      const { of, ...rest } = closing;
      const closed = { time: clock.now(), ...rest };
      try {
        await disclosures.close(of, closed);
      } catch (error) {
        emit({ kind: 'failed', error });
      }
      emit({ kind: 'closed', record, closing: { kind: 'closed', of, ...closed } });
    },
  };
}
