/** Scenarios in which a part of the stake attacks and the honest rest must come through. */

import { Censor } from '../adversaries/censor.js';
import { ExAnte } from '../adversaries/exAnte.js';
import { Late } from '../adversaries/late.js';
import { Silent } from '../adversaries/silent.js';
import { Twin } from '../adversaries/twin.js';
import { VoteSplitter } from '../adversaries/voteSplitter.js';
import type { Adversary } from '../adversary.js';
import { Random } from '../random.js';
import { eachSlot, finish, makeWorld, type Options, publishing, type RunContext, type Scenario } from '../scenario.js';
import type { Member, World } from '../world.js';

const attackers = (options: Options): number => Math.floor((options.nodes * options.share) / 100);
const isEven = (peer: number): boolean => peer % 2 === 0;

/** Equal members, the first of them attackers. */
function membersWith(options: Options, attack: (index: number) => Adversary): Member[] {
  const count = attackers(options);
  return Array.from({ length: options.nodes }, (_, i) => ({ weight: 30, ...(i < count && { adversary: attack(i) }) }));
}

/** Blocks of honest sources that some honest node had as its head, older than the final block, and not in the final chain. */
function lostBlocks(world: World): number {
  const { blocks, final } = world.invariants;
  const kept = new Set(final);
  const newest = blocks.get(final.at(-1) ?? '')?.height ?? 0;
  const honest = new Set(world.honest.map(node => node.index));
  return [...blocks.values()].filter(
    block =>
      block.height > 0 && block.height <= newest && !kept.has(block.id) && honest.has(world.memberOf(block.producer)),
  ).length;
}

async function attacked(world: World, options: Options, context: RunContext) {
  const publish = publishing(world, 3);
  world.startAll();
  await eachSlot(world, options.slots, context, publish);
  await world.runSlots(12);
  const { doubleBlocks, doubleVotes } = world.offences;
  return finish(world, context, {
    acknowledged: true,
    numbers: { honestBlocksLost: lostBlocks(world), doubleBlocks, doubleVotes },
  });
}

/** Every kind at once: twins, ex-ante, vote splitters, late and silent ones. */
export const adversary: Scenario = {
  name: 'adversary',
  summary:
    'twins, ex-ante, vote splitters, late and silent nodes with 32 %: 0 violations, p95 at most 40 s, no honest block lost',
  defaults: { nodes: 25, offline: 0, share: 32, slots: 60, latencyMs: 200, slotMs: 4_000 },
  seeds: [1, 25],
  play(options, context) {
    const kinds = [
      () => new Twin(isEven),
      () => new ExAnte(),
      () => new VoteSplitter(),
      () => new Late(options.slotMs / 2),
      () => new Silent(),
    ];
    const members = membersWith(options, i => kinds[i % kinds.length]!());
    const world = makeWorld(this.name, options, context, { members });
    members.forEach((member, i) => {
      if (member.adversary instanceof Twin) world.addTwin(i, new Twin(peer => !isEven(peer)));
    });
    return attacked(world, options, context);
  },
  missed: ({ finalityMs, numbers }, { slotMs }) => [
    ...(finalityMs.samples === 0 || finalityMs.p95 > 10 * slotMs
      ? [`p95 of finality is ${finalityMs.p95} ms, the goal ${10 * slotMs}`]
      : []),
    ...((numbers.honestBlocksLost ?? 0) > 0
      ? [`${numbers.honestBlocksLost} honest blocks lost, the goal is none`]
      : []),
  ],
};

/** All attackers hold back their blocks and votes for a slot, and show each block to one honest voter before it freezes its view. */
export const exAnte: Scenario = {
  name: 'ex-ante',
  summary:
    'attackers with 30 % hold back blocks and votes for a slot, but show each block to one honest voter in time: nothing conflicting is final, and no honest block is lost',
  defaults: { nodes: 20, offline: 0, share: 30, slots: 60, latencyMs: 200, slotMs: 4_000 },
  seeds: [1, 25],
  async play(options, context) {
    const random = new Random(`confidants ${context.seed}`);
    const confidant = (): number => random.between(attackers(options), options.nodes - 1);
    let withheld = 0;
    const members = membersWith(options, () => {
      return new ExAnte(() => {
        withheld++;
        return confidant();
      });
    });
    const outcome = await attacked(makeWorld(this.name, options, context, { members }), options, context);
    return { ...outcome, numbers: { ...outcome.numbers, withheld } };
  },
  missed: ({ finalityMs, numbers }, { slotMs }) => {
    const { honestBlocksLost = 0, withheld = 0 } = numbers;
    return [
      ...(finalityMs.p95 > 10 * slotMs ? [`p95 of finality is ${finalityMs.p95} ms, the goal ${10 * slotMs}`] : []),
      ...(withheld === 0 ? ['no block was withheld: nothing was tried'] : []),
      ...(honestBlocksLost > 0 ? [`${honestBlocksLost} honest blocks lost for ${withheld} withheld`] : []),
    ];
  },
};

