/**
 * Fork choice and votes as lists of steps over blocks with names: what arrives, and the head or the vote that follows. The
 * shipping rules run; bodies, states and signatures are left out. Format: test/vectors/README.md.
 */
import { sha256, toHex, utf8 } from '@radpass/core';
import type { Header } from '../dist/block.js';
import { Tree, type TreeNode } from '../dist/blockTree.js';
import { selectHead } from '../dist/consensus/forkChoice.js';
import type { Checkpoint, VoteMessage } from '../dist/consensus/votes.js';
import { LedgerError } from '../dist/errors.js';
import { type Marks, marksForVote, unsigned } from '../dist/signingRules.js';
import { emptyState } from '../dist/stateView.js';
import { chooseVote, type FrozenView } from '../dist/voting.js';

type Point = readonly [slot: number, block: string];

export type VoteStep =
  /** `vrf`: each of the 64 bytes of its output; `justified`: what its chain records; `opens` the next era. */
  | { block: string; parent: string; slot: number; vrf: number; justified?: Point; opens?: true }
  /** A quorum is known that justifies this. */
  | { quorum: Point }
  /** Three quarters of a slot. */
  | { freeze: true }
  /** The opening block is final as of this slot: it roots the era. */
  | { era: Point }
  | { head: null }
  | { vote: number };

/** Of a `head` step the block's name; of a `vote` step what is signed, `none` or the code of the signing record's refusal. */
export type VoteOutcome = string | { source: Point; target: Point };

export interface VoteCase {
  readonly name: string;
  readonly steps: readonly VoteStep[];
}

const idOf = (name: string): Uint8Array => sha256(utf8(name));

class Voter {
  readonly #names = new Map<string, string>([[toHex(idOf('g')), 'g']]);
  readonly #opening = new Set<TreeNode>();
  #root: Checkpoint = { slot: 0, id: idOf('g') };
  #arrivals = 0;
  readonly #tree = new Tree(emptyState, this.#node({ block: 'g', parent: 'g', slot: 0, vrf: 0 }, 0));
  #eraDepth = 0;
  #justified: Checkpoint = this.#root;
  #frozen: FrozenView = { arrivals: 1, rootId: this.#root.id, justified: this.#root };
  #marks: Marks = unsigned;

  take(step: VoteStep): VoteOutcome | null {
    if ('block' in step) this.#add(step);
    else if ('quorum' in step) this.#raise({ slot: step.quorum[0], id: idOf(step.quorum[1]) });
    else if ('era' in step) this.#enter(step.era);
    else if ('freeze' in step)
      this.#frozen = { arrivals: this.#arrivals, rootId: this.#root.id, justified: this.#justified };
    else if ('head' in step) return this.#nameOf(selectHead(this.#tree, this.#justified.id)!.id);
    else return this.#vote(step.vote);
    return null;
  }

  #node(step: Extract<VoteStep, { block: string }>, height: number): TreeNode {
    const [slot, justified] = step.justified ?? [0, 'g'];
    const header = { root: this.#root, justified: { slot, id: idOf(justified) } };
    return {
      ...{ id: idOf(step.block), parent: idOf(step.parent), slot: step.slot, height },
      ...{ vrfOutput: new Uint8Array(64).fill(step.vrf), header: header as Header, changes: new Map() },
      ...{ unsignedHeight: 0, arrival: ++this.#arrivals, transactionIds: [] },
    };
  }

  #add(step: Extract<VoteStep, { block: string }>): void {
    const node = this.#node(step, this.#tree.block(idOf(step.parent))!.height + 1);
    this.#tree.add(node);
    this.#names.set(toHex(node.id), step.block);
    if (step.opens) this.#opening.add(node);
    if (step.justified) this.#raise(node.header!.justified);
  }

  #raise(checkpoint: Checkpoint): void {
    if (checkpoint.slot > this.#justified.slot) this.#justified = checkpoint;
  }

  #enter([slot, name]: Point): void {
    this.#root = { slot, id: idOf(name) };
    this.#justified = this.#root;
    this.#eraDepth++;
    this.#tree.moveBase(this.#root.id);
  }

  #vote(slot: number): VoteOutcome {
    const message = chooseVote({
      ...{ tree: this.#tree, slot, frozen: this.#frozen, root: this.#root },
      openingOn: head => this.#tree.path(head).find(node => this.#opening.has(node)) ?? null,
    });
    if (!message) return 'none';
    try {
      this.#marks = marksForVote(this.#marks, message, this.#eraDepth);
    } catch (error) {
      if (error instanceof LedgerError) return error.code;
      throw error;
    }
    return this.#shown(message);
  }

  #shown({ sourceSlot, sourceId, targetSlot, targetId }: VoteMessage): VoteOutcome {
    return { source: [sourceSlot, this.#nameOf(sourceId)], target: [targetSlot, this.#nameOf(targetId)] };
  }

  #nameOf(id: Uint8Array): string {
    return this.#names.get(toHex(id))!;
  }
}

/** What each `head` and `vote` step of a case gives, in order. */
export function runVoteCase({ steps }: VoteCase): VoteOutcome[] {
  const voter = new Voter();
  return steps.flatMap(step => voter.take(step) ?? []);
}

const block = (
  name: string,
  parent: string,
  slot: number,
  more: { vrf?: number; justified?: Point; opens?: true } = {},
) => ({
  ...{ block: name, parent, slot, vrf: slot },
  ...more,
});
const head = { head: null };
const freeze = { freeze: true } as const;

