/**
 * Doubt about the machine's own clock (THREATS: future and old timestamps). Slots are the chain's time, and a block comes
 * within moments of its slot's start; what a key signs for a slot of the future binds it until that slot has come.
 *
 * At the start nothing is signed before the clock was compared: with the head of a peer, or with a block that comes by
 * gossip, either of about this slot. Heads far from the own slot decide nothing, for a whole network may have been off. Who
 * has heard nothing for two slots and two seconds signs: somebody has to begin.
 *
 * Ahead: a valid block came half a minute or more too late by the own clock. Before the clock was confirmed one is enough;
 * later the last three, of two producers at least. As long as it is so, nothing is signed.
 * Behind: more than half of the peers' heads are half a minute or more ahead of the own slot. Nothing is refused for
 * that: the node takes no block from its future and signs nothing ahead; but it serves nobody well.
 * `/health` tells of both.
 */
import { publicKeyHex } from '@radpass/core';
import { type Genesis, kindOfRecord, type NodeSigner, parseBlock } from '@radpass/ledger';
import { NodeError } from './errors.js';
import type { Log } from './runtime.js';

const toleranceMs = 30_000;
const blocksCompared = 3;
const producersCompared = 2;
const leastWaitMs = 2_000;
const waitSlots = 2;

export interface ClockDoubt {
  readonly side: 'ahead' | 'behind';
  readonly byMs: number;
  readonly sentence: string;
}

export class OwnClock {
  readonly #genesis: Genesis;
  readonly #now: () => number;
  readonly #monotonic: () => number;
  readonly #log: Log;
  readonly #startedAt: number;
  #peerHeads: () => readonly number[] = () => [];
  #isConfirmed = false;
  /** Of the newest blocks; never more than blocksCompared. */
  #arrivals: { producer: string; lateByMs: number }[] = [];

  constructor(p: { genesis: Genesis; now: () => number; monotonic: () => number; log: Log }) {
    this.#genesis = p.genesis;
    this.#now = p.now;
    this.#monotonic = p.monotonic;
    this.#log = p.log;
    this.#startedAt = p.monotonic();
  }

  /** @param peerHeads - slots of the heads of which the connected peers last told */
  compareWith(peerHeads: () => readonly number[]): void {
    this.#peerHeads = peerHeads;
  }

  /** A block came by gossip and is valid. */
  heard(block: Uint8Array): void {
    // Evidence comes on the same topic.
    if (kindOfRecord(block)) return;
    const { header } = parseBlock(block);
    const lateByMs = this.#lateBy(header.slot);
    const doubtedBefore = this.#ahead() !== null;
    if (lateByMs < toleranceMs) this.#isConfirmed = true;
    this.#arrivals = [...this.#arrivals, { producer: publicKeyHex(header.producer), lateByMs }].slice(-blocksCompared);
    const ahead = this.#ahead();
    if (ahead && !doubtedBefore) this.#log('clock-doubted', { aheadByMs: ahead.byMs });
    if (!ahead && doubtedBefore) this.#log('clock-trusted', {});
  }

  /** How wrong the clock seems to be, or null. */
  doubt(): ClockDoubt | null {
    return this.#ahead() ?? this.#behind();
  }

  /** The signer, refusing while the clock is ahead or was not compared yet. */
  guard(signer: NodeSigner): NodeSigner {
    const check = (): void => {
      const ahead = this.#ahead();
      if (ahead) throw new NodeError({ code: 'NODE_CLOCK', aheadByMs: ahead.byMs }, ahead.sentence);
      if (this.#isCompared()) return;
      throw new NodeError(
        { code: 'NODE_CLOCK_UNCOMPARED' },
        "nothing is signed yet: this machine's clock was not compared with the network's",
      );
    };
    return {
      nodeKey: signer.nodeKey,
      get marks() {
        return signer.marks;
      },
      get restoredSlot() {
        return signer.restoredSlot;
      },
      vrfProve: alpha => signer.vrfProve(alpha),
      signBlock: async (slot, id) => {
        check();
        return signer.signBlock(slot, id);
      },
      signVote: async (message, eraDepth) => {
        check();
        return signer.signVote(message, eraDepth);
      },
      close: () => signer.close(),
    };
  }

  /** How long ago a slot began, by this clock. */
  #lateBy(slot: number): number {
    const { genesisTimeMs, params } = this.#genesis;
    return this.#now() - (genesisTimeMs + slot * params.slotMs);
  }

  #isCompared(): boolean {
    this.#isConfirmed ||= this.#peerHeads().some(head => Math.abs(this.#lateBy(head)) < toleranceMs);
    const waitMs = Math.max(leastWaitMs, waitSlots * this.#genesis.params.slotMs);
    return this.#isConfirmed || this.#monotonic() - this.#startedAt >= waitMs;
  }

  #ahead(): ClockDoubt | null {
    const late = this.#arrivals.filter(({ lateByMs }) => lateByMs >= toleranceMs);
    const producers = new Set(late.map(({ producer }) => producer));
    const isSure = late.length >= blocksCompared && producers.size >= producersCompared;
    if (!isSure && (this.#isConfirmed || late.length === 0)) return null;
    const byMs = Math.min(...late.map(({ lateByMs }) => lateByMs));
    const seconds = Math.round(byMs / 1000);
    const sentence = `this machine's clock is about ${seconds} s ahead of the network's: set it right; until then nothing is signed`;
    return { side: 'ahead', byMs, sentence };
  }

  #behind(): ClockDoubt | null {
    const heads = this.#peerHeads();
    const early = heads.map(head => -this.#lateBy(head)).filter(byMs => byMs >= toleranceMs);
    if (early.length * 2 <= heads.length) return null;
    const byMs = Math.min(...early);
    const seconds = Math.round(byMs / 1000);
    return {
      side: 'behind',
      byMs,
      sentence: `this machine's clock is about ${seconds} s behind the network's: set it right`,
    };
  }
}
