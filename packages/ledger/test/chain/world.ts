/**
 * Chains of one network in one process, on a clock that the test moves: messages take 20 ms, syncs copy from a peer. The
 * shipped shell, engine and rules run; only store, signer, leaders' proofs, clock and network are the test's.
 */
import {
  createAllowAccess,
  createClaim,
  createDefineStudy,
  createRevokeAccess,
  type PublicKey,
  sha256,
  sign,
  toHex,
  utf8,
} from '@radpass/core';
import { sha256Node } from '@radpass/core/node';
import { auditStore, type EpochAudit } from '../../dist/auditStore.js';
import { type Chain, openChain } from '../../dist/chain.js';
import type { NamedCheckpoint } from '../../dist/checkpoint.js';
import type { Consensus } from '../../dist/consensus/index.js';
import { encodeVoteMessage, type VoteMessage } from '../../dist/consensus/votes.js';
import { createGenesis, type Genesis, type GenesisContent } from '../../dist/genesis.js';
import type { NodeSigner } from '../../dist/signer.js';
import { type LedgerStore, MemoryStore } from '../../dist/store.js';
import { describeStored } from '../../dist/storedRecovery.js';
import { type VerifyReport, verifyStore } from '../../dist/verify.js';
import { seedKey, testContent, testProof, testRules, verifier } from '../testChain.js';

const delayMs = 20;
type Topic = 'transaction' | 'block' | 'vote';

export class VirtualClock {
  #now: number;
  #timers: { atMs: number; order: number; run: () => void }[] = [];
  #order = 0;

  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  setTimeout(run: () => void, ms: number): () => void {
    const timer = { atMs: this.#now + Math.max(0, ms), order: this.#order++, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter(other => other !== timer);
    };
  }

  /** Run everything due in the next `ms`, letting promises settle in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const due = this.#timers
        .filter(timer => timer.atMs <= end)
        .sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
      if (!due) break;
      this.#timers = this.#timers.filter(timer => timer !== due);
      this.#now = Math.max(this.#now, due.atMs);
      due.run();
      await settle();
    }
    this.#now = end;
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise(resolve => setImmediate(resolve));
}

/** Signs whatever it is asked and remembers marks: the record's rules have tests of their own. */
export class TestSigner implements NodeSigner {
  readonly key;
  readonly #chainId: Uint8Array;
  marks = { blockSlot: 0, eraDepth: 0, sourceSlot: 0, targetSlot: 0 };
  readonly votes: (VoteMessage & { eraDepth: number })[] = [];
  readonly blocks: { slot: number; id: string }[] = [];

  constructor(name: string, chainId: Uint8Array) {
    this.key = seedKey(name);
    this.#chainId = chainId;
  }

  get nodeKey() {
    return this.key.publicKey;
  }

  vrfProve(alpha: Uint8Array): Uint8Array {
    return testProof(this.key, alpha);
  }

