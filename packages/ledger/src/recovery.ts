/**
 * Opening a store, which is the same as recovering from a stop at any point: whole batches are there or not, so what is
 * found is the state at some batch's end. Nothing has to be undone; what must be told is damage.
 *
 * Checked at every opening: format and network; the final chain, height by height, each naming its parent; the blocks of
 * the last heights, with the votes' signatures that they must have; every record of the flat state, their number, its root against the final block's header, and the
 * lists by prefix against the tables that they list; the blocks above, each linked and with its changes.
 * `verify` (verify.ts) checks everything else by replaying it.
 *
 * Damage is healed by writing all that is derived anew from the blocks up to the first that is bad; peers give the rest.
 */
import { equalBytes, fromLatin1, toHex, type Verifier } from '@radpass/core';
import type { Block, Header } from './block.js';
import { transactionIdsOf } from './blockTransactions.js';
import type { TreeNode } from './blockTree.js';
import { Branches } from './branches.js';
import { type Consensus, consensus } from './consensus/index.js';
import type { Params } from './consensus/params.js';
import { LedgerError } from './errors.js';
import { indexKeys } from './finalize.js';
import type { Genesis } from './genesis.js';
import { committeeOfGenesis, genesisState } from './genesisState.js';
import { identify, identityWrites, lastBoot, rebuildMark } from './identity.js';
import type { Judging } from './judging.js';
import { blockRemovals, keepsWitness, readKeptBlock } from './keptBlocks.js';
import { readOwnRecords, removals } from './ownRecords.js';
import {
  type Counts,
  certificateRecord,
  changesRecord,
  countsRecord,
  eraRecord,
  type FinalRecord,
  finalRecord,
  heightRecord,
  numberRecord,
} from './records.js';
import { type Hash, storedRoot } from './stateTree.js';
import { withPages } from './stateView.js';
import { damaged, entriesUnder, getRequired, type LedgerStore, type StoreWrite } from './store.js';
import { derivedPrefixes, storeKeys } from './storeKeys.js';
import { tables } from './tables.js';

/** Blocks below the final one whose bytes are looked at when opening. */
const blocksChecked = 1_024;
const replayBatch = 128;

export interface OpenInit {
  readonly store: LedgerStore;
  readonly genesis: Genesis;
  readonly verifier: Verifier;
  readonly hash?: Hash | undefined;
  readonly rules?: Consensus | undefined;
  readonly judging?: Judging | undefined;
}

export interface Opened {
  readonly branches: Branches;
  /** Number of this opening, larger than any before. */
  readonly boot: number;
  /** Why everything derived was written anew, if it was. */
  readonly healed: LedgerError | null;
}

const empty = new Uint8Array(0);
const zeroId = new Uint8Array(32);

/** Open a store of this network, make a new one, or heal a damaged one. @throws LedgerError LEDGER_STORE_FORMAT, LEDGER_STORE_GENESIS */
export async function openBranches(p: OpenInit): Promise<Opened> {
  const { store, genesis } = p;
  await identify(store, genesis, () => freshWrites(genesis, p.rules));
  const healed = await checkOrHeal(p);
  const boot = lastBoot(store, readFinal(store).height) + 1;
  await store.commit([[storeKeys.meta('boot'), numberRecord.encode(boot)]]);
  return { branches: await loadBranches(p), boot, healed };
}

/** Block 0 and its state. */
export function genesisWrites(genesis: Genesis, rules: Consensus = consensus): StoreWrite[] {
  const { layer } = genesisState(genesis, rules);
  const { chainId } = genesis;
  const writes: StoreWrite[] = [...layer.changes];
  for (const key of layer.changes.keys()) for (const index of indexKeys(key)) writes.push([index, empty]);
  const height = { id: chainId, parent: zeroId, slot: 0, producer: empty, transactions: 0 };
  writes.push(
    [storeKeys.height(0), heightRecord.encode(height)],
    [
      storeKeys.era(chainId),
      eraRecord.encode({ depth: 0, slot: 0, voters: committeeOfGenesis(genesis, rules).voters }),
    ],
    [storeKeys.meta('final'), finalRecord.encode({ slot: 0, id: chainId, height: 0 })],
    [storeKeys.meta('counts'), countsRecord.encode({ flat: layer.changes.size, undoFrom: 1, witnessFrom: 1 })],
    [storeKeys.meta('head'), chainId],
  );
  return writes;
}

/** What a new store begins with. */
export function freshWrites(genesis: Genesis, rules?: Consensus): StoreWrite[] {
  return [...identityWrites(genesis), ...genesisWrites(genesis, rules)];
}

async function checkOrHeal(p: OpenInit): Promise<LedgerError | null> {
  try {
    if (p.store.get(storeKeys.meta('rebuild'))) throw damaged('an earlier run met damage');
    await checkStore(p.store, p.genesis.params);
    await loadBranches(p);
    return null;
  } catch (error) {
    if (!(error instanceof LedgerError) || error.code !== 'LEDGER_STORE_DAMAGED') throw error;
    await rebuild(p);
    return error;
  }
}

