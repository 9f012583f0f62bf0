import { describeStored } from '../../storedRecovery.js';
import { eachSlot, equalMembers, finish, makeWorld, publishing, type Scenario } from '../scenario.js';
import type { SimNode } from '../simNode.js';
import { keyNamed } from '../traffic.js';
import type { World } from '../world.js';

/** An era is four epochs of four slots, so block 16 opens the next one; who was silent for an epoch is dormant three later. */
const params = { slotsPerEpoch: 4, eraEpochs: 4, voteWindowSlots: 8, dormantDuties: 1, dormantEpochs: 1 };
const eraSlots = params.slotsPerEpoch * params.eraEpochs;

/** When part of the network goes, in slots; seeds take them in turn. */
const moments = [
  // It was never there.
  0,
  // Just before the block that opens the next era.
  eraSlots - 0.4,
  // That block is justified and not final: nobody votes beyond it, and it seats nobody.
  eraSlots + 0.3,
  // It is final, and the next era has just begun.
  eraSlots + 1.3,
];

/** Blocks that become final after a stall: those of the stall, and some more. */
const blocksAfter = 6;
/** A recovery names a block of this slot or later: by then the chain has written down three epochs without those who are gone. */
const knownSlot = 2 * eraSlots + 8;
/** Seeds take as many slots from there in turn: those of an era's last two epochs, so that the next begins soon after. */
const recoverySlots = eraSlots / 2;
/** Blocks by which the newest final one may lie behind the head once finality is back for good. */
const healthyLag = 3;

const checkpointKeys = [0, 1, 2].map(i => keyNamed(`checkpoint ${i}`));
const genesis = { checkpointKeys: checkpointKeys.map(key => key.publicKey), checkpointThreshold: 2 };

const offOf = ({ nodes, offline: percent }: { nodes: number; offline: number }): number =>
  Math.round((nodes * percent) / 100);

/** Part of the network is switched off for good. */
export const offline: Scenario = {
  name: 'offline',
  summary:
    'part goes for good, from the start or around an opening block: below 1/3 p95 final at most 2 slots; above it the chain grows, nothing is falsely final, and the quorum of 3/5 (below 40 %) or a recovery brings finality back',
  defaults: { nodes: 20, offline: 30, share: 0, slots: 60, latencyMs: 200, slotMs: 4_000 },
  seeds: [1, 25],
  merge: { headHeight: 'mean', finalInStall: 'max', finalAfterStall: 'mean' },
  async play(options, context) {
    const off = offOf(options);
    const stallSlots = Math.floor(options.slots / 2);
    const hasQuorum = 3 * off < options.nodes;
    const world = makeWorld(this.name, options, context, {
      members: equalMembers(options.nodes),
      ...(hasQuorum ? {} : { params: { ...params, stallSlots }, genesis }),
    });
    const gone = world.random
      .fork('offline')
      .shuffled(world.nodes.map(node => node.index))
      .slice(0, off);
    const moment = hasQuorum ? 0 : moments[context.seed % moments.length]!;
    world.startAll(moment === 0 ? gone : []);
    if (moment > 0) {
      world.at(moment * world.slotMs, () => {
        for (const index of gone) world.kill(world.nodes[index]!);
      });
    }
    const publish = publishing(world, 3);
    const needsRecovery = 10 * off >= 4 * options.nodes;
    let [finalBefore, finalInStall] = [0, 0];
    const recoverySlot = knownSlot + (Math.floor(context.seed / moments.length) % recoverySlots);
    let waits = needsRecovery;
    await eachSlot(world, options.slots, context, async slot => {
      publish(slot);
      // Votes that were on their way when part went may still make something final.
      if (slot === Math.ceil(moment) + 2) finalBefore = world.invariants.finalHeight;
      if (slot === stallSlots) finalInStall = world.invariants.finalHeight - finalBefore;
      if (waits && slot >= stallSlots) waits = !(await recover(world, recoverySlot));
    });
    const headHeight = newestHeight(world);
    await world.runSlots(10);
    const finalAfterStall = world.invariants.finalHeight - finalBefore - finalInStall;
    if (finalAfterStall < blocksAfter) {
      world.invariants.violated(-1, 'finality did not come back', `${finalAfterStall} blocks after the stall`);
    }
    const behind = newestHeight(world) - world.invariants.finalHeight;
    if (needsRecovery && behind > healthyLag) {
      world.invariants.violated(-1, 'finality stalled anew', `${behind} blocks after the newest final one`);
    }
    return finish(world, context, {
      // With 3/5 each era waits for stallSlots again, until the tables let those who sleep go.
      acknowledged: hasQuorum || needsRecovery,
      numbers: {
        headHeight,
        finalInStall,
        finalAfterStall,
      },
    });
  },
  missed({ finalityMs, numbers }, options) {
    const off = offOf(options) / options.nodes;
    const { finalInStall = 0, headHeight = 0 } = numbers;
    const grown = 0.7 * (1 - off) * options.slots;
    const faults: string[] = [];
    if (headHeight < grown) faults.push(`the chain grew to ${headHeight} blocks, expected at least ${grown}`);
    if (off < 1 / 3) {
      if (finalityMs.samples === 0 || finalityMs.p95 > 2 * options.slotMs) {
        faults.push(`p95 of finality is ${finalityMs.p95} ms, the goal ${2 * options.slotMs}`);
      }
      return faults;
    }
    if (finalInStall > 0) faults.push(`${finalInStall} blocks were final without a quorum`);
    return faults;
  },
};

const heightOf = ({ chain }: SimNode): number => chain?.peerStatus().height ?? 0;
const newestHeight = ({ nodes }: World): number => Math.max(...nodes.map(heightOf));

/**
 * People let finality start anew from the newest block, once its state knows who is gone. It goes as an operator's runbook
 * says: nodes are stopped, one store is asked what there is to sign, enough keys of genesis sign it, and every node that
 * is left starts with the file.
 * @param fromSlot - of the named block, at least
 */
async function recover(world: World, fromSlot: number): Promise<boolean> {
  const left = world.nodes.filter(node => node.isUp);
  const newest = left.reduce((best, node) => (heightOf(node) > heightOf(best) ? node : best));
  if ((newest.chain?.status().headSlot ?? 0) < fromSlot) return false;
  for (const node of left) world.kill(node);
  const { genesis: network, signatures, rules } = world;
  const store = newest.p.disk.open();
  const described = describeStored(
    { store, genesis: network, verifier: signatures, rules },
    { reason: 'part of the network is gone for good' },
  );
  // Opening a store may write to it, which takes time of the world; so do people.
  await world.runSlots(1);
  world.recover((await described).statement, checkpointKeys.slice(0, genesis.checkpointThreshold));
  for (const node of left) world.start(node);
  return true;
}
