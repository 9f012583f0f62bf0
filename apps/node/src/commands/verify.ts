/** `radpass-node verify`: replay a node's folder from genesis, check everything, name the first bad block. */
import { join } from 'node:path';
import { createParallelVerifier } from '@radpass/core/node';
import { consensus, withRecoveries } from '@radpass/ledger';
import { verifyStore } from '@radpass/ledger/level';
import { NodeError } from '../errors.js';
import { readGenesis } from '../files.js';
import { openStore } from '../openStore.js';
import { readRecoveries } from './recovery.js';

export async function verifyFolder(p: {
  dataDir: string;
  /** Files of the recoveries of the network's history. */
  recoveries?: readonly string[];
}): Promise<{ ok: true; blocks: number; finalHeight: number; stateRoot: string }> {
  const genesis = readGenesis(join(p.dataDir, 'genesis'));
  const store = await openStore(p.dataDir);
  const verifier = createParallelVerifier();
  try {
    const result = await verifyStore(store, genesis, verifier, {
      rules: withRecoveries(consensus, readRecoveries(p.recoveries ?? [], genesis)),
    });
    if (result.firstBad) {
      const { height, id, code, reason } = result.firstBad;
      const detail = { code: 'NODE_CHECK_FAILED' as const, height, blockId: id, reason: code };
      throw new NodeError(detail, `${p.dataDir}: the first bad block is at height ${height}: ${reason}`);
    }
    return { ok: true, blocks: result.blocks, finalHeight: result.finalHeight, stateRoot: result.stateRoot };
  } finally {
    await verifier.close();
    await store.close();
  }
}
