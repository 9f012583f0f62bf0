/** The chain's store in a node's folder, for `start` and `verify`: one process at a time. */
import { join } from 'node:path';
import { CodedError } from '@radpass/core';
import type { LedgerStore } from '@radpass/ledger';
import { openLevelStore } from '@radpass/ledger/level';
import { NodeError } from './errors.js';

/** @throws NodeError NODE_RUNNING; LedgerError LEDGER_STORE_UNWRITABLE, LEDGER_STORE_DAMAGED */
export async function openStore(dataDir: string): Promise<LedgerStore> {
  try {
    return await openLevelStore(join(dataDir, 'chain'));
  } catch (cause) {
    if (!(cause instanceof CodedError) || cause.code !== 'LEDGER_STORE_LOCKED') throw cause;
    throw new NodeError(
      { code: 'NODE_RUNNING', path: dataDir },
      `${dataDir} is in use by a running node: stop it first`,
      {
        cause,
      },
    );
  }
}
