/**
 * The shell around the engine: it owns the store, the timers, the signers and the broadcast. Inputs are taken one after the
 * other; the effects of each are carried out in their order before the next begins. So a block, vote or transaction is
 * acknowledged, passed on or built upon only after the batch that holds it is synced.
 *
 * When a batch is not confirmed, or the store shows damage, the chain stops for good (`failed`): its process ends and
 * starts again, and opening recovers. When a signing record refuses, that key signs nothing more until the next start.
 */
import { CodedError, equalBytes, type PublicKey, toHex } from '@radpass/core';
import type { Effect, Input } from './effects.js';
import type { Engine } from './engine.js';
import { LedgerError } from './errors.js';
import type { EventLog } from './events.js';
import { rebuildMark } from './identity.js';
import type { Verdict } from './intake.js';
import type { NodeSigner } from './signer.js';
import { contradictionOf } from './signingCheck.js';
import type { LedgerStore, StoreWrite } from './store.js';
import { Together } from './together.js';

export interface ChainClock {
  /** Unix milliseconds. */
  now(): number;
  monotonic(): number;
  /** Returns what cancels it. */
  setTimeout(run: () => void, ms: number): () => void;
}

export interface ShellInit {
  readonly store: LedgerStore;
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
}

type VerdictEffect = Extract<Effect, { kind: 'verdict' }>;
type Timeless<I> = I extends Input ? Omit<I, 'nowMs'> : never;

interface Outcome {
  readonly verdicts: readonly VerdictEffect[];
  readonly votes: readonly Verdict[];
  /** When the input is to be given again. */
  readonly laterMs: number | null;
}

const none: readonly Timeless<Input>[] = [];
/** Blocks of the next slot that wait for it. */
const maxEarly = 64;

export class Shell {
  readonly #p: ShellInit;
  readonly #engine: Engine;
  readonly #events: EventLog;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #transactions: Together<{ bytes: Uint8Array; own: boolean }, VerdictEffect>;
  readonly #votes: Together<Uint8Array, Verdict>;
  #early = 0;
  #cancelTimer = (): void => undefined;
  #stopped: LedgerError | null = null;
  #fail: (error: LedgerError) => void = () => undefined;
  readonly #muted = new Set<string>();
  readonly failed: Promise<LedgerError>;

  constructor(p: ShellInit, engine: Engine, events: EventLog) {
    this.#p = p;
    this.#engine = engine;
    this.#events = events;
    const inTurn = <T>(work: () => Promise<T>): Promise<T> => this.#inTurn(work);
    this.#transactions = new Together(async received => {
      return (await this.#run({ kind: 'transactions', received })).verdicts;
    }, inTurn);
    this.#votes = new Together(async received => (await this.#run({ kind: 'votes', received })).votes, inTurn);
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
    return this.#transactions.give({ bytes, own });
  }

  /** A vote or a certificate. */
  vote(bytes: Uint8Array): Promise<Verdict> {
    return this.#votes.give(bytes);
  }

  votes(some: readonly Uint8Array[]): Promise<readonly Verdict[]> {
    return this.#votes.giveAll(some);
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

  async #tick(): Promise<void> {
    try {
      await this.#inTurn(() => this.#run({ kind: 'tick' }));
    } catch (error) {
      // A stopped chain has told why through `failed`.
      if (!this.#stopped) throw error;
    }
  }

  async #run(input: Timeless<Input>): Promise<Outcome> {
    if (this.#stopped) throw this.#stopped;
    const verdicts: VerdictEffect[] = [];
    let votes: readonly Verdict[] = [];
    let laterMs: number | null = null;
    /** What comes of its effects. */
    const inputs: Timeless<Input>[] = [];
    try {
      for (let next: Timeless<Input> | undefined = input; next; next = inputs.shift()) {
        for (const effect of this.#engine.step({ ...next, nowMs: Math.floor(this.#p.clock.now()) } as Input)) {
          if (effect.kind === 'verdict') verdicts.push(effect);
          else if (effect.kind === 'votes judged') votes = effect.verdicts;
          else if (effect.kind === 'later') laterMs = effect.atMs;
          else {
            const further = this.#carryOut(effect);
            inputs.push(...(further instanceof Promise ? await further : further));
          }
        }
      }
    } catch (error) {
      throw await this.#stopFor(error);
    }
    return { verdicts, votes, laterMs };
  }

  /** Do what the engine asks; what comes of it are further inputs. */
  #carryOut(effect: Effect): readonly Timeless<Input>[] | Promise<readonly Timeless<Input>[]> {
    const { broadcast, clock, requestSync } = this.#p;
    switch (effect.kind) {
      case 'persist':
        return this.#persist(effect.writes);
      case 'event':
        if (effect.event.kind === 'upgrade') this.#p.log('upgrade-needed', { rulesVersion: effect.event.rulesVersion });
        this.#events.emit(effect.event);
        return none;
      case 'broadcast':
        broadcast[effect.topic](effect.bytes);
        return none;
      case 'sync':
        requestSync();
        return none;
      case 'prove': {
        const signer = this.#signer(effect.leader.nodeKey);
        if (!signer) return none;
        return [{ kind: 'proved', slot: effect.slot, leader: effect.leader, proof: signer.vrfProve(effect.alpha) }];
      }
      case 'sign block':
        return this.#signBlock(effect);
      case 'sign vote':
        return this.#signVote(effect);
      case 'seen':
        this.#compareRecord(effect);
        return none;
      case 'timer':
        this.#cancelTimer();
        this.#cancelTimer = clock.setTimeout(() => void this.#tick(), Math.max(0, effect.atMs - clock.now()));
        return none;
      default:
        return none;
    }
  }

  async #persist(writes: readonly StoreWrite[]): Promise<readonly Timeless<Input>[]> {
    await this.#p.store.commit(writes);
    this.#engine.synced();
    return none;
  }

  async #signBlock(effect: Extract<Effect, { kind: 'sign block' }>): Promise<readonly Timeless<Input>[]> {
    const { header, body, id, nodeKey } = effect;
    const signature = await this.#sign(nodeKey, signer => signer.signBlock(header.slot, id));
    return signature ? [{ kind: 'block signed', header, body, signature }] : none;
  }

  async #signVote(effect: Extract<Effect, { kind: 'sign vote' }>): Promise<readonly Timeless<Input>[]> {
    const { message, voter, nodeKey, eraDepth } = effect;
    const signature = await this.#sign(nodeKey, signer => signer.signVote(message, eraDepth));
    return signature ? [{ kind: 'vote signed', vote: { message, voter, nodeKey, signature } }] : none;
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
