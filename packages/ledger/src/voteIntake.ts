/**
 * Votes on their way: heard from others or cast here, shown to the witness, counted, and told as a certificate when it is
 * this node's turn (turns.ts).
 */
import { equalBytes, type PublicKey, type Verifier } from '@radpass/core';
import type { Block } from './block.js';
import type { Branches } from './branches.js';
import type { Consensus } from './consensus/index.js';
import { encodeVote, encodeVoteSet, type Vote, type VoteMessage, type VoteSet, votersOf } from './consensus/votes.js';
import type { Effect } from './effects.js';
import type { Genesis } from './genesis.js';
import type { Verdict } from './intake.js';
import type { Judging } from './judging.js';
import { storeKeys } from './storeKeys.js';
import { Turns, turnMs } from './turns.js';
import { VotePools } from './votePools.js';
import type { Witness } from './witness.js';

export interface VoteIntakeInit {
  readonly genesis: Genesis;
  readonly verifier: Verifier;
  readonly branches: Branches;
  readonly witness: Witness;
  /** Node keys that this node signs with. */
  readonly nodeKeys: readonly PublicKey[];
  readonly rules: Consensus;
  readonly judging: Judging;
  /** Takes effects of the step under way. */
  readonly emit: (effect: Effect) => void;
}

export class VoteIntake {
  readonly #p: VoteIntakeInit;
  readonly #pools: VotePools;
  readonly #turns = new Turns();
  /** A block that a vote named and that is there. */
  #known: Uint8Array = new Uint8Array();

  constructor(p: VoteIntakeInit) {
    this.#p = p;
    this.#pools = new VotePools(p.genesis.params, p.rules, p.judging);
    this.followEras();
  }

  advance(slot: number): void {
    this.#pools.advance(slot);
  }

  setsBetween(fromSlot: number, belowSlot: number): VoteSet[] {
    return this.#pools.setsBetween(fromSlot, belowSlot);
  }

  /** A vote or a certificate by gossip. */
  receive(bytes: Uint8Array, nowMs: number): Verdict {
    const { genesis, verifier, emit } = this.#p;
    const { verdict, votes, told } = this.#pools.judge(bytes, { chainId: genesis.chainId, verifier });
    const [vote] = votes;
    if (vote) {
      const certificate = this.#enter(votes);
      if (certificate && !told) this.#tellLater(certificate, nowMs);
      for (const { message, nodeKey } of votes) this.#saw(message, nodeKey);
      if (!this.#isKnown(vote.message.targetId)) emit({ kind: 'sync' });
    }
    if (told) this.#setTold(told);
    return verdict;
  }

  /** Whether a block is there; votes name the same one again and again. */
  #isKnown(id: Uint8Array): boolean {
    const { tree } = this.#p.branches;
    if (!equalBytes(id, this.#known)) {
      if (!tree.block(id) && !this.#p.branches.get(storeKeys.block(id))) return false;
      this.#known = id;
    }
    return true;
  }

  /** A vote that this node has signed. */
  cast(vote: Vote, nowMs: number): void {
    const certificate = this.#pools.isWanted(vote) ? this.#enter([vote]) : null;
    if (certificate) this.#tellLater(certificate, nowMs);
    this.#p.emit({ kind: 'broadcast', topic: 'vote', bytes: encodeVote(vote) });
  }

  /** A block applied: votes on it may have come before it, and it carries votes. */
  sawBlock({ id, header, body }: Block): void {
    const { branches } = this.#p;
    this.followEras();
    for (const certificate of this.#pools.quorumsFor({ slot: header.slot, id })) branches.learn(certificate);
    this.followEras();
    for (const { message } of body.certificates) this.#setTold(message);
    for (const set of [...body.certificates, ...body.voteSets]) this.#sawSet(set);
  }

  /** A set of votes in a block: those that this node has not had by themselves, of voters that it knows. */
  #sawSet({ message, bitmap, signatures }: VoteSet): void {
    const pool = this.#pools.of(message.rootId);
    const committee = pool?.era.committee.voters ?? this.#p.branches.records.votersOf(message.rootId);
    const entered = pool?.entered(message);
    votersOf(bitmap).forEach((voter, i) => {
      const nodeKey = committee[voter]?.nodeKey;
      if (!nodeKey || entered?.[voter]) return;
      this.#saw(message, nodeKey);
      const signature = signatures[i];
      // A pruned block has none: it is too old to accuse anybody.
      if (signature) this.#p.witness.sawVote({ message, voter, nodeKey, signature });
    });
  }

  /** When the next quorum is to be told. */
  get nextMs(): number {
    return this.#turns.nextMs;
  }

  /** Tell the quorums whose time has come and that nobody told. */
  tell(nowMs: number): void {
    for (const message of this.#turns.take(nowMs)) {
      const certificate = this.#pools.of(message.rootId)?.untold(message);
      if (!certificate) continue;
      this.#setTold(message);
      this.#p.emit({ kind: 'broadcast', topic: 'vote', bytes: encodeVoteSet(certificate) });
    }
  }

  /** Take up the eras that the branches know of; the first certificates of one that has begun may be here already. */
  followEras(): void {
    const { branches } = this.#p;
    for (const certificate of this.#pools.follow(branches.era, branches.openings.eras())) branches.learn(certificate);
  }

  /** @returns the certificate that the votes complete, if it raises what is known here */
  #enter(votes: readonly Vote[]): VoteSet | null {
    for (const vote of votes) this.#p.witness.sawVote(vote);
    const certificate = this.#pools.add(votes);
    if (!certificate) return null;
    const raised = this.#p.branches.learn(certificate);
    this.followEras();
    return raised ? certificate : null;
  }

  /** Everybody hears a certificate that was told, by gossip or in a block. */
  #setTold(message: VoteMessage): void {
    this.#pools.of(message.rootId)?.setTold(message);
  }

  /** Others may have missed some of the votes: who votes itself tells them all together, when its turn comes. */
  #tellLater({ message }: VoteSet, nowMs: number): void {
    const { nodeKeys, genesis } = this.#p;
    const voters = this.#pools.of(message.rootId)?.era.committee.voters ?? [];
    const p = { voters: voters.length, slotMs: genesis.params.slotMs };
    const delays = nodeKeys
      .filter(key => voters.some(({ nodeKey }) => equalBytes(key, nodeKey)))
      .map(key => turnMs(message, key, p));
    if (delays.length > 0) this.#turns.add(message, nowMs + Math.min(...delays));
  }

  /** A vote was seen; those of own keys are compared with their records. */
  #saw(message: VoteMessage, nodeKey: PublicKey): void {
    for (const key of this.#p.nodeKeys) {
      if (equalBytes(key, nodeKey)) this.#p.emit({ kind: 'seen', nodeKey, what: 'vote', slot: message.targetSlot });
    }
  }
}
