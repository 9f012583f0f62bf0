/**
 * Eras and finality as lists of steps: blocks with the links that their certificates carry, and what the chain records
 * after each. The shipping rules run; signatures and weights are left out, every link counts as a quorum.
 */
import { nobleVerifier, sha256, toHex, utf8 } from '@radpass/core';
import { judgeCertificate } from '../dist/consensus/certificates.js';
import type { Committee } from '../dist/consensus/committee.js';
import type { Opening } from '../dist/consensus/era.js';
import { genesisFinality } from '../dist/consensus/finality.js';
import { consensus } from '../dist/consensus/index.js';
import { type Params, tinyParams } from '../dist/consensus/params.js';
import type { Standing } from '../dist/standing.js';

/** [source slot, source block, target slot, target block] */
export type LinkStep = readonly [number, string, number, string];
/** Name, parent's name, slot, links; the root of a link's era is the standing one unless a fifth element names a block. */
export type BlockStep = readonly [
  name: string,
  parent: string,
  slot: number,
  links: readonly (readonly [...LinkStep, string?])[],
];

export interface EraCase {
  readonly name: string;
  /** Slots of an epoch and epochs of a period. */
  readonly params: readonly [slotsPerEpoch: number, eraEpochs: number];
  readonly blocks: readonly BlockStep[];
}

/** What the chain records after a block, or what is wrong with it. */
export type Recorded =
  | { refused: string }
  | {
      depth: number;
      root: readonly [number, string];
      justified: readonly [number, string];
      finalized: readonly [number, string];
      opening: readonly [slot: number, height: number] | null;
    };

interface Known {
  readonly name: string;
  readonly parent: Known | null;
  readonly slot: number;
  readonly height: number;
  readonly standing: Standing;
}

const idOf = (name: string): Uint8Array => sha256(utf8(name));
const nothing = new Uint8Array(32);
const seed = { tableId: nothing, nonce: nothing };
const one: Committee = { voters: [{ weight: 1 } as Committee['voters'][number]], total: 1, root: nothing };
const genesis: Known = {
  name: 'g',
  parent: null,
  slot: 0,
  height: 0,
  standing: { record: genesisFinality(idOf('g')), era: { ...seed, opening: null }, committee: one },
};

function ancestorOf(block: Known, id: Uint8Array): Known | undefined {
  for (let at: Known | null = block; at; at = at.parent) if (toHex(idOf(at.name)) === toHex(id)) return at;
  return undefined;
}

/** Run a case: what each block leads to, in the order of the list. */
export function runEraCase({ params: [slotsPerEpoch, eraEpochs], blocks }: EraCase): Recorded[] {
  const params: Params = { ...tinyParams, slotsPerEpoch, eraEpochs };
  const known = new Map<string, Known>([['g', genesis]]);
  const nameOf = (id: Uint8Array): string => [...known.keys()].find(name => toHex(idOf(name)) === toHex(id))!;
  return blocks.map(([name, parentName, slot, links]) => {
    const parent = known.get(parentName)!;
    let standing = parent.standing;
    for (const [sourceSlot, source, targetSlot, target, root] of links) {
      const message = {
        rootId: root === undefined ? standing.record.root.id : idOf(root),
        sourceSlot,
        sourceId: idOf(source),
        targetSlot,
        targetId: idOf(target),
      };
      const verdict = judgeCertificate(
        { message, bitmap: Uint8Array.of(1), signatures: [new Uint8Array(64)] },
        standing,
        {
          chainId: idOf('g'),
          params,
          slot,
          votersOf: () => one,
          ancestor: id => ancestorOf(parent, id),
          verifier: { ...nobleVerifier, verify: () => true },
          rules: consensus,
        },
      );
      if (typeof verdict === 'string') return { refused: verdict };
      standing = verdict;
    }
    const { record, era } = standing;
    const opens = consensus.committee.opensEra({
      slot,
      parentSlot: parent.slot,
      record,
      opening: era.opening,
      params,
    });
    const opening: Opening | null = opens ? { ...seed, slot, height: parent.height + 1 } : era.opening;
    known.set(name, {
      name,
      parent,
      slot,
      height: parent.height + 1,
      standing: { ...standing, era: { ...era, opening } },
    });
    const point = ({ slot: at, id }: { slot: number; id: Uint8Array }) => [at, nameOf(id)] as const;
    return {
      depth: record.depth,
      root: point(record.root),
      justified: point(record.justified),
      finalized: point(record.finalized),
      opening: opening && ([opening.slot, opening.height] as const),
    };
  });
}

