/**
 * A node key with its signing record in a world. The rules are those of the record on disk (signingRules.ts); the record is a
 * disk of its own, synced before each signature, so that a stop in between leaves a mark without a signature.
 */
import { type PublicKey, signingPreimage } from '@radpass/core';
import { encodeVoteMessage, type VoteMessage } from '../consensus/votes.js';
import type { NodeSigner, SigningMarks } from '../signer.js';
import { type Marks, marksForBlock, marksForVote, unsigned } from '../signingRules.js';
import type { Delay } from './simDisk.js';
import type { SimSignatures } from './simSignatures.js';

/** What a key has signed, for whoever watches: every signature, before anybody else sees it. */
export interface SignatureWatch {
  block(nodeKey: PublicKey, slot: number, id: Uint8Array): void;
  vote(nodeKey: PublicKey, message: VoteMessage, eraDepth: number): void;
}

export interface SimSignerInit {
  readonly nodeKey: PublicKey;
  readonly chainId: Uint8Array;
  readonly signatures: SimSignatures;
  readonly watch: SignatureWatch;
  readonly delay: Delay;
  readonly syncMs: number;
  /** An adversary's: signs whatever its chain asks for, whatever it signed before. */
  readonly unguarded?: boolean;
}

/** Of a key that no sight of its own signatures shall silence. */
const everything: SigningMarks = {
  blockSlot: Number.MAX_SAFE_INTEGER,
  eraDepth: Number.MAX_SAFE_INTEGER,
  sourceSlot: Number.MAX_SAFE_INTEGER,
  targetSlot: Number.MAX_SAFE_INTEGER,
};

export class SimSigner {
  readonly #p: SimSignerInit;
  /** What is on disk. */
  #marks: Marks = unsigned;
  #process = 0;

  constructor(p: SimSignerInit) {
    this.#p = p;
  }

  get nodeKey(): PublicKey {
    return this.#p.nodeKey;
  }

  get marks(): SigningMarks {
    return this.#marks;
  }

  /** The record goes back to an older copy, as a restored backup would: what must never be signed with. */
  restore(marks: SigningMarks): void {
    this.#marks = { ...unsigned, ...marks };
  }

  /** The key in a new process. */
  open(): NodeSigner {
    const mine = ++this.#process;
    const { nodeKey, chainId, signatures, watch, unguarded } = this.#p;
    const record = this;
    let marks = this.#marks;
    let turn: Promise<unknown> = Promise.resolve();
    const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
      const next = turn.then(work, work);
      turn = next;
      return next;
    };
    const advance = (to: Marks): Promise<void> => {
      if (to === marks) return Promise.resolve();
      return this.#sync(to, mine).then(() => {
        marks = to;
      });
    };
    return {
      nodeKey,
      get marks() {
        return unguarded ? everything : record.#marks;
      },
      vrfProve: alpha => signatures.vrfProve(nodeKey, alpha),
      signBlock: (slot, id) =>
        inTurn(async () => {
          if (!unguarded) await advance(marksForBlock(marks, slot, id));
          watch.block(nodeKey, slot, id);
          return signatures.sign(nodeKey, signingPreimage('block', chainId, id));
        }),
      signVote: (message, eraDepth) =>
        inTurn(async () => {
          if (!unguarded) await advance(marksForVote(marks, message, eraDepth));
          watch.vote(nodeKey, message, eraDepth);
          return signatures.sign(nodeKey, signingPreimage('vote', chainId, encodeVoteMessage(message)));
        }),
      close: () => Promise.resolve(),
    };
  }

  /** The process that holds the key ends: what it still waits for never comes. */
  stop(): void {
    this.#process++;
  }

  #sync(marks: Marks, process: number): Promise<void> {
    const { delay, syncMs } = this.#p;
    if (syncMs === 0) {
      this.#marks = marks;
      return Promise.resolve();
    }
    return new Promise(resolve => {
      delay(syncMs, () => {
        if (this.#process !== process) return;
        this.#marks = marks;
        resolve();
      });
    });
  }
}
