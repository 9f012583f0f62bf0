/**
 * In which order a producer offers room to transactions. Policy, not validity: no rule can prove what a producer had.
 *
 * Lanes in order: revocations and vetoes, grants, studies, sources. One eighth of the bytes is kept for revocations:
 * the other lanes together never fill it. Within a lane 3/4 of its bytes go by weight, to the source that was served
 * least for its weight, and 1/4 in turn, one transaction a source, so that a source without weight is heard too.
 * Transactions of one source keep their order.
 */
import { type Transaction, type Tuple, toHex } from '@radpass/core';

const revocations = 0;
const lanes = 4;

/** A transaction as an element of the body's list: at most 5 bytes of head. */
const headBytes = 5;

function laneOf(tuple: Tuple): number {
  switch (tuple.type) {
    case 4:
    case 6:
      return revocations;
    case 3:
      return 1;
    case 2:
    case 5:
    case 8:
      return 2;
    case 1:
    case 7:
    case 9:
      return 3;
  }
}

/** The source that a transaction is about. */
export function sourceOf(tuple: Tuple): Uint8Array {
  if (tuple.type === 2) return tuple.claim.sourceKey;
  return tuple.type === 5 ? tuple.reclaim.sourceKey : tuple.sourceKey;
}

/** One source's transactions of a lane, in order, and how many bytes of them were taken. */
interface Queue {
  readonly name: string;
  readonly weight: number;
  readonly waiting: Transaction[];
  served: number;
}

/** Bytes that may still be filled. */
interface Room {
  left: number;
}

function sizeOf(transaction: Transaction): number {
  return transaction.bytes.length + headBytes;
}

function fits(transaction: Transaction | undefined, room: Room): boolean {
  return transaction !== undefined && sizeOf(transaction) <= room.left;
}

function queuesOf(lane: readonly Transaction[], weightOf: (sourceKey: Uint8Array) => number): Queue[] {
  const queues = new Map<string, Queue>();
  for (const transaction of lane) {
    const sourceKey = sourceOf(transaction.tuple);
    const name = toHex(sourceKey);
    const queue = queues.get(name) ?? { name, weight: weightOf(sourceKey), waiting: [], served: 0 };
    queue.waiting.push(transaction);
    queues.set(name, queue);
  }
  return [...queues.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The queue that got least for its weight; ties by key. */
function leastServed(queues: readonly Queue[]): Queue | undefined {
  let least: Queue | undefined;
  for (const queue of queues) {
    if (queue.weight === 0 || queue.waiting.length === 0) continue;
    if (!least || queue.served * least.weight < least.served * queue.weight) least = queue;
  }
  return least;
}

/**
 * Choose transactions for a block.
 * @param p.candidates - in order of arrival
 * @param p.maxBytes - of the canonical list
 * @param p.turn - which source begins when they take turns: the slot
 * @param p.take - applies a transaction; false leaves it out
 * @returns those taken, in the order in which they were applied
 */
export function chooseTransactions(p: {
  candidates: readonly Transaction[];
  maxBytes: number;
  turn: number;
  weightOf(sourceKey: Uint8Array): number;
  take(transaction: Transaction): boolean;
}): Transaction[] {
  const chosen: Transaction[] = [];
  const all: Room = { left: p.maxBytes - headBytes };
  const others: Room = { left: Math.floor((7 * p.maxBytes) / 8) - headBytes };

  /** Offer the head of a queue; it leaves the queue whatever the answer. */
  function offer(queue: Queue, rooms: readonly Room[]): void {
    const transaction = queue.waiting.shift();
    if (!transaction) return;
    if (!rooms.every(room => fits(transaction, room)) || !p.take(transaction)) return;
    for (const room of rooms) room.left -= sizeOf(transaction);
    queue.served += sizeOf(transaction);
    chosen.push(transaction);
  }

  for (let lane = 0; lane < lanes; lane++) {
    const queues = queuesOf(
      p.candidates.filter(({ tuple }) => laneOf(tuple) === lane),
      p.weightOf,
    );
    const rooms = lane === revocations ? [all] : [all, others];
    const byWeight: Room = { left: Math.floor((3 * Math.min(...rooms.map(room => room.left))) / 4) };
    for (let queue = leastServed(queues); queue && fits(queue.waiting[0], byWeight); queue = leastServed(queues)) {
      offer(queue, [...rooms, byWeight]);
    }
    const first = queues.length === 0 ? 0 : p.turn % queues.length;
    const inTurn = [...queues.slice(first), ...queues.slice(0, first)];
    while (inTurn.some(queue => queue.waiting.length > 0)) for (const queue of inTurn) offer(queue, rooms);
  }
  return chosen;
}
