/**
 * Bringing audit messages to the collector: in order, each until it was delivered, and never in anybody's way. The queue
 * is durable and says what comes next; a collector that is down is tried again, less and less often. Stopping at any
 * point leaves the messages in the queue; those that were under way are sent again: a collector may see one twice, and
 * misses none.
 */
import type { SyslogMessage } from './syslog.js';

/** Audit messages in the order in which they are to be delivered. */
export interface AuditQueue {
  /**
   * What comes next, at most `max` messages; null when nothing waits. There may be none in it: then `delivered` only
   * moves on.
   */
  next(max: number): Promise<{ upTo: string; messages: SyslogMessage[] } | null>;
  /** Everything up to and including `upTo` has arrived; durable when it resolves. */
  delivered(upTo: string): Promise<void>;
}

export interface AuditTrail {
  /** Something was added to the queue. */
  wake(): void;
  /** Wait until the queue is empty, at most `ms`. @returns whether it is */
  flush(ms: number): Promise<boolean>;
  stop(): Promise<void>;
}

export const auditLimits = {
  /** Messages that one connection carries. */
  maxBatch: 200,
  firstRetryMs: 1_000,
  maxRetryMs: 60_000,
} as const;

/**
 * Begin delivering.
 * @param p.deliver - rejects unless the collector has all of them, and soon when the signal says that it ends
 * @param p.report - told when delivery begins to fail, and with null when it works again
 */
export function startAuditTrail(p: {
  queue: AuditQueue;
  deliver(messages: SyslogMessage[], signal: AbortSignal): Promise<void>;
  report(failure: unknown): void;
}): AuditTrail {
  const ending = new AbortController();
  let stopped = false;
  let failing = false;
  let awake = false;
  let retryMs: number = auditLimits.firstRetryMs;
  let interrupt: () => void = () => undefined;
  const idleWaiters = new Set<() => void>();

  /** @returns whether something was taken from the queue */
  async function step(): Promise<boolean> {
    const batch = await p.queue.next(auditLimits.maxBatch);
    if (batch === null) return false;
    if (batch.messages.length > 0) await p.deliver(batch.messages, ending.signal);
    await p.queue.delivered(batch.upTo);
    return true;
  }

  function sleep(ms?: number): Promise<void> {
    return new Promise(resolve => {
      const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
      interrupt = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function idle(): Promise<void> {
    for (const resolve of idleWaiters) resolve();
    idleWaiters.clear();
    if (!awake && !stopped) await sleep();
    awake = false;
  }

  async function run(): Promise<void> {
    while (!stopped) {
      try {
        const moved = await step();
        if (failing && moved) p.report(null);
        if (moved) {
          failing = false;
          retryMs = auditLimits.firstRetryMs;
        } else await idle();
      } catch (error) {
        if (stopped) return;
        if (!failing) p.report(error);
        failing = true;
        await sleep(retryMs);
        retryMs = Math.min(2 * retryMs, auditLimits.maxRetryMs);
      }
    }
  }

  const running = run();
  return {
    wake() {
      awake = true;
      if (!failing) interrupt();
    },
    flush(ms) {
      return new Promise(resolve => {
        const done = (): void => {
          clearTimeout(timer);
          resolve(true);
        };
        const timer = setTimeout(() => {
          idleWaiters.delete(done);
          resolve(false);
        }, ms);
        idleWaiters.add(done);
        awake = true;
        interrupt();
      });
    },
    async stop() {
      stopped = true;
      ending.abort();
      interrupt();
      await running;
    },
  };
}
