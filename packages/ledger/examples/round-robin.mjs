/**
 * Another election: the weighted sources lead in turn, whatever their stake. Fair to small hospitals and known far ahead;
 * but splitting one's key in two leads twice as often, which is why the project draws by stake.
 *
 *   node run-healthy.mjs ./round-robin.mjs
 */
import { consensus } from '@radpass/ledger';

/** `table` is sorted by source key, so every node computes the same. */
function selectLeader(table, nonce, slot) {
  // The shipped rule has the right error for a table without weight.
  return table[slot % table.length] ?? consensus.election.selectLeader(table, nonce, slot);
}

export const rules = { ...consensus, election: { selectLeader } };
