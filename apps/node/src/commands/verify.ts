/** `radpass-node verify`: replay a node's folder from genesis, check everything, name the first bad block. */
import { join } from 'node:path';
import { CodedError } from '@radpass/core';
import { nodeVerifier } from '@radpass/core/node';
import { parseGenesis } from '@radpass/ledger';
import { openLevelStore, verifyStore } from '@radpass/ledger/level';
import { NodeError } from '../errors.js';
import { readBytes } from '../files.js';

export async function verifyFolder(p: {
  dataDir: string;
}): Promise<{ ok: true; blocks: number; finalHeight: number; stateRoot: string }> {
  const genesis = parseGenesis(readBytes(join(p.dataDir, 'genesis')));
  const store = await openForReading(p.dataDir);
  try {
    const result = await verifyStore(store, genesis, nodeVerifier);
    if (result.firstBad) {
      const { height, id, code } = result.firstBad;
      const detail = { code: 'NODE_CHECK_FAILED' as const, height, blockId: id, reason: code };
      throw new NodeError(detail, `${p.dataDir}: the first bad block is at height ${height} (${code})`);
    }
    return { ok: true, blocks: result.blocks, finalHeight: result.finalHeight, stateRoot: result.stateRoot };
  } finally {
    await store.close();
  }
}

async function openForReading(dataDir: string) {
  try {
    return await openLevelStore(join(dataDir, 'chain'));
  } catch (cause) {
    if (cause instanceof CodedError && cause.code === 'LEDGER_STORE_LOCKED') {
      throw new NodeError({ code: 'NODE_RUNNING', path: dataDir }, `${dataDir} is in use: stop the node first`, {
        cause,
      });
    }
    throw cause;
  }
}
