/**
 * Signatures to judge, laid out in memory that threads share, cut into pieces that whoever is free takes next. A thread
 * that is not up yet takes none, so nobody waits for it.
 *
 *   control   Int32: [next piece, pieces done, refusals]
 *   ends      Uint32: where each check ends in `bytes`
 *   bytes     each check: signature (64) ‖ key (32) ‖ preimage
 *   verdicts  how native code judged each check; 0 before
 *   faults    Int32, a piece each: the first check that the rule refuses, counted from the piece's first; -1 for none
 */
import { findInvalidSignature } from '../batch.js';
import { nobleVerifier, type SignedBytes } from '../signature.js';
import { verifyNatively } from './ed25519.js';

const next = 0;
const done = 1;
const refusals = 2;
const accepted = 1;
const refused = 2;
/** How long a piece may take on a machine that does much else; the longest is half a full block. */
const patienceMs = 20_000;

export interface SharedChecks {
  /** Ask native code about each, or judge each piece by the rule as one batch. */
  readonly how: 'natively' | 'by rule';
  readonly count: number;
  readonly perPiece: number;
  /** Once native code refused so many, the rest is not asked: the block was made to be slow. */
  readonly maxRefusals: number;
  readonly control: Int32Array;
  readonly ends: Uint32Array;
  readonly bytes: Uint8Array;
  readonly verdicts: Uint8Array;
  readonly faults: Int32Array;
}

const shared = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(Math.max(4, bytes));

/** Lay out checks whose signatures have 64 bytes and whose keys have 32. */
export function shareChecks(
  checks: readonly SignedBytes[],
  p: Pick<SharedChecks, 'how' | 'perPiece' | 'maxRefusals'>,
): SharedChecks {
  const count = checks.length;
  const length = checks.reduce((sum, { preimage }) => sum + 96 + preimage.length, 0);
  const ends = new Uint32Array(shared(4 * count));
  const bytes = new Uint8Array(shared(length));
  let at = 0;
  checks.forEach(({ signature, key, preimage }, i) => {
    bytes.set(signature, at);
    bytes.set(key, at + 64);
    bytes.set(preimage, at + 96);
    at += 96 + preimage.length;
    ends[i] = at;
  });
  return {
    ...p,
    count,
    control: new Int32Array(shared(12)),
    ends,
    bytes,
    verdicts: new Uint8Array(shared(count)),
    faults: new Int32Array(shared(4 * Math.ceil(count / p.perPiece))),
  };
}

/** One check, copied: no implementation of signatures is asked to read memory that is shared. */
function checkAt({ ends, bytes }: SharedChecks, i: number): SignedBytes {
  const check = bytes.slice(i === 0 ? 0 : ends[i - 1]!, ends[i]!);
  return { signature: check.subarray(0, 64), key: check.subarray(64, 96), preimage: check.subarray(96) };
}

function judgePiece(job: SharedChecks, piece: number): void {
  const end = Math.min(job.count, (piece + 1) * job.perPiece);
  const checks: SignedBytes[] = [];
  for (let i = piece * job.perPiece; i < end; i++) {
    const check = checkAt(job, i);
    if (job.how === 'by rule') {
      checks.push(check);
      continue;
    }
    const isSlow = Atomics.load(job.control, refusals) >= job.maxRefusals;
    const isAccepted = !isSlow && verifyNatively(check.signature, check.preimage, check.key);
    if (!isAccepted) Atomics.add(job.control, refusals, 1);
    job.verdicts[i] = isAccepted ? accepted : refused;
  }
  if (job.how === 'by rule') job.faults[piece] = findInvalidSignature(nobleVerifier, checks) ?? -1;
}

/** Take pieces until none is left. */
export function workOn(job: SharedChecks): void {
  const pieces = job.faults.length;
  for (;;) {
    const piece = Atomics.add(job.control, next, 1);
    if (piece >= pieces) return;
    judgePiece(job, piece);
    Atomics.add(job.control, done, 1);
    Atomics.notify(job.control, done);
  }
}

/** Wait for the pieces that others took. @returns false if a thread ended over its piece */
export function awaitOthers({ control, faults }: SharedChecks): boolean {
  for (;;) {
    const finished = Atomics.load(control, done);
    if (finished >= faults.length) return true;
    if (Atomics.wait(control, done, finished, patienceMs) === 'timed-out') return false;
  }
}

/** Checks that native code did not accept. */
export function notAccepted({ verdicts, count }: SharedChecks): number[] {
  const found: number[] = [];
  for (let i = 0; i < count; i++) if (verdicts[i] !== accepted) found.push(i);
  return found;
}

/** The first check that the rule refuses. */
export function firstFault({ faults, perPiece }: SharedChecks): number | undefined {
  const piece = faults.findIndex(fault => fault !== -1);
  return piece === -1 ? undefined : piece * perPiece + faults[piece]!;
}
