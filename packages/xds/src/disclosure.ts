/**
 * Disclosure records: the gateway's own proof that it was right to serve, and the account of what it refused.
 * A log is a chain of entries, each the canonical array
 *
 *   [1, seq, previous, body, signature]
 *
 * seq counts from 1; previous = SHA-256 of the entry before (32 zero bytes in the first); signature = by the
 * source's standing key, purpose `disclosure`, over the canonical array of the elements before it. The body:
 *
 *   served, refused   [kind 1 | 2, time, requester, owner, studyHash, messageId, requestDigest, reason, grade,
 *                      [slot, blockId, timeMs] or [], grantSeq, [maxStalenessMs, maxAheadMs, maxSilenceMs, skewMs],
 *                      responseDigest, request, proof, omitted]
 *   closed            [kind 3, time, seq of the entry it closes, outcome, reason, bytesSent]
 *
 * Keys, hashes and digests are 32 bytes, or none where there is nothing to name; messageId is UTF-8.
 * `request` is the signed message as it was received, so that the record can be judged without us.
 * A served entry is durable before the first byte leaves. One without its closing entry (the process died)
 * counts as sent in full. A refusal that came while refusals were limited has no entry of its own and is
 * counted in `omitted` of the next. Changing, removing or adding an entry inside the log breaks the chain;
 * cutting off its end is seen by the log's head record, unless whoever does it rewrites that too.
 */
import type { Canonical, PublicKey, Schema, SecretKey, Verifier } from '@radpass/core';
import {
  ascii,
  bytes,
  bytesUpTo,
  constant,
  decodeCanonical,
  encodeCanonical,
  equalBytes,
  fromHex,
  list,
  map,
  raw,
  sign,
  toHex,
  tuple,
  uint,
  utf8,
  verify,
} from '@radpass/core';
import type { DecisionPolicy, RefusalReason } from './decide.js';
import { XdsError } from './errors.js';

/** Byte strings are lowercase hex here; '' = nothing to name. */
export interface DisclosureRecord {
  kind: 'served' | 'refused';
  /** Unix ms. */
  time: number;
  /** '' when no signature was verified. */
  requester: string;
  owner: string;
  studyHash: string;
  messageId: string;
  /** SHA-256 of the request's envelope; of its whole body when its signature wasn't verified. */
  requestDigest: string;
  /** '' when served. */
  reason: RefusalReason | '';
  grade: 'final' | '';
  checkpoint: { slot: number; blockId: string; timeMs: number } | null;
  grantSeq: number;
  policy: DecisionPolicy;
  /** SHA-256 of the answer's envelope, which signs the document's digest; '' when refused. */
  responseDigest: string;
  /** The request's body as it was received; empty when refused. */
  request: Uint8Array;
  /** The ledger's proof bundle at the decision. */
  proof: string;
  /** Refusals since the last entry that have none of their own. */
  omitted: number;
}

export type DisclosureOutcome = 'complete' | 'stopped' | 'disconnected' | 'failed';

/** How a served entry ended. */
export interface DisclosureClosing {
  kind: 'closed';
  time: number;
  /** The entry that it closes. */
  of: number;
  outcome: DisclosureOutcome;
  /** Why it was stopped; '' otherwise. */
  reason: RefusalReason | '';
  /** Bytes of the document that were handed to the connection: at least as many as arrived. */
  bytesSent: number;
}

export type DisclosureBody = DisclosureRecord | DisclosureClosing;

export interface DisclosureEntry {
  seq: number;
  body: DisclosureBody;
}

const maxRequestBytes = 131_072;
const maxProofBytes = 65_536;
const maxEntryBytes = maxRequestBytes + maxProofBytes + 8_192;
const maxMessageIdBytes = 1_024;
/** What the first entry names as the one before it. */
export const firstPrevious: Uint8Array = new Uint8Array(32);

const hex32: Schema<string> = map(
  bytes([0, 32]),
  value => toHex(value),
  value => fromHex(value),
);
const messageIdSchema: Schema<string> = map(
  bytesUpTo(maxMessageIdBytes),
  value => new TextDecoder().decode(value),
  value => utf8(value),
);

const checkpointSchema: Schema<DisclosureRecord['checkpoint']> = map(
  list(raw(32), 3),
  (parts: Canonical[]) => {
    if (parts.length === 0) return null;
    const [slot, blockId, timeMs] = decodeCanonical(encodeCanonical(parts), tuple(uint(), bytes(32), uint()));
    return { slot, blockId: toHex(blockId), timeMs };
  },
  value => (value === null ? [] : [value.slot, fromHex(value.blockId, 32), value.timeMs]),
);

const policySchema = map<[number, number, number, number], DecisionPolicy>(
  tuple(uint(), uint(), uint(), uint()),
  ([maxStalenessMs, maxAheadMs, maxSilenceMs, skewMs]) => ({ maxStalenessMs, maxAheadMs, maxSilenceMs, skewMs }),
  policy => [policy.maxStalenessMs, policy.maxAheadMs, policy.maxSilenceMs, policy.skewMs],
);