/** Slots 1 to `last`, each with a block b1, b2 … that carries the link before it. */
function healthy(last: number): BlockStep[] {
  return Array.from({ length: last }, (_, i): BlockStep => {
    const slot = i + 1;
    const name = (at: number): string => (at === 0 ? 'g' : `b${at}`);
    const links: LinkStep[] = slot < 2 ? [] : [[slot - 2, name(slot - 2), slot - 1, name(slot - 1)]];
    return [name(slot), name(slot - 1), slot, links];
  });
}

/** Periods of four slots throughout. */
const params = [2, 2] as const;

export const eraCases: readonly EraCase[] = [
  {
    name: 'an opening block is final in the next slot, and the block after records its era',
    params,
    blocks: [
      ...healthy(4),
      ['b5', 'b4', 5, [[3, 'b3', 4, 'b4']]],
      ['b6', 'b5', 6, [[4, 'b4', 5, 'b4']]],
      ['b7', 'b6', 7, [[4, 'b4', 6, 'b6']]],
      ['b8', 'b7', 8, [[6, 'b6', 7, 'b7']]],
    ],
  },
  {
    name: 'nothing newer than the root is final: the period passes without an opening',
    params,
    blocks: [
      ['a', 'g', 1, []],
      ['b', 'a', 4, [[0, 'g', 1, 'a']]],
      ['c', 'b', 5, [[1, 'a', 2, 'a']]],
      ['d', 'c', 8, []],
    ],
  },
  {
    name: 'one opening at a time, however many periods pass',
    params,
    blocks: [
      ...healthy(4),
      ['x', 'b4', 9, []],
      ['y', 'x', 13, []],
      [
        'z',
        'y',
        30,
        [
          [3, 'b3', 4, 'b4'],
          [4, 'b4', 5, 'b4'],
        ],
      ],
    ],
  },
  {
    name: 'the block that records the hand-over opens nothing, though a period has passed',
    params,
    blocks: [
      ...healthy(4),
      [
        'x',
        'b4',
        8,
        [
          [3, 'b3', 4, 'b4'],
          [4, 'b4', 5, 'b4'],
        ],
      ],
      [
        'y',
        'x',
        12,
        [
          [4, 'b4', 8, 'x'],
          [8, 'x', 9, 'x'],
        ],
      ],
    ],
  },
  {
    name: 'a target beyond the opening block',
    params,
    blocks: [...healthy(4), ['x', 'b4', 5, []], ['y', 'x', 6, [[3, 'b3', 5, 'x']]]],
  },
  {
    name: 'the opening block final over empty slots, as of a later slot',
    params,
    blocks: [
      ...healthy(4),
      [
        'x',
        'b4',
        9,
        [
          [3, 'b3', 6, 'b4'],
          [6, 'b4', 7, 'b4'],
        ],
      ],
      ['y', 'x', 10, [[4, 'b4', 9, 'x']]],
    ],
  },
  {
    name: 'a certificate of the new era right behind the one that begins it, not before',
    params,
    blocks: [
      ...healthy(4),
      ['x', 'b4', 5, []],
      [
        'y',
        'x',
        6,
        [
          [3, 'b3', 4, 'b4'],
          [4, 'b4', 5, 'b4'],
        ],
      ],
      ['z', 'x', 7, [[4, 'b4', 5, 'x', 'b4']]],
      [
        'w',
        'x',
        8,
        [
          [3, 'b3', 4, 'b4'],
          [4, 'b4', 5, 'b4'],
          [4, 'b4', 6, 'x', 'b4'],
        ],
      ],
    ],
  },
  {
    name: 'a link of the era before, after the hand-over',
    params,
    blocks: [
      ...healthy(4),
      [
        'x',
        'b4',
        6,
        [
          [3, 'b3', 4, 'b4'],
          [4, 'b4', 5, 'b4'],
        ],
      ],
      ['y', 'x', 7, [[5, 'b4', 6, 'b4', 'g']]],
    ],
  },
  {
    name: 'each branch has its own opening block; the final one roots the era',
    params,
    blocks: [
      ...healthy(3),
      ['x', 'b3', 4, [[2, 'b2', 3, 'b3']]],
      ['y', 'b3', 5, [[2, 'b2', 3, 'b3']]],
      [
        'z',
        'y',
        7,
        [
          [3, 'b3', 5, 'y'],
          [5, 'y', 6, 'y'],
        ],
      ],
      ['w', 'x', 8, [[5, 'y', 6, 'y']]],
    ],
  },
];
