/**
 * The signature rule with OpenSSL, on several cores where many signatures are judged at once: those of a block.
 *
 * The caller waits, and works as long as it waits: judging stays a function that answers, and the engine stays without
 * an await. Verdicts and the fault that is named are those of one thread, which also takes over should a thread end.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { findInvalidSignature, maxNativeRefusals } from '../batch.js';
import { nobleVerifier, type SignedBytes, type Verifier } from '../signature.js';
import { awaitOthers, firstFault, notAccepted, type SharedChecks, shareChecks, workOn } from './sharedChecks.js';
import { nodeVerifier } from './verifier.js';

/** Below this many, telling a thread costs more than it gives. */
const smallJob = 32;
/** Signatures a piece: a few milliseconds of work. */
const perPiece = 16;
/** Threads beside the caller's; more than these find no work in a block. */
const maxHelpers = 3;

export interface ParallelVerifier extends Verifier {
  /** End the threads. A process that ends anyway need not call it. */
  close(): Promise<void>;
}

/** @param helpers - threads beside the caller's; none on a single core */
export function createParallelVerifier(
  helpers: number = Math.min(maxHelpers, availableParallelism() - 1),
): ParallelVerifier {
  const threads = new Set<Worker>();
  /** Threads still to be started: at the first job that is large enough, which a small network never sees. */
  let missing = helpers;
  const start = (): void => {
    for (; missing > 0; missing--) {
      const thread = new Worker(new URL('./verifierThread.js', import.meta.url));
      thread.unref();
      thread.on('error', () => threads.delete(thread));
      threads.add(thread);
    }
  };
  const share = (job: SharedChecks): boolean => {
    for (const thread of threads) thread.postMessage(job);
    workOn(job);
    return awaitOthers(job);
  };

  function findInvalid(checks: readonly SignedBytes[]): number | undefined {
    const alone = (): number | undefined => findInvalidSignature(nodeVerifier, checks);
    const isRegular = checks.every(({ signature, key }) => signature.length === 64 && key.length === 32);
    if (checks.length < smallJob || !isRegular) return alone();
    start();
    if (threads.size === 0) return alone();
    const native = shareChecks(checks, { how: 'natively', perPiece, maxRefusals: maxNativeRefusals });
    if (!share(native)) return alone();
    const open = notAccepted(native);
    const left = open.map(i => checks[i]!);
    let at: number | undefined;
    if (left.length < smallJob) at = findInvalidSignature(nobleVerifier, left);
    else {
      // A batch is cheaper the larger it is: one piece a thread.
      const size = Math.ceil(left.length / (threads.size + 1));
      const batches = shareChecks(left, { how: 'by rule', perPiece: size, maxRefusals: 0 });
      if (!share(batches)) return alone();
      at = firstFault(batches);
    }
    return at === undefined ? undefined : open[at]!;
  }

  const close = async (): Promise<void> => {
    const ending = [...threads];
    missing = 0;
    threads.clear();
    await Promise.all(ending.map(thread => thread.terminate()));
  };
  return { ...nodeVerifier, findInvalid, close };
}
