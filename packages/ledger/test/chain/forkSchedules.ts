/**
 * Schedules of forks: members that are cut off from each other and meet again, stop and come back with what their disk
 * held, while patients allow and revoke through any of them. After every step each member is asked what it would tell a
 * gateway, and that is held against what its own final blocks hold and against what it has said before:
 *
 *   a grant is told of only when a final block holds it (THREATS: nothing that a fork can take back)
 *   a revocation that a member has acknowledged or told of is told of ever after, whatever branch is left
 *   in the end, healed and final, all members say the same of who may be served, and for which grant
 */
import { contentId, equalBytes, toHex } from '@radpass/core';
import type { MemoryStore } from '../../dist/store.js';
import { allow, factsOf, minute, revoke, World } from './world.js';

const members = 4;
const doctors = ['doctor 0', 'doctor 1', 'doctor 2'];

/** What schedules came to, and the first thing that was wrong, if any. */
export interface Outcome {
  schedules: number;
  partitions: number;
  restarts: number;
  /** Blocks that were the head of a member and are on its chain no more. */
  abandonedBlocks: number;
  grants: number;
  revocations: number;
  questions: number;
  /** Questions to which a member said that a doctor may be served. */
  served: number;
  wrong: string | null;
}

export const nothingYet = (): Outcome => ({
  schedules: 0,
  partitions: 0,
  restarts: 0,
  abandonedBlocks: 0,
  grants: 0,
  revocations: 0,
  questions: 0,
  served: 0,
  wrong: null,
});

/** A small generator of our own, so that a seed names a schedule. */
function generator(seed: number): (below: number) => number {
  let state = (Math.imul(seed, 2_654_435_761) + 97) >>> 0;
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** One schedule of `steps` steps; what it did is added to `outcome`. */
export async function runSchedule(seed: number, steps: number, outcome: Outcome): Promise<void> {
  const draw = generator(seed);
  const world = await World.create(members);
  const chainOf = (index: number) => world.members[index]!.chain;
  const wrong = (what: string): void => {
    outcome.wrong ??= `seed ${seed}: ${what}`;
  };
  await chainOf(0).submitTransaction(world.study(0, 'a'));
  await world.slots(4);

  let seq = minute(world.clock.now());
  /** Hex of a grant's contentId to the transaction that made it. */
  const granted = new Map<string, Uint8Array>();
  const revokedBefore = Array.from({ length: members }, () => new Map(doctors.map(doctor => [doctor, 0])));
  const heads = Array.from({ length: members }, () => new Map<string, Uint8Array>());

  async function isInFinalBlock(index: number, id: Uint8Array): Promise<boolean> {
    const { finalHeight } = chainOf(index).status();
    const entry = await chainOf(index).transaction(id);
    if (entry?.height === undefined || entry.height > finalHeight) return false;
    const found = await chainOf(index).block(entry.height);
    return found?.transactionIds.some(held => equalBytes(held, id)) ?? false;
  }

  async function look(): Promise<void> {
    for (let index = 0; index < members; index++) {
      const { headId } = chainOf(index).status();
      heads[index]!.set(toHex(headId), headId);
      for (const doctor of doctors) {
        const { grant, revokedSeq } = await factsOf(world, index, 0, 'a', doctor);
        outcome.questions += 1;
        const told = revokedBefore[index]!.get(doctor)!;
        if (revokedSeq < told) wrong(`member ${index} told of a revocation ${told} and then of ${revokedSeq}`);
        revokedBefore[index]!.set(doctor, Math.max(told, revokedSeq));
        if (!grant) continue;
        const transaction = granted.get(toHex(grant.contentId));
        if (!transaction || !(await isInFinalBlock(index, transaction)))
          wrong(`member ${index} told of a grant that no final block of its own holds`);
        if (revokedSeq < grant.seq) outcome.served += 1;
      }
    }
  }

  async function speak(index: number): Promise<void> {
    const doctor = doctors[draw(doctors.length)]!;
    seq += 1;
    try {
      if (draw(2) === 0) {
        const tx = allow(world, 0, 'a', doctor, seq);
        granted.set(toHex(contentId(world.genesis.chainId, tx.tuple)), tx.id);
        await chainOf(index).submitTransaction(tx.bytes);
        outcome.grants += 1;
        return;
      }
      const ofAll = draw(4) === 0;
      await chainOf(index).submitTransaction(revoke(world, 0, 'a', ofAll ? null : doctor, seq).bytes);
      outcome.revocations += 1;
      // It is on this member's disk: from here on nothing takes it back there.
      for (const about of ofAll ? doctors : [doctor]) revokedBefore[index]!.set(about, seq);
    } catch (error) {
      // A member whose branch says more already refuses an older word; nothing was acknowledged.
      if (!(error instanceof Error && 'code' in error && /^LEDGER_TX_/.test(String(error.code)))) throw error;
    }
  }

  async function step(): Promise<void> {
    const kind = draw(6);
    const index = draw(members);
    if (kind === 0) {
      const side = Array.from({ length: members }, (_, at) => at).filter(() => draw(2) === 0);
      world.partition(
        side,
        Array.from({ length: members }, (_, at) => at).filter(at => !side.includes(at)),
      );
      outcome.partitions += 1;
    } else if (kind === 1) {
      world.heal();
      for (let at = 0; at < members; at++) await world.sync(at);
    } else if (kind === 2) {
      await world.restart(index, (world.members[index]!.store as MemoryStore).copy());
      outcome.restarts += 1;
    } else await speak(index);
    await world.slots(draw(3) / 2);
    await look();
  }

  for (let done = 0; done < steps; done++) await step();
  world.heal();
  for (let at = 0; at < members; at++) await world.sync(at);
  await world.slots(8);
  await look();
  for (const doctor of doctors) {
    const told = await Promise.all(world.members.map((_, index) => factsOf(world, index, 0, 'a', doctor)));
    const words = told.map(({ grant, revokedSeq }) => (grant && revokedSeq < grant.seq ? `${grant.seq}` : 'nobody'));
    if (new Set(words).size !== 1) wrong(`in the end the members serve ${doctor} for ${words.join(', ')}`);
  }
  for (const [index, seen] of heads.entries())
    for (const id of seen.values()) if ((await chainOf(index).block(id)) === null) outcome.abandonedBlocks += 1;
  for (const { chain } of world.members) await chain.stop();
  outcome.schedules += 1;
}
