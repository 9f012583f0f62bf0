import { committeeOfGenesis } from '../../genesisState.js';
import { ManySources } from '../manySources.js';
import { eachSlot, equalMembers, finish, makeWorld, publishing, type Scenario } from '../scenario.js';

/** Slots after the last that something is published in, until it is final. */
const lastSlots = 3;
/** With more nodes messages are so many that they are taken in grains, and one seed may be played in parts. */
const finelyPlayed = 50;
const grainMs = 20;

/** Everybody is there and keeps the rules. */
export const healthy: Scenario = {
  name: 'healthy',
  summary:
    'everybody is there: p95 final at most 5 s at 4 s slots (6 s with more sources than nodes, --sources), no reorganisation',
  defaults: { nodes: 40, sources: 0, offline: 0, share: 0, slots: 60, latencyMs: 200, slotMs: 4_000 },
  seeds: [1, 25],
  merge: { voters: 'mean' },
  inParts: ({ nodes, latencyMs }) => nodes > finelyPlayed && latencyMs >= grainMs,
  async play(options, context) {
    const added = Math.max(0, (options.sources ?? 0) - options.nodes);
    const more =
      added > 0
        ? new ManySources({ seed: `${this.name} ${context.seed}`, added, slots: options.slots + lastSlots + 1 })
        : undefined;
    const world = makeWorld(this.name, options, context, {
      members: equalMembers(options.nodes),
      more,
      conditions: { grainMs: options.nodes > finelyPlayed ? grainMs : 1 },
    });
    world.startAll();
    await eachSlot(world, options.slots, context, publishing(world, 3));
    await world.runSlots(lastSlots);
    const { voters } = committeeOfGenesis(world.genesis, world.rules);
    return finish(world, context, { acknowledged: true, numbers: { voters: voters.length } });
  },
  missed({ finalityMs, reorganisations }, { slotMs, nodes, sources = 0 }) {
    const goal = slotMs + (sources > nodes ? 2_000 : 1_000);
    return [
      ...(finalityMs.samples === 0 ? ['nothing became final'] : []),
      ...(finalityMs.p95 > goal ? [`p95 of finality is ${finalityMs.p95} ms, the goal ${goal}`] : []),
      ...(reorganisations > 0 ? [`${reorganisations} reorganisations, the goal is none`] : []),
    ];
  },
};
