/**
 * The rules whose safety is searched, and broken ones that a search must find: each leaves out one reason why conflicting
 * blocks can't become final.
 */

/** Who votes: `honest` and `liars` are how many there are in all, a committee seats some of each. */
export interface Electorate {
  readonly honest: number;
  readonly liars: number;
  readonly honestSeats: number;
  readonly lyingSeats: number;
}

export interface Variant {
  readonly says: string;
  readonly electorate: Electorate;
  /** A quorum is more than 3/5 from the first slot on. */
  readonly stalled?: boolean;
  /** Voters by the target's slot, drawn anew each period, instead of by the era's root. */
  readonly committeeByTarget?: boolean;
  /** Targets go beyond the block that opens the next era. */
  readonly unclamped?: boolean;
  /** A justified checkpoint of an ended era counts when its slot is higher. */
  readonly bySlotAlone?: boolean;
  /** The last block of a period hands over, instead of the first of the next one. */
  readonly lastBlockHandsOver?: boolean;
}

/** One of four lies: less than a third. Committees of different eras share some voters or none. */
const quarterLies: Electorate = { honest: 5, liars: 2, honestSeats: 3, lyingSeats: 1 };

export const variants = {
  shipped: { says: 'the rules as they ship, 1/4 of each committee lies', electorate: quarterLies },
  'committee-by-target': {
    says: 'voters are drawn by the slot of the target',
    electorate: quarterLies,
    committeeByTarget: true,
  },
  unclamped: { says: 'votes go beyond the opening block', electorate: quarterLies, unclamped: true },
  'slot-alone': { says: 'checkpoints are ordered by slot alone', electorate: quarterLies, bySlotAlone: true },
  'last-block': {
    says: 'the last block of a period hands over',
    electorate: quarterLies,
    lastBlockHandsOver: true,
  },
  'half-lies': {
    says: 'half of each committee lies',
    electorate: { honest: 4, liars: 3, honestSeats: 2, lyingSeats: 2 },
  },
  'three-fifths': {
    says: 'a quorum of more than 3/5 with a third that lies',
    electorate: { honest: 4, liars: 2, honestSeats: 2, lyingSeats: 1 },
    stalled: true,
  },
} as const satisfies Record<string, Variant>;

export type VariantName = keyof typeof variants;
