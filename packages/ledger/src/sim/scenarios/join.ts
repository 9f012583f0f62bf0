import { LyingPeer } from '../adversaries/lyingPeer.js';
import { Random } from '../random.js';
import { eachSlot, equalMembers, finish, makeWorld, publishing, type Scenario } from '../scenario.js';

/** How long a newcomer is waited for. */
const slotsToJoin = 20;

/** Somebody comes with an empty disk, and a quarter of those whom it asks lie. */
export const join: Scenario = {
  name: 'join',
  summary:
    'a node with an empty disk joins a running network in which a quarter of the peers lie in syncs: final like the others within 8 slots',
  defaults: { nodes: 8, offline: 0, share: 25, slots: 80, latencyMs: 200, slotMs: 4_000 },
  seeds: [1, 25],
  merge: { slotsToJoin: 'max' },
  async play(options, context) {
    const random = new Random(`liars ${context.seed}`);
    const liars = Math.floor((options.nodes * options.share) / 100);
    const members = equalMembers(options.nodes).map((member, i) => ({
      ...member,
      ...(i < liars && { adversary: new LyingPeer(random.fork(`${i}`)) }),
    }));
    const world = makeWorld(this.name, options, context, { members });
    const newcomer = world.addObserver();
    world.startAll([newcomer.index]);
    await eachSlot(world, options.slots, context, publishing(world, 3));
    const wanted = world.invariants.finalHeight;
    const startedMs = world.schedule.now;
    world.start(newcomer);
    let joinedMs: number | null = null;
    for (let quarter = 0; quarter < 4 * slotsToJoin && joinedMs === null; quarter++) {
      await world.runMs(world.slotMs / 4);
      if ((newcomer.chain?.peerStatus().finalHeight ?? 0) >= wanted) joinedMs = world.schedule.now;
    }
    await world.runSlots(4);
    const slots = ((joinedMs ?? Number.POSITIVE_INFINITY) - startedMs) / world.slotMs;
    const lies = world.nodes.reduce((sum, { p }) => sum + (p.adversary instanceof LyingPeer ? p.adversary.lies : 0), 0);
    return finish(world, context, { acknowledged: true, numbers: { slotsToJoin: slots, joinedAt: wanted, lies } });
  },
  missed: ({ numbers }) =>
    (numbers.slotsToJoin ?? 0) > 8 ? [`joined after ${numbers.slotsToJoin} slots, the goal is 8`] : [],
};
