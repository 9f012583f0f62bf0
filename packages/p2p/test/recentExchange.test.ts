import { describe, expect, it } from '@jest/globals';
import type { Connection, Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import { limits } from '@radpass/p2p';
import { RecentMessages } from '../dist/recent.js';
import { RecentExchange } from '../dist/recentExchange.js';

type Break = (far: Stream, near: Stream) => void;

/**
 * One who tells and one who hears. What the teller does later waits in `tasks`; `breaks` are of the streams that it opens,
 * one after the other: how each ends before it is heard, if it does.
 */
function twoNodes(breaks: (Break | 'no stream' | null)[] = []) {
  const clock = { ms: 1 };
  const heard: number[] = [];
  const tasks: { atMs: number; task: () => Promise<void> }[] = [];
  const hearings: Promise<void>[] = [];
  const recent = new RecentMessages(() => clock.ms);
  const peer = { remotePeer: { toString: () => 'peer' } };
  const node = (connection: Connection) =>
    new RecentExchange({
      protocol: '/recent',
      recent,
      connection: () => connection,
      judge: async (_kind, bytes) => {
        heard.push(bytes[0]!);
        return 'accept';
      },
      passOn: async () => undefined,
      charge: () => undefined,
      isBanned: () => false,
      log: () => undefined,
      now: () => clock.ms,
      after: (delayMs, task) => tasks.push({ atMs: clock.ms + delayMs, task }),
    });
  const hearer = node(peer as Connection);
  const newStream = async (): Promise<Stream> => {
    const how = breaks.shift();
    if (how === 'no stream') throw new Error('muxer closed');
    const [near, far] = await streamPair();
    if (how) setTimeout(() => how(far, near), 20);
    else hearings.push(hearer.hear(far, peer as Connection));
    return near;
  };
  const teller = node({ ...peer, newStream } as unknown as Connection);
  /** Do what is due by then. */
  const until = async (ms: number): Promise<void> => {
    for (let next = tasks[0]; next && next.atMs <= ms; next = tasks[0]) {
      tasks.shift();
      clock.ms = next.atMs;
      await next.task();
      tasks.sort((a, b) => a.atMs - b.atMs);
    }
    clock.ms = ms;
    await Promise.all(hearings);
  };
  const say = (n: number): void => recent.add('votes', Uint8Array.of(n), `${n}`);
  return { teller, say, until, heard, tasks };
}

const { recentFirstMs, recentSecondMs, recentTries } = limits;

describe('recent messages', () => {
  it('are told when a peer subscribes, and a second later what came in between', async () => {
    const { teller, say, until, heard, tasks } = twoNodes();
    say(1);
    expect([teller.begin('peer'), teller.begin('peer')]).toEqual([true, false]);
    await until(recentFirstMs + 1);
    expect(heard).toEqual([1]);
    await until(500);
    say(2);
    await until(recentSecondMs + 1);
    expect(heard).toEqual([1, 2]);
    say(3);
    await until(60_000);
    expect([heard, tasks]).toEqual([[1, 2], []]);
  });

  it.each<[string, Break | 'no stream']>([
    ['the peer stops', far => far.abort(new Error('the peer stops'))],
    ['the connection is cut', (_, near) => near.abort(new Error('the connection is cut'))],
    ['the connection closes in good order', (_, near) => (near as unknown as Ending).onTransportClosed()],
    ['no stream opens', 'no stream'],
  ])('are told again when %s before the peer has read them', async (_name, how) => {
    const { teller, say, until, heard } = twoNodes([how, how]);
    say(1);
    teller.begin('peer');
    await until(recentSecondMs + 1);
    expect(heard).toEqual([]);
    await until(2 * recentSecondMs + 1);
    expect(heard).toEqual([1]);
  });

  it('are told no more after five attempts at each of the two, and not to a peer that is gone', async () => {
    const never = Array.from({ length: 4 * recentTries }, () => 'no stream' as const);
    const { teller, say, until, tasks } = twoNodes(never);
    say(1);
    teller.begin('peer');
    await until(60_000);
    expect([never.length, tasks]).toEqual([2 * recentTries, []]);
    say(2);
    teller.forget('peer');
    expect(teller.begin('peer')).toBe(true);
    teller.forget('peer');
    await until(120_000);
    expect([never.length, tasks]).toEqual([2 * recentTries, []]);
  });
});

interface Ending {
  onTransportClosed(): void;
}
