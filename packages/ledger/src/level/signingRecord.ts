/**
 * The signing record: what a node key has signed last, on disk before each signature.
 *
 * A folder beside the key:
 *   <path>/lock     an empty LevelDB whose only use is its lock, which the system drops when the process dies
 *   <path>/record   canonical [origin, nodeKey, [[chainId, blockSlot, blockId, eraDepth, sourceSlot, targetSlot, voteHash], …]]
 *                   followed by its SHA-256; ids of 32 bytes, or empty as long as nothing was signed.
 *                   origin 1: made with the key, so that it knows all; 2: made again after a loss
 *
 * A key may serve several networks (at most 16), each with marks of its own: chainId stands in every preimage.
 * The record is replaced by writing `record.new`, fsync, rename, fsync of the folder. A stop before the rename leaves
 * the old record and no signature; a stop after it leaves a mark without a signature, which costs one slot. So an
 * unreadable record is damage, never a torn write, and is refused.
 *
 * A lost or older record is how stake is lost, so a key without its record is refused. Its owner may have it made again
 * under a wait (`restore`): what the key signed before is unknown, but was for slots that have been. So the marks are put
 * to the end of an epoch to come: the key signs nothing for a slot up to then, and its first vote comes from a source at or
 * after the slot of the restoring, above whatever it voted from before. Meanwhile others can be seen using the key
 * (signingCheck.ts). Networks that a record of origin 2 does not list are refused until they are restored too.
 */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import {
  bytes,
  concatBytes,
  decodeCanonical,
  encodeAs,
  equalBytes,
  list,
  type PublicKey,
  publicKey,
  publicKeyHex,
  type SecretKey,
  sha256,
  sign,
  tuple,
  uint,
} from '@radpass/core';
import { encodeVoteMessage, type VoteMessage } from '../consensus/votes.js';
import { vrfProve } from '../consensus/vrf.js';
import { LedgerError } from '../errors.js';
import type { NodeSigner } from '../signer.js';
import { isRestored, type Marks, marksForBlock, marksForVote, unsigned } from '../signingRules.js';
import { causeCode } from './causeCode.js';
import { openLevel } from './levelStore.js';

const maxChains = 16;
const markSchema = tuple(bytes(32), uint(), bytes([0, 32]), uint(), uint(), uint(), bytes([0, 32]));
const [madeWithKey, madeAgain] = [1, 2];
const recordSchema = tuple(uint(madeAgain), publicKey(), list(markSchema, maxChains));
const sealedMax = 16_384;

interface SigningRecord {
  readonly origin: number;
  readonly nodeKey: PublicKey;
  readonly chains: readonly { readonly chainId: Uint8Array; readonly marks: Marks }[];
}

function encodeRecord(record: SigningRecord): Uint8Array {
  const body = encodeAs(recordSchema, [
    record.origin,
    record.nodeKey,
    record.chains.map(({ chainId, marks }) => [
      chainId,
      marks.blockSlot,
      marks.blockId,
      marks.eraDepth,
      marks.sourceSlot,
      marks.targetSlot,
      marks.voteHash,
    ]),
  ]);
  return concatBytes(body, sha256(body));
}

function parseRecord(path: string, sealed: Uint8Array): SigningRecord {
  const body = sealed.subarray(0, Math.max(0, sealed.length - 32));
  if (sealed.length > sealedMax || !equalBytes(sha256(body), sealed.subarray(body.length))) {
    throw recordDamaged(path, 'checksum');
  }
  const [origin, nodeKey, chains] = decodeCanonical(body, recordSchema);
  return {
    origin,
    nodeKey,
    chains: chains.map(([chainId, blockSlot, blockId, eraDepth, sourceSlot, targetSlot, voteHash]) => ({
      chainId,
      marks: { blockSlot, blockId, eraDepth, sourceSlot, targetSlot, voteHash },
    })),
  };
}

function recordDamaged(path: string, reason: string, cause?: unknown): LedgerError {
  return new LedgerError(
    { code: 'LEDGER_SIGNING_RECORD_DAMAGED', path, reason },
    `the signing record ${path} is damaged (${reason}): nothing is signed with its key`,
    { cause },
  );
}

/** Whether a failed call says that a file or folder is not there. */
const isAbsent = (error: unknown): boolean => causeCode(error) === 'ENOENT';

