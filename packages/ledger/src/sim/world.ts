/**
 * A network of nodes in virtual time: made from a seed, driven by a scenario, watched after every step. All that is random
 * comes from the seed, all time from the schedule, so the same seed and plan give the same run and the same trace.
 */
import { equalBytes, nobleVerifier, type SecretKey, toHex, type Verifier } from '@radpass/core';
import { type CheckpointStatement, type NamedCheckpoint, signCheckpoint } from '../checkpoint.js';
import { type Consensus, consensus } from '../consensus/index.js';
import type { Params } from '../consensus/params.js';
import type { Delivered } from '../events.js';
import { createGenesis, type Genesis, type GenesisContent } from '../genesis.js';
import { judging } from '../judging.js';
import { freshWrites } from '../recovery.js';
import { withRecoveries } from '../restart.js';
import type { Hash } from '../stateTree.js';
import type { StoreWrite } from '../store.js';
import type { Adversary } from './adversary.js';
import { Invariants } from './invariants.js';
import type { ManySources, SimKey } from './manySources.js';
import { Measures } from './measures.js';
import { Network, type NetworkConditions } from './network.js';
import { Offences } from './offences.js';
import type { Part } from './part.js';
import { Random } from './random.js';
import { Schedule } from './schedule.js';
import { SharedVerifier, SharedWork } from './sharedWork.js';
import { SimClock } from './simClock.js';
import { SimDisk, type SimDiskInit } from './simDisk.js';
import { SimNode } from './simNode.js';
import { SimSignatures } from './simSignatures.js';
import { SimSigner } from './simSigner.js';
import { Trace } from './trace.js';
import { keyNamed, Traffic } from './traffic.js';

/** 13 November 2023, a whole minute: every world begins then. */
const originMs = 1_699_876_800_000;

export interface Member {
  /** In studies, as its founder's weight in genesis. */
  readonly weight: number;
  readonly adversary?: Adversary | undefined;
}

/** What every world of a process has in common. */
export interface Platform {
  /** Judges what real keys signed: sources and patients. */
  readonly verifier?: Verifier | undefined;
  readonly hash?: Hash | undefined;
  /** Rules of consensus with members replaced; those that ship, if not given. */
  readonly rules?: Consensus | undefined;
}

export interface WorldPlan extends Platform {
  readonly seed: string;
  readonly members: readonly Member[];
  readonly params: Params;
  readonly conditions: NetworkConditions;
  /** How long a synced write takes; 0 = no time. */
  readonly diskMs: number;
  /** Another kind of disk. */
  readonly makeDisk?: ((init: SimDiskInit) => SimDisk) | undefined;
  /** Judge once for all nodes what they judge alike; sharedWork.ts. Default true. */
  readonly shareWork?: boolean | undefined;
  readonly genesis?: Partial<GenesisContent> | undefined;
  /** Sources beside the members; manySources.ts. */
  readonly more?: ManySources | undefined;
  /** Which nodes this thread plays; all, if not given. */
  readonly part?: Part | undefined;
}

export class World {
  readonly genesis: Genesis;
  readonly schedule = new Schedule();
  readonly trace = new Trace();
  readonly random: Random;
  readonly network: Network;
  readonly nodes: SimNode[] = [];
  readonly invariants: Invariants;
  readonly measures: Measures;
  readonly offences = new Offences();
  readonly traffic: Traffic;
  readonly signatures: SimSignatures;
  /** Blocks that people named for finality to start anew from; every node that starts is given them. */
  recoveries: readonly NamedCheckpoint[] = [];
  /** What happened how often, for the figures. */
  readonly counts = new Map<string, number>();
  readonly #plan: WorldPlan;
  readonly #judging;
  readonly rules: Consensus;
  /** A new node's disk holds block 0 already: it is made once. */
  readonly #fresh: readonly StoreWrite[];
  readonly #sources: SecretKey[];
  /** Node keys by member: its own before all others. */
  readonly #nodeKeys: SimKey[][];
  /** Events since the last step, by node. */
  #events: { node: SimNode; event: Delivered }[] = [];

