import { describe, expect, it } from '@jest/globals';
import { limits } from '@radpass/p2p';
import type { Fault } from '../dist/score.js';
import { Sync } from '../dist/sync.js';
import type { Answer } from '../dist/syncStream.js';
import { block, chainId, pause, TestChain, until } from './nodes.js';

type Ask = (chain: TestChain, locator: Uint8Array[]) => Answer | Promise<Answer>;
const honest: Ask = (chain, locator) => ({ blocks: chain.after(locator, 128) });

/** A follower at height 0 among peers, each with a height and a way to answer. */
function follow(peers: Record<string, { height: number; finalHeight?: number; ask?: Ask }>) {
  const own = new TestChain(0);
  const chains = new Map(
    Object.entries(peers).map(([name, peer]) => [name, { ...peer, chain: new TestChain(peer.height) }]),
  );
  const asked: string[] = [];
  const charged: [string, Fault][] = [];
  const time = { ms: 0 };
  const outcome: { next?: 'stop' } = {};
  const sync = new Sync({
    handlers: {
      status: () => own.status(),
      locator: () => own.locator(),
      importBlocks: async blocks => outcome.next ?? own.import(blocks),
    },
    statuses: () =>
      [...chains].map(([name, { chain, finalHeight = 0 }]) => [name, { ...chain.status(), finalHeight }] as const),
    refresh: async () => {
      asked.push('refresh');
    },
    ask: async (name, locator) => {
      const peer = chains.get(name);
      if (peer === undefined) throw new Error('unknown');
      asked.push(name);
      return (peer.ask ?? honest)(peer.chain, locator);
    },
    charge: (peer, fault) => charged.push([peer, fault]),
    log: () => undefined,
    now: () => time.ms,
  });
  const settle = async () => {
    sync.request();
    await pause(limits.syncDebounceMs + 10);
    await until(() => !sync.running);
  };
  return { sync, own, asked, charged, time, outcome, settle };
}

describe('Sync', () => {
  it('asks the peer with the most final blocks first, then the highest', async () => {
    const { own, asked, charged, settle } = follow({
      low: { height: 5 },
      high: { height: 200 },
      final: { height: 100, finalHeight: 90 },
    });
    await settle();
    // At the end `final` still has more final blocks, but nothing after ours: it is asked once and not blamed.
    expect(asked).toEqual(['final', 'high', 'final']);
    expect(charged).toEqual([]);
    expect(own.height).toBe(200);
  });

  it.each<[Fault, Ask]>([
    ['sync stalled', (chain, locator) => ({ blocks: chain.after(locator, 30), fault: 'sync stalled' })],
    ['sync truncated', (chain, locator) => ({ blocks: chain.after(locator, 30), fault: 'sync truncated' })],
    ['protocol broken', () => ({ blocks: [], fault: 'protocol broken' })],
    ['blocks bad', (_, locator) => ({ blocks: [block(locator.length, 9)] })],
    ['sync empty', () => ({ blocks: [] })],
  ])('charges "%s" and goes on with the next peer from where it is', async (fault, ask) => {
    const { own, asked, charged, settle } = follow({ best: { height: 300, ask }, next: { height: 290 } });
    await settle();
    expect(own.height).toBe(290);
    expect(charged).toEqual([['best', fault]]);
    expect(asked[0]).toBe('best');
    expect(asked.slice(1).every(name => name === 'next')).toBe(true);
  });

  it('asks a faulty peer again only after its rest', async () => {
    let faults = 0;
    const { own, asked, time, settle } = follow({
      only: {
        height: 10,
        ask: (chain, locator) => (faults++ === 0 ? { blocks: [], fault: 'sync stalled' } : honest(chain, locator)),
      },
    });
    await settle();
    await settle();
    expect(asked.filter(name => name === 'only')).toHaveLength(1);
    time.ms += limits.syncFaultRestMs;
    await settle();
    expect(own.height).toBe(10);
  });

  it('ends without blame when nothing new comes of the blocks', async () => {
    const { outcome, asked, charged, settle } = follow({ fork: { height: 300 } });
    outcome.next = 'stop';
    await settle();
    expect(asked).toEqual(['fork']);
    expect(charged).toEqual([]);
  });

  it('does not import the same answer for ever', async () => {
    const { own, asked, settle } = follow({
      fork: { height: 300, finalHeight: 300, ask: chain => ({ blocks: chain.after([chainId], 10) }) },
    });
    await settle();
    expect(asked).toEqual(['fork', 'fork']);
    expect(own.height).toBe(10);
  });

  it('asks all for their status when none is known to be ahead', async () => {
    const { asked, settle } = follow({ equal: { height: 0 } });
    await settle();
    expect(asked).toEqual(['refresh']);
  });

  it('calls no handler after stop()', async () => {
    const { sync, own, settle } = follow({
      slow: {
        height: 10,
        ask: async (chain, locator) => {
          await pause(200);
          return honest(chain, locator);
        },
      },
    });
    const settled = settle();
    await pause(limits.syncDebounceMs + 50);
    await sync.stop();
    await settled;
    expect(own.imports).toEqual([]);
  });
});
