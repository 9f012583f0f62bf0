/**
 * The shell around the engine: it owns the store, the timers, the signers and the broadcast. Inputs are taken one after the
 * other; the effects of each are carried out in their order before the next begins. So a block, vote or transaction is
 * acknowledged, passed on or built upon only after the batch that holds it is synced.
 *
 * When a batch is not confirmed, or the store shows damage, the chain stops for good (`failed`): its process ends and
 * starts again, and opening recovers. When a signing record refuses, that key signs nothing more until the next start.
 */
import { type AccessView, CodedError, equalBytes, type PublicKey, toHex, type Verifier } from '@radpass/core';
import { createAccessView } from './accessFacts.js';
import { type CheckpointStatement, checkCheckpoint, type NamedCheckpoint } from './checkpoint.js';
import { kindOfRecord } from './consensus/evidence.js';
import { type Consensus, consensus } from './consensus/index.js';
import type { Effect, Input } from './effects.js';
import { Engine } from './engine.js';
import { LedgerError } from './errors.js';
import { type ChainEvent, type Delivered, EventLog } from './events.js';
import { FinalView } from './finalView.js';
import type { Genesis } from './genesis.js';
import { rebuildMark } from './identity.js';
import { Intake, type Verdict } from './intake.js';
import { type Judging, judging } from './judging.js';
import { LightView } from './light/lightView.js';
import { type LedgerStatus, Lookup } from './lookup.js';
import { readOwnRecords, removals } from './ownRecords.js';
import { waitingRecord } from './records.js';
import { openBranches } from './recovery.js';
import { describeRecovery, withRecoveries } from './restart.js';
import { Revocations } from './revocations.js';
import type { NodeSigner } from './signer.js';
import { checkRecord, contradictionOf } from './signingCheck.js';
import type { Hash } from './stateTree.js';
import type { LedgerStore } from './store.js';
import { awaitedRecoveries } from './storedRecovery.js';
import { Upgrade } from './upgrade.js';
import { watchedStore } from './watchedStore.js';

export interface ChainClock {
  /** Unix milliseconds. */
  now(): number;
  monotonic(): number;
  /** Returns what cancels it. */
  setTimeout(run: () => void, ms: number): () => void;
}

export interface ChainInit {
  readonly store: LedgerStore;
  readonly genesis: Genesis;
  readonly verifier: Verifier;
  readonly signers: readonly NodeSigner[];
  readonly clock: ChainClock;
  readonly broadcast: {
    transaction(bytes: Uint8Array): void;
    block(bytes: Uint8Array): void;
    vote(bytes: Uint8Array): void;
  };
  /** Ask peers for blocks: a parent is not known. */
  readonly requestSync: () => void;
  readonly log: (event: string, fields: Record<string, string | number | boolean>) => void;
  /** SHA-256 of the platform, for the state tree. */
  readonly hash?: Hash;
  /** Rules of consensus; those that this project ships, if not given. All nodes of a network need the same. */
  readonly rules?: Consensus | undefined;
  /** Stands in for judging what was received again and again: for many nodes in one process. */
  readonly judging?: Judging;
  /** Blocks that people named for finality to start anew from (restart.ts): all of the network's history. */
  readonly recoveries?: readonly NamedCheckpoint[] | undefined;
}

type VerdictEffect = Extract<Effect, { kind: 'verdict' }>;
type Timeless<I> = I extends Input ? Omit<I, 'nowMs'> : never;
/** Blocks of the next slot that wait for it. */
const maxEarly = 64;
/** Blocks of a sync judged and synced together; full ones take seconds, and other work waits for them. */
const syncedTogether = 16;
/** Transactions judged and synced together. */
const maxTogether = 256;

interface Submission {
  readonly bytes: Uint8Array;
  readonly own: boolean;
  readonly done: (verdict: VerdictEffect) => void;
  readonly failed: (error: unknown) => void;
}

class Shell {
  readonly #p: ChainInit;
  readonly #engine: Engine;
  readonly #events: EventLog;
  #turn: Promise<unknown> = Promise.resolve();
  #submissions: Submission[] = [];
  #early = 0;
  #cancelTimer = (): void => undefined;
  #stopped: LedgerError | null = null;
  #fail: (error: LedgerError) => void = () => undefined;
  readonly #muted = new Set<string>();
  readonly failed: Promise<LedgerError>;

  constructor(p: ChainInit, engine: Engine, events: EventLog) {
    this.#p = p;
    this.#engine = engine;
    this.#events = events;
    this.failed = new Promise(resolve => {
      this.#fail = resolve;
    });
  }

  start(): void {
    void this.#tick();
  }

