/**
 * The check of a whole store, offline: every block is judged again from genesis, with all signatures that it must have, and
 * everything that is derived from the blocks is compared with what the store holds. Of pruned votes the bitmaps are judged;
 * each stands below a quorum whose signatures are kept and checked.
 */
import { CodedError, equalBytes, fromLatin1, toHex, type Verifier } from '@radpass/core';
import { type Block, type Header, parseFrame } from './block.js';
import { transactionIdsOf } from './blockTransactions.js';
import { Branches } from './branches.js';
import type { Consensus } from './consensus/index.js';
import type { Genesis } from './genesis.js';
import { checkIdentity } from './identity.js';
import { readKeptBlock } from './keptBlocks.js';
import {
  certificateRecord,
  changesRecord,
  countsRecord,
  type FinalRecord,
  finalRecord,
  heightRecord,
} from './records.js';
import { checkWitness, genesisWrites } from './recovery.js';
import { storedRoot } from './stateTree.js';
import { damaged, entriesUnder, getRequired, type LedgerStore, MemoryStore } from './store.js';
import { derivedPrefixes, storeKeys } from './storeKeys.js';

export interface VerifyReport {
  /** Blocks judged, those above the final one included. */
  readonly blocks: number;
  readonly finalHeight: number;
  /** After the last good final block; hex. */
  readonly stateRoot: string;
  /** The first that is wrong: a block, or with an empty id a record beside the blocks. */
  readonly firstBad?: { readonly height: number; readonly id: string; readonly code: string; readonly reason: string };
}

interface Checker {
  readonly store: LedgerStore;
  readonly genesis: Genesis;
  readonly verifier: Verifier;
  readonly rules: Consensus | undefined;
}

/** How often the replay folds what is final: bounds its memory. */
const replayBatch = 128;

/** Verify a store that nobody writes to. Damage is reported, not thrown. @throws LedgerError LEDGER_STORE_GENESIS, LEDGER_STORE_FORMAT */
export async function verifyStore(
  store: LedgerStore,
  genesis: Genesis,
  verifier: Verifier,
  { rules }: { rules?: Consensus | undefined } = {},
): Promise<VerifyReport> {
  const checker: Checker = { store, genesis, verifier, rules };
  const replayed = new MemoryStore();
  let blocks = 0;
  let height = 0;
  let id = '';
  let before: Header | null = null;
  const report = (): VerifyReport => ({ blocks, finalHeight: height, stateRoot: toHex(storedRoot(replayed)) });
  try {
    checkIdentity(store, genesis);
    await replayed.commit(genesisWrites(genesis, rules));
    const final = finalRecord.decode(getRequired(store, storeKeys.meta('final'), 'the final checkpoint'));
    const { witnessFrom } = countsRecord.decode(getRequired(store, storeKeys.meta('counts'), 'the counts'));
    while (height < final.height) {
      const last = Math.min(final.height, height + replayBatch);
      const branches = replayBranches(checker, replayed, height);
      while (height < last) {
        id = '';
        const record = heightRecord.decode(
          getRequired(store, storeKeys.height(height + 1), `final block ${height + 1}`),
        );
        id = toHex(record.id);
        const block = addStored(branches, store, record.id, height + 1);
        checkWitness(block, before, { witnessFrom, params: genesis.params });
        before = block.header;
        blocks++;
        height++;
      }
      const node = branches.tree.nodes().at(-1)!;
      const isNewest = height === final.height;
      if (isNewest && toHex(node.id) !== toHex(final.id)) throw damaged('the final checkpoint names another block');
      branches.makeFinal(isNewest ? final : { slot: node.slot, id: node.id });
      branches.settle();
      await replayed.commit(branches.takeWrites());
    }
    id = '';
    blocks += await verifyAbove(checker, replayed, final);
    await compareDerived(store, replayed);
    return report();
  } catch (error) {
    if (!(error instanceof CodedError) || ['LEDGER_STORE_GENESIS', 'LEDGER_STORE_FORMAT'].includes(error.code))
      throw error;
    const where =
      'height' in error.detail && typeof error.detail.height === 'number' ? error.detail.height : height + 1;
    const named = 'id' in error.detail && typeof error.detail.id === 'string' ? error.detail.id : id;
    return { ...report(), firstBad: { height: where, id: named, code: error.code, reason: error.message } };
  }
}

