/**
 * A speed-up of the simulator and of nothing else: what all nodes of a world judge alike is judged once. A block's changes
 * depend on the block and on its parent's id, which fixes the state before it; a vote and whether something is signed depend
 * on the bytes alone. Whoever doubts it runs the world without (`shareWork: false`) and gets the same trace.
 */
import { equalBytes, toHex, type Verifier } from '@radpass/core';
import type { ApplyBlockInput } from '../applyBlock.js';
import type { Block } from '../block.js';
import type { Vote, VoteMessage, VoteSet } from '../consensus/votes.js';
import { type Judging, judging } from '../judging.js';
import type { Changes } from '../stateView.js';
import { isSameMessage } from '../voting.js';

/** Messages of the last votes; as many as voters of some slots may differ in. */
const messagesKept = 32;
/** Blocks that may be asked for again. */
const blocksKept = 8;
/** Verdicts on signatures of people, the newest. */
const verdictsKept = 1_024;

export class SharedWork implements Judging {
  /** By the received bytes themselves: the network hands all nodes the same object. */
  readonly #blocks = new WeakMap<Uint8Array, Block>();
  readonly #newestBlocks: Block[] = [];
  /** Of blocks whose signatures were checked, or were made by this world's own nodes. */
  #changes = new WeakMap<Block, Changes>();

  readonly #votes = new WeakMap<Uint8Array, Vote>();
  readonly #certificates = new WeakMap<Uint8Array, VoteSet>();
  /** By the signature's own bytes, which came with one message and one voter. */
  readonly #signed = new WeakMap<Uint8Array, { message: VoteMessage; nodeKey: Uint8Array; holds: boolean }>();
  /** What votes have in common is one object. */
  #messages: VoteMessage[] = [];

  parseBlock(received: Uint8Array): Block {
    const known = this.#blocks.get(received);
    return known && !known.pruned ? known : this.#keep(received, judging.parseBlock(received));
  }

  parseKeptBlock(received: Uint8Array): Block {
    return (
      this.#blocks.get(received) ?? this.#keep(received, this.#newest(received) ?? judging.parseKeptBlock(received))
    );
  }

  /** One that came before in other bytes: from a node of another thread. */
  #newest(received: Uint8Array): Block | undefined {
    return this.#newestBlocks.find(({ bytes }) => bytes.length === received.length && equalBytes(bytes, received));
  }

  #keep(received: Uint8Array, block: Block): Block {
    if (!this.#newestBlocks.includes(block)) this.#newestBlocks.unshift(block);
    if (this.#newestBlocks.length > blocksKept) this.#newestBlocks.pop();
    this.#blocks.set(received, block);
    // What a node stores and hands on are these bytes.
    this.#blocks.set(block.bytes, block);
    return block;
  }

  changesOf(p: ApplyBlockInput): Changes {
    const known = this.#changes.get(p.block);
    if (known) return known;
    const changes = judging.changesOf(p);
    if (!p.skipSignatures) this.#changes.set(p.block, changes);
    return changes;
  }

  parseVote(received: Uint8Array): Vote {
    const known = this.#votes.get(received);
    if (known) return known;
    const parsed = judging.parseVote(received);
    const vote = { ...parsed, message: this.#oneOf(parsed.message) };
    this.#votes.set(received, vote);
    return vote;
  }

  parseCertificate(received: Uint8Array): VoteSet {
    const known = this.#certificates.get(received);
    if (known) return known;
    const parsed = judging.parseCertificate(received);
    const certificate = { ...parsed, message: this.#oneOf(parsed.message) };
    this.#certificates.set(received, certificate);
    return certificate;
  }

  isSigned(vote: Vote, network: { chainId: Uint8Array; verifier: Verifier }): boolean {
    const { message, nodeKey, signature } = vote;
    const known = this.#signed.get(signature);
    if (known && known.message === message && equalBytes(known.nodeKey, nodeKey)) return known.holds;
    const holds = judging.isSigned(vote, network);
    this.#signed.set(signature, { message, nodeKey, holds });
    return holds;
  }

  /** From now on blocks are judged by other rules. */
  forget(): void {
    this.#changes = new WeakMap();
  }

  #oneOf(message: VoteMessage): VoteMessage {
    const known = this.#messages.find(other => isSameMessage(other, message));
    if (known) return known;
    this.#messages.push(message);
    if (this.#messages.length > messagesKept) this.#messages.shift();
    return message;
  }
}

/** A verifier's loose verdicts, each asked for once: every node is told the same transactions. */
export class SharedVerifier implements Verifier {
  readonly backend: string;
  readonly #real: Verifier;
  /** By signature, in hex. */
  readonly #verdicts = new Map<string, { message: Uint8Array; key: Uint8Array; holds: boolean }>();

  constructor(real: Verifier) {
    this.#real = real;
    this.backend = real.backend;
  }

  verify(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
    return this.#real.verify(signature, message, key);
  }

  verifyStrict(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
    const name = toHex(signature);
    const known = this.#verdicts.get(name);
    if (known && equalBytes(known.key, key) && equalBytes(known.message, message)) return known.holds;
    const holds = this.#real.verifyStrict(signature, message, key);
    if (this.#verdicts.size >= verdictsKept) this.#verdicts.delete(this.#verdicts.keys().next().value!);
    this.#verdicts.set(name, { message, key, holds });
    return holds;
  }
}
