/**
 * Evidence: what shows to everybody, from signatures alone, that a source broke a rule of consensus.
 *
 *   double block    [1, nodeKey, header, signature, header, signature]       two headers of one slot
 *   double vote     [2, nodeKey, message, signature, message, signature]     two messages of one root and one target slot
 *   surround vote   [3, nodeKey, message, signature, message, signature]     of one root: the first's source is lower and its
 *                                                                            target higher than the second's
 *   invalid block   [4, block]                                               a block by its slot's leader that the rules refuse
 *
 * Canonical bytes. header, message and block are byte strings that hold the canonical header (block.ts), vote message
 * (votes.ts) and block; signatures have 64 bytes, of purpose `block` over the header's id or `vote` over the message. In
 * kinds 1 and 2 the smaller of the two stands first, bytewise: an offence has few spellings. Worked bytes:
 * docs/protocol-consensus.md.
 *
 * Nobody can be accused who did not sign: kinds 1 to 3 name the key that signed, and the offender is the source that the
 * state knows it by for ever. An honest key never signs such a pair (level/signingRecord.ts), whatever its node was
 * told. A committee's or a leader's seat is not asked for: the pair alone is the offence, at any age. Kind 4 is judged in
 * invalidBlock.ts.
 */
import {
  bytes,
  bytesUpTo,
  CodedError,
  compareBytes,
  constant,
  decodeCanonical,
  encodeAs,
  type PublicKey,
  publicKey,
  tuple,
  uint,
  type Verifier,
  verify,
} from '@radpass/core';
import { blockId, blockLimits, parseHeader } from '../block.js';
import { type EvidenceFault, LedgerError } from '../errors.js';
import { parseVoteMessage, type VoteMessage } from './votes.js';

/** The number of each kind in a record. */
export const evidenceKinds = Object.freeze({
  doubleBlock: 1,
  doubleVote: 2,
  surroundVote: 3,
  invalidBlock: 4,
} as const);
export type OffenceKind = keyof typeof evidenceKinds;
export type EquivocationKind = Exclude<OffenceKind, 'invalidBlock'>;

/** Two things that one key must not both have signed. */
export interface Equivocation {
  readonly kind: EquivocationKind;
  readonly nodeKey: PublicKey;
  /** Header's or vote message's canonical bytes, each with its signature. */
  readonly first: Uint8Array;
  readonly firstSignature: Uint8Array;
  readonly second: Uint8Array;
  readonly secondSignature: Uint8Array;
}

export interface InvalidBlock {
  readonly kind: 'invalidBlock';
  /** A block's bytes, as parseBlock takes them. */
  readonly block: Uint8Array;
}

export type Evidence = Equivocation | InvalidBlock;

const pairKinds: readonly EquivocationKind[] = ['doubleBlock', 'doubleVote', 'surroundVote'];
const part = bytesUpTo(blockLimits.headerBytes);
const pairSchema = tuple(uint(pairKinds.length), publicKey(), part, bytes(64), part, bytes(64));
const invalidSchema = tuple(constant(evidenceKinds.invalidBlock), bytesUpTo(blockLimits.evidenceBytes));

export function evidenceFault(fault: EvidenceFault): LedgerError {
  return new LedgerError({ code: 'LEDGER_EVIDENCE', fault }, `no evidence: ${fault}`);
}

export function encodeEvidence(evidence: Evidence): Uint8Array {
  if (evidence.kind === 'invalidBlock') return encodeAs(invalidSchema, [evidenceKinds.invalidBlock, evidence.block]);
  const { kind, nodeKey, first, firstSignature, second, secondSignature } = evidence;
  return encodeAs(pairSchema, [evidenceKinds[kind], nodeKey, first, firstSignature, second, secondSignature]);
}

/** The kind that received bytes claim to be; undefined for bytes of no kind. A record is an array of 6 or 2. */
export function kindOfRecord(received: Uint8Array): OffenceKind | undefined {
  const kind = received[0] === 0x96 || received[0] === 0x92 ? received[1] : undefined;
  const names = Object.keys(evidenceKinds) as OffenceKind[];
  return names.find(name => evidenceKinds[name] === kind);
}

