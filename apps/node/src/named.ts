/**
 * Blocks that people named with --checkpoint: they tell whether the node may begin, and the chain that it follows has to
 * hold them. A node that finds another block final in their place ends, and its folder is of no use.
 */
import { readCheckpoint } from '@radpass/client/node';
import { equalBytes, toHex } from '@radpass/core';
import { nodeVerifier } from '@radpass/core/node';
import { type Chain, checkCheckpoint, checkTrust, type Genesis, LedgerError, type NamedBlock } from '@radpass/ledger';

function refuse(reason: string): LedgerError {
  return new LedgerError({ code: 'LEDGER_CHECKPOINT', reason }, `no checkpoint to rely on: ${reason}`);
}

/** A file that is signed as genesis demands, or SLOT:BLOCKID by hand. @throws LedgerError LEDGER_CHECKPOINT */
export function namedBlock(given: string, genesis: Genesis): NamedBlock {
  const checkpoint = readCheckpoint(given);
  const { slot, blockId } = checkpoint;
  if (!('signatures' in checkpoint)) return { slot, blockId, byHand: true };
  checkCheckpoint(checkpoint, genesis, nodeVerifier);
  if (checkpoint.kind !== 'trust') throw refuse('a node begins at a trust checkpoint');
  return { slot, blockId, byHand: false };
}

/**
 * That the node may begin with what it has and what people named.
 * @returns resolves with the reason if the chain turns out not to hold a named block; and what ends the watch
 * @throws LedgerError LEDGER_TRUST_OLD; LEDGER_CHECKPOINT when another chain is final here already
 */
export async function holdToNamed(p: {
  chain: Chain;
  genesis: Genesis;
  named: readonly NamedBlock[];
  nowMs: number;
}): Promise<{ contradicted: Promise<LedgerError>; stop: () => void }> {
  const { chain, genesis, named, nowMs } = p;
  const { finalSlot, finalId } = chain.status();
  checkTrust({ genesis, final: { slot: finalSlot, id: finalId }, named, nowMs });
  const found = await firstMissing(chain, named, finalSlot);
  if (found) throw found;
  let stop = (): void => undefined;
  const contradicted = new Promise<LedgerError>(resolve => {
    stop = chain.events(0, event => {
      if (event.kind !== 'final') return;
      void firstMissing(chain, named, event.slot).then(missing => missing && resolve(missing));
    });
  });
  return { contradicted, stop };
}

/** The first named block that should be final by this slot and is not. */
async function firstMissing(
  chain: Chain,
  named: readonly NamedBlock[],
  finalSlot: number,
): Promise<LedgerError | null> {
  for (const { slot, blockId } of named) {
    if (slot > finalSlot || equalBytes(blockId, chain.status().finalId)) continue;
    const block = await chain.block(blockId);
    if (block?.grade !== 'final') return refuse(`the chain that is final here does not hold block ${toHex(blockId)}`);
  }
  return null;
}
