import { describe, expect, it } from '@jest/globals';
import type { Connection } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import { limits } from '@radpass/p2p';
import type { PeerStatus } from '../dist/messages.js';
import { Statuses } from '../dist/statuses.js';
import { chainId, TestChain } from './nodes.js';

/** A node that asks others whose status the test says; `now` is its clock. */
function asker(own: PeerStatus) {
  const clock = { now: 1_000 };
  const heard: [string, number][] = [];
  const faults: string[] = [];
  const init = (status: PeerStatus) => ({
    protocol: '/status',
    chainId,
    own: () => status,
    charge: (_: string, fault: string) => faults.push(fault),
    now: () => clock.now,
  });
  const statuses = new Statuses({
    ...init(own),
    onStatus: (peer, { height }) => heard.push([peer, height]),
  });
  const ask = async (peer: string, theirs: PeerStatus): Promise<void> => {
    const [near, far] = await streamPair();
    const other = new Statuses({ ...init(theirs), onStatus: () => undefined });
    const connectionTo = (name: string) =>
      ({ remotePeer: { toString: () => name }, status: 'open', newStream: async () => near }) as unknown as Connection;
    await Promise.all([other.serve(far, connectionTo('us')), statuses.ask(connectionTo(peer))]);
  };
  return { statuses, ask, clock, heard, faults };
}

describe('a status', () => {
  it('is asked for again soon of a peer with another head, and later of one that had ours', async () => {
    const ours = new TestChain(5).status();
    const { statuses, ask, clock, heard } = asker(ours);
    expect(statuses.isFresh('same')).toBe(false);
    await ask('same', ours);
    await ask('behind', new TestChain(4).status());
    expect(heard).toEqual([
      ['same', 5],
      ['behind', 4],
    ]);
    const freshAt = (ms: number) => {
      clock.now = 1_000 + ms;
      return ['same', 'behind'].map(peer => statuses.isFresh(peer));
    };
    expect(freshAt(limits.statusFreshMs - 1)).toEqual([true, true]);
    expect(freshAt(limits.statusFreshMs)).toEqual([true, false]);
    expect(freshAt(limits.statusInStepMs - 1)).toEqual([true, false]);
    expect(freshAt(limits.statusInStepMs)).toEqual([false, false]);
  });

  it('of a peer that is gone is forgotten, and one of another chain never kept', async () => {
    const ours = new TestChain(5).status();
    const { statuses, ask, faults } = asker(ours);
    await ask('same', ours);
    statuses.forget('same');
    expect([statuses.isFresh('same'), statuses.count]).toEqual([false, 0]);
    await ask('other', new TestChain(5).status(new Uint8Array(32).fill(8)));
    expect([statuses.isFresh('other'), statuses.count]).toEqual([false, 0]);
    expect(faults).toContain('other chain');
  });
});
