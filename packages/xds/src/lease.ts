/**
 * Leave to send, renewed while a study streams: the decision is re-made every `everyMs` and on every event,
 * and no byte may go out on one that is older than `maxAgeMs`. A slow ledger therefore pauses a transfer,
 * a refusal ends it, and a revocation in the gateway's own table ends it in the same tick.
 *
 * A decision's age counts from the moment before its facts were asked for, so a slow answer is an old one.
 */
import type { RefusalReason } from './decide.js';

export const renewEveryMs = 400;
export const maxLeaseAgeMs = 1_000;

export interface Lease {
  /** Resolves while the newest decision is young enough, waiting for the next one if need be. Rejects never: false = lost. */
  holds(): Promise<boolean>;
  /** Something happened on the ledger: look again at once. */
  poke(): void;
  /** Why it was lost; null while it holds. */
  lost(): RefusalReason | null;
  /** Stop renewing. `holds` is false afterwards. */
  end(): void;
}

export interface LeaseTerms {
  /** The whole decision with fresh facts: null = serve on. Must not reject. */
  decideAgain(): Promise<RefusalReason | null>;
  /** What can be told without waiting, from the gateway's own table of revocations. */
  decideLocally(): RefusalReason | null;
  /** Called once, at the moment of loss. */
  onLost(reason: RefusalReason): void;
  /** Monotonic ms. */
  monotonic(): number;
  /** When the facts of the decision that this lease starts from were asked for, monotonic ms. */
  decidedAt: number;
  /** Whether something happened on the ledger since then: it reached nobody, so it is looked at now. */
  isLate: boolean;
}

/** Start renewing. The caller ends the lease, whatever happens to the transfer. */
export function createLease(terms: LeaseTerms): Lease {
  let decidedAt = terms.decidedAt;
  let reason: RefusalReason | null = null;
  let ended = false;
  let renewing = false;
  let again = false;
  let waiting: (() => void)[] = [];
  const timer = setInterval(renew, renewEveryMs);

  function release(): void {
    const resolvers = waiting;
    waiting = [];
    for (const resolve of resolvers) resolve();
  }

  function end(): void {
    ended = true;
    clearInterval(timer);
    release();
  }

  function lose(why: RefusalReason): void {
    if (ended) return;
    reason = why;
    end();
    terms.onLost(why);
  }

  function renew(): void {
    if (ended) return;
    const local = terms.decideLocally();
    if (local !== null) {
      lose(local);
      return;
    }
    // One question at a time; what happens meanwhile asks for another one.
    again = renewing;
    if (!renewing) void ask();
  }

  async function ask(): Promise<void> {
    renewing = true;
    do {
      again = false;
      const askedAt = terms.monotonic();
      const refusal = await terms.decideAgain();
      if (refusal !== null) lose(refusal);
      decidedAt = askedAt;
      release();
    } while (again && !ended);
    renewing = false;
  }

  if (terms.isLate) renew();
  else {
    const local = terms.decideLocally();
    if (local !== null) lose(local);
  }
  return {
    poke: renew,
    end,
    lost: () => reason,
    async holds() {
      while (!ended && terms.monotonic() - decidedAt > maxLeaseAgeMs) {
        await new Promise<void>(resolve => waiting.push(resolve));
      }
      return !ended;
    },
  };
}