/** Everything that opening checks but the blocks above the final one. @throws LedgerError LEDGER_STORE_DAMAGED */
export async function checkStore(store: LedgerStore, params: Params): Promise<void> {
  const final = readFinal(store);
  await checkFinalChain(store, final, params);
  await checkFlatState(store, final);
}

function readFinal(store: LedgerStore): FinalRecord {
  return finalRecord.decode(getRequired(store, storeKeys.meta('final'), 'the final checkpoint'));
}

function readCounts(store: LedgerStore): Counts {
  return countsRecord.decode(getRequired(store, storeKeys.meta('counts'), 'the counts'));
}

async function checkFinalChain(store: LedgerStore, final: FinalRecord, params: Params): Promise<void> {
  const { witnessFrom } = readCounts(store);
  let before: Header | null = null;
  let height = 0;
  let parent: Uint8Array = zeroId;
  let transactions = 0;
  for await (const [key, value] of entriesUnder(store, 'H')) {
    const record = heightRecord.decode(value);
    const where = { height, id: toHex(record.id) };
    if (key !== storeKeys.height(height)) throw damaged(`final block ${height} is not listed`, { height });
    if (!equalBytes(record.parent, parent)) throw damaged(`final block ${height} does not follow its parent`, where);
    if (height > 0 && height + blocksChecked > final.height) {
      const block = readBlock(store, record.id, where);
      if (before || height === 1) checkWitness(block, before, { witnessFrom, params });
      before = block.header;
    }
    parent = record.id;
    transactions += record.transactions;
    height++;
  }
  if (height !== final.height + 1 || !equalBytes(parent, final.id)) {
    throw damaged(`the final chain ends at height ${height - 1}, not ${final.height}`, { height });
  }
  await checkNumber(store, 'T', transactions);
}

function readBlock(store: LedgerStore, id: Uint8Array, where: { height: number; id: string }): Block {
  let block: Block | null;
  try {
    block = readKeptBlock(key => store.get(key), id);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    throw damaged(`block ${where.height} is unreadable`, where, error);
  }
  if (!block) throw damaged(`block ${where.height} is missing`, where);
  if (!equalBytes(block.id, id)) throw damaged(`block ${where.height} is another`, where);
  return block;
}

/**
 * That a final block has its votes' signatures if it must.
 * @param before - header of the block before it; null: genesis
 * @throws LedgerError LEDGER_STORE_DAMAGED
 */
export function checkWitness(
  { header, id, pruned }: Block,
  before: Header | null,
  p: { witnessFrom: number; params: Params },
): void {
  const { height } = header;
  if (!pruned || (height < p.witnessFrom && !keepsWitness(header, before, p.params))) return;
  throw damaged(`the signatures of the votes in block ${height} are missing`, { height, id: toHex(id) });
}

async function checkFlatState(store: LedgerStore, final: FinalRecord): Promise<void> {
  const listed = new Map<number, number>();
  let count = 0;
  for (const prefix of [storeKeys.leaf, storeKeys.node, storeKeys.auditRows]) {
    for await (const [key] of entriesUnder(store, prefix)) {
      count++;
      const table = prefix === storeKeys.leaf ? key.charCodeAt(1) : -1;
      listed.set(table, (listed.get(table) ?? 0) + 1);
    }
  }
  const counts = readCounts(store);
  if (count !== counts.flat) throw damaged(`the state has ${count} records, not ${counts.flat}`);
  const studies = listed.get(tables.studies) ?? 0;
  const consents = listed.get(tables.consents) ?? 0;
  const expected = [
    ['s', studies],
    ['p', listed.get(tables.named) ?? 0],
    ['g', consents],
    ['r', consents],
  ] as const;
  for (const [prefix, number] of expected) await checkNumber(store, prefix, number);
  if (final.height === 0) return;
  const where = { height: final.height, id: toHex(final.id) };
  const { header } = readBlock(store, final.id, where);
  if (!equalBytes(storedRoot(store), header.stateRoot))
    throw damaged('the state is not that of the final block', where);
}

async function checkNumber(store: LedgerStore, prefix: string, expected: number): Promise<void> {
  let count = 0;
  for await (const _ of entriesUnder(store, prefix)) count++;
  if (count !== expected) throw damaged(`the list ${prefix} has ${count} records, not ${expected}`);
}

/** The newest final block as the tree's base. */
function baseNode(store: LedgerStore, final: FinalRecord, rules: Consensus = consensus): TreeNode {
  if (final.height === 0) {
    const { id } = final;
    const none = {
      changes: new Map(),
      transactionIds: [],
      header: null,
      unsignedHeight: 0,
      arrival: 0,
      vrfOutput: empty,
    };
    return { id, parent: zeroId, slot: 0, height: 0, ...none };
  }
  const block = readBlock(store, final.id, { height: final.height, id: toHex(final.id) });
  const { header, id } = block;
  const { parent, slot, height } = header;
  const output = rules.beacon.vrfOutput(header.vrfProof) ?? empty;
  const none = { unsignedHeight: 0, arrival: 0, changes: new Map(), transactionIds: [] };
  return { id, parent, slot, height, header, vrfOutput: output, ...none };
}

