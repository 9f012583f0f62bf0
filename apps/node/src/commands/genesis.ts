/** `radpass-node genesis new`: the founders' public files become the block that everyone starts from. */

import { fromHex, parsePublicKey, toHex } from '@radpass/core';
import { createGenesis, defaultParams, type StakePolicyName } from '@radpass/ledger';
import { writeNew } from '../files.js';
import { readFounder } from '../founder.js';

/** Study hashes are salted; the paper's plain form can be guessed. */
const saltBytes = 32;

export interface GenesisOptions {
  sources: string[];
  weight: number;
  slotMs: number;
  slotsPerEpoch: number;
  eraEpochs: number;
  policy: StakePolicyName;
  /** Public keys in hex. */
  payers: string[];
  /** Public files of the only sources admitted besides the founders; empty admits all. */
  allowList: string[];
  /** Keys that sign checkpoints, 64 hex characters each. */
  checkpointKeys: string[];
  /** How many of them have to; more than half by default. */
  checkpointThreshold?: number;
  /** Unix ms of slot 0; the present by default. */
  timeMs?: number;
  out: string;
}

export function newGenesis(p: GenesisOptions): { chainId: string; founders: number; genesisTimeMs: number } {
  const now = Date.now();
  const genesis = createGenesis({
    genesisTimeMs: p.timeMs ?? now,
    params: { ...defaultParams, slotMs: p.slotMs, slotsPerEpoch: p.slotsPerEpoch, eraEpochs: p.eraEpochs },
    stakePolicy: p.policy,
    founders: p.sources.map(path => ({ ...readFounder(path, now), weight: p.weight })),
    payers: p.payers.map(key => parsePublicKey(fromHex(key, 32))),
    checkpointKeys: p.checkpointKeys.map(parsePublicKey),
    checkpointThreshold: p.checkpointThreshold ?? mostOf(p.checkpointKeys.length),
    studyHashForms: [saltBytes],
    allowList: p.allowList.map(path => readFounder(path, now).sourceKey),
  });
  writeNew(p.out, genesis.bytes);
  return { chainId: toHex(genesis.chainId), founders: genesis.founders.length, genesisTimeMs: genesis.genesisTimeMs };
}

/** More than half; none of none. */
function mostOf(count: number): number {
  return count === 0 ? 0 : Math.floor(count / 2) + 1;
}
