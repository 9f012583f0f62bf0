/**
 * What the chain shows of a key against its signing record. A later signature than the record knows: the record came from a
 * backup, or another process signs. A signature from the time in which a restored key waits: another process signs.
 */
import { equalBytes, toHex, type Verifier, verify } from '@radpass/core';
import { type Block, parseKeptBlock } from './block.js';
import type { Branches } from './branches.js';
import { votersOf } from './consensus/votes.js';
import { LedgerError } from './errors.js';
import type { Genesis } from './genesis.js';
import type { NodeSigner } from './signer.js';
import { storeKeys } from './storeKeys.js';

/** Final blocks looked at, besides all above. */
const finalBlocks = 64;

/** Slots of clocks' difference around the moment of a restoring. */
const skewSlots = 1;

/** What is wrong with a signature by the signer's key that stands somewhere, or null. */
export function contradictionOf(
  signer: Pick<NodeSigner, 'nodeKey' | 'marks' | 'restoredSlot'>,
  what: 'block' | 'vote',
  seen: number,
): LedgerError | null {
  const { marks, restoredSlot } = signer;
  const nodeKey = toHex(signer.nodeKey);
  const recorded = what === 'block' ? marks.blockSlot : marks.targetSlot;
  if (restoredSlot !== undefined && seen > restoredSlot + skewSlots && seen <= marks.targetSlot) {
    return new LedgerError(
      { code: 'LEDGER_SIGNING_ELSEWHERE', nodeKey, what, restoredSlot, seen },
      `a ${what} of slot ${seen} by this key was made by another process: it was restored at slot ${restoredSlot} and waits`,
    );
  }
  if (seen <= recorded) return null;
  return new LedgerError(
    { code: 'LEDGER_SIGNING_RECORD_OLD', nodeKey, what, recorded, seen },
    `the chain shows a ${what} of slot ${seen} by this key, its signing record knows none after ${recorded}`,
  );
}

/** @throws LedgerError LEDGER_SIGNING_RECORD_OLD, LEDGER_SIGNING_ELSEWHERE */
export async function checkRecord(p: {
  signer: NodeSigner;
  branches: Branches;
  genesis: Genesis;
  verifier: Verifier;
}): Promise<void> {
  const { signer } = p;
  const { nodeKey } = signer;
  for (const { header, id, signature, body } of recentBlocks(p.branches)) {
    const ofBlock = contradictionOf(signer, 'block', header.slot);
    if (ofBlock && verify(p.verifier, signature, 'block', p.genesis.chainId, id, nodeKey)) throw ofBlock;
    for (const { message, bitmap } of [...body.certificates, ...body.voteSets]) {
      const ofVote = contradictionOf(signer, 'vote', message.targetSlot);
      if (!ofVote) continue;
      const voters = p.branches.records.votersOf(message.rootId);
      if (votersOf(bitmap).some(voter => voters[voter] && equalBytes(voters[voter].nodeKey, nodeKey))) throw ofVote;
    }
  }
}

function* recentBlocks(branches: Branches): Generator<Block> {
  const { height } = branches.final;
  const final = Array.from({ length: Math.min(height, finalBlocks) }, (_, i) => branches.records.at(height - i).id);
  const above = branches.tree.nodes().map(node => node.id);
  for (const id of [...final, ...above]) {
    const stored = branches.get(storeKeys.block(id));
    if (stored) yield parseKeptBlock(stored);
  }
}