/** @throws LedgerError LEDGER_EVIDENCE, fault 'encoding' */
export function parseEvidence(received: Uint8Array): Evidence {
  const kind = kindOfRecord(received);
  try {
    if (kind === 'invalidBlock') {
      const [, block] = decodeCanonical(received, invalidSchema, blockLimits.evidenceBytes);
      return { kind, block };
    }
    const pair = pairKinds.find(name => name === kind);
    if (!pair) throw evidenceFault('encoding');
    const [, nodeKey, first, firstSignature, second, secondSignature] = decodeCanonical(received, pairSchema);
    return { kind: pair, nodeKey, first, firstSignature, second, secondSignature };
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause;
    const detail = { code: 'LEDGER_EVIDENCE', fault: 'encoding' } as const;
    throw new LedgerError(detail, `no evidence: ${cause.message}`, { cause });
  }
}

function parsed<T>(parse: (received: Uint8Array) => T, received: Uint8Array): T {
  try {
    return parse(received);
  } catch (error) {
    if (error instanceof CodedError) throw evidenceFault('encoding');
    throw error;
  }
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean => compareBytes(a, b) === 0;

/** Whether `outer` goes around `inner`: an honest voter's sources never go back. */
export function surrounds(outer: VoteMessage, inner: VoteMessage): boolean {
  const isAround = outer.sourceSlot < inner.sourceSlot && inner.targetSlot < outer.targetSlot;
  return isAround && isSame(outer.rootId, inner.rootId);
}

/** Whether no honest voter casts both. */
export function isDoubleVote(a: VoteMessage, b: VoteMessage): boolean {
  return a.targetSlot === b.targetSlot && isSame(a.rootId, b.rootId);
}

/**
 * What the two contradict each other in, signatures aside.
 * @returns the slot of the offence: of a surround, the outer vote's target
 * @throws LedgerError LEDGER_EVIDENCE
 */
export function slotOfEquivocation(p: Equivocation): number {
  if (p.kind !== 'surroundVote' && compareBytes(p.first, p.second) >= 0) throw evidenceFault('order');
  if (p.kind === 'doubleBlock') {
    const { slot } = parsed(parseHeader, p.first);
    if (parsed(parseHeader, p.second).slot !== slot) throw evidenceFault('no offence');
    return slot;
  }
  const first = parsed(parseVoteMessage, p.first);
  const second = parsed(parseVoteMessage, p.second);
  const holds = p.kind === 'doubleVote' ? isDoubleVote(first, second) : surrounds(first, second);
  if (!holds) throw evidenceFault('no offence');
  return first.targetSlot;
}

/** @throws LedgerError LEDGER_EVIDENCE, fault 'signature', unless the key signed both */
export function checkSignatures(evidence: Equivocation, chainId: Uint8Array, verifier: Verifier): void {
  const { kind, nodeKey, first, firstSignature, second, secondSignature } = evidence;
  const isSigned = (message: Uint8Array, signature: Uint8Array): boolean =>
    kind === 'doubleBlock'
      ? verify(verifier, signature, 'block', chainId, blockId(message), nodeKey)
      : verify(verifier, signature, 'vote', chainId, message, nodeKey);
  if (!isSigned(first, firstSignature) || !isSigned(second, secondSignature)) throw evidenceFault('signature');
}

/** A signed thing of a slot, as found. */
export interface Signed {
  /** Header's or message's canonical bytes. */
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
}

/** Evidence from two findings of one key; in kinds 1 and 2 in whichever order, in kind 3 the outer vote first. */
export function equivocation(kind: EquivocationKind, nodeKey: PublicKey, a: Signed, b: Signed): Equivocation {
  const [first, second] = kind === 'surroundVote' || compareBytes(a.bytes, b.bytes) < 0 ? [a, b] : [b, a];
  return {
    kind,
    nodeKey,
    first: first.bytes,
    firstSignature: first.signature,
    second: second.bytes,
    secondSignature: second.signature,
  };
}
