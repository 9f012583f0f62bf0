import { eachSlot, equalMembers, finish, makeWorld, publishing, type Scenario } from '../scenario.js';

const slotsBefore = 8;
/** How long one head is waited for. */
const slotsAfter = 12;

/** The network falls into two halves for a while. */
export const partition: Scenario = {
  name: 'partition',
  summary: 'two halves for 60 slots: nothing final reverted, one head at most 3 slots after healing',
  defaults: { nodes: 20, offline: 0, share: 0, slots: 60, latencyMs: 200, slotMs: 4_000 },
  seeds: [1, 25],
  merge: { slotsToOneHead: 'max' },
  async play(options, context) {
    const world = makeWorld(this.name, options, context, { members: equalMembers(options.nodes) });
    const publish = publishing(world, 3);
    const order = world.random.fork('halves').shuffled(world.nodes.map(node => node.index));
    const half = Math.floor(order.length / 2);
    world.startAll();
    await eachSlot(world, slotsBefore, context, publish);
    const finalBefore = world.invariants.finalHeight;
    world.network.partition(order.slice(0, half), order.slice(half));
    await eachSlot(world, options.slots, context, publish);
    if (world.invariants.finalHeight > finalBefore + 1) {
      world.invariants.violated(-1, 'final in half a network', `height ${world.invariants.finalHeight}`);
    }
    const healedMs = world.schedule.now;
    world.network.heal();
    let oneHeadMs: number | null = null;
    for (let quarter = 0; quarter < 4 * slotsAfter; quarter++) {
      await world.runMs(world.slotMs / 4);
      if (world.hasOneHead(world.nodes)) oneHeadMs ??= world.schedule.now;
    }
    return finish(world, context, {
      acknowledged: true,
      numbers: { slotsToOneHead: ((oneHeadMs ?? Number.POSITIVE_INFINITY) - healedMs) / world.slotMs },
    });
  },
  missed({ numbers }) {
    const slots = numbers.slotsToOneHead ?? 0;
    return slots > 3 ? [`one head ${slots} slots after healing, the goal is 3`] : [];
  },
};
