/**
 * Checkpoints that people name: a block that a newcomer trusts, or from which a network that lost its voters goes on.
 *
 *   statement = [chainId, kind, slot, blockId, stateRoot, committeeRoot, replaces, reason]
 *     kind           1 trust: this block is final; who lacks younger trust begins here
 *                    2 recovery: the era whose root is `replaces` ends here by people's word, as its voters can't any more
 *     slot           of the checkpoint: the block's, or a later one up to which the block was the newest
 *     stateRoot, committeeRoot   the block header's; in a recovery committeeRoot is of the voters who go on
 *     replaces       empty in a trust checkpoint
 *     reason         printable ASCII for people, up to 256 characters; empty in a trust checkpoint if there is none
 *   signature = purpose `checkpoint` over the statement's canonical bytes
 *
 * A file is JSON with the same names in that order, kind as "trust" or "recovery", bytes as lowercase hex, and
 * "signatures": [{"key", "signature"} …] in ascending order of their keys. By hand a block is named SLOT:BLOCKID.
 * Where genesis names checkpointKeys, a file counts with the signatures of at least checkpointThreshold of them; where it
 * names none, a file is the word of whoever gives it, as SLOT:BLOCKID always is. See docs/light-client.md.
 */
import {
  ascii,
  bytes,
  CodedError,
  compareBytes,
  decodeCanonical,
  encodeAs,
  equalBytes,
  fromHex,
  map,
  type PublicKey,
  parsePublicKey,
  record,
  type Schema,
  type SecretKey,
  sign,
  toHex,
  uint,
  type Verifier,
  verify,
} from '@radpass/core';
import { LedgerError } from './errors.js';
import type { Genesis } from './genesis.js';

export type CheckpointKind = 'trust' | 'recovery';

/** What is signed. */
export interface CheckpointStatement {
  readonly chainId: Uint8Array;
  readonly kind: CheckpointKind;
  readonly slot: number;
  readonly blockId: Uint8Array;
  readonly stateRoot: Uint8Array;
  readonly committeeRoot: Uint8Array;
  /** Id of the root of the era that a recovery ends; empty in a trust checkpoint. */
  readonly replaces: Uint8Array;
  readonly reason: string;
}

export interface CheckpointSignature {
  readonly key: PublicKey;
  /** 64 bytes */
  readonly signature: Uint8Array;
}

export interface NamedCheckpoint extends CheckpointStatement {
  readonly signatures: readonly CheckpointSignature[];
}

/** Longest file that is looked at: room for every key that genesis can name. */
export const maxCheckpointFileBytes = 1024 * 1024;
const maxReasonLength = 256;

const kinds: readonly CheckpointKind[] = ['trust', 'recovery'];
const kindSchema: Schema<CheckpointKind> = map(
  uint(kinds.length),
  number => kinds[number - 1] ?? refuse(`no checkpoint has kind ${number}`),
  kind => kinds.indexOf(kind) + 1,
);

const statementSchema = record<CheckpointStatement>({
  chainId: bytes(32),
  kind: kindSchema,
  slot: uint(),
  blockId: bytes(32),
  stateRoot: bytes(32),
  committeeRoot: bytes(32),
  replaces: bytes([0, 32]),
  reason: ascii(maxReasonLength),
});

function refuse(reason: string, cause?: unknown): never {
  throw new LedgerError({ code: 'LEDGER_CHECKPOINT', reason }, `no checkpoint to rely on: ${reason}`, { cause });
}

/** The canonical bytes that signatures cover. @throws LedgerError LEDGER_CHECKPOINT for contents that no statement has */
export function encodeCheckpointStatement(statement: CheckpointStatement): Uint8Array {
  const isRecovery = statement.kind === 'recovery';
  if (statement.replaces.length !== (isRecovery ? 32 : 0)) refuse('a recovery, and nothing else, replaces an era');
  if (statement.slot === 0) refuse('genesis needs none');
  try {
    const encoded = encodeAs(statementSchema, statement);
    decodeCanonical(encoded, statementSchema);
    return encoded;
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause;
    return refuse(cause.message, cause);
  }
}

/** Add a key's signature, in its place; a second one by the same key replaces the first. */
export function signCheckpoint(checkpoint: NamedCheckpoint, key: SecretKey): NamedCheckpoint {
  const signature = sign(key, 'checkpoint', checkpoint.chainId, encodeCheckpointStatement(checkpoint));
  const others = checkpoint.signatures.filter(entry => !equalBytes(entry.key, key.publicKey));
  const signatures = [...others, { key: key.publicKey, signature }].sort((a, b) => compareBytes(a.key, b.key));
  return { ...checkpoint, signatures };
}

/**
 * That a checkpoint read from a file may be relied on in this network.
 * @throws LedgerError LEDGER_CHECKPOINT: another network's, a signature that isn't one, or fewer than genesis demands
 */
