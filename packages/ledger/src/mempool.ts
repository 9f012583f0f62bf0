/**
 * Transactions that wait for a block. Bounded in number and bytes, in lanes of their own so that no lane starves another
 * (revocations above all), and fair within a lane: when it is full, the source with the most waiting loses its
 * newest. What is waiting was judged against a head's state by the caller; the pool knows no rules.
 *
 * Some are held: valid but for something that an earlier block must bring (a study's source, a grant's study). They wait
 * a bounded time apart from the rest.
 */
import { type Transaction, type Tuple, toHex } from '@radpass/core';
import { LedgerError } from './errors.js';

export type Lane = 'revocations' | 'grants' | 'studies' | 'sources';

/** One exported table of caps. */
export const poolLimits = Object.freeze({
  bytes: 16 * 1024 * 1024,
  lanes: { revocations: 4_096, grants: 4_096, studies: 4_096, sources: 512 },
  /** Of one source in one lane. */
  source: 2_048,
  /** Of one study, all lanes. */
  study: 64,
  held: 1_024,
  /** Held for others than this node's own API. */
  heldOfOthers: 768,
  heldMs: 600_000,
});

export interface PoolEntry {
  readonly transaction: Transaction;
  /** hex */
  readonly id: string;
  readonly lane: Lane;
  readonly receivedMs: number;
}

interface Held {
  readonly entry: PoolEntry;
  readonly untilMs: number;
}

/** Which lane a tuple waits in. */
export function laneOf(tuple: Tuple): Lane {
  switch (tuple.type) {
    case 4:
    case 6:
      return 'revocations';
    case 3:
      return 'grants';
    case 2:
    case 5:
    case 8:
      return 'studies';
    default:
      return 'sources';
  }
}

/** The source that a tuple names, and the study if it is about one; hex. */
export function scopeOf(tuple: Tuple): { source: string; study: string | null } {
  const about = tuple.type === 2 ? tuple.claim : tuple.type === 5 ? tuple.reclaim : tuple;
  const source = toHex(about.sourceKey);
  return { source, study: 'studyHash' in about ? source + toHex(about.studyHash) : null };
}

/** Numbers by name; a name at zero is not kept. */
class Counter {
  readonly #counts = new Map<string, number>();

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  change(name: string, difference: number): void {
    const count = this.of(name) + difference;
    if (count === 0) this.#counts.delete(name);
    else this.#counts.set(name, count);
  }

  greatest(): string | null {
    let best: string | null = null;
    for (const [name, count] of this.#counts) if (best === null || count > this.of(best)) best = name;
    return best;
  }
}

const laneNames: readonly Lane[] = ['revocations', 'grants', 'studies', 'sources'];

export class Mempool {
  readonly #entries = new Map<string, PoolEntry>();
  readonly #held = new Map<string, Held>();
  readonly #lanes: Readonly<Record<Lane, { count: number; readonly sources: Counter }>> = {
    revocations: { count: 0, sources: new Counter() },
    grants: { count: 0, sources: new Counter() },
    studies: { count: 0, sources: new Counter() },
    sources: { count: 0, sources: new Counter() },
  };
  readonly #studies = new Counter();
  #bytes = 0;

  get size(): number {
    return this.#entries.size;
  }

  get(id: string): PoolEntry | undefined {
    return this.#entries.get(id) ?? this.#held.get(id)?.entry;
  }

  /** Whether it waits for something that an earlier block must bring. */
  isHeld(id: string): boolean {
    return this.#held.has(id);
  }

  /**
   * Let a transaction wait. Nothing changes on failure.
   * @returns what had to make room
   * @throws LedgerError LEDGER_MEMPOOL_FULL
   */
  add(transaction: Transaction, nowMs: number): PoolEntry | null {
    const id = toHex(transaction.id);
    if (this.#entries.has(id)) return null;
    const lane = laneOf(transaction.tuple);
    const { source, study } = scopeOf(transaction.tuple);
    const { count, sources } = this.#lanes[lane];
    if (study !== null && this.#studies.of(study) >= poolLimits.study) throw full('study');
    if (sources.of(source) >= poolLimits.source) throw full('source');
    if (this.#bytes + transaction.bytes.length > poolLimits.bytes) throw full('pool');
    let evicted: PoolEntry | null = null;
    if (count >= poolLimits.lanes[lane]) {
      const largest = sources.greatest();
      if (largest === null || sources.of(largest) <= sources.of(source) + 1) throw full('lane');
      evicted = this.#newestOf(lane, largest);
      if (evicted) this.remove(evicted.id);
    }
    const receivedMs = this.#held.get(id)?.entry.receivedMs ?? nowMs;
    this.#held.delete(id);
    this.#entries.set(id, { transaction, id, lane, receivedMs });
    this.#count(transaction, 1);
    return evicted;
  }

  /** Hold a transaction for something to come. @throws LedgerError LEDGER_MEMPOOL_FULL */
  hold(transaction: Transaction, nowMs: number, own: boolean): void {
    const id = toHex(transaction.id);
    if (this.#held.has(id) || this.#entries.has(id)) return;
    if (this.#held.size >= (own ? poolLimits.held : poolLimits.heldOfOthers)) throw full('pool');
    const entry = { transaction, id, lane: laneOf(transaction.tuple), receivedMs: nowMs };
    this.#held.set(id, { entry, untilMs: nowMs + poolLimits.heldMs });
  }

  remove(id: string): void {
    this.#held.delete(id);
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#entries.delete(id);
    this.#count(entry.transaction, -1);
  }

  /** Those held whose time is over; they are forgotten. */
  takeExpired(nowMs: number): PoolEntry[] {
    const expired = [...this.#held.values()].filter(held => held.untilMs <= nowMs).map(held => held.entry);
    for (const { id } of expired) this.#held.delete(id);
    return expired;
  }

  held(): PoolEntry[] {
    return Array.from(this.#held.values(), held => held.entry);
  }

  /** All that may enter a block: lane by lane, in each lane by arrival. */
  candidates(): PoolEntry[] {
    const lanes = new Map<Lane, PoolEntry[]>(laneNames.map(lane => [lane, []]));
    for (const entry of this.#entries.values()) lanes.get(entry.lane)!.push(entry);
    return [...lanes.values()].flat();
  }

  #newestOf(lane: Lane, source: string): PoolEntry | null {
    const all = [...this.#entries.values()];
    return all.findLast(e => e.lane === lane && scopeOf(e.transaction.tuple).source === source) ?? null;
  }

  #count(transaction: Transaction, difference: 1 | -1): void {
    const { source, study } = scopeOf(transaction.tuple);
    const lane = this.#lanes[laneOf(transaction.tuple)];
    lane.count += difference;
    lane.sources.change(source, difference);
    if (study !== null) this.#studies.change(study, difference);
    this.#bytes += difference * transaction.bytes.length;
  }
}

function full(scope: 'pool' | 'lane' | 'source' | 'study'): LedgerError {
  return new LedgerError({ code: 'LEDGER_MEMPOOL_FULL', scope }, `no room for this transaction: the ${scope} is full`);
}
