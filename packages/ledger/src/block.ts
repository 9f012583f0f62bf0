/**
 * Blocks and headers.
 *
 *   block     = [bin header, signature (64), bin body]     signature: purpose `block` over the id, by the producer's nodeKey
 *   header    = [rulesVersion, chainId, slot, height, parent, producer, vrfProof (80), txRoot, voteRoot, witnessRoot,
 *                evidenceRoot, stateRoot, committeeRoot, root, justified, finalized, bodySize]
 *               hashes and keys 32 bytes; root, justified and finalized are [slot, id]
 *   body      = [evidence, certificates, voteSets, transactions]   vote sets as in consensus/votes.ts; each record of evidence
 *               (consensus/evidence.ts) and each transaction one bin
 *   id        = SHA-256(header's bytes)          bodySize = length of the body's bytes
 *
 * Lists are RFC 6962 trees (merkle.ts); their elements, in the order of the body:
 *   txRoot        each transaction's bytes
 *   voteRoot      [0, message, bitmap] of each certificate, then [1, message, bitmap] of each vote set: the first
 *                 number keeps a certificate from being passed off as a loose set under the same header
 *   witnessRoot   [signature …] of each certificate, then of each vote set
 *   evidenceRoot  each record's bytes
 *
 * A pruned block has lost its votes' signatures: each vote set stands as [message, bitmap, []]. Header, signature and id
 * are the block's own, and bodySize still counts what is missing, which the bitmaps tell; witnessRoot can't be checked.
 * Worked bytes: docs/protocol-consensus.md. Parsing says only that the bytes are a block whose body is its header's;
 * whether it is valid is applyBlock's to say.
 */
import {
  bytes,
  bytesUpTo,
  CodedError,
  decodeCanonical,
  encodeAs,
  encodeCanonical,
  equalBytes,
  list,
  map,
  type PublicKey,
  publicKey,
  type Schema,
  sha256,
  tuple,
  uint,
} from '@radpass/core';
import { knowsVersion, rulesVersions } from './consensus/rulesVersions.js';
import {
  type Checkpoint,
  checkpointSchema,
  type VoteSet,
  voteMessageSchema,
  votersOf,
  voteSetSchema,
} from './consensus/votes.js';
import { LedgerError } from './errors.js';
import { merkleRoot } from './merkle.js';

export interface Header {
  readonly rulesVersion: number;
  readonly chainId: Uint8Array;
  readonly slot: number;
  readonly height: number;
  readonly parent: Uint8Array;
  /** The producing source's sourceKey. */
  readonly producer: PublicKey;
  readonly vrfProof: Uint8Array;
  readonly txRoot: Uint8Array;
  readonly voteRoot: Uint8Array;
  readonly witnessRoot: Uint8Array;
  readonly evidenceRoot: Uint8Array;
  readonly stateRoot: Uint8Array;
  readonly committeeRoot: Uint8Array;
  readonly root: Checkpoint;
  readonly justified: Checkpoint;
  readonly finalized: Checkpoint;
  readonly bodySize: number;
}

export interface Body {
  readonly evidence: readonly Uint8Array[];
  readonly certificates: readonly VoteSet[];
  readonly voteSets: readonly VoteSet[];
  readonly transactions: readonly Uint8Array[];
}

export interface Block {
  readonly header: Header;
  readonly headerBytes: Uint8Array;
  /** 32 bytes */
  readonly id: Uint8Array;
  readonly signature: Uint8Array;
  readonly body: Body;
  readonly bytes: Uint8Array;
  /** Its votes' signatures are missing. */
  readonly pruned: boolean;
}

/** Caps looked at before anything is decoded. Genesis can only set lower ones. */
export const blockLimits = Object.freeze({
  headerBytes: 1_024,
  transactionBytes: 256 * 1024,
  voteBytes: 176 * 1024,
  evidenceBytes: 288 * 1024,
  bodyBytes: 720 * 1024 + 16,
  blockBytes: 722 * 1024,
  transactions: 4_096,
  voteSets: 2_048,
  certificates: 16,
  evidence: 16,
});

/** A signature of 64 bytes as canonical bytes, and what a list's head grows by from 16 elements on. */
const signatureBytes = 66;
const longListBytes = 2;

type H = Uint8Array;
type C = Checkpoint;
type HeaderFields = [number, H, number, number, H, PublicKey, H, H, H, H, H, H, H, C, C, C, number];

