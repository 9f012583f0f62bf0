/**
 * Transactions: the closed list of signed tuples, told apart by their first element.
 *
 *   id        = SHA-256 of the received bytes
 *   contentId = SHA-256("radpass/content/1" ‖ 0x00 ‖ chainId ‖ the canonical array without any signature)
 *
 * A signer can make many valid signatures of one tuple, so duplicates, references and ties go by contentId.
 * Parsing checks form only: canonical bytes, schema, keys, URL. Signatures are checked in tupleSignatures.ts, whether the
 * ledger's state allows a tuple in @radpass/ledger.
 */
import { type Accredit, accreditSchema } from './accredit.js';
import { type AllowAccess, allowAccessSchema } from './allowAccess.js';
import { sha256 } from './bytes.js';
import { type DefineSource, defineSourceSchema } from './defineSource.js';
import { claimSchema, type DefineStudy, defineStudySchema } from './defineStudy.js';
import { domainPrefix, requireChainId } from './domain.js';
import { type Canonical, decodeCanonical, encodeCanonical } from './encoding.js';
import { CoreError } from './errors.js';
import { type KeepStudy, keepStudySchema } from './keepStudy.js';
import { type ReassignStudy, reassignStudySchema, reclaimSchema } from './reassignStudy.js';
import { type RevokeAccess, revokeAccessSchema } from './revokeAccess.js';
import { type RotateSource, rotateSourceSchema } from './rotateSource.js';
import type { Schema } from './schema.js';
import { maxTransactionBytes, type Transaction, withoutLast } from './signedTuple.js';
import { type WithdrawStudy, withdrawStudySchema } from './withdrawStudy.js';

export type Tuple =
  | DefineSource
  | DefineStudy
  | AllowAccess
  | RevokeAccess
  | ReassignStudy
  | KeepStudy
  | RotateSource
  | WithdrawStudy
  | Accredit;

const schemas: ReadonlyMap<Canonical | undefined, Schema<Tuple>> = new Map<Canonical, Schema<Tuple>>([
  [1, defineSourceSchema],
  [2, defineStudySchema],
  [3, allowAccessSchema],
  [4, revokeAccessSchema],
  [5, reassignStudySchema],
  [6, keepStudySchema],
  [7, rotateSourceSchema],
  [8, withdrawStudySchema],
  [9, accreditSchema],
]);

function schemaOf(type: Canonical | undefined): Schema<Tuple> {
  const schema = schemas.get(type);
  if (schema !== undefined) return schema;
  const shown = typeof type === 'number' ? type : -1;
  throw new CoreError({ code: 'CORE_TRANSACTION_TYPE', type: shown }, `no tuple has the type ${shown}`);
}

/** Any tuple; reading throws CORE_TRANSACTION_TYPE where the first element names none (type -1: it is no number). */
export const tupleSchema: Schema<Tuple> = {
  read: (value, at) => schemaOf(Array.isArray(value) ? value[0] : undefined).read(value, at),
  write: tuple => schemaOf(tuple.type).write(tuple),
};

const contentPrefix = domainPrefix('content');

/**
 * The transaction that untrusted bytes carry. Signatures are not looked at.
 * @throws CoreError CORE_DECODE, CORE_TRANSACTION_TYPE, CORE_PUBLIC_KEY, CORE_URL, CORE_NOT_AFTER
 */
export function parseTransaction(bytes: Uint8Array): Transaction {
  const tuple = decodeCanonical(bytes, tupleSchema, maxTransactionBytes);
  const copy = new Uint8Array(bytes);
  return { bytes: copy, id: sha256(copy), tuple };
}

/** The elements of a tuple without any signature, inner ones left out too. */
function contentElements(tuple: Tuple): Canonical[] {
  const elements = withoutLast(tupleSchema, tuple);
  switch (tuple.type) {
    case 1:
      return elements.slice(0, -1);
    case 2:
      return [tuple.type, tuple.time, withoutLast(claimSchema, tuple.claim)];
    case 5:
      return [tuple.type, withoutLast(reclaimSchema, tuple.reclaim)];
    default:
      return elements;
  }
}

/** What a tuple says, whoever's signature bytes it carries; 32 bytes. */
export function contentId(chainId: Uint8Array, tuple: Tuple): Uint8Array {
  requireChainId(chainId);
  return sha256(contentPrefix, chainId, encodeCanonical(contentElements(tuple)));
}
