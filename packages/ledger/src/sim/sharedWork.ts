/**
 * A speed-up of the simulator and of nothing else: what all nodes of a world judge alike is judged once. A block's changes
 * depend on the block and on its parent's id, which fixes the state before it; a vote's verdict on its bytes. Whoever
 * doubts it runs the world without (`shareWork: false`) and gets the same trace.
 */
import { toHex, type Verifier } from '@radpass/core';
import type { ApplyBlockInput } from '../applyBlock.js';
import type { Block } from '../block.js';
import type { Vote } from '../consensus/votes.js';
import { type Judging, judging } from '../judging.js';
import type { Changes } from '../stateView.js';

export class SharedWork implements Judging {
  /** By the received bytes themselves: the network hands all nodes the same object. */
  readonly #blocks = new WeakMap<Uint8Array, Block>();
  readonly #votes = new WeakMap<Uint8Array, Vote>();
  readonly #verdicts = new WeakMap<Vote, boolean>();
  readonly #outputs = new Map<string, Uint8Array | null>();
  /** Of blocks whose signatures were checked, or were made by this world's own nodes. */
  readonly #changes = new WeakMap<Block, Changes>();

  parseBlock(received: Uint8Array): Block {
    const known = this.#blocks.get(received);
    if (known) return known;
    const block = judging.parseBlock(received);
    this.#blocks.set(received, block);
    // What a node stores and hands on are these bytes.
    this.#blocks.set(block.bytes, block);
    return block;
  }

  parseVote(received: Uint8Array): Vote {
    const known = this.#votes.get(received);
    if (known) return known;
    const vote = judging.parseVote(received);
    this.#votes.set(received, vote);
    return vote;
  }

  verifyVote(vote: Vote, chainId: Uint8Array, verifier: Verifier): boolean {
    const known = this.#verdicts.get(vote);
    if (known !== undefined) return known;
    const verdict = judging.verifyVote(vote, chainId, verifier);
    this.#verdicts.set(vote, verdict);
    return verdict;
  }

  changesOf(p: ApplyBlockInput): Changes {
    const known = this.#changes.get(p.block);
    if (known) return known;
    const changes = judging.changesOf(p);
    if (!p.skipSignatures) this.#changes.set(p.block, changes);
    return changes;
  }

  vrfOutput(proof: Uint8Array): Uint8Array | null {
    const name = toHex(proof);
    const known = this.#outputs.get(name);
    if (known !== undefined) return known;
    const output = judging.vrfOutput(proof);
    this.#outputs.set(name, output);
    return output;
  }
}
