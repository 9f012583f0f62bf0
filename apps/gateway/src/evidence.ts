/**
 * Judging disclosure records again, offline: beyond the chain of the log (nothing changed, missing, added or swapped),
 * each served entry must still show why it was right to serve:
 *
 *   request   the kept message verifies: this requester signed it, it asks this source for this study, in its time
 *   proof     the kept leaves of the ledger's state show the owner, the grant of that seq, and no later word to everyone
 *   policy    the grant was final, the ledger's view young enough, by the limits that the entry itself records
 *
 * and its closing entry must belong to it. That the state roots are those of final blocks is for a node to confirm: they
 * are listed with their slots.
 */
import { checkProofBundle } from '@radpass/client';
import { CodedError, fromHex, type PublicKey, parsePublicKey, publicKeyHex, type Verifier } from '@radpass/core';
import {
  type DisclosureClosing,
  type DisclosureKeys,
  type DisclosureLog,
  type DisclosureRecord,
  parseDisclosure,
  reopenRequest,
  verifyDisclosures,
} from '@radpass/xds';

export interface AuditResult {
  records: number;
  served: number;
  refused: number;
  /** The first record that doesn't hold, and what is wrong with it. */
  firstBad?: number;
  why?: string;
  /** Of the last served entry: what a node can confirm. */
  newestRoot?: { slot: number; stateRoot: string };
}

/** @param keys.sourceKey - the source's name for ever, which requests ask for */
export async function auditDisclosures(
  log: DisclosureLog,
  keys: DisclosureKeys & { sourceKey: PublicKey },
): Promise<AuditResult> {
  const { records, firstBad } = await verifyDisclosures(log, keys);
  const result: AuditResult = { records, served: 0, refused: 0 };
  const open = new Set<number>();
  for await (const { seq, bytes } of log.entries()) {
    if (firstBad !== undefined && seq >= firstBad) break;
    const { body } = parseDisclosure(bytes);
    try {
      if (body.kind === 'closed') judgeClosing(body, open);
      else if (body.kind === 'refused') result.refused += 1;
      else {
        const [root] = judgeServed(body, keys);
        result.served += 1;
        open.add(seq);
        if (root) result.newestRoot = { slot: root.slot, stateRoot: Buffer.from(root.stateRoot).toString('hex') };
      }
    } catch (error) {
      return { ...result, firstBad: seq, why: error instanceof Error ? error.message : String(error) };
    }
  }
  return firstBad === undefined ? result : { ...result, firstBad, why: 'the chain of records breaks here' };
}

class NotShown extends Error {}

function judgeClosing(body: DisclosureClosing, open: Set<number>): void {
  if (!open.delete(body.of)) throw new NotShown(`it closes record ${body.of}, which is not open`);
}

function judgeServed(
  record: DisclosureRecord,
  keys: { chainId: Uint8Array; sourceKey: PublicKey; verifier: Verifier },
): { slot: number; stateRoot: Uint8Array }[] {
  judgeRequest(record, keys);
  judgePolicy(record);
  return judgeProof(record, keys.sourceKey);
}

function judgeRequest(
  record: DisclosureRecord,
  { sourceKey, verifier }: { sourceKey: PublicKey; verifier: Verifier },
): void {
  const request = holds('request', () => reopenRequest(record.request, verifier));
  const asked = request.documents.some(
    ({ repositoryUniqueId, documentUniqueId }) =>
      repositoryUniqueId === publicKeyHex(sourceKey) && documentUniqueId === record.studyHash,
  );
  if (publicKeyHex(request.signer) !== record.requester) throw new NotShown('request: another key signed it');
  if (Buffer.from(request.digest).toString('hex') !== record.requestDigest)
    throw new NotShown('request: another digest');
  if (!request.messageId.startsWith(record.messageId)) throw new NotShown('request: another message');
  if (!asked) throw new NotShown('request: it asks for something else');
  const { skewMs } = record.policy;
  if (!(request.created - skewMs <= record.time)) throw new NotShown('request: served before it was made');
}

function judgePolicy({ grade, checkpoint, policy, time }: DisclosureRecord): void {
  if (grade !== 'final' || checkpoint === null) throw new NotShown('policy: the grant was not final');
  const age = time - checkpoint.timeMs;
  if (!(age <= policy.maxStalenessMs + decisionToRecordMs)) throw new NotShown('policy: the ledger was not fresh');
  if (!(age >= -policy.maxAheadMs)) throw new NotShown('policy: the ledger was ahead of the clock');
}

/** Between the decision and its record lie opening the document and signing the answer. */
const decisionToRecordMs = 60_000;

function judgeProof(record: DisclosureRecord, sourceKey: PublicKey): { slot: number; stateRoot: Uint8Array }[] {
  const proven = holds('proof', () =>
    checkProofBundle(fromHex(record.proof), {
      sourceKey,
      studyHash: fromHex(record.studyHash, 32),
      patientKey: parsePublicKey(record.owner),
      requesterKey: parsePublicKey(record.requester),
      seq: record.grantSeq,
    }),
  );
  if (proven.notAfter !== 0 && record.time > proven.notAfter + decisionToRecordMs) {
    throw new NotShown('policy: the grant had expired');
  }
  return proven.roots;
}

function holds<T>(what: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new NotShown(`${what}: ${error instanceof CodedError ? error.message : String(error)}`);
  }
}
