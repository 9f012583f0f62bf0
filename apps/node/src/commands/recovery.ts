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

/** What was written, and who votes from the block on: more than 2/3 of their weight must be there. */
export interface NamedRecovery {
  slot: number;
  blockId: string;
  replaces: string;
  signatures: number;
  voters: { sourceKey: string; weight: number }[];
}

/** For people: the block, and the voters by the first digits of their source keys. */
export function recoveryText(out: string, { slot, blockId, signatures, voters }: NamedRecovery): string {
  const total = voters.reduce((sum, { weight }) => sum + weight, 0);
  return [
    `${out}: slot ${slot}, block ${blockId}, ${signatures} signatures`,
    'from there on these vote; if those that are gone are among them with a third or more, wait for a later block:',
    ...voters.map(({ sourceKey, weight }) => `  ${sourceKey.slice(0, 8)}  ${((100 * weight) / total).toFixed(1)} %`),
  ].join('\n');
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
}): Promise<NamedRecovery> {
  const genesis = readGenesis(join(p.dataDir, 'genesis'));
  const given = p.sameAs === undefined ? null : readRecovery(p.sameAs);
  const store = await openStore(p.dataDir);
  try {
    const init = { store, genesis, verifier: nodeVerifier };
    const reason = given?.reason ?? p.reason ?? '';
    const { statement, committee } = await describeStored(init, { blockId: given?.blockId, reason });
    const same = !given || equalBytes(encodeCheckpointStatement(given), encodeCheckpointStatement(statement));
    if (!same) refuse(`${p.sameAs} says other things of the block than this folder`);
    const named: NamedCheckpoint = { ...statement, signatures: given?.signatures ?? [] };
    const signed = p.sign === undefined ? named : signCheckpoint(named, await openKey(p.sign, 'source'));
    writeNew(p.out, formatCheckpoint(signed));
    const { slot, blockId, replaces, signatures } = signed;
    const voters = committee.voters.map(({ sourceKey, weight }) => ({ sourceKey: toHex(sourceKey), weight }));
    return { slot, blockId: toHex(blockId), replaces: toHex(replaces), signatures: signatures.length, voters };
  } finally {
    await store.close();
  }
}
