import { LyingPeer } from '../adversaries/lyingPeer.js';
import { Twin } from '../adversaries/twin.js';
import { Random } from '../random.js';
import { eachSlot, equalMembers, finish, makeWorld, publishing, type Scenario } from '../scenario.js';
import type { SimNode } from '../simNode.js';
import type { World } from '../world.js';

/** The chain has grown enough after so many final blocks, and in any case after `slots`. */
const enoughBlocks = 100;
/** Long enough for what peers missed to be told again, which a node does every 16 slots, and to become final. */
const quietSlots = 20;
const moreSlots = 3;
const lookEveryMs = 4;
/** Several eras in a run: faults meet hand-overs, too. */
const params = { slotsPerEpoch: 8, eraEpochs: 3 };

/** One kind of fault each; a chance in millionths for a slot, and what happens then. */
const faults: { kind: string; chance: number; strike(world: World, random: Random): void }[] = [
  {
    kind: 'loss',
    chance: 100_000,
    strike: (world, random) => spell(world, random, { loss: random.between(50_000, 400_000) }),
  },
  {
    kind: 'duplicates',
    chance: 100_000,
    strike: (world, random) => spell(world, random, { duplicates: random.between(100_000, 1_000_000) }),
  },
  // Ten times the latency with full jitter: messages overtake one another.
  {
    kind: 'reordering',
    chance: 80_000,
    strike: (world, random) => spell(world, random, { latencyMs: 10 * world.usual.latencyMs, jitter: 1 }),
  },
  {
    kind: 'delay',
    chance: 80_000,
    strike: (world, random) => spell(world, random, { latencyMs: random.between(1, 2) * world.slotMs }),
  },
  { kind: 'partition', chance: 60_000, strike: partition },
  { kind: 'crash', chance: 150_000, strike: crash },
  { kind: 'torn write', chance: 150_000, strike: tear },
  { kind: 'bit rot', chance: 60_000, strike: rot },
  {
    kind: 'clock step',
    chance: 80_000,
    strike: (world, random) => {
      const { clock } = random.pick(world.honest).p;
      const error = random.between(-2 * world.slotMs, 2 * world.slotMs);
      clock.errorMs = error;
      // Its time service puts it right.
      world.at(random.between(1, 6) * world.slotMs, () => {
        if (clock.errorMs === error) clock.errorMs = 0;
      });
    },
  },
  {
    kind: 'clock skew',
    chance: 100_000,
    strike: (world, random) => {
      random.pick(world.honest).p.clock.errorMs = random.between(-400, 400);
    },
  },
];

/** The network is bad for some slots. */
function spell(world: World, random: Random, conditions: Partial<World['network']['conditions']>): void {
  const { network } = world;
  network.conditions = { ...network.conditions, ...conditions };
  world.at(random.between(1, 5) * world.slotMs, () => {
    // Another spell may have begun meanwhile; the first to end ends all.
    network.conditions = world.usual;
  });
}

function partition(world: World, random: Random): void {
  const order = random.shuffled(world.nodes.map(node => node.index));
  const cut = random.between(1, order.length - 1);
  world.network.partition(order.slice(0, cut), order.slice(cut));
  world.at(random.between(1, 8) * world.slotMs, () => world.network.heal());
}

/** A node that may stop: most stay up, or there would be nothing to break. */
function victim(world: World, random: Random): SimNode | null {
  const up = world.nodes.filter(node => node.isOn);
  return up.length > world.nodes.length / 2 ? random.pick(up) : null;
}

function crash(world: World, random: Random): void {
  const node = victim(world, random);
  if (node) stop(world, random, node);
}

function stop(world: World, random: Random, node: SimNode): void {
  world.kill(node);
  world.at(random.between(200, 4 * world.slotMs), () => {
    if (!node.isOn) world.start(node);
  });
}

/** A stop while a batch is being written: looked for within two slots. */
function tear(world: World, random: Random): void {
  const node = victim(world, random);
  let looks = (2 * world.slotMs) / lookEveryMs;
  const look = (): void => {
    if (!node?.isOn) return;
    if (node.p.disk.isWriting) stop(world, random, node);
    else if (--looks > 0) world.at(lookEveryMs, look);
  };
  world.at(random.below(world.slotMs), look);
}

/** A byte turns on one disk; its process meets it now or when it starts again. */
function rot(world: World, random: Random): void {
  const node = random.pick(world.honest);
  if (node.p.disk.rot() === null) return;
  node.rotted++;
  if (random.chance(500_000) && node.isOn) {
    world.kill(node);
    world.at(1_000, () => {
      if (!node.isOn) world.start(node);
    });
  }
}

/** Everything at once, in a small network with an equivocator and a peer that lies in syncs. */
export const mixedFaults: Scenario = {
  name: 'faults',
  summary:
    'loss, duplicates, reordering, delay, partition, crash, torn writes, bit rot, clocks, an equivocator, a lying peer',
  defaults: { nodes: 7, offline: 0, share: 14, slots: 240, latencyMs: 150, slotMs: 4_000 },
  seeds: [1, 25],
  async play(options, context) {
    const half = (peer: number): boolean => peer % 2 === 0;
    const liar = new LyingPeer(new Random(`liar ${context.seed}`));
    const members = equalMembers(options.nodes).map((member, i) => ({
      ...member,
      ...(i === 0 && { adversary: new Twin(half) }),
      ...(i === 1 && { adversary: liar }),
    }));
    const world = makeWorld(this.name, options, context, { members, diskMs: 10, params });
    world.addTwin(0, new Twin(peer => !half(peer)));
    const random = world.random.fork('faults');
    const publish = publishing(world, 4);
    world.startAll();
    let slots = 0;
    await eachSlot(world, options.slots, context, slot => {
      slots = slot + 1;
      publish(slot);
      for (const { kind, chance, strike } of faults) {
        if (!random.chance(chance)) continue;
        world.count(`fault: ${kind}`);
        strike(world, random);
      }
      return world.invariants.finalHeight < enoughBlocks;
    });
    world.calm();
    await world.runSlots(quietSlots);
    // The equivocator may just have led a slot: its two blocks are two heads until the next one.
    for (let more = 0; more < moreSlots && !world.hasOneHead(world.honest); more++) await world.runSlots(1);
    if (!world.hasOneHead(world.honest)) {
      world.invariants.violated(-1, 'no common head', `after ${quietSlots + moreSlots} quiet slots`);
    }
    return finish(world, context, {
      acknowledged: true,
      numbers: {
        faultySlots: slots,
        handOvers: new Set([...world.invariants.blocks.values()].map(({ rootSlot }) => rootSlot)).size - 1,
        lies: liar.lies,
        tornWrites: world.nodes.reduce((sum, node) => sum + node.p.disk.torn, 0),
      },
    });
  },
  missed: ({ numbers }) => ((numbers.finalBlocks ?? 0) === 0 ? ['nothing became final'] : []),
};
