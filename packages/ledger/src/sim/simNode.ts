/**
 * One node of a world: the shipped chain on a simulated disk, clock, key and network. Its process may die at any moment and
 * comes up again by the shipped recovery; a chain that stops by itself is started again, as its operator would.
 */
import { CodedError } from '@radpass/core';
import { type Chain, openChain } from '../chain.js';
import type { NamedCheckpoint } from '../checkpoint.js';
import type { Consensus } from '../consensus/index.js';
import type { Delivered } from '../events.js';
import type { Genesis } from '../genesis.js';
import type { Judging } from '../judging.js';
import type { Hash } from '../stateTree.js';
import type { Adversary } from './adversary.js';
import type { Endpoint, Message, Network } from './network.js';
import type { Random } from './random.js';
import type { Schedule } from './schedule.js';
import type { SimClock } from './simClock.js';
import type { SimDisk } from './simDisk.js';
import type { SimSignatures } from './simSignatures.js';
import type { SimSigner } from './simSigner.js';

/** Blocks in an answer to a sync. */
const blocksAnswered = 128;
/** A process that ended is started again after so long. */
const restartMs = 500;
/** A peer is asked how far it is so often, in slots, and when its answers were bad somebody else is asked. */
const pollSlots = 2;
/** A peer that has not answered a sync by then is given up: the time that @radpass/p2p gives it (limits.ts). */
const syncTimeoutMs = 10_000;

/** What a world is told of its nodes. */
export interface NodeWatch {
  event(node: SimNode, event: Delivered): void;
  opened(node: SimNode): void;
  logged(node: SimNode, event: string, fields: Record<string, string | number | boolean>): void;
}

export interface SimNodeInit {
  readonly genesis: Genesis;
  readonly schedule: Schedule;
  readonly network: Network;
  readonly disk: SimDisk;
  readonly clock: SimClock;
  /** One for each key that it holds. */
  readonly signers: readonly SimSigner[];
  readonly verifier: SimSignatures;
  readonly random: Random;
  readonly watch: NodeWatch;
  readonly judging: Judging | undefined;
  readonly rules: Consensus;
  /** What its operator gives it at a start. */
  readonly recoveries: () => readonly NamedCheckpoint[];
  readonly hash: Hash | undefined;
  readonly adversary: Adversary | null;
}

export class SimNode implements Endpoint {
  readonly index: number;
  readonly p: SimNodeInit;
  /** Null while its process is down or opening. */
  chain: Chain | null = null;
  /** Whether its machine is switched on; a chain that stops by itself is started again only then. */
  isOn = false;
  starts = 0;
  wiped = 0;
  /** Records of its disk that rotted. */
  rotted = 0;
  #syncing = false;
  #votes: Uint8Array[] = [];

  constructor(p: SimNodeInit) {
    this.p = p;
    this.index = p.network.join(this);
  }

  /** One that another thread plays is there from when it is switched on. */
  get isUp(): boolean {
    return this.isHere ? this.chain !== null : this.isOn;
  }

  /** Whether it is played on this thread; part.ts. */
  get isHere(): boolean {
    return this.p.network.isHere(this.index);
  }

  get isHonest(): boolean {
    return this.p.adversary === null;
  }

