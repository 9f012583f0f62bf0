/** `radpass-node genesis new`: the founders' public files become the block that everyone starts from. */

import { toHex } from '@radpass/core';
import { createGenesis, defaultParams } from '@radpass/ledger';
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
  /** Unix ms of slot 0; the present by default. */
  timeMs?: number;
  out: string;
}

export function newGenesis(p: GenesisOptions): { chainId: string; founders: number; genesisTimeMs: number } {
  const now = Date.now();
  const genesis = createGenesis({
    genesisTimeMs: p.timeMs ?? now,
    params: { ...defaultParams, slotMs: p.slotMs, slotsPerEpoch: p.slotsPerEpoch, eraEpochs: p.eraEpochs },
    stakePolicy: 'open',
    founders: p.sources.map(path => ({ ...readFounder(path, now), weight: p.weight })),
    payers: [],
    checkpointKeys: [],
    checkpointThreshold: 0,
    studyHashForms: [saltBytes],
    allowList: [],
  });
  writeNew(p.out, genesis.bytes);
  return { chainId: toHex(genesis.chainId), founders: genesis.founders.length, genesisTimeMs: genesis.genesisTimeMs };
}