export function checkCheckpoint(checkpoint: NamedCheckpoint, genesis: Genesis, verifier: Verifier): void {
  if (!equalBytes(checkpoint.chainId, genesis.chainId)) refuse('it is of another network');
  const message = encodeCheckpointStatement(checkpoint);
  const { signatures } = checkpoint;
  signatures.forEach(({ key, signature }, i) => {
    if (i > 0 && compareBytes(signatures[i - 1]!.key, key) >= 0) refuse('its keys are not in ascending order');
    if (!genesis.checkpointKeys.some(known => equalBytes(known, key))) refuse('a key that genesis does not name');
    if (!verify(verifier, signature, 'checkpoint', genesis.chainId, message, key))
      refuse('a signature does not verify');
  });
  if (signatures.length < genesis.checkpointThreshold) {
    refuse(`${signatures.length} signatures, and the network asks for ${genesis.checkpointThreshold}`);
  }
}

/** The file. */
export function formatCheckpoint(checkpoint: NamedCheckpoint): string {
  encodeCheckpointStatement(checkpoint);
  const { chainId, kind, slot, blockId, stateRoot, committeeRoot, replaces, reason } = checkpoint;
  const statement = {
    chainId: toHex(chainId),
    kind,
    slot,
    blockId: toHex(blockId),
    stateRoot: toHex(stateRoot),
    committeeRoot: toHex(committeeRoot),
    replaces: toHex(replaces),
    reason,
  };
  const signatures = checkpoint.signatures.map(({ key, signature }) => ({
    key: toHex(key),
    signature: toHex(signature),
  }));
  return `${JSON.stringify({ ...statement, signatures }, null, 2)}\n`;
}

const fieldNames = ['chainId', 'kind', 'slot', 'blockId', 'stateRoot', 'committeeRoot', 'replaces', 'reason'];

/** An object of JSON with exactly these names. */
function objectOf(value: unknown, names: readonly string[], what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(`${what} is no object`);
  if (Object.keys(value).sort().join() !== [...names].sort().join()) {
    refuse(`${what} has other fields than ${names.join(', ')}`);
  }
  return value as Record<string, unknown>;
}

function hexOf(value: unknown, lengths: readonly number[], what: string): Uint8Array {
  if (typeof value !== 'string' || !/^([0-9a-f]{2})*$/.test(value) || !lengths.includes(value.length / 2)) {
    return refuse(`${what} is not ${lengths.join(' or ')} bytes of lowercase hex`);
  }
  return fromHex(value);
}

/**
 * A checkpoint from the text of a file. Whether it may be relied on is checkCheckpoint's to say.
 * @throws LedgerError LEDGER_CHECKPOINT
 */
export function parseCheckpoint(text: string): NamedCheckpoint {
  if (text.length > maxCheckpointFileBytes) refuse(`it is longer than ${maxCheckpointFileBytes} characters`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    refuse('it is not JSON', cause);
  }
  const fields = objectOf(value, [...fieldNames, 'signatures'], 'the file');
  const { kind, slot, reason, signatures } = fields;
  if (!Number.isSafeInteger(slot) || (slot as number) < 1) refuse('slot is not a whole number above 0');
  if (typeof reason !== 'string') refuse('reason is no text');
  if (!Array.isArray(signatures)) return refuse('signatures is no list');
  const checkpoint: NamedCheckpoint = {
    chainId: hexOf(fields.chainId, [32], 'chainId'),
    kind: kinds.find(name => name === kind) ?? refuse('kind is neither trust nor recovery'),
    slot: slot as number,
    blockId: hexOf(fields.blockId, [32], 'blockId'),
    stateRoot: hexOf(fields.stateRoot, [32], 'stateRoot'),
    committeeRoot: hexOf(fields.committeeRoot, [32], 'committeeRoot'),
    replaces: hexOf(fields.replaces, [0, 32], 'replaces'),
    reason: reason as string,
    signatures: signatures.map(entry => {
      const { key, signature } = objectOf(entry, ['key', 'signature'], 'a signature');
      return { key: keyOf(key), signature: hexOf(signature, [64], 'a signature') };
    }),
  };
  encodeCheckpointStatement(checkpoint);
  return checkpoint;
}

function keyOf(value: unknown): PublicKey {
  try {
    return parsePublicKey(hexOf(value, [32], 'a key'));
  } catch (cause) {
    if (cause instanceof LedgerError || !(cause instanceof CodedError)) throw cause;
    return refuse(cause.message, cause);
  }
}

/** A block that somebody named by hand: SLOT:BLOCKID. Null for any other text. */
export function parseCheckpointName(text: string): { slot: number; blockId: Uint8Array } | null {
  const [, slot, blockId] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(text) ?? [];
  return slot && blockId ? { slot: Number(slot), blockId: fromHex(blockId) } : null;
}