  constructor(plan: WorldPlan) {
    this.#plan = plan;
    this.random = new Random(plan.seed);
    const { members } = plan;
    // Numbers are those of the committee: founders stand there in the order of their keys.
    this.#sources = members
      .map((_, i) => keyNamed(`source ${i}`))
      .sort((a, b) => (toHex(a.publicKey) < toHex(b.publicKey) ? -1 : 1));
    const ownKeys = members.map((_, i) => keyNamed(`node ${i}`));
    this.genesis = createGenesis({
      genesisTimeMs: originMs,
      params: plan.params,
      stakePolicy: 'open',
      founders: members.map(({ weight }, i) => ({
        sourceKey: this.#sources[i]!.publicKey,
        nodeKey: ownKeys[i]!.publicKey,
        url: `https://h${i}.example`,
        weight,
      })),
      payers: [],
      checkpointKeys: [],
      checkpointThreshold: 0,
      studyHashForms: [32],
      allowList: [],
      ...plan.genesis,
    });
    const { verifier = nobleVerifier, shareWork = true } = plan;
    const real = shareWork ? new SharedVerifier(verifier) : verifier;
    this.signatures = new SimSignatures({ real, hash: plan.hash });
    const rules = plan.more?.over(plan.rules ?? consensus) ?? plan.rules ?? consensus;
    this.rules = { ...rules, beacon: { ...rules.beacon, ...this.signatures.vrf } };
    const more = plan.more?.keysOf(this.genesis, this.rules, members.length) ?? [];
    this.#nodeKeys = ownKeys.map((key, i) => [
      { publicKey: key.publicKey, secret: key.exportSeed() },
      ...(more[i] ?? []),
    ]);
    for (const { publicKey, secret } of this.#nodeKeys.flat()) this.signatures.register(publicKey, secret);
    this.#fresh = freshWrites(this.genesis, this.rules);
    this.#judging = shareWork ? new SharedWork() : judging;
    const now = (): number => this.schedule.now;
    this.invariants = new Invariants({ genesis: this.genesis, judging: this.#judging, rules: this.rules, now });
    this.measures = new Measures({ genesis: this.genesis, invariants: this.invariants, now });
    this.network = new Network({
      schedule: this.schedule,
      trace: this.trace,
      random: this.random.fork('network'),
      conditions: plan.conditions,
      part: plan.part,
    });
    if (plan.part && this.network.turnMs < 1) throw new RangeError('latency is too short for a world in parts');
    this.traffic = new Traffic(this.genesis, this.#sources);
    members.forEach((member, i) => {
      this.#addNode(i, member.adversary ?? null);
    });
  }

  /** The network's conditions when nothing is wrong. */
  get usual(): NetworkConditions {
    return this.#plan.conditions;
  }

  get honest(): SimNode[] {
    return this.nodes.filter(node => node.isHonest);
  }

  get slotMs(): number {
    return this.genesis.params.slotMs;
  }

  /** A second node with the key of member `index`: both sign, neither knows of the other. Only for adversaries. */
  addTwin(index: number, adversary: Adversary): SimNode {
    return this.#addNode(index, adversary);
  }

  /** A node without a key: it observes. */
  addObserver(): SimNode {
    return this.#addNode(null, null);
  }

  startAll(except: readonly number[] = []): void {
    for (const node of this.nodes) if (!except.includes(node.index)) node.start();
  }

  /** Something that happens in the world at a time, in ms from now; before what nodes do in that millisecond. */
  at(inMs: number, run: () => void): void {
    this.schedule.add({ inMs, to: -1, from: -1, run });
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  async runMs(ms: number): Promise<void> {
    const { schedule, network } = this;
    const { part } = this.#plan;
    const untilMs = schedule.now + ms;
    const step = (): void => this.#step();
    await schedule.settle(step);
    do {
      await schedule.run(part ? Math.min(untilMs, schedule.now + network.turnMs) : untilMs, step);
      if (part) await network.exchange(part);
    } while (schedule.now < untilMs);
  }

  runSlots(slots: number): Promise<void> {
    return this.runMs(slots * this.slotMs);
  }

  kill(node: SimNode): void {
    this.trace.note(this.schedule.now, node.index, 'killed');
    node.kill();
  }

  start(node: SimNode): void {
    this.trace.note(this.schedule.now, node.index, 'started');
    node.start();
  }

  /** All faults end: the network as it was planned, clocks right, everybody up. */
  calm(): void {
    this.network.conditions = this.usual;
    this.network.heal();
    for (const node of this.nodes) {
      node.p.clock.errorMs = 0;
      if (!node.isOn) this.start(node);
    }
  }

  /** People sign that finality starts anew from a block. Nodes are down meanwhile. */
  recover(statement: CheckpointStatement, keys: readonly SecretKey[]): void {
    const named = keys.reduce(signCheckpoint, { ...statement, signatures: [] } as NamedCheckpoint);
    this.trace.note(this.schedule.now, -1, `recovery at ${statement.slot}`);
    this.recoveries = [...this.recoveries, named];
    this.invariants.rules = withRecoveries(this.rules, this.recoveries);
    // What was judged before was judged by other rules.
    if (this.#judging instanceof SharedWork) this.#judging.forget();
  }

  /** Publish a study through a node's own API; an acknowledgement is remembered. */
  submit(node: SimNode, bytes: Uint8Array): void {
    const { chain } = node;
    if (!chain) return;
    chain.submitTransaction(bytes).then(
      ({ id }) => {
        if (node.chain === chain) this.invariants.acknowledged(node, id);
        this.count('transactions acknowledged');
      },
      () => this.count('transactions refused'),
    );
  }

  /** Founder number of a producer's source key in hex; -1 for others. */
  memberOf(producer: string): number {
    return this.genesis.founders.findIndex(({ sourceKey }) => toHex(sourceKey) === producer);
  }

  nodeOfMember(index: number): SimNode {
    return this.nodes[index]!;
  }

  #addNode(member: number | null, adversary: Adversary | null): SimNode {
    const index = this.nodes.length;
    const { schedule, signatures, genesis } = this;
    const { diskMs, hash, makeDisk } = this.#plan;
    const disk: SimDiskInit = {
      random: this.random.fork(`disk ${index}`),
      delay: (ms, run) => delay(ms, run),
      commitMs: diskMs,
    };
    const delay = (ms: number, run: () => void): void => {
      schedule.add({ inMs: ms, to: index, from: index, run });
    };
    const keys = member === null ? [] : this.#nodeKeys[member]!;
    const watch = adversary ? this.offences : this.invariants;
    const node = new SimNode({
      genesis,
      schedule,
      network: this.network,
      disk: makeDisk?.(disk) ?? new SimDisk(disk),
      clock: new SimClock({ schedule, node: index, originMs }),
      signers: keys.map(
        ({ publicKey }) =>
          new SimSigner({
            nodeKey: publicKey,
            chainId: genesis.chainId,
            signatures,
            watch,
            delay,
            syncMs: diskMs,
            ...(adversary && { unguarded: true }),
          }),
      ),
      verifier: signatures,
      random: this.random.fork(`node ${index}`),
      watch: {
        event: (who, event) => this.#events.push({ node: who, event }),
        opened: who => {
          this.trace.note(schedule.now, who.index, `opened ${who.chain?.peerStatus().finalHeight ?? 0}`);
          this.invariants.opened(who);
          this.measures.skip(who);
        },
        logged: (who, event, fields) => {
          this.count(event);
          this.trace.note(schedule.now, who.index, `${event} ${JSON.stringify(fields)}`);
          const { reason } = fields;
          const isCoded = typeof reason === 'string' && /^[A-Z0-9_]+$/.test(reason);
          if (event === 'chain-stopped' && !isCoded)
            this.invariants.violated(who.index, 'unexpected fault', `${reason}`);
        },
      },
      judging: this.#judging,
      rules: this.rules,
      recoveries: () => this.recoveries,
      hash,
      adversary,
    });
    node.p.disk.install(this.#fresh);
    this.nodes.push(node);
    return node;
  }

  /** After every step: what the nodes said in it, in the order of their numbers. */
  #step(): void {
    if (this.#events.length === 0) return;
    const events = this.#events.sort((a, b) => a.node.index - b.node.index);
    this.#events = [];
    for (const { node, event } of events) {
      if (event.kind === 'head' || event.kind === 'final') {
        const id = toHex(event.id.subarray(0, 6));
        this.trace.note(this.schedule.now, node.index, `${event.kind} ${event.height} ${id}`);
      }
      this.invariants.event(node, event);
      this.measures.event(node, event);
    }
  }

  /** Whether all these nodes have one head. */
  hasOneHead(nodes: readonly SimNode[]): boolean {
    const heads = nodes.filter(node => node.chain).map(node => node.chain!.peerStatus().headId);
    return heads.every(head => equalBytes(head, heads[0]!));
  }
}
