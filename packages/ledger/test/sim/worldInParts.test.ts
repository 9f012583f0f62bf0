import { describe, expect, it } from '@jest/globals';
import { nodeVerifier, sha256Node } from '@radpass/core/node';
import {
  joinParts,
  type Letter,
  lagTurns,
  type Part,
  type PartFacts,
  type SeedOutcome,
  scenarios,
} from '../../dist/sim/index.js';

type PartOutcome = SeedOutcome & { part: PartFacts };

/** Parts that hand each other their letters in this process. */
function partsOf(of: number): Part[] {
  const turns: { letters: Map<number, readonly (readonly Letter[])[]>; whole: () => void; all: Promise<void> }[] = [];
  const turnAt = (turn: number) => {
    while (turns.length <= turn) {
      let whole = (): void => undefined;
      const all = new Promise<void>(resolve => {
        whole = resolve;
      });
      turns.push({ letters: new Map(), whole, all });
    }
    return turns[turn]!;
  };
  return Array.from({ length: of }, (_, index) => {
    let turn = 0;
    return {
      index,
      of,
      exchange: async letters => {
        const now = turnAt(turn);
        now.letters.set(index, letters);
        if (now.letters.size === of) now.whole();
        if (++turn < lagTurns) return [];
        const { letters: sent, all } = turnAt(turn - lagTurns);
        await all;
        return Array.from({ length: of }, (_part, from) => (from === index ? [] : sent.get(from)![index]!)).flat();
      },
    };
  });
}

describe('a world that is played in parts', () => {
  const healthy = scenarios.get('healthy')!;
  const options = { ...healthy.defaults, nodes: 7, slots: 8 };
  const context = { verifier: nodeVerifier, hash: sha256Node, seed: 3, shareWork: true, progress: () => undefined };

  it.each([2, 3])('goes the same way, message by message, on %d threads as on one', async of => {
    const whole = await healthy.play(options, context);
    const parts = await Promise.all(partsOf(of).map(part => healthy.play(options, { ...context, part })));
    const joined = joinParts(parts as PartOutcome[]);
    expect(joined.traceHash).toBe(whole.traceHash);
    expect(joined.numbers).toEqual(whole.numbers);
    expect(joined.finality.counts).toEqual(whole.finality.counts);
    expect(joined.shares).toEqual(whole.shares);
    expect(joined.points).toEqual(whole.points);
    expect(joined.violations).toEqual([]);
    expect(whole.numbers.messages).toBeGreaterThan(300);
  });

  it('is broken when the parts have different final blocks', async () => {
    const parts = (await Promise.all(
      partsOf(2).map(part => healthy.play(options, { ...context, part })),
    )) as PartOutcome[];
    const { final } = parts[1]!.part;
    const forked = { ...parts[1]!, part: { ...parts[1]!.part, final: final.with(2, '00'.repeat(32)) } };
    expect(joinParts([parts[0]!, forked]).violations).toMatchObject([{ rule: 'conflicting final blocks' }]);
  });
});
