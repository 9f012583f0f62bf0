/**
 * Signatures to judge, laid out in memory that threads share, cut into pieces that whoever is free takes next. A thread
 * that is not up yet takes none, so nobody waits for it.
 *
 *   control   Int32: [next piece, pieces done]
 *   ends      Uint32: where each check ends in `bytes`
 *   bytes     each check: signature (64) ‖ key (32) ‖ preimage
 *   faults    Int32, a piece each: the first check that the rule refuses, counted from the piece's first; -1 for none
 */
import { findInvalidSignature } from '../batch.js';
import { nobleVerifier, type SignedBytes } from '../signature.js';

const next = 0;
const done = 1;
/** How long a piece may take on a machine that does much else; the longest is half a full block. */
const patienceMs = 20_000;

export interface SharedChecks {
  readonly count: number;
  readonly perPiece: number;
  readonly control: Int32Array;
  readonly ends: Uint32Array;
  readonly bytes: Uint8Array;
  readonly faults: Int32Array;
}

const shared = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(Math.max(4, bytes));

/** Lay out checks whose signatures have 64 bytes and whose keys have 32. */
export function shareChecks(checks: readonly SignedBytes[], perPiece: number): SharedChecks {
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
    count,
    perPiece,
    control: new Int32Array(shared(8)),
    ends,
    bytes,
    faults: new Int32Array(shared(4 * Math.ceil(count / perPiece))),
  };
}

/** One check, copied: no implementation of signatures is asked to read memory that is shared. */
function checkAt({ ends, bytes }: SharedChecks, i: number): SignedBytes {
  const check = bytes.slice(i === 0 ? 0 : ends[i - 1]!, ends[i]!);
  return { signature: check.subarray(0, 64), key: check.subarray(64, 96), preimage: check.subarray(96) };
}

function judgePiece(job: SharedChecks, piece: number): void {
  const checks: SignedBytes[] = [];
  const end = Math.min(job.count, (piece + 1) * job.perPiece);
  for (let i = piece * job.perPiece; i < end; i++) checks.push(checkAt(job, i));
  job.faults[piece] = findInvalidSignature(nobleVerifier, checks) ?? -1;
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

/** The first check that the rule refuses. */
export function firstFault({ faults, perPiece }: SharedChecks): number | undefined {
  const piece = faults.findIndex(fault => fault !== -1);
  return piece === -1 ? undefined : piece * perPiece + faults[piece]!;
}
