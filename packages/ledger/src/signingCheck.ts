/** Whether a signing record is as new as what the chain shows of its key: an older one came from a backup. */
import { equalBytes, toHex, type Verifier, verify } from '@radpass/core';
import { type Block, parseBlock } from './block.js';
import type { Branches } from './branches.js';
import type { Consensus } from './consensus/index.js';
import { votersOf } from './consensus/votes.js';
import { LedgerError } from './errors.js';
import type { Genesis } from './genesis.js';
import { committeeOfGenesis } from './genesisState.js';
import type { NodeSigner } from './signer.js';
import { storeKeys } from './storeKeys.js';

/** Final blocks looked at, besides all above. */
const finalBlocks = 64;

/** @throws LedgerError LEDGER_SIGNING_RECORD_OLD */
export async function checkRecord(p: {
  signer: NodeSigner;
  branches: Branches;
  genesis: Genesis;
  verifier: Verifier;
  rules?: Consensus | undefined;
}): Promise<void> {
  const { nodeKey, marks } = p.signer;
  const { voters } = committeeOfGenesis(p.genesis, p.rules);
  const refuse = (what: 'block' | 'vote', recorded: number, seen: number): never => {
    throw new LedgerError(
      { code: 'LEDGER_SIGNING_RECORD_OLD', nodeKey: toHex(nodeKey), what, recorded, seen },
      `the chain shows a ${what} of slot ${seen} by this key, its signing record knows none after ${recorded}`,
    );
  };
  for (const { header, id, signature, body } of recentBlocks(p.branches)) {
    const isNewer = header.slot > marks.blockSlot;
    if (isNewer && verify(p.verifier, signature, 'block', p.genesis.chainId, id, nodeKey)) {
      refuse('block', marks.blockSlot, header.slot);
    }
    for (const { message, bitmap } of [...body.certificates, ...body.voteSets]) {
      if (message.targetSlot <= marks.targetSlot) continue;
      const own = votersOf(bitmap).some(voter => voters[voter] && equalBytes(voters[voter].nodeKey, nodeKey));
      if (own) refuse('vote', marks.targetSlot, message.targetSlot);
    }
  }
}

function* recentBlocks(branches: Branches): Generator<Block> {
  const { height } = branches.final;
  const final = Array.from({ length: Math.min(height, finalBlocks) }, (_, i) => branches.heightRecord(height - i).id);
  const above = branches.tree.nodes().map(node => node.id);
  for (const id of [...final, ...above]) {
    const stored = branches.get(storeKeys.block(id));
    if (stored) yield parseBlock(stored);
  }
}
