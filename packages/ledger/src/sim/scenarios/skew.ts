import { eachSlot, equalMembers, finish, makeWorld, publishing, type Scenario } from '../scenario.js';

/** A cheap quartz without a time service, in millionths; real ones are ten times better. */
const maxDrift = 1_000;

/** Clocks are wrong, drift, and jump. */
export const skew: Scenario = {
  name: 'skew',
  summary:
    'all clocks wrong by up to 1/10 of a slot and drifting by up to 1 ms a second, some jump by up to 3 slots and back: p95 final at most 2 slots',
  defaults: { nodes: 12, offline: 0, share: 0, slots: 60, latencyMs: 200, slotMs: 4_000 },
  seeds: [1, 25],
  async play(options, context) {
    const world = makeWorld(this.name, options, context, { members: equalMembers(options.nodes) });
    const random = world.random.fork('clocks');
    const publish = publishing(world, 3);
    const usual = Math.floor(options.slotMs / 10);
    for (const { p } of world.nodes) {
      p.clock.errorMs = random.between(-usual, usual);
      p.clock.drift = random.between(-maxDrift, maxDrift);
    }
    world.startAll();
    await eachSlot(world, options.slots, context, slot => {
      publish(slot);
      if (!random.chance(100_000)) return;
      const { clock } = random.pick(world.nodes).p;
      clock.errorMs = random.between(-3 * options.slotMs, 3 * options.slotMs);
      world.count('clocks that jumped');
      world.at(2 * options.slotMs, () => {
        clock.errorMs = random.between(-usual, usual);
      });
    });
    await world.runSlots(8);
    return finish(world, context, { acknowledged: true });
  },
  missed: ({ finalityMs }, { slotMs }) =>
    finalityMs.samples === 0 || finalityMs.p95 > 2 * slotMs
      ? [`p95 of finality is ${finalityMs.p95} ms, the goal ${2 * slotMs}`]
      : [],
};