  async stop(): Promise<void> {
    this.#cancelTimer();
    await this.#inTurn(async () => {
      this.#stopped ??= stoppedError('stopped');
      this.#cancelTimer();
    });
  }

  submit(bytes: Uint8Array, own: boolean): Promise<VerdictEffect> {
    return new Promise((done, failed) => {
      this.#submissions.push({ bytes, own, done, failed });
      if (this.#submissions.length === 1) void this.#inTurn(() => this.#takeSubmissions());
    });
  }

  /** The verdict on one input. @throws LedgerError LEDGER_CHAIN_STOPPED */
  async give(input: Timeless<Input>): Promise<VerdictEffect | null> {
    let outcome = await this.#inTurn(() => this.#run(input));
    // A timer may fire a little early: then it is asked again.
    while (outcome.laterMs !== null && this.#early < maxEarly) {
      const { laterMs } = outcome;
      this.#early++;
      await new Promise<void>(resolve => {
        this.#p.clock.setTimeout(resolve, Math.max(1, laterMs - this.#p.clock.now()));
      });
      this.#early--;
      outcome = await this.#inTurn(() => this.#run(input));
    }
    return outcome.verdicts[0] ?? null;
  }

  /** A read met a damaged record: only opening heals it. In turn, for a batch may be under way. */
  sawDamage(error: LedgerError): void {
    void this.#inTurn(() => this.#stopFor(error));
  }

  /** Work that no input may interrupt. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn;
    return turn;
  }

  async #takeSubmissions(): Promise<void> {
    while (this.#submissions.length > 0) {
      const together = this.#submissions.splice(0, maxTogether);
      try {
        const received = together.map(({ bytes, own }) => ({ bytes, own }));
        const { verdicts } = await this.#run({ kind: 'transactions', received });
        together.forEach(({ done }, i) => {
          done(verdicts[i]!);
        });
      } catch (error) {
        for (const { failed } of together) failed(error);
      }
    }
  }

  async #tick(): Promise<void> {
    try {
      await this.#inTurn(() => this.#run({ kind: 'tick' }));
    } catch (error) {
      // A stopped chain has told why through `failed`.
      if (!this.#stopped) throw error;
    }
  }

  async #run(input: Timeless<Input>): Promise<{ verdicts: VerdictEffect[]; laterMs: number | null }> {
    if (this.#stopped) throw this.#stopped;
    const verdicts: VerdictEffect[] = [];
    let laterMs: number | null = null;
    const inputs: Timeless<Input>[] = [input];
    try {
      for (let next = inputs.shift(); next; next = inputs.shift()) {
        for (const effect of this.#engine.step({ ...next, nowMs: Math.floor(this.#p.clock.now()) } as Input)) {
          if (effect.kind === 'verdict') verdicts.push(effect);
          else if (effect.kind === 'later') laterMs = effect.atMs;
          else inputs.push(...(await this.#carryOut(effect)));
        }
      }
    } catch (error) {
      throw await this.#stopFor(error);
    }
    return { verdicts, laterMs };
  }

  /** Do what the engine asks; what comes of it are further inputs. */
  async #carryOut(effect: Effect): Promise<Timeless<Input>[]> {
    const { store, broadcast, clock, requestSync } = this.#p;
    switch (effect.kind) {
      case 'persist':
        await store.commit(effect.writes);
        this.#engine.synced();
        return [];
      case 'event':
        if (effect.event.kind === 'upgrade') this.#p.log('upgrade-needed', { rulesVersion: effect.event.rulesVersion });
        this.#events.emit(effect.event);
        return [];
      case 'broadcast':
        broadcast[effect.topic](effect.bytes);
        return [];
      case 'sync':
        requestSync();
        return [];
      case 'prove': {
        const signer = this.#signer(effect.leader.nodeKey);
        if (!signer) return [];
        return [{ kind: 'proved', slot: effect.slot, leader: effect.leader, proof: signer.vrfProve(effect.alpha) }];
      }
      case 'sign block': {
        const { header, body, id, nodeKey } = effect;
        const signature = await this.#sign(nodeKey, signer => signer.signBlock(header.slot, id));
        return signature ? [{ kind: 'block signed', header, body, signature }] : [];
      }
      case 'sign vote': {
        const { message, voter, nodeKey, eraDepth } = effect;
        const signature = await this.#sign(nodeKey, signer => signer.signVote(message, eraDepth));
        return signature ? [{ kind: 'vote signed', vote: { message, voter, nodeKey, signature } }] : [];
      }
      case 'seen':
        this.#compareRecord(effect);
        return [];
      case 'timer':
        this.#cancelTimer();
        this.#cancelTimer = clock.setTimeout(() => void this.#tick(), Math.max(0, effect.atMs - clock.now()));
        return [];
      default:
        return [];
    }
  }

  #signer(nodeKey: PublicKey): NodeSigner | undefined {
    if (this.#muted.has(toHex(nodeKey))) return undefined;
    return this.#p.signers.find(signer => equalBytes(signer.nodeKey, nodeKey));
  }

  /** A signature, or none where the record refuses: a refusal is the rule at work, a failing record mutes the key. */
  async #sign(nodeKey: PublicKey, ask: (signer: NodeSigner) => Promise<Uint8Array>): Promise<Uint8Array | null> {
    const signer = this.#signer(nodeKey);
    if (!signer) return null;
    try {
      return await ask(signer);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#p.log('signature-refused', { code: error.code });
      if (error.code === 'LEDGER_SIGNING_RECORD_FAILED') this.#muted.add(toHex(nodeKey));
      return null;
    }
  }

  #compareRecord({ nodeKey, what, slot }: Extract<Effect, { kind: 'seen' }>): void {
    const signer = this.#signer(nodeKey);
    const contradiction = signer && contradictionOf(signer, what, slot);
    if (!contradiction) return;
    this.#muted.add(toHex(nodeKey));
    this.#p.log('signing-stopped', { code: contradiction.code, what, slot });
  }

  /** The chain is over in this process. */
  async #stopFor(error: unknown): Promise<LedgerError> {
    if (this.#stopped) return this.#stopped;
    const reason = error instanceof CodedError ? error.code : 'an unexpected fault';
    const stopped = stoppedError(reason, error);
    this.#stopped = stopped;
    this.#cancelTimer();
    this.#p.log('chain-stopped', { reason });
    if (reason === 'LEDGER_STORE_DAMAGED') {
      try {
        await this.#p.store.commit([rebuildMark()]);
      } catch (unmarked) {
        this.#p.log('damage-not-marked', { reason: unmarked instanceof CodedError ? unmarked.code : 'unknown' });
      }
    }
    this.#fail(stopped);
    return stopped;
  }
}