  start(): void {
    this.isOn = true;
    if (!this.isHere) return;
    const process = ++this.starts;
    void this.#open(process).then(() => {
      if (this.starts === process) this.#poll(process);
    });
  }

  /** The process ends where it stands: SIGKILL, or the power. */
  kill(): void {
    this.isOn = false;
    this.#end();
  }

  deliver(message: Message, from: number): void {
    const { adversary } = this.p;
    if (adversary) adversary.receive(message, from, this);
    else this.take(message);
  }

  /** Hand a message to the chain; what it accepts is passed on, as by @radpass/p2p. */
  take(message: Message): void {
    const { chain } = this;
    if (!chain) return;
    const { topic, bytes } = message;
    const { network } = this.p;
    const isRelayed = network.isRelayed(message);
    if (topic === 'vote' && !isRelayed) {
      this.#takeVote(bytes, chain);
      return;
    }
    const taken =
      topic === 'vote'
        ? chain.receiveVote(bytes)
        : topic === 'block'
          ? chain.receiveBlock(bytes)
          : chain.receiveTransaction(bytes);
    if (!isRelayed) taken.catch(ignoreStop);
    else {
      taken.then(verdict => {
        if (verdict === 'accept' && this.chain === chain && this.isHonest) network.relay(this.index, message);
      }, ignoreStop);
    }
  }

  /** Votes that arrive in one millisecond are taken together. */
  #takeVote(bytes: Uint8Array, chain: Chain): void {
    if (this.#votes.push(bytes) > 1) return;
    queueMicrotask(() => {
      const votes = this.#votes;
      this.#votes = [];
      chain.receiveVotes(votes).catch(ignoreStop);
    });
  }

  broadcast(message: Message): void {
    this.p.network.broadcast(this.index, message);
  }

  /** Something that this node does later, if it is still the same process. */
  later(ms: number, run: () => void): void {
    const process = this.starts;
    this.p.schedule.add({
      inMs: ms,
      to: this.index,
      from: this.index,
      run: () => {
        if (this.starts === process && this.isUp) run();
      },
    });
  }

  async blocksAfter(locator: readonly Uint8Array[]): Promise<Uint8Array[]> {
    const blocks: Uint8Array[] = [];
    try {
      if (this.chain) for await (const block of this.chain.blocksAfter(locator, blocksAnswered)) blocks.push(block);
    } catch (error) {
      // A record that can't be read: the chain stops by itself, and opening heals it.
      if (!(error instanceof CodedError)) throw error;
    }
    return blocks;
  }

  answerSync(locator: readonly Uint8Array[]): Promise<Uint8Array[]> {
    return this.p.adversary?.blocksFor(locator, this) ?? this.blocksAfter(locator);
  }

  /** Ask a peer, any of those that can be reached, for what this chain lacks; the next one when the answer was bad. */
  sync(): void {
    if (this.#syncing || !this.chain) return;
    const { network, random, schedule } = this.p;
    const peers = network.reachableFrom(this.index);
    if (peers.length === 0) return;
    const peer = random.pick(peers);
    const process = this.starts;
    const { chain } = this;
    let locator: Uint8Array[];
    try {
      locator = chain.locator();
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      return;
    }
    this.#syncing = true;
    const done = (): void => {
      if (this.starts === process) this.#syncing = false;
    };
    let isLate = false;
    const cancel = schedule.addTimer({
      inMs: syncTimeoutMs,
      to: this.index,
      from: this.index,
      run: () => {
        isLate = true;
        done();
      },
    });
    network.ask(this.index, peer, locator, blocks => {
      cancel();
      if (this.starts !== process || isLate) return;
      void chain.importBlocks(blocks).then(outcome => {
        done();
        if (blocks.length > 0 && outcome !== 'stop') this.later(1, () => this.sync());
      }, ignoreStop);
    });
  }

  async #open(process: number): Promise<void> {
    const { genesis, network, disk, clock, signers, verifier, watch, judging, rules, recoveries, hash, adversary } =
      this.p;
    const isCurrent = (): boolean => this.starts === process && this.isOn;
    const send = (topic: Message['topic']) => (bytes: Uint8Array) => {
      if (!isCurrent()) return;
      const message: Message = { topic, bytes };
      if (adversary) adversary.send(message, this);
      else network.broadcast(this.index, message);
    };
    let chain: Chain;
    try {
      chain = await openChain({
        store: disk.open(),
        genesis,
        verifier,
        signers: signers.map(signer => signer.open()),
        clock,
        broadcast: { transaction: send('transaction'), block: send('block'), vote: send('vote') },
        requestSync: () => {
          if (isCurrent()) this.later(1, () => this.sync());
        },
        log: (event, fields) => {
          if (isCurrent()) watch.logged(this, event, fields);
        },
        rules,
        recoveries: recoveries(),
        ...(hash && { hash }),
        ...(judging && { judging }),
      });
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      if (isCurrent()) this.#notOpened(error);
      return;
    }
    if (!isCurrent()) return;
    this.chain = chain;
    chain.events(0, event => {
      if (isCurrent()) watch.event(this, event);
    });
    void chain.failed.then(() => {
      if (isCurrent()) this.#restart();
    });
    watch.opened(this);
    chain.start();
  }

  /** What lies on the disk cannot be used: its operator empties it, keeps the signing record, and starts anew. */
  #notOpened(error: CodedError): void {
    this.p.watch.logged(this, 'not-opened', { code: error.code });
    if (error.code !== 'LEDGER_STORE_DAMAGED') return;
    this.p.disk.wipe();
    this.wiped++;
    this.#restart();
  }

  #restart(): void {
    this.#end();
    const ended = this.starts;
    this.p.schedule.add({
      inMs: restartMs,
      to: this.index,
      from: this.index,
      run: () => {
        if (this.isOn && this.starts === ended) this.start();
      },
    });
  }

  #end(): void {
    this.starts++;
    this.chain = null;
    this.#syncing = false;
    this.p.clock.stop();
    this.p.disk.stop();
    for (const signer of this.p.signers) signer.stop();
  }

  /** Now and then somebody is asked whether there is more, as peers tell each other their heights. */
  #poll(process: number): void {
    const { slotMs } = this.p.genesis.params;
    this.later(pollSlots * slotMs + this.p.random.below(slotMs), () => {
      this.sync();
      if (this.starts === process) this.#poll(process);
    });
  }
}

/** A chain that stopped says why through `failed`. */
function ignoreStop(error: unknown): void {
  if (!(error instanceof CodedError)) throw error;
}