/** Branches that begin with a final block. */
function branchesFrom(p: OpenInit, final: FinalRecord): Branches {
  const { store, rules } = p;
  return new Branches({ ...p, base: baseNode(store, final, rules), final, counts: readCounts(store) });
}

/** Branches as a store has them. @throws LedgerError LEDGER_STORE_DAMAGED */
export async function loadBranches(p: OpenInit): Promise<Branches> {
  const { store, hash, rules } = p;
  const final = readFinal(store);
  const branches = branchesFrom(p, final);
  const above: { block: Block; changes: TreeNode['changes'] }[] = [];
  for await (const [key, value] of entriesUnder(store, 'C')) {
    const id = fromLatin1(key.slice(1));
    const block = readBlock(store, id, { height: final.height + 1, id: toHex(id) });
    above.push({ block, changes: changesRecord.decode(value) });
  }
  above.sort((a, b) => a.block.header.height - b.block.header.height);
  const ended = new Set<string>();
  for (const { block, changes } of above) {
    const { height, parent, root } = block.header;
    const isOfEndedEra = rules?.finality.recoveries(parent) !== undefined && !equalBytes(root.id, parent);
    if (isOfEndedEra || ended.has(toHex(parent))) {
      ended.add(toHex(block.id));
      branches.write(...blockRemovals(block.id), [storeKeys.changes(block.id), null]);
      continue;
    }
    if (!branches.tree.block(parent)) {
      throw damaged(`the parent of block ${height} is missing`, { height, id: toHex(block.id) });
    }
    const after = withPages(branches.stateAt(parent), changes, hash);
    if (!equalBytes(after.root, block.header.stateRoot)) {
      throw damaged(`the changes of block ${height} are others`, { height, id: toHex(block.id) });
    }
    branches.addApplied(block, transactionIdsOf(block), after.changes);
  }
  for await (const [, stored] of entriesUnder(store, storeKeys.certificates)) {
    branches.learnStored(certificateRecord.decode(stored));
  }
  const head = getRequired(store, storeKeys.meta('head'), 'the head');
  // A block that has just become final by a recovery may have ended the head's branch.
  if (!branches.tree.block(head) && equalBytes(branches.final.id, final.id))
    throw damaged('the head is missing', { height: final.height + 1, id: toHex(head) });
  branches.settle();
  const writes = branches.takeWrites();
  if (writes.length > 0) await store.commit(writes);
  branches.synced();
  return branches;
}

/**
 * Write everything derived anew from the blocks of the final chain, up to the first bad one. A stop in between leaves the
 * mark, and the next opening begins again.
 */
async function rebuild(p: OpenInit): Promise<void> {
  const { store, genesis, rules } = p;
  await store.commit([rebuildMark()]);
  const { good, cut } = goodBlocks(store);
  for (const prefix of derivedPrefixes) await store.clear(prefix);
  // How eras ended is taken from blocks that kept their signatures: a sound record stays, a rotten one is made anew.
  const { rotten } = await readOwnRecords(store, storeKeys.handOvers);
  await store.commit([...genesisWrites(genesis, rules), ...cut.flatMap(blockRemovals), ...removals(rotten)]);
  let final: FinalRecord = { slot: 0, id: genesis.chainId, height: 0 };
  for (let at = 0; at < good.length; at += replayBatch) {
    const branches = branchesFrom(p, final);
    const batch = good.slice(at, at + replayBatch);
    let last: TreeNode | null = null;
    for (const [i, id] of batch.entries()) {
      const block = readBlock(store, id, { height: at + i + 1, id: toHex(id) });
      try {
        last = branches.addBlock(block, transactionIdsOf(block), true);
      } catch (error) {
        if (!(error instanceof LedgerError)) throw error;
        break;
      }
    }
    if (!last) break;
    branches.makeFinal({ slot: last.slot, id: last.id });
    branches.settle();
    await store.commit(branches.takeWrites());
    ({ final } = branches);
    if (last.height < at + batch.length) break;
  }
  await store.commit([[storeKeys.meta('rebuild'), null]]);
}

/** Ids of the final chain's blocks that can be read and follow one another; and those named beyond, to be removed. */
function goodBlocks(store: LedgerStore): { good: Uint8Array[]; cut: Uint8Array[] } {
  const good: Uint8Array[] = [];
  const cut: Uint8Array[] = [];
  let parent: Uint8Array | null = null;
  for (let height = 1; ; height++) {
    const id = readHeight(store, height);
    if (!id) return { good, cut };
    try {
      const { header } = readBlock(store, id, { height, id: toHex(id) });
      if (cut.length === 0 && header.height === height && (!parent || equalBytes(header.parent, parent))) good.push(id);
      else cut.push(id);
      parent = id;
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      cut.push(id);
    }
  }
}

function readHeight(store: LedgerStore, height: number): Uint8Array | null {
  try {
    const stored = store.get(storeKeys.height(height));
    return stored ? heightRecord.decode(stored).id : null;
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return null;
  }
}
