import { describe, expect, it } from '@jest/globals';
import { SharedReads } from '../dist/sharedReads.js';

/** Reads that end when told to, numbered as they begin. */
function controlled() {
  const ends: ((failure?: Error) => void)[] = [];
  const read = (): Promise<number> => {
    const number = ends.length + 1;
    return new Promise((resolve, reject) => {
      ends.push(failure => (failure ? reject(failure) : resolve(number)));
    });
  };
  return { ends, read };
}
const turn = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 5));

describe('SharedReads', () => {
  it('gives all who ask during a read the next one, which begins after their questions', async () => {
    const { ends, read } = controlled();
    const shared = new SharedReads();
    const first = shared.read('a', read);
    const crowd = [1, 2, 3].map(() => shared.read('a', read));
    const other = shared.read('b', read);
    expect(ends).toHaveLength(2);
    ends[0]!();
    expect(await first).toBe(1);
    await turn();
    ends[1]!();
    expect(await other).toBe(2);
    expect(ends).toHaveLength(3);
    ends[2]!();
    expect(await Promise.all(crowd)).toEqual([3, 3, 3]);
  });

  it('lets the crowd go on after a read that failed, and keeps nothing', async () => {
    const { ends, read } = controlled();
    const shared = new SharedReads();
    const first = shared.read('a', read);
    const second = shared.read('a', read);
    ends[0]!(new Error('gone'));
    await expect(first).rejects.toThrow('gone');
    await turn();
    ends[1]!();
    expect(await second).toBe(2);
    await turn();
    const third = shared.read('a', read);
    expect(ends).toHaveLength(3);
    ends[2]!();
    expect(await third).toBe(3);
  });

  it('does not wait for a read that hangs', async () => {
    const { ends, read } = controlled();
    const shared = new SharedReads();
    void shared.read('a', read);
    const second = shared.read('a', read);
    await new Promise(resolve => setTimeout(resolve, 1_200));
    expect(ends).toHaveLength(2);
    ends[1]!();
    expect(await second).toBe(2);
  });
});
