/**
 * Doubt about the machine's own clock (THREATS: future and old timestamps). Slots are the chain's time, and a block comes
 * within moments of its slot's start. When the last three that were valid, of two producers at least, all came half a
 * minute or more too late by the own clock, then it is the clock that runs ahead. As long as it does, nothing is signed:
 * what a key signs for a slot of the future binds it until that slot has come. `/health` says why.
 *
 * A clock that lags needs no such care: the node takes no block from its future and signs nothing that is ahead.
 */
import { publicKeyHex } from '@radpass/core';
import { type Genesis, kindOfRecord, type NodeSigner, parseBlock } from '@radpass/ledger';
import { NodeError } from './errors.js';
import type { Log } from './runtime.js';

const lateMs = 30_000;
const blocksCompared = 3;
const producersCompared = 2;

export class OwnClock {
  readonly #genesis: Genesis;
  readonly #now: () => number;
  readonly #log: Log;
  /** Of the newest blocks; never more than blocksCompared. */
  #arrivals: { producer: string; lateByMs: number }[] = [];

  constructor(p: { genesis: Genesis; now: () => number; log: Log }) {
    this.#genesis = p.genesis;
    this.#now = p.now;
    this.#log = p.log;
  }

  /** A block came by gossip and is valid. */
  heard(block: Uint8Array): void {
    // Evidence comes on the same topic.
    if (kindOfRecord(block)) return;
    const { header } = parseBlock(block);
    const { genesisTimeMs, params } = this.#genesis;
    const lateByMs = this.#now() - (genesisTimeMs + header.slot * params.slotMs);
    const doubtedBefore = this.doubt() !== null;
    this.#arrivals = [...this.#arrivals, { producer: publicKeyHex(header.producer), lateByMs }].slice(-blocksCompared);
    const doubt = this.doubt();
    if (doubt && !doubtedBefore) this.#log('clock-doubted', { aheadByMs: doubt.aheadByMs });
    if (!doubt && doubtedBefore) this.#log('clock-trusted', {});
  }

  /** How far the clock seems to run ahead, or null. */
  doubt(): { aheadByMs: number; sentence: string } | null {
    const late = this.#arrivals.filter(({ lateByMs }) => lateByMs >= lateMs);
    const producers = new Set(late.map(({ producer }) => producer));
    if (late.length < blocksCompared || producers.size < producersCompared) return null;
    const aheadByMs = Math.min(...late.map(({ lateByMs }) => lateByMs));
    const seconds = Math.round(aheadByMs / 1000);
    const sentence = `this machine's clock is about ${seconds} s ahead of the network's: set it right; until then nothing is signed`;
    return { aheadByMs, sentence };
  }

  /** The signer, refusing while the clock is doubted. */
  guard(signer: NodeSigner): NodeSigner {
    const check = (): void => {
      const doubt = this.doubt();
      if (doubt) throw new NodeError({ code: 'NODE_CLOCK', aheadByMs: doubt.aheadByMs }, doubt.sentence);
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
}
