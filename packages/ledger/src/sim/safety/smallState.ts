/**
 * A state of the small world (smallWorld.ts), without what can't matter any more, and its name: the same for states that
 * differ in the order of blocks or voters alone.
 */

export interface SmallBlock {
  /** In the order of making; it only names the block in a trace. */
  readonly number: number;
  /** Index of the nearest block below that is kept; -1 for the lowest. */
  readonly parent: number;
  readonly slot: number;
  /** Whether it opens the second era. */
  readonly opens: boolean;
}

export interface SmallState {
  /** Number of the era that votes. */
  readonly depth: number;
  /** How many blocks were made. */
  readonly made: number;
  readonly blocks: readonly SmallBlock[];
  /** The block that roots the second era; genesis, the first of the blocks, roots the first. */
  readonly root?: number;
  /** Certified checkpoints that a vote can start from. */
  readonly points: readonly { readonly slot: number; readonly block: number }[];
  /** Links that made a block final and that a block can carry to open the second era; they end a slot after `slot`. */
  readonly finals: readonly { readonly slot: number; readonly source: number; readonly target: number }[];
  /** The highest final block: all others stand below it, or there was a conflict. */
  readonly final: number;
  /** Source slots that honest voters won't go behind. */
  readonly marks: readonly number[];
  /** Who has voted in the slot that is on. */
  readonly voted: readonly number[];
}

function isOn(blocks: readonly SmallBlock[], head: number, wanted: number): boolean {
  for (let at = head; at >= 0; at = blocks[at]!.parent) if (at === wanted) return true;
  return false;
}

/**
 * Leave out: checkpoints that too few voters may start from; links that make final where an earlier one does lower on the
 * chain; blocks that are none of these and don't open an era below one, for such a one can be made again where it stood.
 * @param isUsed - whether a quorum may still start from a certified checkpoint
 */
export function tidy(
  state: SmallState,
  isUsed: (point: { readonly slot: number; readonly block: number }) => boolean,
): SmallState {
  const { blocks } = state;
  const points = state.points.filter(isUsed);
  const finals = state.finals.filter(
    (link, i) =>
      !state.finals.some((other, j) => {
        const isSame = other.slot === link.slot && other.target === link.target;
        return (isSame ? j < i : other.slot <= link.slot) && isOn(blocks, link.target, other.target);
      }),
  );
  const { root = 0 } = state;
  const used = new Set([0, root, state.final, ...points.map(({ block }) => block)]);
  for (const { source, target } of finals) used.add(source).add(target);
  for (const index of [...used]) {
    for (let at = index; at >= 0; at = blocks[at]!.parent) if (blocks[at]!.opens) used.add(at);
  }
  const kept = [...used].sort((a, b) => a - b);
  const place = new Map(kept.map((index, i) => [index, i]));
  const at = (index: number): number => place.get(index)!;
  const parentOf = (index: number): number => {
    let parent = blocks[index]!.parent;
    while (parent >= 0 && !used.has(parent)) parent = blocks[parent]!.parent;
    return parent < 0 ? -1 : at(parent);
  };
  return {
    ...state,
    blocks: kept.map(index => ({ ...blocks[index]!, parent: parentOf(index) })),
    ...(state.root !== undefined && { root: at(root) }),
    points: points.map(point => ({ ...point, block: at(point.block) })),
    finals: finals.map(({ slot, source, target }) => ({ slot, source: at(source), target: at(target) })),
    final: at(state.final),
  };
}

/** Equal for equal states, whatever the order in which their blocks were made. */
export function keyOf(state: SmallState): string {
  const { blocks, points, finals, final, root = 0 } = state;
  const nameOf = (index: number): string => {
    const { slot, opens } = blocks[index]!;
    const roles = [
      ...(opens ? ['o'] : []),
      ...(index === final ? ['f'] : []),
      ...(index === root ? ['r'] : []),
      ...points.flatMap(point => (point.block === index ? [`p${point.slot}`] : [])),
      ...finals.flatMap(link => (link.source === index ? [`s${link.slot}`] : [])),
      ...finals.flatMap(link => (link.target === index ? [`t${link.slot}`] : [])),
    ].sort();
    const children = [...blocks.keys()].filter(i => blocks[i]!.parent === index).map(nameOf);
    return `(${slot}${roles.join('')}${children.sort().join('')})`;
  };
  return `${state.depth}${nameOf(0)}${state.marks.join()}`;
}
