/**
 * Votes. Every slot is a checkpoint: a pair (slot, block) whose block is of that slot, or older where the slot is empty.
 *
 *   message  = [rootId, sourceSlot, sourceId, targetSlot, targetId]
 *   vote     = [message, voter, nodeKey, signature]        one voter's, as gossiped; purpose `vote` over the message
 *   vote set = [message, bitmap, [signature …]]            several voters', as in blocks; a quorum of them is a certificate
 *
 * voter = index in the era's committee. bitmap: one bit a voter, bit i = byte ⌊i/8⌋, mask 1 << (i mod 8), ⌈voters/8⌉
 * bytes; signatures in the order of the bits. Worked bytes: docs/protocol-consensus.md.
 */
import {
  bytes,
  bytesUpTo,
  CodedError,
  decodeCanonical,
  encodeAs,
  equalBytes,
  list,
  map,
  type PublicKey,
  publicKey,
  type Schema,
  type SecretKey,
  sign,
  tuple,
  uint,
  type Verifier,
  verify,
} from '@radpass/core';
import { LedgerError } from '../errors.js';
import type { Committee } from './committee.js';

/** A slot and the id of the newest block at that slot or before it. */
export interface Checkpoint {
  readonly slot: number;
  /** 32 bytes */
  readonly id: Uint8Array;
}

export interface VoteMessage {
  /** Id of the era's root block. */
  readonly rootId: Uint8Array;
  readonly sourceSlot: number;
  readonly sourceId: Uint8Array;
  readonly targetSlot: number;
  readonly targetId: Uint8Array;
}

export interface Vote {
  readonly message: VoteMessage;
  /** Index in the committee. */
  readonly voter: number;
  readonly nodeKey: PublicKey;
  readonly signature: Uint8Array;
}

export interface VoteSet {
  readonly message: VoteMessage;
  readonly bitmap: Uint8Array;
  readonly signatures: readonly Uint8Array[];
}

/** No committee is larger: bound of genesis' `seats` and founders. */
export const maxVoters = 512;

/** Longest encoding of a vote. */
export const maxVoteMessageBytes = 256;

/** Longest encoding of a certificate: message, bitmap and 512 signatures of 64 bytes with their heads. */
export const maxCertificateBytes = 36_864;

/** [slot, id] */
export const checkpointSchema = map<[number, Uint8Array], Checkpoint>(
  tuple(uint(), bytes(32)),
  ([slot, id]) => ({ slot, id }),
  ({ slot, id }) => [slot, id],
);

export const voteMessageSchema = map<[Uint8Array, number, Uint8Array, number, Uint8Array], VoteMessage>(
  tuple(bytes(32), uint(), bytes(32), uint(), bytes(32)),
  ([rootId, sourceSlot, sourceId, targetSlot, targetId]) => ({ rootId, sourceSlot, sourceId, targetSlot, targetId }),
  m => [m.rootId, m.sourceSlot, m.sourceId, m.targetSlot, m.targetId],
);

export const voteSetSchema = map<[VoteMessage, Uint8Array, Uint8Array[]], VoteSet>(
  tuple(voteMessageSchema, bytesUpTo(maxVoters / 8), list(bytes(64), maxVoters)),
  ([message, bitmap, signatures]) => ({ message, bitmap, signatures }),
  set => [set.message, set.bitmap, [...set.signatures]],
);

const voteSchema = map<[VoteMessage, number, PublicKey, Uint8Array], Vote>(
  tuple(voteMessageSchema, uint(maxVoters - 1), publicKey(), bytes(64)),
  ([message, voter, nodeKey, signature]) => ({ message, voter, nodeKey, signature }),
  vote => [vote.message, vote.voter, vote.nodeKey, vote.signature],
);

/** A message is written down again and again: to be signed, hashed and told. */
const encodedMessages = new WeakMap<VoteMessage, Uint8Array>();

/** The canonical bytes that a vote's signature covers; nobody changes them. */
export function encodeVoteMessage(message: VoteMessage): Uint8Array {
  const known = encodedMessages.get(message);
  if (known) return known;
  const encoded = encodeAs(voteMessageSchema, message);
  encodedMessages.set(message, encoded);
  return encoded;
}

/** @throws CoreError CORE_DECODE for bytes that are no message */
export function parseVoteMessage(received: Uint8Array): VoteMessage {
  return decodeCanonical(received, voteMessageSchema, maxVoteMessageBytes);
}

/** Kept while a set is: it is written to disk with each that comes after it, and measured for each block. */
const encodedSets = new WeakMap<VoteSet, Uint8Array>();

/** Canonical bytes of a vote set: a certificate as gossiped, and as it stands in blocks and records. */
export function encodeVoteSet(set: VoteSet): Uint8Array {
  const known = encodedSets.get(set);
  if (known) return known;
  const encoded = encodeAs(voteSetSchema, set);
  encodedSets.set(set, encoded);
  return encoded;
}

/** @throws LedgerError LEDGER_VOTE for bytes that are no vote set; nothing in it is judged */
export function parseCertificate(received: Uint8Array): VoteSet {
  return parseAs(received, voteSetSchema, maxCertificateBytes);
}

export function encodeVote(vote: Vote): Uint8Array {
  return encodeAs(voteSchema, vote);
}

/** @throws LedgerError LEDGER_VOTE for bytes that are no vote; its signature is not looked at */
export function parseVote(received: Uint8Array): Vote {
  return parseAs(received, voteSchema, maxVoteMessageBytes);
}

function parseAs<T>(received: Uint8Array, schema: Schema<T>, maxBytes: number): T {
  try {
    return decodeCanonical(received, schema, maxBytes);
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause;
    throw new LedgerError({ code: 'LEDGER_VOTE', reason: cause.message }, `no vote: ${cause.message}`, { cause });
  }
}

/** 64 bytes. The caller has written the vote into its signing record. */
export function signVote(key: SecretKey, chainId: Uint8Array, message: VoteMessage): Uint8Array {
  return sign(key, 'vote', chainId, encodeVoteMessage(message));
}

/** Whether a vote's signature holds. That its voter sits in the committee is `isVoter`'s to say. */
export function verifyVote(vote: Vote, chainId: Uint8Array, verifier: Verifier): boolean {
  return verify(verifier, vote.signature, 'vote', chainId, encodeVoteMessage(vote.message), vote.nodeKey);
}

/** Whether the vote's index and key name the same voter of the committee. */
export function isVoter(vote: Vote, committee: Committee): boolean {
  const voter = committee.voters[vote.voter];
  return voter !== undefined && equalBytes(voter.nodeKey, vote.nodeKey);
}

/**
 * One set of votes on one message.
 * @param votes - by distinct voters of a committee of `voters`, all on `message`, all verified
 */
export function assembleVoteSet(
  message: VoteMessage,
  votes: readonly Pick<Vote, 'voter' | 'signature'>[],
  voters: number,
): VoteSet {
  const bitmap = new Uint8Array(Math.ceil(voters / 8));
  const ordered = [...votes].sort((a, b) => a.voter - b.voter);
  for (const { voter } of ordered) bitmap[voter >> 3]! |= 1 << (voter & 7);
  return { message, bitmap, signatures: ordered.map(vote => vote.signature) };
}

/** Indices of the bits that are set, ascending. */
export function votersOf(bitmap: Uint8Array): number[] {
  const voters: number[] = [];
  bitmap.forEach((byte, at) => {
    for (let bit = 0; bit < 8; bit++) if ((byte >> bit) & 1) voters.push(8 * at + bit);
  });
  return voters;
}
