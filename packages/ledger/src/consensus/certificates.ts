/**
 * Which vote sets may stand in a block. Each is of one era and judged by its voters: a certificate by those of the root
 * that the chain records when its turn comes, so that the one that makes an opening block final may be followed by one
 * of the era that begins with it; a loose set by those before or after the block's certificates.
 *
 * A certificate (a quorum on one link) may enter at any age, if it raises what the chain records: justified, or
 * finalized. Source and target stand on the block's own chain, the target descends from the source, and neither goes
 * back behind what is recorded: by the voting rule no honest quorum can, for a voter's source and target never
 * decrease and its target is a head. No target lies beyond a block that opens the next era. The source needs no record of
 * being justified: the quorum attests it.
 *
 * A loose set is below a quorum or raises nothing; it stands for credit alone, so it may name blocks of other branches,
 * and stands only within voteWindowSlots of its target.
 */
import { equalBytes, type Verifier, verify } from '@radpass/core';
import type { VoteSetFault } from '../errors.js';
import { afterLink, type Standing } from '../standing.js';
import type { Committee } from './committee.js';
import type { EraSeed } from './era.js';
import type { Consensus } from './index.js';
import type { Params } from './params.js';
import { encodeVoteMessage, type VoteSet, votersOf } from './votes.js';

/** The block that holds the sets. */
export interface VoteContext {
  readonly chainId: Uint8Array;
  readonly params: Params;
  /** Voters by what they are computed from. */
  readonly votersOf: (seed: EraSeed) => Committee;
  /** Slot of the block. */
  readonly slot: number;
  /** Looks up the block's ancestors; see ParentView. */
  readonly ancestor: (id: Uint8Array) => { readonly slot: number; readonly height: number } | undefined;
  /** null: signatures were checked before. */
  readonly verifier: Verifier | null;
  /** The signatures are missing: all else is judged. */
  readonly pruned?: boolean | undefined;
  readonly rules: Consensus;
}

/** Bitmap, count and signatures. */
function faultOfSignatures(
  set: VoteSet,
  committee: Committee,
  { chainId, verifier, pruned }: Pick<VoteContext, 'chainId' | 'verifier' | 'pruned'>,
): VoteSetFault | null {
  const voters = votersOf(set.bitmap);
  const size = committee.voters.length;
  const inside = voters.length > 0 && voters.every(voter => voter < size);
  if (set.bitmap.length !== Math.ceil(size / 8) || !inside) return 'bitmap';
  if (pruned) return null;
  if (set.signatures.length !== voters.length) return 'count';
  if (!verifier) return null;
  const message = encodeVoteMessage(set.message);
  const holds = voters.every((voter, i) =>
    verify(verifier, set.signatures[i]!, 'vote', chainId, message, committee.voters[voter]!.nodeKey),
  );
  return holds ? null : 'signature';
}

/**
 * Judge a certificate against where the chain stands before it.
 * @returns where it stands after it, or what is wrong
 */
export function judgeCertificate(set: VoteSet, before: Standing, context: VoteContext): Standing | VoteSetFault {
  const { message: link } = set;
  const { record, committee, era } = before;
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
  if (era.opening && target.height > era.opening.height) return 'beyond the opening';
  const weight = votersOf(set.bitmap).reduce((sum, voter) => sum + (committee.voters[voter]?.weight ?? 0), 0);
  const stalled = finality.isStalled(link.targetSlot, record.root.slot, context.params);
  const form = faultOfSignatures(set, committee, { ...context, verifier: null });
  if (form) return form;
  if (!finality.isQuorum(weight, committee.total, stalled)) return 'quorum';
  const fault = faultOfSignatures(set, committee, context);
  if (fault) return fault;
  const heights = { source: source.height, target: target.height };
  return afterLink(before, finality.applyLink(record, link, heights), context.votersOf);
}

/**
 * What is wrong with a loose vote set, if anything.
 * @param standings - before and after the block's certificates
 */
export function faultOfVoteSet(
  set: VoteSet,
  standings: readonly Standing[],
  context: VoteContext,
): VoteSetFault | null {
  const { rootId, sourceSlot, targetSlot } = set.message;
  const standing = standings.find(({ record }) => equalBytes(rootId, record.root.id));
  if (!standing) return 'root';
  const inWindow = targetSlot < context.slot && targetSlot + context.params.voteWindowSlots >= context.slot;
  if (sourceSlot >= targetSlot || !inWindow) return 'slots';
  return faultOfSignatures(set, standing.committee, context);
}
