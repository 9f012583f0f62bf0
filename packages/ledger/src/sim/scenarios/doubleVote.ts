import { toHex } from '@radpass/core';
import { parseKeptBlock } from '../../block.js';
import { kindOfRecord, parseEvidence } from '../../consensus/evidence.js';
import { Twin } from '../adversaries/twin.js';
import { eachSlot, finish, makeWorld, type Scenario } from '../scenario.js';
import type { SimNode } from '../simNode.js';
import type { World } from '../world.js';

/** Keys that share the adversary's weight, each on two nodes. */
const keys = 4;
/** After the cut: long enough for both sides to hear what the keys signed, and to write it down. */
const slotsHealed = 8;

/** Adversaries vote on both sides of a cut. */
export const doubleVote: Scenario = {
  name: 'double-vote',
  summary:
    'keys vote on both sides of a partition: with 34 % both sides become final, the conflict is seen, and after healing the evidence in blocks of either side names at least 1/3 of the weight; below 1/3 there is no conflict',
  defaults: { nodes: 10, offline: 0, share: 34, slots: 20, latencyMs: 200, slotMs: 4_000 },
  seeds: [1, 25],
  merge: { guiltyPercent: 'mean' },
  async play(options, context) {
    const { nodes } = options;
    const honest = Math.floor((10_000 - 100 * options.share) / nodes);
    const guilty = 10_000 - honest * nodes;
    const weightOf = (key: number): number => Math.floor(guilty / keys) + (key < guilty % keys ? 1 : 0);
    // Founders: first the keys, then the honest; nodes: the same, then the second node of each key.
    const sideOf = (node: number): number => (node < keys ? 0 : node >= keys + nodes ? 1 : node % 2);
    const members = Array.from({ length: keys + nodes }, (_, i) =>
      i < keys ? { weight: weightOf(i), adversary: new Twin(peer => sideOf(peer) === 0) } : { weight: honest },
    );
    const world = makeWorld(this.name, options, context, { members });
    for (let key = 0; key < keys; key++) world.addTwin(key, new Twin(peer => sideOf(peer) === 1));
    const sides = [0, 1].map(side => world.nodes.filter(node => sideOf(node.index) === side));
    world.network.partition(...sides.map(side => side.map(node => node.index)));
    world.startAll();
    await eachSlot(world, options.slots, context, () => undefined);
    const isConflict = ({ rule }: { rule: string }): boolean => conflictRules.includes(rule);
    const conflicts = world.invariants.violations.filter(({ rule }) => rule === conflictRules[0]).length;
    world.network.heal();
    await world.runSlots(slotsHealed);
    const percents = sides.map(
      side =>
        accusedWeight(
          world,
          side.filter(node => node.isHonest),
        ) / 100,
    );
    const { violations } = world.invariants;
    const isExpected = 3 * guilty > 10_000;
    const outcome = await finish(world, context, {
      acknowledged: false,
      numbers: { conflicts, guiltyPercent: Math.min(...percents), doubleVotes: world.offences.doubleVotes },
    });
    return { ...outcome, violations: isExpected ? violations.filter(violation => !isConflict(violation)) : violations };
  },
  missed({ numbers }, { share }) {
    const { conflicts = 0, guiltyPercent = 0 } = numbers;
    if (share < 34) return [];
    return [
      ...(conflicts === 0 ? ['no conflict was seen'] : []),
      ...(guiltyPercent * 3 < 100 ? [`the evidence names ${guiltyPercent} % as guilty, less than 1/3`] : []),
    ];
  },
};

/** What a conflict of final blocks looks like from outside, the conflict itself first. */
const conflictRules = ['conflicting final blocks', 'head off the final chain', 'final chain broken'];

/** Weight of the founders that records of double votes in the blocks of these nodes name; each record was judged there. */
function accusedWeight(world: World, nodes: readonly SimNode[]): number {
  const accused = new Set<string>();
  for (const bytes of nodes.flatMap(node => node.p.disk.peekAll('B'))) {
    for (const record of parseKeptBlock(bytes).body.evidence) {
      if (kindOfRecord(record) !== 'doubleVote') continue;
      const evidence = parseEvidence(record);
      if (evidence.kind === 'doubleVote') accused.add(toHex(evidence.nodeKey));
    }
  }
  return world.genesis.founders
    .filter(({ nodeKey }) => accused.has(toHex(nodeKey)))
    .reduce((sum, { weight }) => sum + weight, 0);
}