/** Branches that go on from a replayed final block. */
export function replayBranches(
  { genesis, verifier, rules }: Pick<Checker, 'genesis' | 'verifier' | 'rules'>,
  replayed: MemoryStore,
  height: number,
): Branches {
  const stored = getRequired(replayed, storeKeys.height(height), 'a replayed block');
  const { id, parent, slot } = heightRecord.decode(stored);
  const final: FinalRecord = { slot, id, height };
  const nothing = { changes: new Map(), transactionIds: [], header: null, vrfOutput: new Uint8Array(0) };
  const none = { ...nothing, unsignedHeight: 0, arrival: 0 };
  const { flat } = countsRecord.decode(getRequired(replayed, storeKeys.meta('counts'), 'the counts'));
  const never = Number.MAX_SAFE_INTEGER;
  const counts = { flat, undoFrom: never, witnessFrom: never };
  return new Branches({
    genesis,
    verifier,
    rules,
    store: replayed,
    base: { id, parent, slot, height, ...none },
    final,
    counts,
  });
}

/** Judge a stored block as if it had just come. */
export function addStored(
  branches: Branches,
  store: LedgerStore,
  id: Uint8Array,
  height: number,
  skipSignatures = false,
): Block {
  const block = readKeptBlock(key => store.get(key), id);
  if (!block) throw damaged(`block ${height} is missing`, { height, id: toHex(id) });
  if (!equalBytes(block.id, id) || block.header.height !== height || !branches.tree.block(block.header.parent)) {
    throw damaged(`block ${height} is another`, { height, id: toHex(id) });
  }
  branches.addBlock(block, transactionIdsOf(block), skipSignatures);
  return block;
}

/** What stands above the final block: blocks, their stored changes against what they really change, certificates. */
async function verifyAbove(checker: Checker, replayed: MemoryStore, final: FinalRecord): Promise<number> {
  const { store } = checker;
  const branches = replayBranches(checker, replayed, final.height);
  const above: { id: Uint8Array; height: number; stored: Uint8Array }[] = [];
  for await (const [key, stored] of entriesUnder(store, 'C')) {
    const id = fromLatin1(key.slice(1));
    const { header } = parseFrame(getRequired(store, storeKeys.block(id), 'a block above the final one'));
    above.push({ id, height: header.height, stored });
  }
  above.sort((a, b) => a.height - b.height);
  for (const { id, height, stored } of above) {
    addStored(branches, store, id, height);
    const node = branches.tree.block(id);
    if (!node || !equalBytes(changesRecord.encode(node.changes), stored)) {
      throw damaged(`the changes of block ${height} are others`, { height, id: toHex(id) });
    }
  }
  for await (const [, stored] of entriesUnder(store, storeKeys.certificates)) certificateRecord.decode(stored);
  const head = getRequired(store, storeKeys.meta('head'), 'the head');
  if (!branches.tree.block(head)) throw damaged('the head is missing', { height: final.height + 1, id: toHex(head) });
  return above.length;
}

/** Everything derived from the final chain, record by record. */
async function compareDerived(store: LedgerStore, replayed: MemoryStore): Promise<void> {
  for (const prefix of derivedPrefixes) {
    // Changes above the final block were compared with their blocks; certificates may be of votes that no block carries.
    if (prefix === 'C' || prefix === storeKeys.certificates) continue;
    const expected = new Map<string, Uint8Array>();
    for await (const [key, value] of entriesUnder(replayed, prefix)) expected.set(key, value);
    for await (const [key, value] of entriesUnder(store, prefix)) {
      const own = expected.get(key);
      const read = store.get(key);
      if (!own || !equalBytes(own, value) || !read || !equalBytes(own, read))
        throw damaged(`a record of kind ${prefix} is wrong`);
      expected.delete(key);
    }
    // Undo records are kept for a while only.
    if (prefix !== 'U' && expected.size > 0) throw damaged(`${expected.size} records of kind ${prefix} are missing`);
  }
  const counts = countsRecord.decode(getRequired(store, storeKeys.meta('counts'), 'the counts'));
  let undone = 0;
  for await (const _ of entriesUnder(store, 'U')) undone++;
  const final = finalRecord.decode(getRequired(store, storeKeys.meta('final'), 'the final checkpoint'));
  if (undone !== final.height + 1 - counts.undoFrom) throw damaged('undo records are missing');
}
