/**
 * Token buckets, one a key, bounded in number. A bucket holds `burst` tokens, refilled at `perSecond`; a
 * request takes one. Keys are requester keys (a fresh one is free to make) and remote addresses, so beside
 * them one bucket holds for all together. When the table is full, the bucket that was untouched longest is
 * forgotten: it is the one most refilled, so its owner gains least.
 *
 * Time is handed in and should be monotonic; nothing here reads a clock.
 */

export interface RateLimiter {
  /** Take one token of `key` at `nowMs` (monotonic ms); false when it, or the whole, has none left. */
  take(key: string, nowMs: number): boolean;
}

export interface RateLimits {
  perSecond: number;
  burst: number;
  /** For all keys together. */
  totalPerSecond: number;
  totalBurst: number;
  maxKeys: number;
}

export const defaultRateLimits: RateLimits = {
  perSecond: 5,
  burst: 40,
  totalPerSecond: 200,
  totalBurst: 400,
  maxKeys: 10_000,
};

interface Bucket {
  tokens: number;
  at: number;
}

/** Tokens in the bucket after refilling up to `nowMs`; a clock that went back refills nothing. */
function refilled(bucket: Bucket, nowMs: number, perSecond: number, burst: number): number {
  return Math.min(burst, bucket.tokens + (Math.max(0, nowMs - bucket.at) / 1000) * perSecond);
}

/** A limiter of at most `maxKeys` buckets; a refused request costs neither its key nor the whole a token. */
export function createRateLimiter(limits: Partial<RateLimits> = {}): RateLimiter & { keys(): number } {
  const { perSecond, burst, totalPerSecond, totalBurst, maxKeys } = { ...defaultRateLimits, ...limits };
  // In order of last use: a Map iterates by insertion, and every use inserts anew.
  const buckets = new Map<string, Bucket>();
  const total: Bucket = { tokens: totalBurst, at: Number.NEGATIVE_INFINITY };

  return {
    keys: () => buckets.size,
    take(key, nowMs) {
      const bucket = buckets.get(key) ?? { tokens: burst, at: nowMs };
      const own = refilled(bucket, nowMs, perSecond, burst);
      const all = refilled(total, nowMs, totalPerSecond, totalBurst);
      const allowed = own >= 1 && all >= 1;
      total.tokens = allowed ? all - 1 : all;
      total.at = nowMs;
      buckets.delete(key);
      if (buckets.size >= maxKeys) {
        const oldest = buckets.keys().next();
        if (!oldest.done) buckets.delete(oldest.value);
      }
      buckets.set(key, { tokens: allowed ? own - 1 : own, at: nowMs });
      return allowed;
    },
  };
}

/** The key under which a remote address is counted: IPv4 whole, IPv6 by its /64, which one customer holds. */
export function remoteRateKey(address: string): string {
  if (!address.includes(':') || address.includes('.')) return `remote ${address}`;
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  return `remote ${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`;
}