/** One key on two nodes, each with half of the peers. */
export const equivocator: Scenario = {
  name: 'equivocator',
  summary:
    'twins with 20 % sign two blocks a slot and two votes, one for each half of the peers: nothing conflicting becomes final',
  defaults: { nodes: 10, offline: 0, share: 20, slots: 60, latencyMs: 200, slotMs: 4_000 },
  seeds: [1, 25],
  play(options, context) {
    const members = membersWith(options, () => new Twin(isEven));
    const world = makeWorld(this.name, options, context, { members });
    for (let i = 0; i < attackers(options); i++) world.addTwin(i, new Twin(peer => !isEven(peer)));
    return attacked(world, options, context);
  },
  missed: ({ finalityMs, numbers }) => [
    ...(finalityMs.samples === 0 ? ['nothing became final'] : []),
    ...((numbers.doubleBlocks ?? 0) === 0 ? ['no double block was made: nothing was tried'] : []),
  ],
};

/** Leaders that keep revocations out of their blocks. */
export const censor: Scenario = {
  name: 'censor',
  summary: 'leaders with 32 % keep revocations out of their blocks: each is final within 10 slots',
  defaults: { nodes: 25, offline: 0, share: 32, slots: 60, latencyMs: 200, slotMs: 4_000 },
  seeds: [1, 25],
  merge: { slowestRevocationMs: 'max' },
  async play(options, context) {
    const members = membersWith(options, () => new Censor());
    const world = makeWorld(this.name, options, context, { members });
    const random = world.random.fork('revocations');
    const { traffic, honest } = world;
    const waiting = new Map<string, { sentMs: number; bytes: Uint8Array }>();
    let slowest = 0;
    const revoke = (study: number): void => {
      const source = study % 4;
      const node = random.pick(honest);
      const bytes = traffic.revoke(source, study, 'doctor', traffic.seq(world.schedule.now) + 1);
      world.submit(node, bytes);
      waiting.set(`${study}`, { sentMs: world.schedule.now, bytes });
    };
    world.startAll();
    await eachSlot(world, options.slots, context, slot => {
      const now = world.schedule.now;
      // A study, three slots later a grant, three slots later its revocation, which is then waited for.
      if (slot % 3 === 0) world.submit(honest[0]!, traffic.study((slot / 3) % 4, slot / 3, now));
      if (slot % 3 === 1 && slot >= 7) {
        const study = (slot - 7) / 3;
        world.submit(honest[0]!, traffic.allow(study % 4, study, 'doctor', traffic.seq(now)));
      }
      if (slot % 3 === 2 && slot >= 14) revoke((slot - 14) / 3);
    });
    const revoked = world.traffic.idsOf([...waiting.values()].map(({ bytes }) => bytes));
    await world.runSlots(12);
    let isFinal = 0;
    for (const [i, { sentMs }] of [...waiting.values()].entries()) {
      const entry = await honest[1]!.chain?.transaction(revoked[i]!);
      if (entry?.grade !== 'final') continue;
      isFinal++;
      // The block after it made it final; its slot says when, as far as the chain knows.
      slowest = Math.max(slowest, (entry.slot! + 1) * world.slotMs - sentMs);
    }
    const censored = world.nodes.reduce(
      (sum, { p }) => sum + (p.adversary instanceof Censor ? p.adversary.censored : 0),
      0,
    );
    return finish(world, context, {
      acknowledged: true,
      numbers: { revocations: waiting.size, finalRevocations: isFinal, slowestRevocationMs: slowest, censored },
    });
  },
  missed: ({ numbers }, { slotMs }) => [
    ...(numbers.finalRevocations === numbers.revocations && (numbers.revocations ?? 0) > 0
      ? []
      : [`${numbers.finalRevocations} of ${numbers.revocations} revocations are final`]),
    ...((numbers.slowestRevocationMs ?? 0) > 10 * slotMs
      ? [`a revocation took ${numbers.slowestRevocationMs} ms`]
      : []),
    ...((numbers.censored ?? 0) === 0 ? ['nothing was censored: nothing was tried'] : []),
  ],
};
