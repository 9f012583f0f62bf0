/**
 * From votes to finality. A quorum of votes on one link source -> target justifies the target and attests the source:
 * so many voters saw the source justified that one honest among them did, wherever its own votes are. A link whose
 * target's slot follows its source's slot directly makes the source's block final, and with it the block's ancestors.
 *
 * A checkpoint is (slot, block), the block being older than the slot where the voters found the slot empty. The slots
 * decide whether a link is direct; the block is what becomes final; the slot says until when the voters vouched for it.
 * So (7, b5) -> (8, b8) makes b5 final as of slot 7.
 *
 * Links are of one era (era.ts): checkpoints are ordered by era, then by slot.
 */
import type { Params } from './params.js';
import type { Checkpoint, VoteMessage } from './votes.js';

/** What a chain records, up to and including a block. Heights are of the checkpoints' blocks. */
export interface FinalityRecord {
  /** How many eras came before the standing one. */
  readonly depth: number;
  /** The era's root. */
  readonly root: Checkpoint;
  readonly justified: Checkpoint;
  readonly justifiedHeight: number;
  readonly finalized: Checkpoint;
  readonly finalizedHeight: number;
  /** Whether a link of the standing era made `finalized` final; else it is the root, or what made the root final. */
  readonly finalOfEra: boolean;
}

/** Genesis is all three, and roots era 0. */
export function genesisFinality(chainId: Uint8Array): FinalityRecord {
  const checkpoint = { slot: 0, id: chainId };
  const heights = { justifiedHeight: 0, finalizedHeight: 0 };
  return { depth: 0, root: checkpoint, justified: checkpoint, finalized: checkpoint, ...heights, finalOfEra: false };
}

/** Whether a link to `targetSlot` needs only more than 3/5: finality has stood still for `stallSlots` since the root. */
export function isStalled(targetSlot: number, rootSlot: number, params: Pick<Params, 'stallSlots'>): boolean {
  return targetSlot - rootSlot >= params.stallSlots;
}

/** More than 2/3 of the weight; stalled, more than 3/5. Exact for every safe integer. */
export function isQuorum(weight: number, total: number, stalled: boolean): boolean {
  return stalled ? 5n * BigInt(weight) > 3n * BigInt(total) : 3n * BigInt(weight) > 2n * BigInt(total);
}

/** Whether a link makes its source's block final. */
export function finalizes(link: VoteMessage): boolean {
  return link.targetSlot === link.sourceSlot + 1;
}

/** Whether a quorum on `link` raises what is recorded. */
export function raises(record: FinalityRecord, link: VoteMessage): boolean {
  return link.targetSlot > record.justified.slot || (finalizes(link) && link.sourceSlot > record.finalized.slot);
}

/**
 * The record after a quorum on `link`.
 * @param heights - of the source's and the target's block, both on the chain that records
 */
export function applyLink(
  record: FinalityRecord,
  link: VoteMessage,
  heights: { source: number; target: number },
): FinalityRecord {
  const justifies = link.targetSlot > record.justified.slot;
  const makesFinal = finalizes(link) && link.sourceSlot > record.finalized.slot;
  return {
    ...record,
    ...(justifies && {
      justified: { slot: link.targetSlot, id: link.targetId },
      justifiedHeight: heights.target,
    }),
    ...(makesFinal && {
      finalized: { slot: link.sourceSlot, id: link.sourceId },
      finalizedHeight: heights.source,
      finalOfEra: true,
    }),
  };
}
