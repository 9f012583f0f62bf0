/**
 * Sending an answer under a lease: no byte goes out without leave, the end least of all. Memory stays flat: one
 * chunk is on its way at a time, and the next is read when the connection took it. A reader that takes longer
 * than `stallMs` for a piece of 256 KiB is cut off (about 8 KiB/s is the slowest that gets through).
 */
import { within } from './deadline.js';
import type { RefusalReason } from './decide.js';
import type { DisclosureOutcome } from './disclosure.js';
import type { Writer } from './exchange.js';
import type { Lease } from './lease.js';

const pieceBytes = 262_144;
export const stallMs = 30_000;

export interface TransferEnd {
  outcome: DisclosureOutcome;
  reason: RefusalReason | '';
  /** What broke it, when neither a decision nor its completion ended it. */
  error?: unknown;
}

/**
 * Waiting that can be cut short. Promise.race with one long-lived promise would do the same, and keep every value that
 * ever won until that promise settles: the whole study.
 */
export class Abandonment {
  #abandoned = false;
  #wake: () => void = () => undefined;

  /** Ends what waits, and all further waiting. */
  abandon(): void {
    this.#abandoned = true;
    this.#wake();
  }

  /** Settles as `work` does, or with null once abandoned. One wait at a time. */
  wait<T>(work: Promise<T>): Promise<T | null> {
    return new Promise((resolve, reject) => {
      this.#wake = () => resolve(null);
      work.then(resolve, reject);
      if (this.#abandoned) this.#wake();
    });
  }
}

function* pieces(chunk: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < chunk.length; at += pieceBytes) yield chunk.subarray(at, at + pieceBytes);
}

/**
 * Write everything that `source` yields and end the message, or stop in the middle. Never rejects. The caller
 * resets the connection unless the outcome is 'complete'.
 *
 * @param p.abandonment - abandoned when the lease is lost, so that a source that is slow to read holds nothing up
 * @param p.report - told what went wrong while closing a source that was left in the middle
 */
export async function sendUnderLease(p: {
  source: AsyncIterable<Uint8Array>;
  writer: Writer;
  lease: Lease;
  abandonment: Abandonment;
  report: (error: unknown) => void;
}): Promise<TransferEnd> {
  const { writer, lease } = p;
  const reader = p.source[Symbol.asyncIterator]();
  let step: 'reading' | 'writing' = 'reading';
  try {
    while (true) {
      step = 'reading';
      const next = await p.abandonment.wait(reader.next());
      if (next === null) break;
      step = 'writing';
      if (next.done) {
        if (!(await lease.holds())) break;
        await within(stallMs, 'ending the answer', writer.end());
        return { outcome: 'complete', reason: '' };
      }
      for (const piece of pieces(next.value)) {
        if (!(await lease.holds())) return stopped(lease);
        await within(stallMs, 'sending a piece', writer.write(piece));
      }
    }
    return stopped(lease);
  } catch (error) {
    if (lease.lost() !== null) return stopped(lease);
    return { outcome: step === 'writing' ? 'disconnected' : 'failed', reason: '', error };
  } finally {
    // A source that is stuck in its own wait closes when that ends; nobody waits for it here.
    reader.return?.().catch(p.report);
  }
}

function stopped(lease: Lease): TransferEnd {
  return { outcome: 'stopped', reason: lease.lost() ?? 'internal' };
}
