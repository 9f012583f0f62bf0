import { eachSlot, equalMembers, finish, makeWorld, publishing, type Scenario } from '../scenario.js';

/** Processes die at any moment, with disks that tear, and come back. */
export const crash: Scenario = {
  name: 'crash',
  summary: 'processes die at any moment with torn writes and come back: nothing acknowledged is lost',
  defaults: { nodes: 7, offline: 0, share: 0, slots: 60, latencyMs: 200, slotMs: 4_000 },
  seeds: [1, 25],
  async play(options, context) {
    const world = makeWorld(this.name, options, context, { members: equalMembers(options.nodes), diskMs: 20 });
    const random = world.random.fork('crashes');
    const publish = publishing(world, 1);
    world.startAll();
    await eachSlot(world, options.slots, context, slot => {
      publish(slot);
      for (const node of world.nodes) {
        if (!node.isOn || !random.chance(150_000)) continue;
        // A commit is under way within some milliseconds of a block's arrival: the next slot begins in 2/3 of one.
        const atBlock = Math.ceil((2 * options.slotMs) / 3) + random.below(500);
        const inMs = random.chance(500_000) ? atBlock : random.below(options.slotMs);
        world.at(inMs, () => {
          if (!node.isOn) return;
          world.kill(node);
          world.count('crashes');
          world.at(random.between(200, 3 * options.slotMs), () => world.start(node));
        });
      }
    });
    await world.runSlots(8);
    if (!world.hasOneHead(world.nodes)) world.invariants.violated(-1, 'no common head', 'after 8 quiet slots');
    const torn = world.nodes.reduce((sum, node) => sum + node.p.disk.torn, 0);
    return finish(world, context, { acknowledged: true, numbers: { tornWrites: torn } });
  },
  missed: ({ numbers }) => ((numbers.finalBlocks ?? 0) === 0 ? ['nothing became final'] : []),
};
