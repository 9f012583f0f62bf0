/**
 * Which vote sets may stand in a block.
 *
 * A certificate (a quorum on one link) may enter at any age, if it raises what the chain records: justified, or
 * finalized. Source and target stand on the block's own chain, the target descends from the source, and neither goes
 * back behind what is recorded: by the voting rule no honest quorum can, for a voter's source and target never
 * decrease and its target is a head. The source needs no record of being justified: the quorum attests it.
 *
 * A loose set is below a quorum or raises nothing; it stands for credit alone, so it may name blocks of other branches,
 * and stands only within voteWindowSlots of its target.
 */
import { equalBytes, type Verifier, verify } from '@radpass/core';
import type { VoteSetFault } from '../errors.js';
import type { Committee } from './committee.js';
import type { FinalityRecord } from './finality.js';
import type { Consensus } from './index.js';
import type { Params } from './params.js';
import { encodeVoteMessage, type VoteSet, votersOf } from './votes.js';

/** The block that holds the sets, and the era's voters. */
export interface VoteContext {
  readonly chainId: Uint8Array;
  readonly params: Params;
  readonly committee: Committee;
  /** Slot of the block. */
  readonly slot: number;
  /** Looks up the block's ancestors; see ParentView. */
  readonly ancestor: (id: Uint8Array) => { readonly slot: number; readonly height: number } | undefined;
  /** null: signatures were checked before. */
  readonly verifier: Verifier | null;
  readonly rules: Consensus;
}

/** Bitmap, count and signatures. */
function faultOfSignatures(set: VoteSet, voters: readonly number[], context: VoteContext): VoteSetFault | null {
  const { committee, chainId, verifier } = context;
  const size = committee.voters.length;
  const inside = voters.length > 0 && voters.every(voter => voter < size);
  if (set.bitmap.length !== Math.ceil(size / 8) || !inside) return 'bitmap';
  if (set.signatures.length !== voters.length) return 'count';
  if (!verifier) return null;
  const message = encodeVoteMessage(set.message);
  const holds = voters.every((voter, i) =>
    verify(verifier, set.signatures[i]!, 'vote', chainId, message, committee.voters[voter]!.nodeKey),
  );
  return holds ? null : 'signature';
}

/**
 * Judge a certificate against what the chain records before it.
 * @returns the record after it, or what is wrong
 */
export function judgeCertificate(
  set: VoteSet,
  record: FinalityRecord,
  context: VoteContext,
): FinalityRecord | VoteSetFault {
  const { message: link } = set;
  const { finality } = context.rules;
  if (!equalBytes(link.rootId, record.root.id)) return 'root';
  if (link.sourceSlot >= link.targetSlot || link.targetSlot >= context.slot) return 'slots';
  if (!finality.raises(record, link)) return 'nothing new';
  const source = context.ancestor(link.sourceId);
  const target = context.ancestor(link.targetId);
  if (!source || !target || source.height < record.finalizedHeight) return 'unknown block';
  if (source.slot > link.sourceSlot || target.slot > link.targetSlot) return 'slots';
  const backwards = link.targetSlot > record.justified.slot && target.height < record.justifiedHeight;
  if (target.height < source.height || backwards) return 'descent';
  const voters = votersOf(set.bitmap);
  const weight = voters.reduce((sum, voter) => sum + (context.committee.voters[voter]?.weight ?? 0), 0);
  const stalled = finality.isStalled(link.targetSlot, record.root.slot, context.params);
  const fault = faultOfSignatures(set, voters, { ...context, verifier: null });
  if (fault) return fault;
  if (!finality.isQuorum(weight, context.committee.total, stalled)) return 'quorum';
  return (
    faultOfSignatures(set, voters, context) ??
    finality.applyLink(record, link, { source: source.height, target: target.height })
  );
}

/** What is wrong with a loose vote set, if anything. */
export function faultOfVoteSet(set: VoteSet, record: FinalityRecord, context: VoteContext): VoteSetFault | null {
  const { rootId, sourceSlot, targetSlot } = set.message;
  if (!equalBytes(rootId, record.root.id)) return 'root';
  const inWindow = targetSlot < context.slot && targetSlot + context.params.voteWindowSlots >= context.slot;
  if (sourceSlot >= targetSlot || !inWindow) return 'slots';
  return faultOfSignatures(set, votersOf(set.bitmap), context);
}