const headerFields = tuple<HeaderFields>(
  uint(),
  bytes(32),
  uint(),
  uint(),
  bytes(32),
  publicKey(),
  bytes(80),
  bytes(32),
  bytes(32),
  bytes(32),
  bytes(32),
  bytes(32),
  bytes(32),
  checkpointSchema,
  checkpointSchema,
  checkpointSchema,
  uint(),
);

const headerSchema = map<HeaderFields, Header>(
  headerFields,
  f => ({
    rulesVersion: f[0],
    chainId: f[1],
    slot: f[2],
    height: f[3],
    parent: f[4],
    producer: f[5],
    vrfProof: f[6],
    txRoot: f[7],
    voteRoot: f[8],
    witnessRoot: f[9],
    evidenceRoot: f[10],
    stateRoot: f[11],
    committeeRoot: f[12],
    root: f[13],
    justified: f[14],
    finalized: f[15],
    bodySize: f[16],
  }),
  h => [
    h.rulesVersion,
    h.chainId,
    h.slot,
    h.height,
    h.parent,
    h.producer,
    h.vrfProof,
    h.txRoot,
    h.voteRoot,
    h.witnessRoot,
    h.evidenceRoot,
    h.stateRoot,
    h.committeeRoot,
    h.root,
    h.justified,
    h.finalized,
    h.bodySize,
  ],
);

const evidenceList = list(bytesUpTo(blockLimits.evidenceBytes), blockLimits.evidence);
const transactionList = list(bytesUpTo(blockLimits.transactionBytes), blockLimits.transactions);
const certificateList = list(voteSetSchema, blockLimits.certificates);
const voteSetList = list(voteSetSchema, blockLimits.voteSets);
type BodyFields = [Uint8Array[], VoteSet[], VoteSet[], Uint8Array[]];

const bodySchema = map<BodyFields, Body>(
  tuple(evidenceList, certificateList, voteSetList, transactionList),
  ([evidence, certificates, voteSets, transactions]) => ({ evidence, certificates, voteSets, transactions }),
  b => [[...b.evidence], [...b.certificates], [...b.voteSets], [...b.transactions]],
);

const blockSchema = tuple(bytesUpTo(blockLimits.headerBytes), bytes(64), bytesUpTo(blockLimits.bodyBytes));

function decodePart<T>(received: Uint8Array, schema: Schema<T>, part: 'block' | 'header' | 'body'): T {
  try {
    return decodeCanonical(received, schema);
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause;
    const at = 'at' in cause.detail && typeof cause.detail.at === 'string' ? cause.detail.at : '';
    throw new LedgerError({ code: 'LEDGER_BLOCK_ENCODING', part, at }, `no ${part}: ${cause.message}`, { cause });
  }
}

/** The id of the block that a header's canonical bytes belong to; 32 bytes. */
export function blockId(headerBytes: Uint8Array): Uint8Array {
  return sha256(headerBytes);
}

export function encodeHeader(header: Header): Uint8Array {
  return encodeAs(headerSchema, header);
}

/** @throws LedgerError LEDGER_BLOCK_ENCODING */
export function parseHeader(headerBytes: Uint8Array): Header {
  return decodePart(headerBytes, headerSchema, 'header');
}

export function encodeBody(body: Body): Uint8Array {
  return encodeAs(bodySchema, body);
}

/** What the caps of genesis count: bytes of the canonical lists of evidence and of transactions, and of both lists of votes together. */
export function bodyParts(body: Body): { evidence: number; transactions: number; votes: number } {
  const sizeOf = <T>(schema: Schema<T[]>, items: readonly T[]) => encodeAs(schema, [...items]).length;
  return {
    evidence: sizeOf(evidenceList, body.evidence),
    transactions: sizeOf(transactionList, body.transactions),
    votes: sizeOf(certificateList, body.certificates) + sizeOf(voteSetList, body.voteSets),
  };
}

/** What the signatures that a pruned body lacks would take in it. */
export function missingBytes(body: Body): number {
  return [...body.certificates, ...body.voteSets].reduce((sum, { bitmap }) => {
    const signatures = votersOf(bitmap).length;
    return sum + signatureBytes * signatures + (signatures < 16 ? 0 : longListBytes);
  }, 0);
}

function lacksSignatures({ certificates, voteSets }: Body): boolean {
  const sets = [...certificates, ...voteSets];
  return sets.length > 0 && sets.every(({ signatures }) => signatures.length === 0);
}

