/**
 * The audit of a whole store, offline: every final block is applied again from genesis, and the rows that come out are
 * compared with those that the store keeps and with the roots in its state. Signatures and VRF proofs are `verify`'s to check
 * (verify.ts); the state root of every block is compared here too.
 */
import { equalBytes, fromLatin1, type Verifier } from '@radpass/core';
import { type AuditRoot, type AuditRow, areRowsOf, auditRootOf, parseAuditRows } from './audit.js';
import type { Consensus } from './consensus/index.js';
import type { Genesis } from './genesis.js';
import { checkIdentity } from './identity.js';
import { finalRecord, heightRecord } from './records.js';
import { genesisWrites } from './recovery.js';
import { damaged, entriesUnder, getRequired, type LedgerStore, MemoryStore } from './store.js';
import { storeKeys } from './storeKeys.js';
import { addStored, replayBranches } from './verify.js';

/** An epoch whose audit is closed. */
export interface EpochAudit extends AuditRoot {
  readonly epoch: number;
  readonly rows: readonly AuditRow[];
}

/** How often the replay folds what is final: bounds its memory. */
const replayBatch = 128;

function epochOfKey(key: string): number {
  return Number(new DataView(fromLatin1(key.slice(1)).buffer).getBigUint64(0));
}

/**
 * Recompute the audit of a store that nobody writes to.
 * @returns the closed epochs within `first` to `last`, ascending
 * @throws LedgerError LEDGER_STORE_… or LEDGER_BLOCK_… where the store is not one of this network's valid chains
 */
export async function auditStore(p: {
  store: LedgerStore;
  genesis: Genesis;
  verifier: Verifier;
  first: number;
  last: number;
  rules?: Consensus | undefined;
}): Promise<EpochAudit[]> {
  const { store, genesis } = p;
  checkIdentity(store, genesis);
  const replayed = new MemoryStore();
  await replayed.commit(genesisWrites(genesis, p.rules));
  const final = finalRecord.decode(getRequired(store, storeKeys.meta('final'), 'the final checkpoint'));
  for (let height = 0; height < final.height; ) {
    const branches = replayBranches({ genesis, verifier: p.verifier, rules: p.rules }, replayed, height);
    for (const end = Math.min(final.height, height + replayBatch); height < end; height++) {
      const stored = getRequired(store, storeKeys.height(height + 1), `final block ${height + 1}`);
      addStored(branches, store, heightRecord.decode(stored).id, height + 1, true);
    }
    const node = branches.tree.nodes().at(-1)!;
    branches.makeFinal({ slot: node.slot, id: node.id });
    branches.settle();
    await replayed.commit(branches.takeWrites());
  }
  const audits: EpochAudit[] = [];
  for await (const [key, value] of entriesUnder(replayed, storeKeys.auditRows)) {
    const epoch = epochOfKey(key);
    const kept = store.get(key);
    const root = auditRootOf(store, epoch);
    const rows = parseAuditRows(value);
    if (!root || !areRowsOf(rows, root)) throw damaged(`the audit of epoch ${epoch} has another root`);
    if (!kept || !equalBytes(kept, value)) throw damaged(`the audit rows of epoch ${epoch} are others`);
    if (epoch >= p.first && epoch <= p.last) audits.push({ epoch, ...root, rows });
  }
  return audits;
}