const recordSchema = tuple(
  uint(2),
  uint(),
  hex32,
  hex32,
  hex32,
  messageIdSchema,
  hex32,
  ascii(32),
  ascii(16),
  checkpointSchema,
  uint(),
  policySchema,
  hex32,
  bytesUpTo(maxRequestBytes),
  bytesUpTo(maxProofBytes),
  uint(),
);
const closingSchema = tuple(constant(3), uint(), uint(), ascii(16), ascii(32), uint());

function encodeBody(body: DisclosureBody): Canonical {
  if (body.kind === 'closed') {
    return closingSchema.write([3, body.time, body.of, body.outcome, body.reason, body.bytesSent]);
  }
  return recordSchema.write([
    body.kind === 'served' ? 1 : 2,
    body.time,
    body.requester,
    body.owner,
    body.studyHash,
    body.messageId,
    body.requestDigest,
    body.reason,
    body.grade,
    body.checkpoint,
    body.grantSeq,
    body.policy,
    body.responseDigest,
    body.request,
    fromHex(body.proof),
    body.omitted,
  ]);
}

function decodeBody(value: Canonical): DisclosureBody {
  const body = encodeCanonical(value);
  if (Array.isArray(value) && value[0] === 3) {
    const [, time, of, outcome, reason, bytesSent] = decodeCanonical(body, closingSchema);
    return {
      kind: 'closed',
      time,
      of,
      outcome: outcome as DisclosureOutcome,
      reason: reason as RefusalReason | '',
      bytesSent,
    };
  }
  const parts = decodeCanonical(body, recordSchema);
  return {
    kind: parts[0] === 1 ? 'served' : 'refused',
    time: parts[1],
    requester: parts[2],
    owner: parts[3],
    studyHash: parts[4],
    messageId: parts[5],
    requestDigest: parts[6],
    reason: parts[7] as RefusalReason | '',
    grade: parts[8] as 'final' | '',
    checkpoint: parts[9],
    grantSeq: parts[10],
    policy: parts[11],
    responseDigest: parts[12],
    request: parts[13],
    proof: toHex(parts[14]),
    omitted: parts[15],
  };
}

const entrySchema = tuple(constant(1), uint(), bytes(32), raw(maxEntryBytes), bytes(64));

/** Bytes of the entry at this place of the chain. @throws CoreError when `body` holds what no entry can carry */
export function createDisclosure(
  key: SecretKey,
  chainId: Uint8Array,
  at: { seq: number; previous: Uint8Array },
  body: DisclosureBody,
): Uint8Array {
  const encoded = encodeBody(body);
  // A body that could not be read again must fail here, not in the log.
  decodeBody(encoded);
  const unsigned: Canonical[] = [1, at.seq, at.previous, encoded];
  return encodeCanonical([...unsigned, sign(key, 'disclosure', chainId, encodeCanonical(unsigned))]);
}

/** The content of an entry's bytes; says nothing about chain or signature. @throws CoreError CORE_DECODE */
export function parseDisclosure(entry: Uint8Array): DisclosureEntry & { previous: Uint8Array } {
  const [, seq, previous, body] = decodeCanonical(entry, entrySchema, maxEntryBytes);
  return { seq, previous, body: decodeBody(body) };
}

export interface DisclosureKeys {
  chainId: Uint8Array;
  /** Every key under which the source signed in the log's life: the standing one and those before it. */
  signers: readonly PublicKey[];
  verifier: Verifier;
}

/**
 * Check one entry against the hash of the one before it.
 * @throws XdsError XDS_DISCLOSURE_ENTRY {seq, reason}; CoreError CORE_DECODE when its bytes are malformed
 */
export function checkDisclosure(
  entry: Uint8Array,
  at: { seq: number; previous: Uint8Array },
  keys: DisclosureKeys,
): void {
  const [version, seq, previous, body, signature] = decodeCanonical(entry, entrySchema, maxEntryBytes);
  decodeBody(body);
  if (seq !== at.seq) refuseEntry(at.seq, 'seq');
  if (!equalBytes(previous, at.previous)) refuseEntry(at.seq, 'chain');
  const message = encodeCanonical([version, seq, previous, body]);
  const signed = keys.signers.some(key => verify(keys.verifier, signature, 'disclosure', keys.chainId, message, key));
  if (!signed) refuseEntry(at.seq, 'signature');
}

/** @throws XdsError XDS_DISCLOSURE_ENTRY */
export function refuseEntry(seq: number, reason: 'seq' | 'chain' | 'signature'): never {
  throw new XdsError({ code: 'XDS_DISCLOSURE_ENTRY', seq, reason }, `disclosure record ${seq}: wrong ${reason}`);
}