function stoppedError(reason: string, cause?: unknown): LedgerError {
  return new LedgerError({ code: 'LEDGER_CHAIN_STOPPED', reason }, `the chain has stopped: ${reason}`, { cause });
}

/** A running ledger. Queries answer from the newest final state unless they say otherwise. */
export interface Chain
  extends Pick<FinalView, 'sources' | 'source' | 'studies' | 'grants' | 'proof' | 'producers' | 'audit'>,
    Pick<Lookup, 'peerStatus' | 'locator' | 'blocksAfter' | 'transaction' | 'block' | 'seqBound'> {
  /** Begin duties; before it the chain only takes in what it is given. */
  start(): void;
  /** Resolves when nothing is under way; the store stays open. */
  stop(): Promise<void>;
  /** Resolves with the reason if the chain has to stop: end the process and start again. */
  readonly failed: Promise<LedgerError>;
  /**
   * Take a transaction from a user; it is on disk when this resolves, and is broadcast until final.
   * @throws CodedError CORE_… malformed, LEDGER_TX_… refused by a rule (LEDGER_TX_SEQ with the bound), LEDGER_MEMPOOL_FULL
   */
  submitTransaction(bytes: Uint8Array): Promise<{ id: Uint8Array; known: boolean }>;
  /** From gossip: whether to pass it on. */
  receiveTransaction(bytes: Uint8Array): Promise<Verdict>;
  /** A block, or a record of evidence. */
  receiveBlock(bytes: Uint8Array): Promise<Verdict>;
  receiveVote(bytes: Uint8Array): Promise<Verdict>;
  /** From a sync: up to 128 blocks, ascending. */
  importBlocks(blocks: readonly Uint8Array[]): Promise<'ok' | 'bad' | 'stop'>;
  status(): LedgerStatus;
  /** For light clients, as bytes that need no belief: see light/lightView.ts. */
  light(): Pick<LightView, 'checkpoint' | 'handOvers' | 'voters' | 'recovery'>;
  /** What people would sign to let finality start anew from the head; see restart.ts. */
  recoveryAtHead(reason: string): CheckpointStatement;
  accessView(): AccessView;
  /** Events after a cursor; see events.ts. Returns what ends it. */
  events(cursor: number, listener: (event: Delivered) => void): () => void;
}

/**
 * Open the store, recover what a stop left, and give a chain that waits for `start`.
 * @throws LedgerError LEDGER_STORE_FORMAT, LEDGER_STORE_GENESIS; LEDGER_SIGNING_RECORD_OLD when the chain shows later
 *   signatures of a key than its record; LEDGER_CHECKPOINT when a recovery can't be relied on or contradicts what is final
 */
