import { describe, expect, it } from '@jest/globals';
import { nodeVerifier, sha256Node } from '@radpass/core/node';
import { type Options, type Report, runScenario, scenarios } from '../../dist/sim/index.js';

const play = (name: string, options: Partial<Options>, seed = 1): Promise<Report> =>
  runScenario(scenarios.get(name)!, { verifier: nodeVerifier, hash: sha256Node, seeds: [seed, seed], options });

/** Small and short: the figures of docs/simulator.md come from longer runs by command. */
describe('the scenario', () => {
  it('offline: below a third finality goes on; above it waits, until 3/5 are enough or people name a block', async () => {
    const few = await play('offline', { nodes: 7, offline: 30, slots: 8 });
    expect(few.violations).toEqual([]);
    const many = await play('offline', { nodes: 8, offline: 38, slots: 24 }, 4);
    expect(many.violations).toEqual([]);
    expect(many.figures.numbers).toMatchObject({ finalInStall: 0 });
    expect(many.figures.numbers.finalAfterStall).toBeGreaterThan(0);
    // Seed 2: they go when a block that opens the next era is justified and not final.
    const most = await play('offline', { nodes: 6, offline: 50, slots: 44 }, 2);
    expect(most.violations).toEqual([]);
    expect(most.figures.numbers).toMatchObject({ finalInStall: 0 });
    expect(most.figures.numbers.finalAfterStall).toBeGreaterThan(0);
  });

  it('healthy with more sources than nodes: seats are drawn, and blocks of added leaders become final by their votes', async () => {
    const { violations, figures } = await play('healthy', { nodes: 3, sources: 700, slots: 2 });
    expect(violations).toEqual([]);
    expect(figures.numbers.voters).toBeGreaterThan(200);
    expect(figures.numbers.voters).toBeLessThan(512);
    expect(figures.numbers.missedSlots).toBe(0);
    expect(figures.finalityMs.samples).toBeGreaterThanOrEqual(3 * 2);
    await expect(play('healthy', { nodes: 3, sources: 700, slots: 900 })).rejects.toThrow('within an epoch');
  });

  it('partition: halves make nothing final and have one head soon after healing', async () => {
    const { violations, figures } = await play('partition', { nodes: 6, slots: 10 });
    expect(violations).toEqual([]);
    expect(figures.reorganisations).toBeGreaterThan(0);
    expect(figures.numbers.slotsToOneHead).toBeLessThanOrEqual(3);
  });

  it('double-vote: a conflict is seen at 34 %, and evidence in blocks names the guilty; at 30 % there is none', async () => {
    const conflict = await play('double-vote', { nodes: 4, slots: 10 });
    expect(conflict.violations).toEqual([]);
    expect(conflict.figures.numbers.conflicts).toBeGreaterThan(0);
    expect(conflict.figures.numbers.guiltyPercent).toBeGreaterThanOrEqual(100 / 3);
    const none = await play('double-vote', { nodes: 4, share: 30, slots: 10 });
    expect(none.violations).toEqual([]);
    expect(none.figures.numbers).toMatchObject({ conflicts: 0 });
  });

  it.each([
    ['adversary', { nodes: 7, slots: 8 }],
    ['ex-ante', { nodes: 5, slots: 8 }],
    ['equivocator', { nodes: 5, slots: 8 }],
    ['skew', { nodes: 4, slots: 8 }],
    ['join', { nodes: 4, slots: 8 }],
  ])('%s: breaks no invariant and meets its goals', async (name, options) => {
    expect((await play(name, options)).violations).toEqual([]);
  });

  it('censor: revocations are final all the same', async () => {
    const { violations, figures } = await play('censor', { nodes: 7, slots: 18 });
    expect(violations).toEqual([]);
    expect(figures.numbers.finalRevocations).toBe(2);
  });

  it('flood: a million fake studies are worth what the cap lets them be, and not less', async () => {
    const { violations, figures } = await play('flood', {});
    expect(violations).toEqual([]);
    expect(figures.numbers.sharePercentFaded).toBeGreaterThan(20);
  });

  it('grinding: withholding blocks gains little', async () => {
    const { violations, figures } = await play('grinding', { slots: 2_000 });
    expect(violations).toEqual([]);
    expect(figures.numbers.epochs).toBe(10);
  });
});
