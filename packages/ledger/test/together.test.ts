import { describe, expect, it } from '@jest/globals';
import { Together } from '../dist/together.js';

/** Doubles numbers, a step at a time, and notes how many each step took. */
function doubling() {
  const steps: number[] = [];
  let turn: Promise<unknown> = Promise.resolve();
  const together = new Together<number, number>(
    async items => {
      steps.push(items.length);
      return items.map(item => 2 * item);
    },
    work => {
      const next = turn.then(work);
      turn = next;
      return next;
    },
  );
  return { together, steps };
}

describe('inputs that wait together', () => {
  it('are taken in one step, each with its own verdict', async () => {
    const { together, steps } = doubling();
    const verdicts = await Promise.all([together.give(1), together.giveAll([2, 3]), together.give(4)]);
    expect([verdicts, steps]).toEqual([[2, [4, 6], 8], [4]]);
    expect([await together.give(5), await together.giveAll([]), steps]).toEqual([10, [], [4, 1]]);
  });

  it('are never more than 256 in a step, however many are given at once', async () => {
    const { together, steps } = doubling();
    const many = Array.from({ length: 600 }, (_, i) => i);
    const [first, all, last] = await Promise.all([together.give(7), together.giveAll(many), together.give(8)]);
    expect([first, last, steps]).toEqual([14, 16, [256, 256, 90]]);
    expect(all).toEqual(many.map(n => 2 * n));
  });
});