export async function openChain(init: ChainInit): Promise<Chain> {
  const { genesis, verifier, signers, clock, log, hash, recoveries = [], judging: shared } = init;
  let onDamage: (error: LedgerError) => void = () => undefined;
  const store = watchedStore(init.store, error => onDamage(error));
  for (const recovery of recoveries) checkCheckpoint(recovery, genesis, verifier);
  const rules = withRecoveries(init.rules ?? consensus, recoveries);
  const { branches, boot, healed } = await openBranches({ store, genesis, verifier, hash, rules, judging: shared });
  if (healed) log('store-healed', { code: healed.code, height: branches.final.height });
  const awaited = awaitedRecoveries(branches, recoveries);
  for (const signer of signers) await checkRecord({ signer, branches, genesis, verifier });
  const { revocations, mended } = await Revocations.load(store, branches.stateAt(branches.head.id));
  const waiting = await readOwnRecords(store, 'W');
  const kept = await readOwnRecords(store, 'E');
  const rotten = [...waiting.rotten, ...kept.rotten];
  if (mended.length + rotten.length > 0) {
    log('own-records-lost', {
      revocations: mended.length,
      waiting: waiting.rotten.length,
      evidence: kept.rotten.length,
    });
    await store.commit([...mended, ...removals(rotten)]);
  }
  const emitted: ChainEvent[] = [];
  const intake = new Intake({ genesis, verifier, branches, revocations, emit: event => emitted.push(event), rules });
  for (const [, value] of waiting.sound) {
    const [receivedMs, bytes] = waitingRecord.decode(value);
    intake.resume(bytes, receivedMs, Math.floor(clock.now()));
  }
  intake.resumeRevocations(Math.floor(clock.now()));
  const evidence = kept.sound.map(([, record]) => record);
  const upgrade = new Upgrade();
  const nodeKeys = signers.map(signer => signer.nodeKey);
  const engine = new Engine({
    genesis,
    verifier,
    branches,
    intake,
    events: emitted,
    evidence,
    nodeKeys,
    hash,
    rules,
    judging: shared,
    upgrade,
    awaited,
  });
  const events = new EventLog(boot);
  const shell = new Shell(init, engine, events);
  onDamage = error => shell.sawDamage(error);
  const view = new FinalView({ store, genesis, revocations, upgrade });
  const light = new LightView({ genesis, branches, view, recoveries });
  const lookup = new Lookup({
    store,
    genesis,
    branches,
    intake,
    view,
    revocations,
    judging: shared ?? judging,
    now: () => Math.floor(clock.now()),
    upgrade,
  });
  const access = createAccessView({
    store,
    genesis,
    branches,
    view,
    revocations,
    events,
    setTimeout: (run, ms) => clock.setTimeout(run, ms),
    rules,
  });
  return {
    start: () => shell.start(),
    stop: () => shell.stop(),
    failed: shell.failed,
    submitTransaction: async bytes => {
      const { verdict, known, error } = await shell.submit(bytes, true);
      if (error && verdict !== 'accept') throw error;
      return { id: lookup.idOf(bytes), known };
    },
    receiveTransaction: async bytes => (await shell.submit(bytes, false)).verdict,
    receiveBlock: async bytes => {
      const input = kindOfRecord(bytes)
        ? ({ kind: 'evidence', bytes } as const)
        : ({ kind: 'blocks', blocks: [bytes], from: 'gossip' } as const);
      return (await shell.give(input))?.verdict ?? 'ignore';
    },
    receiveVote: async bytes => (await shell.give({ kind: 'vote', bytes }))?.verdict ?? 'ignore',
    importBlocks: async blocks => {
      let added = 0;
      for (let at = 0; at < blocks.length; at += syncedTogether) {
        const some = blocks.slice(at, at + syncedTogether);
        const outcome = await shell.give({ kind: 'blocks', blocks: some, from: 'sync' });
        if (outcome?.verdict === 'reject') {
          log('sync-refused', { code: outcome.error?.code ?? '' });
          return 'bad';
        }
        added += outcome?.added ?? 0;
        if (!outcome?.known) break;
      }
      return added > 0 ? 'ok' : 'stop';
    },
    status: () => lookup.status(),
    recoveryAtHead: reason => {
      const { id, slot, height } = branches.shown.head;
      return describeRecovery({ id, slot, height, state: branches.stateAt(id) }, { genesis, rules, reason });
    },
    peerStatus: () => lookup.peerStatus(),
    locator: () => lookup.locator(),
    blocksAfter: (known, limit) => lookup.blocksAfter(known, limit),
    transaction: id => lookup.transaction(id),
    block: idOrHeight => lookup.block(idOrHeight),
    seqBound: query => lookup.seqBound(query),
    sources: () => view.sources(),
    source: (key, proofs) => view.source(key, proofs),
    studies: (query, proofs) => view.studies(query, proofs),
    grants: (query, proofs) => view.grants(query, proofs),
    proof: (table, key) => view.proof(table, key),
    producers: () => view.producers(),
    audit: epoch => view.audit(epoch),
    light: () => light,
    accessView: () => access,
    events: (cursor, listener) => events.follow(cursor, listener),
  };
}
