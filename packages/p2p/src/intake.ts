/**
 * Every gossiped message on its way to its handler. Cheap checks come first and the sender is charged: size, rate, share
 * of the judges, known verdict; only then the handler (THREATS 30, 31). One message is judged once, however often and
 * by whichever way it comes.
 */
import { toHex } from '@radpass/core';
import { BoundedMap } from './boundedMap.js';
import { type Log, type NetworkHandlers, peerLabel, type Verdict } from './handlers.js';
import { limits } from './limits.js';
import type { Fault } from './score.js';
import { type Kind, maxBytes, messageId, type WireNames } from './topics.js';

const share: Readonly<Record<Kind, number>> = {
  transactions: limits.maxJudgedTransactionsPerPeer,
  blocks: limits.maxJudgedBlocksPerPeer,
  votes: limits.maxJudgedVotesPerPeer,
};

interface Sender {
  /** Messages that it may send now; refilled by time. */
  tokens: number;
  at: number;
  judged: Record<Kind, number>;
}

export interface IntakeInit {
  names: WireNames;
  handlers: NetworkHandlers;
  charge(peer: string, fault: Fault): void;
  /** A message from a peer was accepted; called once for each. */
  onAccepted(kind: Kind, bytes: Uint8Array, id: string): void;
  log: Log;
  /** Monotonic milliseconds. */
  now(): number;
}

export class Intake {
  readonly #init: IntakeInit;
  /** Verdicts that stay: an ignored message may come again and be judged anew. */
  readonly #verdicts = new BoundedMap<string, 'accept' | 'reject'>(limits.maxVerdicts);
  /** Under judgement. Its size is capped by the shares below. */
  readonly #running = new BoundedMap<string, Promise<Verdict>>(limits.maxVerdicts);
  readonly #senders = new BoundedMap<string, Sender>(limits.maxScoredPeers);
  readonly #judged: Record<Kind, number> = { transactions: 0, blocks: 0, votes: 0 };

  constructor(init: IntakeInit) {
    this.#init = init;
  }

  /** Messages under judgement, of one kind or of all. */
  pending(kind?: Kind): number {
    return kind === undefined ? this.#running.size : this.#judged[kind];
  }

  /** A message of our own: should it come back, it is not judged. @returns its id, hex */
  publish(kind: Kind, bytes: Uint8Array): string {
    const id = this.#id(kind, bytes);
    this.#verdicts.set(id, 'accept');
    return id;
  }

  /** Judge a message that `peer` sent. Never throws; what cannot be judged now is ignored. */
  async judge(kind: Kind, bytes: Uint8Array, peer: string): Promise<Verdict> {
    const { charge, log } = this.#init;
    if (bytes.length === 0 || bytes.length > maxBytes[kind]) {
      charge(peer, 'protocol broken');
      return 'reject';
    }
    const sender = this.#sender(peer);
    if (sender.tokens < 1) {
      charge(peer, 'message flood');
      return 'ignore';
    }
    sender.tokens -= 1;
    const id = this.#id(kind, bytes);
    const known = this.#verdicts.get(id);
    // What was accepted before was passed on then: once is enough.
    if (known === 'accept') return 'ignore';
    // Two ways at a time share one judgement: no await between the look-up and the entry.
    const verdict = known ?? (await (this.#running.get(id) ?? this.#ask(kind, bytes, id, sender)));
    if (verdict === 'busy') {
      charge(peer, 'message flood');
      return 'ignore';
    }
    if (verdict === 'reject') {
      log('message-rejected', { kind, peer: peerLabel(peer) });
      charge(peer, 'message rejected');
    }
    return verdict;
  }

  /** Wait until nothing is under judgement: after stop(), no handler runs any more. */
  async idle(): Promise<void> {
    await Promise.all(this.#running.entries().map(([, verdict]) => verdict));
  }

  async #ask(kind: Kind, bytes: Uint8Array, id: string, sender: Sender): Promise<Verdict | 'busy'> {
    if (sender.judged[kind] >= share[kind] || this.#judged[kind] >= share[kind] * limits.judgedPeersAtOnce)
      return 'busy';
    sender.judged[kind] += 1;
    this.#judged[kind] += 1;
    const running = this.#handle(kind, bytes.slice());
    this.#running.set(id, running);
    const verdict = await running;
    this.#running.delete(id);
    sender.judged[kind] -= 1;
    this.#judged[kind] -= 1;
    if (verdict !== 'ignore') this.#verdicts.set(id, verdict);
    if (verdict === 'accept') this.#init.onAccepted(kind, bytes, id);
    return verdict;
  }

  async #handle(kind: Kind, bytes: Uint8Array): Promise<Verdict> {
    const { handlers, log } = this.#init;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const late = new Promise<Verdict>(resolve => {
        timer = setTimeout(() => {
          log('verdict-late', { kind });
          resolve('ignore');
        }, limits.verdictTimeoutMs);
      });
      const handled =
        kind === 'transactions'
          ? handlers.onTransaction(bytes)
          : kind === 'blocks'
            ? handlers.onBlock(bytes)
            : handlers.onVote(bytes);
      return await Promise.race([handled, late]);
    } catch (error) {
      // Our own failure, not the sender's.
      log('handler-failed', { kind, error: error instanceof Error ? error.name : 'unknown' });
      return 'ignore';
    } finally {
      clearTimeout(timer);
    }
  }

  #id(kind: Kind, bytes: Uint8Array): string {
    return toHex(messageId(this.#init.names.topics[kind], bytes));
  }

  #sender(peer: string): Sender {
    const now = this.#init.now();
    let sender = this.#senders.get(peer);
    if (sender === undefined) {
      sender = { tokens: limits.messageBurst, at: now, judged: { transactions: 0, blocks: 0, votes: 0 } };
      this.#senders.set(peer, sender);
    }
    const refill = ((now - sender.at) / 1_000) * limits.messagesPerSecond;
    sender.tokens = Math.min(limits.messageBurst, sender.tokens + refill);
    sender.at = now;
    return sender;
  }
}