async function readRecord(path: string): Promise<SigningRecord> {
  let sealed: Uint8Array;
  try {
    sealed = await readFile(join(path, 'record'));
  } catch (error) {
    if (!isAbsent(error)) throw recordDamaged(path, causeCode(error), error);
    throw recordMissing(path, error);
  }
  return parseRecord(path, sealed);
}

async function syncFolder(path: string): Promise<void> {
  // Windows has no fsync of a folder; its rename is journaled.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function writeRecord(path: string, record: SigningRecord): Promise<void> {
  const file = await open(join(path, 'record.new'), 'w', 0o600);
  try {
    await file.writeFile(encodeRecord(record));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(join(path, 'record.new'), join(path, 'record'));
  await syncFolder(path);
}

/**
 * Make the record of a new node key, together with the key and never again.
 * @throws LedgerError LEDGER_SIGNING_RECORD_EXISTS
 */
export async function createSigningRecord(path: string, nodeKey: PublicKey): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (causeCode(error) !== 'EEXIST') throw error;
    throw new LedgerError(
      { code: 'LEDGER_SIGNING_RECORD_EXISTS', path },
      `${path} exists: a signing record is made once, with its key`,
      { cause: error },
    );
  }
  await writeRecord(path, { origin: madeWithKey, nodeKey, chains: [] });
}

