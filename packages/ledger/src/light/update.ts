/**
 * What a light client is told. All canonical bytes, all untrusted until a client has taken them.
 *
 *   update   = [handOvers, final]
 *   handOver = [header, certificate, voters]    of a block that opened an era: one byte string with its header; the vote set
 *              of the era before that made it final; the new era's voters [[nodeKey, weight] …], or [] for the same list
 *   final    = [] or [header, certificate]      of a final block of the era that the hand-overs lead to
 *
 * A certificate may be cut down to as many votes as make a quorum. See docs/light-client.md, with worked bytes in
 * test/vectors/light.json.
 */
import {
  bytesUpTo,
  CodedError,
  decodeCanonical,
  encodeAs,
  list,
  map,
  type PublicKey,
  publicKey,
  type Schema,
  tuple,
  uint,
} from '@radpass/core';
import { blockLimits } from '../block.js';
import { maxVoters, type VoteSet, voteSetSchema } from '../consensus/votes.js';
import { LedgerError } from '../errors.js';

/** Who votes in an era, as the rule of votes needs it: by index, with its key and weight. */
export interface LightVoter {
  readonly nodeKey: PublicKey;
  readonly weight: number;
}

export interface CertifiedHeader {
  /** Canonical bytes; the block's id is their SHA-256. */
  readonly header: Uint8Array;
  readonly certificate: VoteSet;
}

export interface HandOver extends CertifiedHeader {
  /** Empty: the same voters as in the era before. */
  readonly voters: readonly LightVoter[];
}

export interface LightUpdate {
  readonly handOvers: readonly HandOver[];
  readonly final: CertifiedHeader | null;
}

/** Caps of one update; more eras take more of them. */
export const lightLimits = Object.freeze({ handOvers: 16, updateBytes: 1024 * 1024, voterBytes: 32 * 1024 });

const headerSchema = bytesUpTo(blockLimits.headerBytes);

const voterSchema = map<[PublicKey, number], LightVoter>(
  tuple(publicKey(), uint()),
  ([nodeKey, weight]) => ({ nodeKey, weight }),
  voter => [voter.nodeKey, voter.weight],
);

/** [[nodeKey, weight] …] in the order of the committee. */
export const votersSchema = list(voterSchema, maxVoters);

const handOverSchema = map<[Uint8Array, VoteSet, LightVoter[]], HandOver>(
  tuple(headerSchema, voteSetSchema, votersSchema),
  ([header, certificate, voters]) => ({ header, certificate, voters }),
  h => [h.header, h.certificate, [...h.voters]],
);

const certifiedSchema = map<[Uint8Array, VoteSet], CertifiedHeader>(
  tuple(headerSchema, voteSetSchema),
  ([header, certificate]) => ({ header, certificate }),
  c => [c.header, c.certificate],
);

const optionalFinal: Schema<CertifiedHeader | null> = {
  read: (value, at) => (Array.isArray(value) && value.length === 0 ? null : certifiedSchema.read(value, at)),
  write: final => (final ? certifiedSchema.write(final) : []),
};

const updateSchema = map<[HandOver[], CertifiedHeader | null], LightUpdate>(
  tuple(list(handOverSchema, lightLimits.handOvers), optionalFinal),
  ([handOvers, final]) => ({ handOvers, final }),
  u => [[...u.handOvers], u.final],
);

export function encodeHandOver(handOver: HandOver): Uint8Array {
  return encodeAs(handOverSchema, handOver);
}

/** One hand-over alone, as a node keeps it. @throws LedgerError LEDGER_LIGHT_UPDATE */
export function parseHandOver(stored: Uint8Array): HandOver {
  return decodePart(() => decodeCanonical(stored, handOverSchema, lightLimits.updateBytes));
}

export function encodeLightUpdate(update: LightUpdate): Uint8Array {
  return encodeAs(updateSchema, update);
}

/** @throws LedgerError LEDGER_LIGHT_UPDATE */
export function parseLightUpdate(received: Uint8Array): LightUpdate {
  return decodePart(() => decodeCanonical(received, updateSchema, lightLimits.updateBytes));
}

export function encodeVoters(voters: readonly LightVoter[]): Uint8Array {
  return encodeAs(votersSchema, [...voters]);
}

/** An era's voters, whose root somebody else has to have said. @throws LedgerError LEDGER_LIGHT_UPDATE */
export function parseVoters(received: Uint8Array): LightVoter[] {
  return decodePart(() => decodeCanonical(received, votersSchema, lightLimits.voterBytes));
}

function decodePart<T>(decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause;
    const detail = { code: 'LEDGER_LIGHT_UPDATE', reason: cause.message } as const;
    throw new LedgerError(detail, `nothing that a light client is told: ${cause.message}`, { cause });
  }
}
