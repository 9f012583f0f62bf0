/**
 * A store whose damage is told to whoever must act on it, whatever read meets it: an answer to a peer or to the API reads
 * records, too, and its asker can do nothing about one that rotted.
 */
import { LedgerError } from './errors.js';
import type { LedgerStore } from './store.js';

/** @param onDamage - called before the reader gets its LEDGER_STORE_DAMAGED */
export function watchedStore(store: LedgerStore, onDamage: (error: LedgerError) => void): LedgerStore {
  const tell = (error: unknown): void => {
    if (error instanceof LedgerError && error.code === 'LEDGER_STORE_DAMAGED') onDamage(error);
  };
  return {
    get(key) {
      try {
        return store.get(key);
      } catch (error) {
        tell(error);
        throw error;
      }
    },
    async *entries(from, below) {
      try {
        yield* store.entries(from, below);
      } catch (error) {
        tell(error);
        throw error;
      }
    },
    commit: writes => store.commit(writes),
    clear: prefix => store.clear(prefix),
    close: () => store.close(),
  };
}