class RecordingSigner implements NodeSigner {
  readonly nodeKey: PublicKey;
  readonly #key: SecretKey;
  readonly #path: string;
  readonly #chainId: Uint8Array;
  readonly #lock: { close(): Promise<void> };
  #record: SigningRecord;
  #failed: string | null = null;
  /** Signatures are made one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(p: {
    key: SecretKey;
    path: string;
    chainId: Uint8Array;
    lock: { close(): Promise<void> };
    record: SigningRecord;
  }) {
    this.nodeKey = p.key.publicKey;
    this.#key = p.key;
    this.#path = p.path;
    this.#chainId = p.chainId;
    this.#lock = p.lock;
    this.#record = p.record;
  }

  get marks(): Marks {
    return marksOf(this.#record, this.#chainId) ?? unsigned;
  }

  get restoredSlot(): number | undefined {
    return isRestored(this.marks) ? this.marks.sourceSlot : undefined;
  }

  vrfProve(alpha: Uint8Array): Uint8Array {
    return vrfProve(this.#key.exportSeed(), alpha);
  }

  signBlock(slot: number, id: Uint8Array): Promise<Uint8Array> {
    return this.#inTurn(async () => {
      await this.#advance(marksForBlock(this.marks, slot, id));
      return sign(this.#key, 'block', this.#chainId, id);
    });
  }

  signVote(message: VoteMessage, eraDepth: number): Promise<Uint8Array> {
    return this.#inTurn(async () => {
      await this.#advance(marksForVote(this.marks, message, eraDepth));
      return sign(this.#key, 'vote', this.#chainId, encodeVoteMessage(message));
    });
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => {
      this.#failed ??= 'closed';
    });
    await this.#lock.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    // A refused signature keeps nobody behind it from being asked.
    const turn = this.#last.then(work, work);
    this.#last = turn;
    return turn;
  }

  /** The mark is on disk when this resolves. After a failed write nobody knows what is: nothing is signed again. */
  async #advance(marks: Marks): Promise<void> {
    if (marks === this.marks) return;
    if (this.#failed !== null) throw this.#failure(this.#failed);
    const others = this.#record.chains.filter(chain => !equalBytes(chain.chainId, this.#chainId));
    const { origin } = this.#record;
    const record = { origin, nodeKey: this.nodeKey, chains: [...others, { chainId: this.#chainId, marks }] };
    try {
      await writeRecord(this.#path, record);
    } catch (error) {
      this.#failed = causeCode(error);
      throw this.#failure(this.#failed, error);
    }
    this.#record = record;
  }

  #failure(reason: string, cause?: unknown): LedgerError {
    return new LedgerError(
      { code: 'LEDGER_SIGNING_RECORD_FAILED', reason },
      `the signing record ${this.#path} cannot be written (${reason}): nothing is signed`,
      { cause },
    );
  }
}

function marksOf(record: SigningRecord, chainId: Uint8Array): Marks | undefined {
  return record.chains.find(chain => equalBytes(chain.chainId, chainId))?.marks;
}

/** How to bring back a key whose last signatures its record may not know. Slots are of one network. */
export interface Restore {
  /** By a clock that is right. */
  readonly nowSlot: number;
  /** Nothing is signed for a slot up to this one. */
  readonly untilSlot: number;
  /** The wait is at least so long, unless the record waits already. */
  readonly leastSlots: number;
}

function restored(path: string, record: SigningRecord, chainId: Uint8Array, p: Restore): SigningRecord {
  const old = marksOf(record, chainId) ?? unsigned;
  const waits = old.blockSlot >= p.untilSlot && old.targetSlot >= p.untilSlot;
  if (waits) return record;
  if (p.untilSlot < p.nowSlot + p.leastSlots) {
    const { nowSlot, untilSlot } = p;
    throw new LedgerError(
      { code: 'LEDGER_SIGNING_RESTORE', path, nowSlot, untilSlot },
      `the record ${path} is restored only with a wait of at least ${p.leastSlots} slots after slot ${nowSlot}; slot ${untilSlot} is too early`,
    );
  }
  const marks: Marks = {
    eraDepth: old.eraDepth,
    sourceSlot: Math.max(old.sourceSlot, p.nowSlot),
    blockSlot: Math.max(old.blockSlot, p.untilSlot),
    targetSlot: Math.max(old.targetSlot, p.untilSlot),
    blockId: unsigned.blockId,
    voteHash: unsigned.voteHash,
  };
  const others = record.chains.filter(chain => !equalBytes(chain.chainId, chainId));
  return { ...record, chains: [...others, { chainId, marks }] };
}

function recordMissing(path: string, cause?: unknown): LedgerError {
  return new LedgerError(
    { code: 'LEDGER_SIGNING_RECORD_MISSING', path },
    `no signing record at ${path}: a key without its record is not used, for it may have signed`,
    { cause },
  );
}

async function recordOrNone(path: string, nodeKey: PublicKey): Promise<SigningRecord> {
  try {
    return await readRecord(path);
  } catch (error) {
    if (!(error instanceof LedgerError) || error.code !== 'LEDGER_SIGNING_RECORD_MISSING') throw error;
    return { origin: madeAgain, nodeKey, chains: [] };
  }
}

/**
 * A node key with its record, for this process alone until `close` or the process's end.
 * @param p.chainId - 32 bytes
 * @param p.restore - the record is missing, or older than the key's last signature: wait instead of refusing
 * @throws LedgerError LEDGER_SIGNING_RECORD_MISSING, _DAMAGED, _KEY (another key's), _LOCKED (another process);
 *   LEDGER_SIGNING_RESTORE for a wait that is too short
 */
export async function openNodeSigner(p: {
  key: SecretKey;
  recordPath: string;
  chainId: Uint8Array;
  restore?: Restore | undefined;
}): Promise<NodeSigner> {
  const { key, recordPath: path, chainId, restore } = p;
  const read = (): Promise<SigningRecord> => (restore ? recordOrNone(path, key.publicKey) : readRecord(path));
  // Read before locking, so that a record that is missing or not restored makes no folder.
  const found = await read();
  if (restore) {
    restored(path, found, chainId, restore);
    await mkdir(path, { recursive: true, mode: 0o700 });
  }
  const lock = await openLevel(join(path, 'lock')).catch((error: unknown) => {
    if (causeCode(error) !== 'LEVEL_LOCKED') throw recordDamaged(path, causeCode(error), error);
    throw new LedgerError(
      { code: 'LEDGER_SIGNING_RECORD_LOCKED', path },
      `another process signs with the record ${path}`,
      { cause: error },
    );
  });
  try {
    // Read again under the lock: the last owner may have signed in between.
    let record = await read();
    if (!equalBytes(record.nodeKey, key.publicKey)) {
      const [expected, got] = [publicKeyHex(key.publicKey), publicKeyHex(record.nodeKey)];
      throw new LedgerError(
        { code: 'LEDGER_SIGNING_RECORD_KEY', expected, got },
        `the signing record ${path} belongs to node key ${got}, not to ${expected}`,
      );
    }
    const isListed = marksOf(record, chainId) !== undefined;
    if (record.chains.length >= maxChains && !isListed) {
      throw recordDamaged(path, `marks of ${maxChains} networks already`);
    }
    if (restore) {
      const before = record;
      record = restored(path, record, chainId, restore);
      if (record !== before) await writeRecord(path, record);
    } else if (record.origin === madeAgain && !isListed) throw recordMissing(path);
    return new RecordingSigner({ key, path, chainId, lock, record });
  } catch (error) {
    await lock.close();
    throw error;
  }
}
