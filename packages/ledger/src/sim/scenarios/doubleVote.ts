import { toHex } from '@radpass/core';
import { parseKeptBlock } from '../../block.js';
import { encodeVoteMessage, votersOf } from '../../consensus/votes.js';
import { Twin } from '../adversaries/twin.js';
import { eachSlot, finish, makeWorld, type Scenario } from '../scenario.js';
import type { SimNode } from '../simNode.js';
import type { World } from '../world.js';

/** Adversaries vote on both sides of a cut. */
export const doubleVote: Scenario = {
  name: 'double-vote',
  summary:
    'one key votes on both sides of a partition: with 34 % both sides become final, the conflict is seen, and votes name at least 1/3 of the weight as guilty; below 1/3 there is none',
  defaults: { nodes: 10, offline: 0, share: 34, slots: 20, latencyMs: 200, slotMs: 4_000 },
  seeds: [1, 25],
  merge: { guiltyPercent: 'mean' },
  async play(options, context) {
    const honest = Math.floor((1_000 - 10 * options.share) / options.nodes);
    const twinWeight = 1_000 - honest * options.nodes;
    const sideOf = (node: number): number => (node === 0 ? 0 : node > options.nodes ? 1 : node % 2);
    const members = Array.from({ length: options.nodes + 1 }, (_, i) =>
      i === 0 ? { weight: twinWeight, adversary: new Twin(peer => sideOf(peer) === 0) } : { weight: honest },
    );
    const world = makeWorld(this.name, options, context, { members });
    world.addTwin(0, new Twin(peer => sideOf(peer) === 1));
    const indices = world.nodes.map(node => node.index);
    world.network.partition(
      indices.filter(index => sideOf(index) === 0),
      indices.filter(index => sideOf(index) === 1),
    );
    world.startAll();
    await eachSlot(world, options.slots, context, () => undefined);
    const guilty = guiltyWeight(world);
    const isConflict = ({ rule }: { rule: string }): boolean => conflictRules.includes(rule);
    const { violations } = world.invariants;
    const isExpected = 3 * twinWeight > 1_000;
    const conflicts = violations.filter(({ rule }) => rule === conflictRules[0]).length;
    const outcome = await finish(world, context, {
      acknowledged: false,
      numbers: { conflicts, guiltyPercent: guilty / 10, doubleVotes: world.offences.doubleVotes },
    });
    return { ...outcome, violations: isExpected ? violations.filter(violation => !isConflict(violation)) : violations };
  },
  missed({ numbers }, { share }) {
    const { conflicts = 0, guiltyPercent = 0 } = numbers;
    if (share < 34) return [];
    return [
      ...(conflicts === 0 ? ['no conflict was seen'] : []),
      ...(guiltyPercent * 3 < 100 ? [`the votes name ${guiltyPercent} % as guilty, less than 1/3`] : []),
    ];
  },
};

/** What a conflict of final blocks looks like from outside, the conflict itself first. */
const conflictRules = ['conflicting final blocks', 'head off the final chain', 'final chain broken'];

/** Weight of the voters that blocks of both sides show with two votes for one target slot. */
function guiltyWeight(world: World): number {
  const { founders } = world.genesis;
  const voters = [...founders].sort((a, b) => (toHex(a.sourceKey) < toHex(b.sourceKey) ? -1 : 1));
  const votes = new Map<string, Set<string>>();
  const guilty = new Set<number>();
  for (const bytes of [...blocksOf(world.nodes[1]!), ...blocksOf(world.nodes[2]!)]) {
    const { body } = parseKeptBlock(bytes);
    for (const { message, bitmap } of [...body.certificates, ...body.voteSets]) {
      for (const voter of votersOf(bitmap)) {
        const name = `${voter} ${message.targetSlot}`;
        const messages = (votes.get(name) ?? new Set()).add(toHex(encodeVoteMessage(message)));
        votes.set(name, messages);
        if (messages.size > 1) guilty.add(voter);
      }
    }
  }
  return [...guilty].reduce((sum, voter) => sum + (voters[voter]?.weight ?? 0), 0);
}

const blocksOf = (node: SimNode): Uint8Array[] => node.p.disk.peekAll('B');
