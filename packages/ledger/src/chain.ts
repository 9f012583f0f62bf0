/** A chain of blocks on a store: what opens it, what it is told and asked, and how its parts are put together. */
import type { AccessView, Verifier } from '@radpass/core';
import { createAccessView } from './accessFacts.js';
import { checkCheckpoint, type NamedCheckpoint } from './checkpoint.js';
import { kindOfRecord } from './consensus/evidence.js';
import { type Consensus, consensus } from './consensus/index.js';
import { Engine } from './engine.js';
import type { LedgerError } from './errors.js';
import { type ChainEvent, type Delivered, EventLog } from './events.js';
import { FinalView } from './finalView.js';
import { firstTogether } from './firstTogether.js';
import type { Genesis } from './genesis.js';
import { Intake, type Verdict } from './intake.js';
import { type Judging, judging } from './judging.js';
import { LightView } from './light/lightView.js';
import { type LedgerStatus, Lookup } from './lookup.js';
import { readOwnRecords, removals } from './ownRecords.js';
import { waitingRecord } from './records.js';
import { openBranches } from './recovery.js';
import { withRecoveries } from './restart.js';
import { Revocations } from './revocations.js';
import { Shell, type ShellInit } from './shell.js';
import { checkRecord } from './signingCheck.js';
import type { Hash } from './stateTree.js';
import { awaitedRecoveries } from './storedRecovery.js';
import { Upgrade } from './upgrade.js';
import { watchedStore } from './watchedStore.js';

export interface ChainInit extends ShellInit {
  readonly genesis: Genesis;
  readonly verifier: Verifier;
  /** SHA-256 of the platform, for the state tree. */
  readonly hash?: Hash;
  /** Rules of consensus; those that this project ships, if not given. All nodes of a network need the same. */
  readonly rules?: Consensus | undefined;
  /** Stands in for judging what was received again and again: for many nodes in one process. */
  readonly judging?: Judging;
  /** Blocks that people named for finality to start anew from (restart.ts): all of the network's history. */
  readonly recoveries?: readonly NamedCheckpoint[] | undefined;
}

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
  /** Several that came together; a verdict each. */
  receiveVotes(some: readonly Uint8Array[]): Promise<readonly Verdict[]>;
  /** From a sync: up to 128 blocks, ascending. */
  importBlocks(blocks: readonly Uint8Array[]): Promise<'ok' | 'bad' | 'stop'>;
  status(): LedgerStatus;
  /** For light clients, as bytes that need no belief: see light/lightView.ts. */
  light(): Pick<LightView, 'checkpoint' | 'handOvers' | 'voters' | 'recovery'>;
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
    start: boot,
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
    receiveVote: bytes => shell.vote(bytes),
    receiveVotes: some => shell.votes(some),
    importBlocks: async blocks => {
      let added = 0;
      for (let rest = blocks; rest.length > 0; ) {
        const some = firstTogether(rest);
        rest = rest.slice(some.length);
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