/** The four roots of a body, as a header carries them. */
export function bodyRoots(body: Body): Pick<Header, 'txRoot' | 'voteRoot' | 'witnessRoot' | 'evidenceRoot'> {
  const leaf = (kind: 0 | 1) => (set: VoteSet) =>
    encodeCanonical([kind, voteMessageSchema.write(set.message), set.bitmap]);
  const sets = [...body.certificates, ...body.voteSets];
  return {
    txRoot: merkleRoot(body.transactions),
    voteRoot: merkleRoot([...body.certificates.map(leaf(0)), ...body.voteSets.map(leaf(1))]),
    witnessRoot: merkleRoot(sets.map(set => encodeCanonical([...set.signatures]))),
    evidenceRoot: merkleRoot(body.evidence),
  };
}

/** A block from its parts; the header is the body's own. */
export function encodeBlock(p: { header: Header; body: Body; signature: Uint8Array }): Block {
  const headerBytes = encodeHeader(p.header);
  const encoded = encodeCanonical([headerBytes, p.signature, encodeBody(p.body)]);
  return { ...p, headerBytes, id: blockId(headerBytes), bytes: encoded, pruned: false };
}

const rootNames = [
  ['tx', 'txRoot'],
  ['vote', 'voteRoot'],
  ['witness', 'witnessRoot'],
  ['evidence', 'evidenceRoot'],
] as const;

interface Frame {
  readonly header: Header;
  readonly headerBytes: Uint8Array;
  readonly signature: Uint8Array;
  readonly bodyBytes: Uint8Array;
}

/** What every version of the rules has in common: header, signature and a body that is not looked into. */
export function parseFrame(received: Uint8Array): Frame {
  const [headerBytes, signature, bodyBytes] = decodePart(received, blockSchema, 'block');
  return { header: parseHeader(headerBytes), headerBytes, signature, bodyBytes };
}

/**
 * A whole block from received bytes. Every failure is a verdict on these bytes and none on the id in them: another body may
 * be the header's.
 * @throws LedgerError LEDGER_BLOCK_SIZE, LEDGER_BLOCK_ENCODING, LEDGER_BLOCK_VERSION (unknown here),
 *   LEDGER_BLOCK_BODY_SIZE, LEDGER_BLOCK_BODY_ROOT
 */
export function parseBlock(received: Uint8Array): Block {
  return parseWith(received, false);
}

/**
 * A block as stores keep it and hand it on: whole or pruned.
 * @throws LedgerError as parseBlock
 */
export function parseKeptBlock(received: Uint8Array): Block {
  return parseWith(received, true);
}

function parseWith(received: Uint8Array, mayBePruned: boolean): Block {
  const max = blockLimits.blockBytes;
  if (received.length > max) {
    const detail = { code: 'LEDGER_BLOCK_SIZE', max, got: received.length } as const;
    throw new LedgerError(detail, `a block has at most ${max} bytes, got ${received.length}`);
  }
  const { header, headerBytes, signature, bodyBytes } = parseFrame(received);
  if (!knowsVersion(header.rulesVersion)) {
    const expected = rulesVersions.at(-1)!.version;
    const detail = { code: 'LEDGER_BLOCK_VERSION', expected, got: header.rulesVersion } as const;
    throw new LedgerError(detail, `rules version ${header.rulesVersion} is not known here: upgrade`);
  }
  const isWhole = bodyBytes.length === header.bodySize;
  if (!isWhole && !mayBePruned) throw wrongSize(header, bodyBytes.length);
  const body = decodePart(bodyBytes, bodySchema, 'body');
  const pruned = mayBePruned && lacksSignatures(body);
  const size = bodyBytes.length + (pruned ? missingBytes(body) : 0);
  if (size !== header.bodySize) throw wrongSize(header, size);
  const roots = bodyRoots(body);
  for (const [root, field] of rootNames) {
    if (pruned && root === 'witness') continue;
    if (!equalBytes(roots[field], header[field])) {
      throw new LedgerError({ code: 'LEDGER_BLOCK_BODY_ROOT', root }, `the body's ${field} is not the header's`);
    }
  }
  return { header, headerBytes, id: blockId(headerBytes), signature, body, bytes: new Uint8Array(received), pruned };
}

function wrongSize({ bodySize: expected }: Header, got: number): LedgerError {
  const detail = { code: 'LEDGER_BLOCK_BODY_SIZE', expected, got } as const;
  return new LedgerError(detail, `the header says a body of ${expected} bytes, got ${got}`);
}
