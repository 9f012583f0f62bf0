/**
 * Loose votes by era: those of the standing one, of the one before it (for credit) and of those that blocks of the tree
 * open, so that the first votes of an era are not lost on a node that learns a moment later that it has begun.
 *
 * What comes by gossip is a vote, or a certificate that somebody raised from votes which others may have missed; the two
 * are told apart by their first byte, that of an array of 4 or of 3. A certificate is its votes, taken in together. The
 * first one for a link is passed on even by who has the quorum: others stay silent because of it (turns.ts), so it must
 * reach everybody. Later ones say nothing, and are known by their first bytes.
 */
import { CodedError, equalBytes, type Verifier } from '@radpass/core';
import type { Consensus } from './consensus/index.js';
import type { Params } from './consensus/params.js';
import { type Checkpoint, isVoter, type Vote, type VoteMessage, type VoteSet, votersOf } from './consensus/votes.js';
import type { Verdict } from './intake.js';
import { type Judging, judging } from './judging.js';
import type { Era } from './standing.js';
import { VotePool } from './votePool.js';

/** Opening blocks of different branches whose votes are kept. */
const nextEras = 4;
/** First byte of a certificate: an array of 3. */
const certificateByte = 0x93;
export interface VoteVerdict {
  readonly verdict: Verdict;
  /** What is to be entered: verified votes that are wanted, of one message. */
  readonly votes: readonly Vote[];
  /** The message of a certificate that holds. */
  readonly told?: VoteMessage;
}

const ignored: VoteVerdict = { verdict: 'ignore', votes: [] };
const rejected: VoteVerdict = { verdict: 'reject', votes: [] };

export class VotePools {
  readonly #params: Params;
  readonly #rules: Consensus;
  readonly #judging: Judging;
  #pools: VotePool[] = [];
  #before: VotePool | null = null;
  #slot = 0;

  constructor(params: Params, rules: Consensus, judge: Judging = judging) {
    this.#params = params;
    this.#rules = rules;
    this.#judging = judge;
  }

  /**
   * Keep pools for these eras.
   * @returns certificates of the standing era, when it has just begun: its first votes may have come before
   */
  follow(standing: Era, next: readonly Era[]): VoteSet[] {
    const last = this.#pools[0];
    const has = (era: Era): boolean => this.#pools.some(pool => equalBytes(pool.era.root.id, era.root.id));
    const isNew = !last || !equalBytes(last.era.root.id, standing.root.id);
    if (!isNew && next.length === this.#pools.length - 1 && next.every(has)) return [];
    if (isNew && last) this.#before = last;
    this.#pools = [standing, ...next.slice(-nextEras)].map(era => this.of(era.root.id) ?? this.#open(era));
    return isNew ? this.#pools[0]!.quorums(0) : [];
  }

  #open(era: Era): VotePool {
    const pool = new VotePool(era, this.#params, this.#rules);
    pool.advance(this.#slot);
    return pool;
  }

  /** The pool of the era that a block roots. */
  of(rootId: Uint8Array): VotePool | undefined {
    for (const pool of this.#pools) if (equalBytes(pool.era.root.id, rootId)) return pool;
    return this.#before && equalBytes(this.#before.era.root.id, rootId) ? this.#before : undefined;
  }

  #all(): VotePool[] {
    return this.#before ? [...this.#pools, this.#before] : this.#pools;
  }

  advance(slot: number): void {
    this.#slot = slot;
    for (const pool of this.#all()) pool.advance(slot);
  }

  setsBetween(fromSlot: number, belowSlot: number): VoteSet[] {
    return this.#all().flatMap(pool => pool.setsBetween(fromSlot, belowSlot));
  }

  /** Certificates of a block of a slot: targets from that slot on. */
  quorumsFor({ slot, id }: Checkpoint): VoteSet[] {
    return this.#all().flatMap(pool => pool.quorums(slot, id));
  }

  /** Whether a vote says something new. */
  isWanted(vote: Vote): boolean {
    return this.of(vote.message.rootId)?.judge(vote) === 'wanted';
  }

  /** Enter wanted votes of one message. Returns the certificate that they complete. */
  add(votes: readonly Vote[]): VoteSet | null {
    let certificate: VoteSet | null = null;
    const pool = votes[0] && this.of(votes[0].message.rootId);
    if (pool) for (const vote of votes) certificate = pool.add(vote) ?? certificate;
    return certificate;
  }

  /**
   * Judge what came by gossip, cheap checks first.
   * Native refusals count: an honest voter makes no signature that only the slow rule accepts.
   */
  judge(received: Uint8Array, network: { chainId: Uint8Array; verifier: Verifier }): VoteVerdict {
    try {
      if (received[0] === certificateByte) {
        // Its message stands first.
        for (const pool of this.#all()) if (pool.isTold(received, 1)) return ignored;
        return this.#judgeCertificate(received, network);
      }
      return this.#judgeVote(this.#judging.parseVote(received), network);
    } catch (error) {
      if (error instanceof CodedError) return rejected;
      throw error;
    }
  }

  #judgeVote(vote: Vote, network: { chainId: Uint8Array; verifier: Verifier }): VoteVerdict {
    const { message } = vote;
    if (message.sourceSlot >= message.targetSlot) return rejected;
    const pool = this.of(message.rootId);
    if (!pool) return ignored;
    if (!isVoter(vote, pool.era.committee)) return rejected;
    if (pool.judge(vote) !== 'wanted') return ignored;
    if (!this.#judging.isSigned(vote, network)) return rejected;
    return { verdict: 'accept', votes: [vote] };
  }

  #judgeCertificate(received: Uint8Array, network: { chainId: Uint8Array; verifier: Verifier }): VoteVerdict {
    const { message, bitmap, signatures } = this.#judging.parseCertificate(received);
    if (message.sourceSlot >= message.targetSlot) return rejected;
    const pool = this.of(message.rootId);
    if (!pool) return ignored;
    const { committee, root } = pool.era;
    const voters = votersOf(bitmap);
    const isFormed =
      bitmap.length === Math.ceil(committee.voters.length / 8) &&
      voters.length === signatures.length &&
      voters.every(voter => voter < committee.voters.length);
    if (!isFormed) return rejected;
    const { isQuorum, isStalled } = this.#rules.finality;
    const weight = voters.reduce((sum, voter) => sum + committee.voters[voter]!.weight, 0);
    if (!isQuorum(weight, committee.total, isStalled(message.targetSlot, root.slot, this.#params))) return rejected;
    // What is held was verified when it entered.
    const entered = pool.entered(message);
    const others: Vote[] = [];
    voters.forEach((voter, i) => {
      const held = entered[voter];
      const signature = signatures[i]!;
      if (held && equalBytes(held, signature)) return;
      others.push({ message, voter, nodeKey: committee.voters[voter]!.nodeKey, signature });
    });
    const wanted = others.filter(vote => pool.judge(vote) === 'wanted');
    if (wanted.length === 0 && !pool.hasUntold(message)) return ignored;
    const holds = others.every(vote => this.#judging.isSigned(vote, network));
    return holds ? { verdict: 'accept', votes: wanted, told: message } : rejected;
  }
}
