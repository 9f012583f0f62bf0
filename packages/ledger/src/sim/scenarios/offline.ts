import { eachSlot, equalMembers, finish, makeWorld, publishing, type Scenario } from '../scenario.js';

/** Part of the network is switched off for good. */
export const offline: Scenario = {
  name: 'offline',
  summary:
    'part is off for good: below 1/3 p95 final at most 2 slots; above it the chain grows, nothing is falsely final, and below 40 % the quorum of 3/5 brings finality back',
  defaults: { nodes: 20, offline: 30, share: 0, slots: 60, latencyMs: 200, slotMs: 4_000 },
  seeds: [1, 25],
  merge: { headHeight: 'mean', finalBeforeStall: 'max' },
  async play(options, context) {
    const off = Math.round((options.nodes * options.offline) / 100);
    const stallSlots = Math.floor(options.slots / 2);
    const world = makeWorld(this.name, options, context, {
      members: equalMembers(options.nodes),
      params: { stallSlots },
    });
    const order = world.random.fork('offline').shuffled(world.nodes.map(node => node.index));
    world.startAll(order.slice(0, off));
    const publish = publishing(world, 3);
    let finalBeforeStall = 0;
    await eachSlot(world, options.slots, context, slot => {
      publish(slot);
      if (slot === stallSlots) finalBeforeStall = world.invariants.finalHeight;
    });
    const heights = world.nodes.map(node => node.chain?.peerStatus().height ?? 0);
    const acknowledged = 3 * off < options.nodes;
    if (acknowledged) await world.runSlots(10);
    return finish(world, context, {
      acknowledged,
      numbers: { headHeight: Math.max(...heights), finalBeforeStall },
    });
  },
  missed({ finalityMs, numbers }, options) {
    const off = Math.round((options.nodes * options.offline) / 100) / options.nodes;
    const { finalBeforeStall = 0, finalBlocks = 0, headHeight = 0 } = numbers;
    const grown = 0.7 * (1 - off) * options.slots;
    const faults: string[] = [];
    if (headHeight < grown) faults.push(`the chain grew to ${headHeight} blocks, expected at least ${grown}`);
    if (off < 1 / 3) {
      if (finalityMs.samples === 0 || finalityMs.p95 > 2 * options.slotMs) {
        faults.push(`p95 of finality is ${finalityMs.p95} ms, the goal ${2 * options.slotMs}`);
      }
      return faults;
    }
    if (finalBeforeStall > 0) faults.push(`${finalBeforeStall} blocks were final without a quorum`);
    if (off < 0.4 && finalBlocks === 0) faults.push('the quorum of 3/5 did not bring finality back');
    if (off >= 0.4 && finalBlocks > 0) faults.push(`${finalBlocks} blocks were final without 3/5`);
    return faults;
  },
};
