import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { tinyParams } from '@radpass/ledger';
import { eachSlot, equalMembers, finish, type Scenario, SimDisk, scenarios, World } from '@radpass/ledger/sim';
import { readReplay, writeFiles } from '../dist/files.js';
import { play, replay } from '../dist/play.js';
import { SeedTeam } from '../dist/seedTeam.js';

const folder = mkdtempSync(join(tmpdir(), 'radpass-sim-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Says that a batch is durable when it is not. */
class HastyDisk extends SimDisk {
  override commit(writes: Parameters<SimDisk['commit']>[0]): Promise<void> {
    void super.commit(writes);
    return Promise.resolve();
  }
}

/** A node stops right after each acknowledgement. */
const stops = (isHasty: boolean): Scenario => ({
  name: 'stops',
  summary: '',
  defaults: { nodes: 3, offline: 0, share: 0, slots: 8, latencyMs: 50, slotMs: 1_000 },
  seeds: [1, 1],
  async play(options, context) {
    const { verifier, hash } = context;
    const world = new World({
      seed: `stops ${context.seed}`,
      members: equalMembers(options.nodes),
      params: { ...tinyParams, slotMs: options.slotMs },
      conditions: { latencyMs: options.latencyMs, jitter: 0.5, loss: 0, duplicates: 0, grainMs: 1 },
      diskMs: 30,
      makeDisk: init => (isHasty ? new HastyDisk(init) : new SimDisk(init)),
      verifier,
      hash,
    });
    world.startAll();
    await eachSlot(world, options.slots, context, async slot => {
      const node = world.nodes[slot % options.nodes]!;
      world.submit(node, world.traffic.study(slot % options.nodes, slot, world.schedule.now));
      await world.runMs(10);
      world.kill(node);
      world.start(node);
    });
    return finish(world, context, { acknowledged: false });
  },
  missed: () => [],
});

describe('a seed that failed', () => {
  it('is a file that fails again in the same way, until what was wrong is mended', async () => {
    const { report, outcomes } = await play(stops(true), { options: {}, shareWork: true });
    expect(report.violations.map(({ rule }) => rule)).toContain('acknowledged transaction lost');
    writeFiles(folder, report, outcomes);
    const kept = readReplay(join(folder, 'stops-1.json'));
    const again = await replay(kept, () => stops(true));
    expect([again.sameTrace, again.violations]).toEqual([true, report.violations]);
    const mended = await replay(kept, () => stops(false));
    expect([mended.sameTrace, mended.violations]).toEqual([false, []]);
  });

  it('is told from other files', () => {
    const other = join(folder, 'other.json');
    writeFileSync(other, '{"scenario": "stops", "seed": "1"}');
    expect(() => readReplay(other)).toThrow('not a seed that radpass-sim kept');
  });
});

describe('seeds on several threads', () => {
  const healthy = scenarios.get('healthy')!;

  it('come to the same as on one', async () => {
    const plan = { options: { nodes: 3, slots: 4 }, seeds: [1, 3] as [number, number], shareWork: true };
    const [here, there] = [await play(healthy, plan), await play(healthy, { ...plan, jobs: 2 })];
    expect(there.report).toEqual(here.report);
    expect(there.outcomes).toEqual(here.outcomes);
  });

  it('come to the same when each is played on two', async () => {
    const plan = { options: { ...healthy.defaults, nodes: 51, slots: 1 }, shareWork: true };
    const seeds: [number, number] = [1, 2];
    const [here, there] = [await play(healthy, { ...plan, seeds }), await play(healthy, { ...plan, seeds, jobs: 4 })];
    expect(there.report).toEqual(here.report);
    const team = new SeedTeam({ ...plan, scenario: 'healthy' }, 2);
    const traces: string[] = [];
    for (const seed of seeds) traces.push((await team.play(seed, () => undefined)).traceHash);
    await team.close();
    expect(traces).toEqual(here.outcomes.map(({ traceHash }) => traceHash));
  });
});
