import { describe, expect, it } from '@jest/globals';
import { readAhead } from '../dist/readAhead.js';

const turn = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 5));

describe('readAhead', () => {
  it('reads one chunk before it is asked for, and no more', async () => {
    let made = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      for (made = 1; made <= 5; made++) yield Uint8Array.of(made);
    }
    const got: number[] = [];
    for await (const [byte] of readAhead(source())) {
      await turn();
      got.push(byte!);
      expect(made).toBe(byte! + 1);
    }
    expect(got).toEqual([1, 2, 3, 4, 5]);
  });

  it('throws what failed only after all that came before it', async () => {
    async function* source(): AsyncGenerator<Uint8Array> {
      yield Uint8Array.of(1);
      throw new Error('changed');
    }
    const got: number[] = [];
    const reading = (async () => {
      for await (const [byte] of readAhead(source())) {
        await turn();
        got.push(byte!);
      }
    })();
    await expect(reading).rejects.toThrow('changed');
    expect(got).toEqual([1]);
  });

  it('closes a source that is left in the middle', async () => {
    let closed = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Uint8Array.of(1);
      } finally {
        closed = true;
      }
    }
    for await (const _ of readAhead(source())) break;
    expect(closed).toBe(true);
  });
});
