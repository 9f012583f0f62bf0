/**
 * Evidence that a leader signed a block that the rules refuse. Recorded for the audit alone: a fault of a program must not
 * cost a place in the consensus.
 *
 * The accused block is judged again on its parent's state, so the parent stands on the chain that records the evidence, at
 * most evidenceWindowSlots before the block that does; every node can tell that state from its undo records
 * (undoneState.ts). Only a body that fits the header says anything about the producer: anybody can put another body to a
 * header. A block that itself holds evidence of an invalid block is left alone, so that judging never nests.
 */
import { CodedError, equalBytes, type Verifier, verify } from '@radpass/core';
import { type Block, parseBlock } from './block.js';
import { dutyOfSlot } from './boundary.js';
import { evidenceFault, type InvalidBlock, kindOfRecord } from './consensus/evidence.js';
import type { Consensus } from './consensus/index.js';
import { epochOf } from './consensus/params.js';
import { rulesVersionAt } from './consensus/rulesVersions.js';
import type { Genesis } from './genesis.js';
import type { ParentView } from './genesisState.js';

export interface InvalidBlockContext {
  readonly genesis: Genesis;
  /** Parent of the block that holds the evidence. */
  readonly parent: ParentView;
  /** Slot of that block; the accused one's is not later. */
  readonly slot: number;
  readonly verifier: Verifier;
  readonly rules: Consensus;
  /** applyBlock: throws what is wrong with a block. */
  readonly apply: (block: Block, parent: ParentView) => unknown;
}

/** @throws LedgerError LEDGER_EVIDENCE, fault 'body' */
export function parseAccused(received: Uint8Array): Block {
  try {
    return parseBlock(received);
  } catch (error) {
    if (error instanceof CodedError) throw evidenceFault('body');
    throw error;
  }
}

/** The parent to judge on, once the block is known to be its leader's. */
function parentOfLeaders(block: Block, p: InvalidBlockContext): ParentView {
  const { genesis, rules } = p;
  const { header } = block;
  const isOfRules = header.rulesVersion === rulesVersionAt(epochOf(header.slot, genesis.params));
  if (!equalBytes(header.chainId, genesis.chainId) || !isOfRules) throw evidenceFault('leader');
  const parent = p.parent.at(header.parent);
  if (!parent || parent.header.slot + genesis.params.evidenceWindowSlots < p.slot) throw evidenceFault('parent');
  // Who leads a slot that the parent has passed is not said by the parent's state.
  if (header.slot <= parent.header.slot) throw evidenceFault('leader');
  const { leader } = dutyOfSlot({ genesis, state: parent.state, slot: header.slot, rules });
  if (!equalBytes(leader.sourceKey, header.producer)) throw evidenceFault('leader');
  if (!verify(p.verifier, block.signature, 'block', genesis.chainId, block.id, leader.nodeKey)) {
    throw evidenceFault('signature');
  }
  return parent;
}

/** @throws LedgerError LEDGER_EVIDENCE unless the block is its leader's and invalid */
export function checkInvalidBlock(evidence: InvalidBlock, p: InvalidBlockContext): void {
  const block = parseAccused(evidence.block);
  const parent = parentOfLeaders(block, p);
  if (block.body.evidence.some(record => kindOfRecord(record) === 'invalidBlock')) throw evidenceFault('nested');
  try {
    p.apply(block, parent);
  } catch (error) {
    // Damage of the own store says nothing about the block.
    if (!(error instanceof CodedError) || error.code.startsWith('LEDGER_STORE_')) throw error;
    return;
  }
  throw evidenceFault('valid block');
}