  async signBlock(slot: number, id: Uint8Array): Promise<Uint8Array> {
    this.blocks.push({ slot, id: toHex(id) });
    this.marks = { ...this.marks, blockSlot: slot };
    return sign(this.key, 'block', this.#chainId, id);
  }

  async signVote(message: VoteMessage, eraDepth: number): Promise<Uint8Array> {
    this.votes.push({ ...message, eraDepth });
    const { sourceSlot, targetSlot } = message;
    this.marks = { ...this.marks, eraDepth, sourceSlot, targetSlot };
    return sign(this.key, 'vote', this.#chainId, encodeVoteMessage(message));
  }

  async close(): Promise<void> {}
}

export interface Member {
  readonly index: number;
  chain: Chain;
  store: LedgerStore;
  readonly signer: TestSigner;
  /** Members with the same letter hear each other. */
  side: string;
  up: boolean;
}

export class World {
  readonly genesis: Genesis;
  readonly clock: VirtualClock;
  readonly members: Member[] = [];
  /** What people named; chains opened from then on know it. */
  recoveries: NamedCheckpoint[] = [];
  /** What gossip loses on its way to a member. */
  loses: (topic: Topic, bytes: Uint8Array, to: number) => boolean = () => false;
  readonly log: { member: number; event: string; fields: object }[] = [];

  private constructor(
    genesis: Genesis,
    readonly rules: Consensus,
  ) {
    this.genesis = genesis;
    this.clock = new VirtualClock(genesis.genesisTimeMs);
  }

  static async create(
    count: number,
    over: Partial<GenesisContent> = {},
    { stores = [], rules = testRules }: { stores?: LedgerStore[]; rules?: Consensus } = {},
  ): Promise<World> {
    const world = new World(createGenesis(testContent(count, over)), rules);
    for (let index = 0; index < count; index++) {
      const signer = new TestSigner(`node ${index}`, world.genesis.chainId);
      const store = stores[index] ?? new MemoryStore();
      const member = { index, store, signer, side: 'a', up: true };
      world.members.push({ ...member, chain: await world.#open(index, store, signer) });
    }
    for (const { chain } of world.members) chain.start();
    // Tests look at the chains a third into a slot.
    await world.clock.advance(world.genesis.params.slotMs / 3);
    return world;
  }

  /** Slots of time. */
  async slots(count: number): Promise<void> {
    await this.clock.advance(count * this.genesis.params.slotMs);
  }

  async stop(index: number): Promise<void> {
    const member = this.members[index]!;
    member.up = false;
    await member.chain.stop();
  }

  /** As after SIGKILL when `store` is given: the old chain is left where it stands. */
  async restart(index: number, store?: LedgerStore): Promise<void> {
    const member = this.members[index]!;
    member.store = store ?? member.store;
    member.chain = await this.#open(index, member.store, member.signer);
    member.up = true;
    member.chain.start();
  }

  partition(...sides: number[][]): void {
    sides.forEach((members, side) => {
      for (const index of members) this.members[index]!.side = String(side);
    });
  }

  heal(): void {
    for (const member of this.members) member.side = 'a';
  }

  peersOf(index: number): Member[] {
    const { side } = this.members[index]!;
    return this.members.filter(member => member.index !== index && member.up && member.side === side);
  }

  /** Copy what the peer with the highest head has, as a sync does. */
  async sync(index: number): Promise<void> {
    const own = this.members[index]!;
    const peer = this.peersOf(index).sort((a, b) => b.chain.peerStatus().height - a.chain.peerStatus().height)[0];
    if (!own.up || !peer || peer.chain.peerStatus().height <= own.chain.peerStatus().height) return;
    for (;;) {
      const blocks: Uint8Array[] = [];
      for await (const block of peer.chain.blocksAfter(own.chain.locator(), 128)) blocks.push(block);
      if (blocks.length === 0 || (await own.chain.importBlocks(blocks)) !== 'ok') return;
    }
  }

  /** What people would sign to let finality start anew from a member's head. */
  async recoveryAt({ store }: Member, reason: string): Promise<NamedCheckpoint> {
    const { genesis, rules } = this;
    // A copy: opening a store may write to it.
    const copy = (store as MemoryStore).copy();
    const { statement } = await describeStored({ store: copy, genesis, verifier, rules }, { reason });
    return { ...statement, signatures: [] };
  }

  verify(store: LedgerStore, rules = this.rules): Promise<VerifyReport> {
    return verifyStore(store, this.genesis, verifier, { rules });
  }

  audit(store: LedgerStore, { first = 0, last = Number.MAX_SAFE_INTEGER } = {}): Promise<EpochAudit[]> {
    return auditStore({ store, genesis: this.genesis, verifier, rules: this.rules, first, last });
  }

  study(source: number, name: string): Uint8Array {
    return studyTransaction(this.genesis, source, name, this.clock.now()).bytes;
  }

  #open(index: number, store: LedgerStore, signer: TestSigner): Promise<Chain> {
    const tell =
      (topic: Topic, deliver: (chain: Chain, bytes: Uint8Array) => Promise<unknown>) => (bytes: Uint8Array) => {
        if (!this.members[index]?.up) return;
        for (const peer of this.peersOf(index)) {
          if (this.loses(topic, bytes, peer.index)) continue;
          this.clock.setTimeout(() => {
            if (peer.up && peer.side === this.members[index]!.side) void deliver(peer.chain, bytes);
          }, delayMs);
        }
      };
    return openChain({
      store,
      genesis: this.genesis,
      verifier,
      signers: [signer],
      rules: this.rules,
      hash: sha256Node,
      recoveries: this.recoveries,
      clock: this.clock,
      broadcast: {
        transaction: tell('transaction', (chain, bytes) => chain.receiveTransaction(bytes)),
        block: tell('block', (chain, bytes) => chain.receiveBlock(bytes)),
        vote: tell('vote', (chain, bytes) => chain.receiveVote(bytes)),
      },
      requestSync: () => {
        this.clock.setTimeout(() => void this.sync(index), delayMs);
      },
      log: (event, fields) => this.log.push({ member: index, event, fields }),
    });
  }
}

export const minute = (ms: number): number => Math.floor(ms / 60_000) * 60_000;

export function studyTransaction(genesis: Genesis, source: number, name: string, nowMs: number) {
  const sourceKey = seedKey(`source ${source}`);
  const claim = createClaim({
    chainId: genesis.chainId,
    key: seedKey(`patient of ${name}`),
    sourceKey: sourceKey.publicKey,
    studyHash: sha256(utf8(`study ${name}`)),
  });
  return createDefineStudy({ chainId: genesis.chainId, key: sourceKey, time: minute(nowMs), claim });
}

export const patientOf = (name: string) => seedKey(`patient of ${name}`);
export const studyHashOf = (name: string): Uint8Array => sha256(utf8(`study ${name}`));

/** The patient of a study speaks about one requester, or about everyone. */
export function allow(world: World, source: number, name: string, requester: string, seq: number) {
  return createAllowAccess({
    chainId: world.genesis.chainId,
    key: patientOf(name),
    seq,
    requesterKey: seedKey(requester).publicKey,
    sourceKey: seedKey(`source ${source}`).publicKey,
    studyHash: studyHashOf(name),
  });
}

export function revoke(world: World, source: number, name: string, requester: string | null, seq: number) {
  return createRevokeAccess({
    chainId: world.genesis.chainId,
    key: patientOf(name),
    seq,
    requesterKey: requester === null ? null : seedKey(requester).publicKey,
    sourceKey: seedKey(`source ${source}`).publicKey,
    studyHash: studyHashOf(name),
  });
}

/** What member `index` tells a gateway. */
export function factsOf(world: World, index: number, source: number, name: string, requester: string) {
  const key = (text: string): PublicKey => seedKey(text).publicKey;
  return world.members[index]!.chain.accessView().facts(key(`source ${source}`), studyHashOf(name), key(requester));
}
