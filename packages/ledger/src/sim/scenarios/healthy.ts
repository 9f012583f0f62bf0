import { eachSlot, equalMembers, finish, makeWorld, publishing, type Scenario } from '../scenario.js';

/** Everybody is there and keeps the rules. */
export const healthy: Scenario = {
  name: 'healthy',
  summary: 'everybody is there: p95 final at most 5 s at 4 s slots, no reorganisation',
  defaults: { nodes: 40, offline: 0, share: 0, slots: 60, latencyMs: 200, slotMs: 4_000 },
  seeds: [1, 25],
  async play(options, context) {
    const world = makeWorld(this.name, options, context, { members: equalMembers(options.nodes) });
    world.startAll();
    await eachSlot(world, options.slots, context, publishing(world, 3));
    await world.runSlots(3);
    return finish(world, context, { acknowledged: true });
  },
  missed({ finalityMs, reorganisations }, { slotMs }) {
    const goal = slotMs + 1_000;
    return [
      ...(finalityMs.samples === 0 ? ['nothing became final'] : []),
      ...(finalityMs.p95 > goal ? [`p95 of finality is ${finalityMs.p95} ms, the goal ${goal}`] : []),
      ...(reorganisations > 0 ? [`${reorganisations} reorganisations, the goal is none`] : []),
    ];
  },
};
