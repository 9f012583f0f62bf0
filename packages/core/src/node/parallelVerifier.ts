/**
 * The signature rule on several cores where many signatures are judged at once: those of a block; else with OpenSSL.
 *
 * The caller waits, and works as long as it waits: judging stays a function that answers, and the engine stays without
 * an await. Verdicts and the fault that is named are those of one thread, which also takes over should a thread end.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { findInvalidSignature, largeEnough } from '../batch.js';
import type { SignedBytes, Verifier } from '../signature.js';
import { awaitOthers, firstFault, shareChecks, workOn } from './sharedChecks.js';
import { nodeVerifier } from './verifier.js';

/** Signatures of a piece at least: smaller ones cost more each. */
const smallPiece = 2 * largeEnough;
/** A larger share of a thread is halved, so that one which starts late, or shares its core, takes less. */
const largePiece = 1_024;
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
  function findInvalid(checks: readonly SignedBytes[]): number | undefined {
    const alone = (): number | undefined => findInvalidSignature(nodeVerifier, checks);
    const isRegular = checks.every(({ signature, key }) => signature.length === 64 && key.length === 32);
    if (checks.length <= smallPiece || !isRegular) return alone();
    start();
    if (threads.size === 0) return alone();
    const share = Math.max(smallPiece, Math.ceil(checks.length / (threads.size + 1)));
    const job = shareChecks(checks, share > largePiece ? Math.ceil(share / 2) : share);
    for (const thread of threads) thread.postMessage(job);
    workOn(job);
    return awaitOthers(job) ? firstFault(job) : alone();
  }

  const close = async (): Promise<void> => {
    const ending = [...threads];
    missing = 0;
    threads.clear();
    await Promise.all(ending.map(thread => thread.terminate()));
  };
  return { ...nodeVerifier, findInvalid, close };
}
