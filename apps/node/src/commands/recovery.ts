/**
 * `radpass-node recovery`: when more than 40 % of the weight is gone for good, people name a block from which finality starts
 * anew. Each writes or checks the statement with the folder of an own, stopped node, and signs it if genesis asks for that.
 */
import { join } from 'node:path';
import { equalBytes, toHex } from '@radpass/core';
import { nodeVerifier } from '@radpass/core/node';
import {
  checkCheckpoint,
  describeStored,
  encodeCheckpointStatement,
  formatCheckpoint,
  type Genesis,
  LedgerError,
  type NamedCheckpoint,
  parseCheckpoint,
  signCheckpoint,
} from '@radpass/ledger';
import { readBytes, readGenesis, writeNew } from '../files.js';
import { openKey } from '../keys.js';
import { openStore } from '../openStore.js';

function refuse(reason: string): never {
  throw new LedgerError({ code: 'LEDGER_CHECKPOINT', reason }, `no recovery: ${reason}`);
}

function readRecovery(path: string): NamedCheckpoint {
  const named = parseCheckpoint(new TextDecoder().decode(readBytes(path)));
  if (named.kind !== 'recovery') refuse(`${path} is no recovery`);
  return named;
}

/** Recoveries of a network, from files, each with the signatures that genesis demands. @throws LedgerError LEDGER_CHECKPOINT */
export function readRecoveries(paths: readonly string[], genesis: Genesis): NamedCheckpoint[] {
  const recoveries = paths.map(readRecovery);
  for (const recovery of recoveries) checkCheckpoint(recovery, genesis, nodeVerifier);
  return recoveries;
}

/**
 * Write what people sign: a new statement on the folder's head, or one that somebody wrote, if this folder says the same of
 * its block.
 */
export async function nameRecovery(p: {
  dataDir: string;
  reason?: string | undefined;
  sameAs?: string | undefined;
  sign?: string | undefined;
  out: string;
}): Promise<{ slot: number; blockId: string; replaces: string; signatures: number }> {
  const genesis = readGenesis(join(p.dataDir, 'genesis'));
  const given = p.sameAs === undefined ? null : readRecovery(p.sameAs);
  const store = await openStore(p.dataDir);
  try {
    const init = { store, genesis, verifier: nodeVerifier };
    const reason = given?.reason ?? p.reason ?? '';
    const statement = await describeStored(init, { blockId: given?.blockId, reason });
    const same = !given || equalBytes(encodeCheckpointStatement(given), encodeCheckpointStatement(statement));
    if (!same) refuse(`${p.sameAs} says other things of the block than this folder`);
    const named: NamedCheckpoint = { ...statement, signatures: given?.signatures ?? [] };
    const signed = p.sign === undefined ? named : signCheckpoint(named, await openKey(p.sign, 'source'));
    writeNew(p.out, formatCheckpoint(signed));
    const { slot, blockId, replaces, signatures } = signed;
    return { slot, blockId: toHex(blockId), replaces: toHex(replaces), signatures: signatures.length };
  } finally {
    await store.close();
  }
}