export const forkChoiceCases: readonly VoteCase[] = [
  {
    name: 'the greatest height, whatever the slots',
    steps: [
      block('a', 'g', 1),
      head,
      block('b', 'a', 2),
      head,
      block('c', 'g', 3),
      head,
      block('d', 'c', 4),
      block('e', 'd', 5),
      head,
    ],
  },
  {
    name: 'of equal height the smaller VRF output',
    steps: [
      block('a', 'g', 1, { vrf: 9 }),
      head,
      block('b', 'g', 1, { vrf: 3 }),
      head,
      block('c', 'g', 2, { vrf: 4 }),
      head,
    ],
  },
  {
    name: 'of equal height and VRF output the smaller id',
    steps: ['c', 'a', 'd', 'b'].flatMap(name => [block(name, 'g', 1, { vrf: 1 }), head]),
  },
  {
    name: 'below the highest justified checkpoint nothing counts, however high',
    steps: [
      ...[block('a', 'g', 1), block('b', 'g', 1, { vrf: 7 }), block('c', 'b', 2), block('d', 'c', 3), head],
      ...[{ quorum: [1, 'a'] as const }, head, block('e', 'a', 4), head, block('f', 'd', 5), head],
    ],
  },
  {
    name: 'a justified checkpoint that a block records counts as well; an older one changes nothing',
    steps: [
      ...[block('a', 'g', 1), block('b', 'a', 2), block('x', 'g', 2), block('y', 'x', 3), block('z', 'y', 4), head],
      ...[block('c', 'b', 5, { justified: [2, 'b'] }), head, { quorum: [1, 'a'] as const }, block('w', 'z', 6), head],
    ],
  },
  {
    name: 'a final block is never left',
    steps: [
      ...[block('a', 'g', 1, { opens: true }), block('b', 'a', 2), block('x', 'g', 1), block('y', 'x', 2)],
      ...[block('z', 'y', 3), head, { era: [1, 'a'] as const }, head],
    ],
  },
];

export const voteCases: readonly VoteCase[] = [
  {
    name: 'a vote a slot, from what was justified to the block of the slot',
    steps: [
      ...[block('a', 'g', 1), { vote: 1 }, { quorum: [1, 'a'] as const }, freeze],
      ...[block('b', 'a', 2), { vote: 2 }, { quorum: [2, 'b'] as const }, freeze, block('c', 'b', 3), { vote: 3 }],
    ],
  },
  {
    name: 'an empty slot is a checkpoint of the block before it',
    steps: [
      ...[block('a', 'g', 1), { vote: 1 }, { quorum: [1, 'a'] as const }, freeze],
      ...[{ vote: 2 }, { quorum: [2, 'a'] as const }, freeze, block('c', 'a', 3), { vote: 3 }],
    ],
  },
  {
    name: 'a block that came after the freeze counts for the slot after next',
    steps: [block('a', 'g', 1), { vote: 1 }, freeze, block('b', 'g', 2, { vrf: 0 }), { vote: 3 }, freeze, { vote: 4 }],
  },
  {
    name: 'a quorum that came after the freeze waits, unless the block of the slot records it',
    steps: [
      ...[block('a', 'g', 1), { vote: 1 }, freeze, { quorum: [1, 'a'] as const }, block('b', 'a', 2), { vote: 2 }],
      ...[freeze, { quorum: [2, 'b'] as const }, block('c', 'b', 3, { justified: [2, 'b'] }), { vote: 3 }],
    ],
  },
  {
    name: 'the block of the slot brings its ancestors into the view',
    steps: [freeze, block('a', 'g', 1), block('b', 'a', 2), { vote: 2 }, block('x', 'g', 1, { vrf: 0 }), { vote: 3 }],
  },
  {
    name: 'a higher branch beside the source gets no vote',
    steps: [
      ...[block('a', 'g', 1), block('x', 'g', 1, { vrf: 0 }), { quorum: [1, 'a'] as const }, freeze],
      ...[block('y', 'x', 2), { vote: 2 }, freeze, block('z', 'y', 3), { vote: 3 }],
    ],
  },
  {
    name: 'targets stop at the opening block until it roots its era',
    steps: [
      ...[block('a', 'g', 1), { vote: 1 }, { quorum: [1, 'a'] as const }, freeze],
      ...[block('o', 'a', 2, { opens: true }), { vote: 2 }, { quorum: [2, 'o'] as const }, freeze],
      ...[block('b', 'o', 3), { vote: 3 }, freeze, block('c', 'b', 4), { vote: 4 }],
      ...[{ era: [2, 'o'] as const }, freeze, block('d', 'c', 5), { vote: 5 }],
    ],
  },
  {
    name: 'a view frozen in the era before gives the root as source',
    steps: [
      ...[block('o', 'g', 1, { opens: true }), { vote: 1 }, { quorum: [1, 'o'] as const }, freeze],
      ...[{ era: [1, 'o'] as const }, block('b', 'o', 2), { vote: 2 }],
    ],
  },
  {
    name: 'a second vote for a slot is refused, the same one is not',
    steps: [block('a', 'g', 1), { vote: 1 }, { vote: 1 }, block('b', 'g', 1, { vrf: 0 }), { vote: 1 }],
  },
  {
    name: 'a source before the last one is refused',
    steps: [
      ...[block('a', 'g', 1), block('b', 'a', 2, { justified: [1, 'a'] }), { vote: 2 }],
      ...[block('c', 'b', 3), { vote: 4 }, freeze, { vote: 5 }],
    ],
  },
  {
    name: 'no vote for a slot that is not after the source',
    steps: [block('a', 'g', 1), { quorum: [3, 'a'] }, freeze, { vote: 3 }, { vote: 4 }],
  },
];
